"""What a configuration is: network, formats and training, validated with a sentence for every mistake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from narrowgate.errors import NarrowgateError
from narrowgate.fixedpoint import Format, FormatError, grid, parse_optional, spell

BatchNorm = Literal["off", "hidden", "all"]
Schedule = Literal["constant", "warm-up", "cosine", "warm-up-stable-decay", "reduce-on-plateau"]


FROM_DATA = "data"
"""The word for an input format that follows from the data set."""

INPUT_INTEGER_BITS = 4
"""Of an input format that follows from the data: pixels then lie between 0 and 16, whatever their number of bits."""

WIDEST_INPUT = 24
"""Bits of a pixel: float32 holds whole numbers of so many bits exactly."""


class ConfigurationError(NarrowgateError, ValueError):
    """A configuration that cannot be used; the message says where, what was found and what is allowed."""


def _parse_weight_format(value: Any) -> Format | None:
    found = parse_optional(value)
    if found is not None and not found.signed:
        raise ValueError(f"weights need a sign; found {value!r}, allowed are (W, I) and ap_fixed")
    return _as_trained(found)


def _parse_activation_format(value: Any) -> Format | None:
    """Sign left aside: after a ReLU the network takes the format without one, after a linear activation with one."""
    found = _as_trained(parse_optional(value))
    return None if found is None else found.as_signed()


def _parse_input_format(value: Any) -> Format | None:
    if value is None or (isinstance(value, str) and value.strip().lower() == FROM_DATA):
        return None
    try:
        found = Format.parse(value, signed=False).unsigned()
    except FormatError as error:
        raise ValueError(
            f'{str(error).rstrip(".")}; or write "{FROM_DATA}", for as many bits as the data have'
        ) from None
    if found.width > WIDEST_INPUT:
        raise ValueError(
            f"pixels have at most {WIDEST_INPUT} bits, the whole numbers that float32 holds exactly, so that training "
            f"sees what hardware sees; found {value!r}"
        )
    return _as_trained(found)


def _spell_input(format: Format | None) -> str:
    return FROM_DATA if format is None else spell(format)


def _as_trained(found: Format | None) -> Format | None:
    grid(found)  # refuses rounding and overflow modes that training does not have
    return found


_AsText = PlainSerializer(spell, return_type=str)
WeightFormat = Annotated[Format | None, BeforeValidator(_parse_weight_format), _AsText]
ActivationFormat = Annotated[Format | None, BeforeValidator(_parse_activation_format), _AsText]
InputFormat = Annotated[
    Format | None, BeforeValidator(_parse_input_format), PlainSerializer(_spell_input, return_type=str)
]
Count = Annotated[int, Field(ge=1, strict=True)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Architecture(_Section):
    """The network: convolutions (each with its pooling), then hidden dense layers, then one linear output.

    Dropout, where it is not zero, acts on the inputs of every dense layer. `batch_norm = "hidden"` puts batch
    normalisation behind every convolution and hidden dense layer, `"all"` behind the output as well.
    """

    filters: tuple[Count, ...] = (4, 8)
    kernels: tuple[Count, ...] = (3, 3)
    pools: tuple[Count, ...] = (2, 2)
    units: tuple[Count, ...] = (64,)
    activation: Literal["relu", "linear"] = "relu"
    batch_norm: BatchNorm = "off"
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _broadcast(cls, data: Any) -> Any:
        """Let one kernel or pool size stand for every convolution."""
        if not isinstance(data, Mapping):
            return data
        given = dict(data)
        for name in ("filters", "units"):
            if isinstance(given.get(name), int):
                given[name] = [given[name]]
        filters = given.get("filters", (4, 8))
        layers = len(filters) if isinstance(filters, list | tuple) else 0
        for name, default in (("kernels", 3), ("pools", 2)):
            value = given.get(name, default)
            if isinstance(value, int):
                given[name] = [value] * layers
        return given

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        for name in ("kernels", "pools"):
            found = getattr(self, name)
            if len(found) != len(self.filters):
                raise ValueError(
                    f"{name} has {len(found)} entries for {len(self.filters)} convolutions; "
                    f"give one for each entry of filters, or a single number for all"
                )
        return self


class Precision(_Section):
    """The four formats of a network, `None` for float, and the unsigned format in which integer pixels are read.

    `input` is `None` ("data" in a file) while it is to follow from the data set; `Configuration.for_counts` puts the
    format there. Pixels above its largest code saturate.
    """

    conv: WeightFormat = None
    dense: WeightFormat = None
    batchnorm: WeightFormat = None
    activation: ActivationFormat = None
    input: InputFormat = None

    @property
    def pixel(self) -> Format:
        """The format of a pixel.

        Raises:
            ConfigurationError: it follows from the data, and none have been seen.
        """
        if self.input is None:
            raise ConfigurationError(
                f'precision.input is "{FROM_DATA}" and no data set has been seen; give a format such as (10,4), or '
                f"take Configuration.for_counts(bits) with the bits of the data set's pixels."
            )
        return self.input


class Training(_Section):
    """How a member is trained: Adam on binary cross-entropy, batches half signal and half background.

    `warm_up` and `decay` are fractions of all steps (schedules "warm-up", "cosine" and "warm-up-stable-decay");
    `patience` counts epochs ("reduce-on-plateau"). `ema` is the decay of the averaged weights per step; 0 keeps
    only the live ones. The validation curve is taken on the first `validation_events` events of each class.
    """

    optimiser: Literal["adam"] = "adam"
    learning_rate: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 0.002
    schedule: Schedule = "cosine"
    warm_up: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    decay: Annotated[float, Field(ge=0.0, le=1.0)] = 0.2
    plateau_factor: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    patience: Count = 4
    batch_size: Annotated[int, Field(ge=2, multiple_of=2, strict=True)] = 256
    epochs: Count = 30
    steps_per_epoch: Count = 150
    validation_events: Count = 8192
    ema: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.99
    seed: Annotated[int, Field(ge=0, lt=2**31, strict=True)] = 1

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.epochs * self.steps_per_epoch


class Configuration(_Section):
    """Everything that defines a network and its training."""

    name: str = ""
    network: Architecture = Architecture()
    precision: Precision = Precision()
    training: Training = Training()

    @classmethod
    def parse(cls, table: Mapping[str, Any], *, where: str = "configuration") -> Configuration:
        """Make a configuration from plain tables (as TOML gives them).

        Raises:
            ConfigurationError: names `where`, the key, what was found and what is allowed.
        """
        try:
            return cls.model_validate(table)
        except ValidationError as error:
            raise ConfigurationError(_sentences(error, where)) from None

    def with_settings(self, settings: Mapping[str, Any], *, where: str = "--set") -> Configuration:
        """A copy with dotted keys replaced, as in `{"precision.conv": "(8,2)"}`; values may be text.

        Raises:
            ConfigurationError: for an unknown key or a value that is not allowed.
        """
        table = self.as_table()
        for key, value in settings.items():
            section, _, name = key.rpartition(".")
            target = table.get(section) if section else table
            if not isinstance(target, dict) or name not in target or isinstance(target[name], dict):
                allowed = ", ".join(_dotted_keys(self.as_table()))
                raise ConfigurationError(f"{where}: there is no setting {key!r}; allowed are {allowed}.")
            target[name] = _from_text(value)
            if key == "network.filters":
                _follow_filters(table["network"], settings)
        return type(self).parse(table, where=where)

    def for_counts(self, bits: int) -> Configuration:
        """The configuration for pixels of so many bits: its own input format, or where it follows from the data (W,4).

        W is `bits`, but at most 24 (`WIDEST_INPUT`); larger counts saturate.

        >>> Configuration().for_counts(12).precision.pixel.ap()
        'ap_ufixed<12,4,AP_RND_CONV,AP_SAT>'
        """
        if self.precision.input is not None:
            return self
        precision = self.precision.model_copy(update={"input": _pixels(min(bits, WIDEST_INPUT))})
        return self.model_copy(update={"precision": precision})

    def as_table(self) -> dict[str, Any]:
        """Plain nested dicts, lists, numbers and text: what TOML or JSON would hold."""
        table: dict[str, Any] = json.loads(self.model_dump_json())
        return table


def _pixels(bits: int) -> Format:
    return Format(bits, INPUT_INTEGER_BITS, signed=False)


def _dotted_keys(table: Mapping[str, Any]) -> list[str]:
    keys = [key for key, value in table.items() if not isinstance(value, dict)]
    return keys + [f"{section}.{key}" for section, value in table.items() if isinstance(value, dict) for key in value]


def _follow_filters(network: dict[str, Any], settings: Mapping[str, Any]) -> None:
    """When the number of convolutions changes, uniform kernels and pools follow it unless they are set themselves."""
    filters = network["filters"] if isinstance(network["filters"], list) else [network["filters"]]
    for name in ("kernels", "pools"):
        if f"network.{name}" not in settings and len(set(network[name])) == 1:
            network[name] = [network[name][0]] * len(filters)


def _from_text(value: Any) -> Any:
    """Read `4`, `0.2`, `[8, 16]` as numbers; anything else stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _sentences(error: ValidationError, where: str) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            section = item["loc"][0] if len(item["loc"]) > 1 else ""
            message = f"there is no such key; allowed are {', '.join(_allowed_keys(str(section)))}"
        elif item["type"] != "value_error":
            message = f"{message} (found {item['input']!r})"
        lines.append(f"{where}: {key}: {message}." if key else f"{where}: {message}.")
    return "\n".join(line.replace("..", ".") for line in lines)


def _allowed_keys(section: str) -> list[str]:
    models: dict[str, type[BaseModel]] = {"network": Architecture, "precision": Precision, "training": Training}
    return list(models.get(section, Configuration).model_fields)
