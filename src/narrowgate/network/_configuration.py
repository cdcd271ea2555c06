"""What a configuration is: network, formats and training, validated with a sentence for every mistake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import frexp
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    model_validator,
)

from narrowgate.fixedpoint import Format
from narrowgate.network._entries import first_float
from narrowgate.network._learning import Learned, Learning
from narrowgate.network._precision import INPUT_INTEGER_BITS, WIDEST_INPUT, LayerPrecision, Precision
from narrowgate.network._section import ConfigurationError, Section

BatchNorm = Literal["off", "hidden", "all"]
Schedule = Literal["constant", "warm-up", "cosine", "warm-up-stable-decay", "reduce-on-plateau"]


Count = Annotated[int, Field(ge=1, strict=True)]


class Architecture(Section):
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


class Training(Section):
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


class Configuration(Section):
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

    @model_validator(mode="after")
    def _learned_widths_have_a_cost(self) -> Self:
        if self.precision.learns and (found := first_float(self.precision, self.network)):
            raise ValueError(
                f"precision: widths are learned, but the {found[1]} of {found[0]} is float, whose bits have no cost; "
                f'allowed there are a format such as (12,2) and, but for batch norm, "learned"'
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
        many integer bits as give its lsb this worth. A learned input gets the worth of a count.

        Raises:
            ConfigurationError: the format would keep more bits of such pixels than float32 holds exactly.

        >>> Configuration().for_counts(12).precision.pixel.ap()
        'ap_ufixed<12,4,AP_RND_CONV,AP_SAT>'
        """
        if isinstance(self.precision.input, Learned):
            worth = self.precision.count or 2.0 ** (INPUT_INTEGER_BITS - min(bits, WIDEST_INPUT))
            return self.model_copy(update={"precision": self.precision.model_copy(update={"count": worth})})
        if self.precision.input is not None:
            if min(self.precision.input.width, bits) > WIDEST_INPUT:
                raise ConfigurationError(
                    f"precision.input: pixels of {bits} bits are read in {self.precision.input}, but training holds "
                    f"whole numbers of {WIDEST_INPUT} bits exactly; allowed are formats of at most so many, or data of "
                    f"fewer bits."
                )
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
        keys = [key for key in keys if key not in ("precision.layers", "precision.learning")]
        keys += [f"precision.learning.{key}" for key in Learning.model_fields]
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
    below: dict[Any, type[BaseModel]] = {"layers": LayerPrecision, "learning": Learning}
    if section[:1] == ("precision",) and len(section) > 1:
        return list(below[section[1]].model_fields)
    models: dict[Any, type[BaseModel]] = {"network": Architecture, "precision": Precision, "training": Training}
    return list(models.get(section[0], Configuration).model_fields if section else Configuration.model_fields)
