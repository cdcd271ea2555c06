"""The formats of a configuration: of the network's tensors, layer by layer where wanted, and of the pixels."""

from __future__ import annotations

from functools import lru_cache
from math import frexp
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from narrowgate.fixedpoint import INTEGER_LIMIT, Format, FormatError, grid, parse_optional, spell
from narrowgate.network._learning import Learned, Learning
from narrowgate.network._section import ConfigurationError, Section

FROM_DATA = "data"
"""The word for an input format that follows from the data set."""

INPUT_INTEGER_BITS = 4
"""Of an input format that follows from the data: pixels then lie between 0 and 16, whatever their number of bits."""

WIDEST_INPUT = 24
"""Bits of a pixel: float32 holds whole numbers of so many bits exactly."""


Entry = Format | Learned | None
"""What a configuration says of a tensor: a format, that its widths are learned, or `None` for float."""


def _parse_weights(value: Any) -> Entry:
    return Learned.read(value, (Learned.LAYER, Learned.CHANNEL, Learned.ELEMENT)) or _parse_given_weights(value)


def _parse_given_weights(value: Any) -> Format | None:
    if Learned.read(value, tuple(Learned)):
        raise ValueError("batch norm's factor and term are not learned; allowed is a format such as (12,2), or float")
    found = parse_optional(value)
    if found is not None and not found.signed:
        raise ValueError(f"weights need a sign; found {value!r}, allowed are (W, I) and ap_fixed")
    return _as_trained(found)


def _parse_activation(value: Any) -> Entry:
    """Sign left aside: after a ReLU the network takes the format without one, after a linear activation with one."""
    if learned := Learned.read(value, (Learned.LAYER, Learned.CHANNEL)):
        return learned
    found = _as_trained(parse_optional(value))
    return None if found is None else found.as_signed()


def _parse_input(value: Any) -> Entry:
    if learned := Learned.read(value, (Learned.LAYER,)):
        return learned
    if value is None or (isinstance(value, str) and value.strip().lower() == FROM_DATA):
        return None
    try:
        found = Format.parse(value, signed=False).unsigned()
    except FormatError as error:
        raise ValueError(
            f'{str(error).rstrip(".")}; or write "{FROM_DATA}", for as many bits as the data have'
        ) from None
    return _as_trained(found)


def _spell(entry: Entry) -> str:
    return str(entry) if isinstance(entry, Learned) else spell(entry)


def _spell_input(entry: Entry) -> str:
    return FROM_DATA if entry is None else _spell(entry)


@lru_cache(maxsize=4096)
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


_AsText = PlainSerializer(_spell, return_type=str)
WeightFormat = Annotated[Entry, BeforeValidator(_parse_weights), _AsText]
GivenFormat = Annotated[Format | None, BeforeValidator(_parse_given_weights), _AsText]
ActivationFormat = Annotated[Entry, BeforeValidator(_parse_activation), _AsText]
InputFormat = Annotated[Entry, BeforeValidator(_parse_input), PlainSerializer(_spell_input, return_type=str)]


class LayerPrecision(Section):
    """The formats of one layer, where they differ from those of the network; what is not given follows the network."""

    kernel: WeightFormat = None
    bias: WeightFormat = None
    batchnorm: GivenFormat = None
    activation: ActivationFormat = None

    @property
    def given(self) -> dict[str, Any]:
        """The entries that were given, by key."""
        return {key: getattr(self, key) for key in type(self).model_fields if key in self.model_fields_set}

    @model_serializer(mode="wrap")
    def _only_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key in self.model_fields_set}


class Precision(Section):
    """The four formats of a network, `None` for float, and the unsigned format in which integer pixels are read.

    `input` is `None` ("data" in a file) while it is to follow from the data set; `Configuration.for_counts` puts the
    format there. Pixels above its largest code saturate. `count` is what one count of a pixel is worth, a power of two;
    where it is not given, one lsb of `input`. `layers` holds, by the layers' names (`conv0`, `dense0`, `output`),
    formats that differ from the first four. All but `batchnorm` may be learned, as `learning` says.
    """

    conv: WeightFormat = None
    dense: WeightFormat = None
    batchnorm: GivenFormat = None
    activation: ActivationFormat = None
    input: InputFormat = None
    count: Annotated[float, Field(gt=0.0, allow_inf_nan=False), AfterValidator(_power_of_two)] | None = None
    layers: dict[str, LayerPrecision] = Field(default_factory=dict)
    learning: Learning | None = None

    @model_validator(mode="after")
    def _count_and_input_agree(self) -> Self:
        if self.count is not None and isinstance(self.input, Format):
            beyond = (self.input.maximum + self.input.lsb) / self.count
            if not 1 <= beyond <= 2**WIDEST_INPUT:
                raise ValueError(
                    f"a count worth {self.count:g} does not go with the input format {self.input}: it saturates at "
                    f"{beyond:g} counts, and allowed are 1 to 2^{WIDEST_INPUT}"
                )
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {
            key: value for key, value in handler(self).items() if value or key not in ("count", "layers", "learning")
        }

    @property
    def count_fraction(self) -> int:
        """One count of a pixel is worth `2^-count_fraction`; `pixel` must be known where `count` is not given."""
        if self.count is not None:
            return 1 - frexp(self.count)[1]
        return self.pixel.fraction

    @property
    def largest_count(self) -> int:
        """The largest count of a pixel that does not saturate."""
        coarser = self.count_fraction - self.pixel.fraction
        highest = self.pixel.code_max
        return ((highest + 1) << coarser) - 1 if coarser >= 0 else highest >> -coarser

    @property
    def pixel(self) -> Format:
        """The format of a pixel; while it is learned, the one that holds all counts.

        Raises:
            ConfigurationError: it follows from the data, and none have been seen.
        """
        if self.input is None or (isinstance(self.input, Learned) and self.count is None):
            raise ConfigurationError(
                f'precision.input is "{_spell_input(self.input)}" and no data set has been seen; give a format such '
                f"as (10,4), or take Configuration.for_counts(bits) with the bits of the data set's pixels."
            )
        if isinstance(self.input, Learned):
            return Format(INPUT_INTEGER_BITS + self.count_fraction, INPUT_INTEGER_BITS, signed=False)
        return self.input

    @property
    def learns(self) -> bool:
        """Whether any width is learned."""
        entries = [self.conv, self.dense, self.activation, self.input]
        entries += [entry for layer in self.layers.values() for entry in layer.given.values()]
        return any(isinstance(entry, Learned) for entry in entries)
