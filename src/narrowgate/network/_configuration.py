"""What a configuration is: network, formats and training, validated with a sentence for every mistake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import frexp
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from narrowgate.errors import NarrowgateError
from narrowgate.fixedpoint import INTEGER_LIMIT, Format, FormatError, grid, parse_optional, spell

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


def _power_of_two(value: float) -> float:
    mantissa, exponent = frexp(value)
    if mantissa != 0.5 or abs(exponent) > INTEGER_LIMIT:
        raise ValueError(
            f"a count is worth a power of two, from 2^-{INTEGER_LIMIT} to 2^{INTEGER_LIMIT}; found {value:g}"
        )
    return value


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

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The layers in the order in which an event passes them: `conv0`, …, `dense0`, …, `output`."""
        convolutions, hidden = range(len(self.filters)), range(len(self.units))
        return (*(f"conv{index}" for index in convolutions), *(f"dense{index}" for index in hidden), "output")

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


class LayerPrecision(_Section):
    """The formats of one layer, where they differ from those of the network; what is not given follows the network."""

    kernel: WeightFormat = None
    bias: WeightFormat = None
    batchnorm: WeightFormat = None
    activation: ActivationFormat = None

    @property
    def given(self) -> dict[str, Format | None]:
        """What was given, by key; `None` for float."""
        return {key: getattr(self, key) for key in type(self).model_fields if key in self.model_fields_set}

    @model_serializer(mode="wrap")
    def _only_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key in self.model_fields_set}


class Precision(_Section):
    """The four formats of a network, `None` for float, and the unsigned format in which integer pixels are read.

    `input` is `None` ("data" in a file) while it is to follow from the data set; `Configuration.for_counts` puts the
    format there. Pixels above its largest code saturate. `count` is what one count of a pixel is worth, a power of two;
    where it is not given, one lsb of `input`. `layers` holds, by the layers' names (`conv0`, `dense0`, `output`),
    formats that differ from the first four.
    """

    conv: WeightFormat = None
    dense: WeightFormat = None
    batchnorm: WeightFormat = None
    activation: ActivationFormat = None
    input: InputFormat = None
    count: Annotated[float, Field(gt=0.0, allow_inf_nan=False), AfterValidator(_power_of_two)] | None = None
    layers: dict[str, LayerPrecision] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _count_and_input_agree(self) -> Self:
        if self.count is not None and self.input is not None:
            beyond = (self.input.maximum + self.input.lsb) / self.count
            if not 1 <= beyond <= 2**WIDEST_INPUT:
                raise ValueError(
                    f"a count worth {self.count:g} does not go with the input format {self.input}: it saturates at "
                    f"{beyond:g} counts, and allowed are 1 to 2^{WIDEST_INPUT}"
                )
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value or key not in ("count", "layers")}

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

    @model_validator(mode="after")
    def _layers_exist(self) -> Self:
        names = self.network.layer_names
        for name, own in self.precision.layers.items():
            if name not in names:
                raise ValueError(f"precision.layers.{name}: there is no such layer; allowed are {', '.join(names)}")
            if name == "output" and "activation" in own.given:
                raise ValueError(
                    "precision.layers.output.activation: the output is not rounded; allowed there are kernel, bias, "
                    "batchnorm"
                )
        return self

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
        allowed = self.setting_names()
        for key, value in settings.items():
            if key not in allowed:
                raise ConfigurationError(f"{where}: there is no setting {key!r}; allowed are {', '.join(allowed)}.")
            *parents, name = key.split(".")
            target = table
            for parent in parents:
                target = target.setdefault(parent, {})
            target[name] = _from_text(value)
            if key == "network.filters":
                _follow_filters(table["network"], settings)
        return type(self).parse(table, where=where)

    def for_counts(self, bits: int) -> Configuration:
        """The configuration for pixels of so many bits: its own input format, or where it follows from the data (W,4).

        W is `bits`, but at most 24 (`WIDEST_INPUT`); larger counts saturate. With `precision.count` the format has as
        many integer bits as give its lsb this worth.

        >>> Configuration().for_counts(12).precision.pixel.ap()
        'ap_ufixed<12,4,AP_RND_CONV,AP_SAT>'
        """
        if self.precision.input is not None:
            return self
        width, count = min(bits, WIDEST_INPUT), self.precision.count
        integer = INPUT_INTEGER_BITS if count is None else width + frexp(count)[1] - 1
        precision = self.precision.model_copy(update={"input": Format(width, integer, signed=False)})
        return self.model_copy(update={"precision": precision})

    def setting_names(self) -> list[str]:
        """Every dotted key that a configuration of these layers may set, e.g. `precision.layers.conv0.kernel`."""
        keys = ["name"]
        sections: dict[str, type[BaseModel]] = {"network": Architecture, "precision": Precision, "training": Training}
        keys += [f"{name}.{key}" for name, section in sections.items() for key in section.model_fields]
        keys.remove("precision.layers")
        layers = [f"precision.layers.{layer}" for layer in self.network.layer_names]
        keys += [f"{layer}.{key}" for layer in layers for key in LayerPrecision.model_fields]
        keys.remove("precision.layers.output.activation")
        return keys

    def as_table(self) -> dict[str, Any]:
        """Plain nested dicts, lists, numbers and text: what TOML or JSON would hold."""
        table: dict[str, Any] = json.loads(self.model_dump_json())
        return table


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
            message = f"there is no such key; allowed are {', '.join(_allowed_keys(item['loc'][:-1]))}"
        elif item["type"] != "value_error":
            message = f"{message} (found {item['input']!r})"
        lines.append(f"{where}: {key}: {message}." if key else f"{where}: {message}.")
    return "\n".join(line.replace("..", ".") for line in lines)


def _allowed_keys(section: tuple[int | str, ...]) -> list[str]:
    if section[:2] == ("precision", "layers"):
        return list(LayerPrecision.model_fields)
    models: dict[Any, type[BaseModel]] = {"network": Architecture, "precision": Precision, "training": Training}
    return list(models.get(section[0], Configuration).model_fields if section else Configuration.model_fields)
