"""The network unrolled into adders, comparators and shifts: traced by alkaid, which then writes it as RTL or HLS.

alkaid 0.8 is da4ml's successor by the same author: distributed arithmetic turns every constant matrix into a tree of
shared adders (arXiv:2507.04535), so no multiplier is left. It traces plain NumPy arithmetic and needs no Keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.firmware._tools import package
from narrowgate.firmware.circuit._mended import mended
from narrowgate.fixedpoint import Format, FormatArray, Rounding, from_codes, to_codes
from narrowgate.integers import FirmwareError, Images, IntegerLayer, IntegerNetwork, Integers, input_codes, stages
from narrowgate.network import Convolution

WIDEST_VALUE = 50
"""Bits: the tracer computes with float64, which leaves this much and some room for its sums."""

WIDEST_WEIGHT = 24
"""Bits: the tracer holds weights in float32."""

WIDEST_CONSTANT = 31
"""Bits: the tracer holds a constant in 32, of which one is its sign."""

_ROUNDING = {Rounding.HALF_EVEN: "RND_CONV", Rounding.HALF_UP: "RND", Rounding.TRUNCATE: "TRN"}
_SOLVER = {"search_all_decompose_dc": False}  # wide dense layers 20 times faster, for 1 % more LUTs
_HARDWARE = (1, 1, -1)  # adders counted bit by bit; no delay target inside a matrix


@dataclass(frozen=True)
class Circuit:
    """A traced network. `logic` is alkaid's program; its inputs are the pixels, its outputs the logit or the decisions.

    With `thresholds` (integers, as `IntegerNetwork.threshold_code` gives them) there is one output bit for each,
    `logit > threshold`, in place of the logit. Inside, every value is `2^scale` times what the network says, see
    `input_scale`.
    """

    network: IntegerNetwork
    logic: Any
    thresholds: tuple[int, ...] = ()
    scale: int = 0
    inputs: Any = field(default=None, repr=False, compare=False)
    values: tuple[Any, ...] = field(default=(), repr=False, compare=False)

    @property
    def luts(self) -> float:
        """Look-up tables, as traced: adders and comparators counted bit by bit."""
        return float(self.logic.cost)

    @property
    def delay(self) -> float:
        """Nanoseconds from input to output without a register between, as traced."""
        return float(self.logic.latency[1])

    @property
    def operations(self) -> int:
        """Adders, comparators and the like."""
        return len(self.logic.ops)

    def stages(self, clock: float) -> int:
        """Pipeline stages at a clock in MHz, such that no stage is longer than a period."""
        return stages(self.delay, clock)

    def flip_flops(self, clock: float) -> int:
        """Registers of the pipeline at a clock in MHz."""
        return sum(signal.width for signal in pipelined(self, clock).signals.values() if signal.reg)

    def interpret(self, images: Images) -> Integers:
        """What the tracer's own interpreter computes: logit codes (events,), or decisions (events, thresholds)."""
        if not self.thresholds and self.values[-1][0].low == self.values[-1][0].high:
            constant = int(np.ldexp(self.values[-1][0].low, self.network.output.fraction - self.scale))
            return np.full(len(images), constant)
        found = self.logic.predict(self._pixels(images))
        if self.thresholds:
            decided: Integers = found.astype(np.int64)
            return decided
        codes: Integers = np.ldexp(found[:, 0], self.network.output.fraction - self.scale).astype(np.int64)
        return codes

    @mended()
    def interpret_layers(self, images: Images) -> dict[str, Integers]:
        """What the interpreter finds behind every layer, as `evaluate_layers` gives it: the same adders, tapped."""
        tracer = package("alkaid.trace", "tracing")
        found = {}
        for layer, values in zip(self.network, self.values, strict=True):
            tapped = tracer.trace(self.inputs, values, keep_dead_inputs=True)
            fraction = layer.outputs.fraction - self.scale
            codes = np.ldexp(tapped.predict(self._pixels(images)), fraction).astype(np.int64)
            found[layer.name] = codes.reshape(len(images), *values.shape)
        return found

    def _pixels(self, images: Images) -> NDArray[np.float64]:
        codes = input_codes(self.network, images).astype(np.float64)
        fraction = self.network.input_format.fraction - self.scale
        return np.ascontiguousarray(np.ldexp(codes, -fraction).reshape(len(images), -1))


@mended()
def trace(network: IntegerNetwork, thresholds: Sequence[int] = ()) -> Circuit:
    """Unroll and trace a network; seconds for filters (4, 8), tens of seconds for twice as many.

    Raises:
        FirmwareError: alkaid is not installed, or a width is beyond what it can hold.
    """
    tracer = package("alkaid.trace", "tracing")
    _check_widths(network)
    pixel, scale = network.input_format, input_scale(network.input_format)
    integer = np.full(network.image, pixel.integer + scale)
    inputs = values = tracer.FVArray.from_kif(
        integer * 0, integer, integer * 0 + pixel.fraction - scale, _HARDWARE, solver_options=dict(_SOLVER)
    )
    behind = []
    for layer in network:
        unrolled = _convolved if isinstance(layer.layer, Convolution) else _dense
        values = unrolled(layer, values, scale)
        behind.append(values)
    if thresholds:
        lsb = 2.0 ** (scale - network.output.fraction)
        values = np.stack([_above(values[0], threshold * lsb) for threshold in thresholds])
    logic = tracer.trace(inputs, values, keep_dead_inputs=True)
    return Circuit(network, logic, tuple(thresholds), scale, inputs, tuple(behind))


def input_scale(format: Format) -> int:
    """The power of two by which all values are multiplied, so that pixels have no negative integer or fraction bits.

    A pixel that no weight looks at is dropped by alkaid 0.8.2, in spite of `keep_dead_inputs`, and counts as a number
    of no bits, 0 of them integer and 0 fraction bits. Elements of a port have as many of either as the one with most:
    pixels of, say, 3 integer and -2 fraction bits became 3 bits wide in place of 1.
    """
    return 0 if format.integer >= 0 and format.fraction >= 0 else format.fraction


@mended()
def pipelined(circuit: Circuit, clock: float) -> Any:
    """alkaid's pipeline of a circuit at a clock in MHz: stages of logic with registers between, before and behind."""
    pipeline = package("alkaid.trace", "pipelining")
    return pipeline.to_pipeline(circuit.logic, n_stages=circuit.stages(clock), verbose=False)


def _convolved(layer: IntegerLayer, values: Any, scale: int) -> Any:
    """Every output pixel of a convolution with its pool; beyond the edge there is nothing to add."""
    shape = layer.layer
    assert isinstance(shape, Convolution)
    kernel = _real(layer.kernel, layer.kernel_format.fraction)
    before = (shape.kernel - 1) // 2
    pixels = np.empty((shape.rows, shape.columns, shape.filters), object)
    for row, column in np.ndindex(shape.rows, shape.columns):
        up, left = max(before - row, 0), max(before - column, 0)
        window = values[
            max(row - before, 0) : row - before + shape.kernel, max(column - before, 0) : column - before + shape.kernel
        ]
        part = kernel[up : up + window.shape[0], left : left + window.shape[1]]
        pixels[row, column] = _sums(window.reshape(-1), part.reshape(-1, shape.filters))
    results = np.empty(shape.output_shape, object)
    for row, column, output in np.ndindex(*shape.output_shape):
        top, side = row * shape.pool, column * shape.pool
        pool = pixels[top : top + shape.pool, side : side + shape.pool, output].reshape(-1)
        results[row, column, output] = _finished(layer, output, list(pool), scale)
    return type(values)(results, values.solver_options, hwconf=values.hwconf)


def _dense(layer: IntegerLayer, values: Any, scale: int) -> Any:
    sums = _sums(values.reshape(-1), _real(layer.kernel, layer.kernel_format.fraction))
    results = np.array([_finished(layer, output, [value], scale) for output, value in enumerate(sums)], object)
    return type(values)(results, values.solver_options, hwconf=values.hwconf)


def _sums(inputs: Any, kernel: NDArray[np.float64]) -> NDArray[Any]:
    """`inputs @ kernel`; inputs that are constant are added up here, so that only variables reach the solver.

    Of variables of one bit alkaid 0.8.2 makes look-up tables as if they were 0 or 1, which ends in an assertion where
    one is 0 or -1 (`_cmvm_binary_lut`): then there are adders instead.
    """
    constant = np.array([value.low == value.high for value in np.asarray(inputs)])
    offsets = np.array([value.low for value in np.asarray(inputs)])[constant] @ kernel[constant]
    if constant.all():
        return np.array([inputs[0] * 0 + offset for offset in offsets], object)
    variable = inputs[~constant]
    if any(value.low < 0 and sum(value.kif) == 1 for value in np.asarray(variable)):
        variable = type(inputs)(np.asarray(variable), inputs.solver_options | {"binary_lut": False}, inputs.hwconf)
    products = np.asarray(variable @ kernel[~constant])
    return np.array([_plus(value, float(offset)) for value, offset in zip(products, offsets, strict=True)], object)


def _finished(layer: IntegerLayer, output: int, pool: list[Any], scale: int) -> Any:
    """Bias, batch norm, the pool's maximum, activation, all of them times `2^scale`.

    Batch norm keeps the order, or with a negative factor reverses it; so the pool comes first and is normalised once.
    """
    factor = 1.0
    term = float(_real(layer.bias, layer.bias_format.fraction)[output])
    if layer.factor is not None:
        assert layer.normalisation_format is not None
        assert layer.term is not None
        factor = float(_real(layer.factor, layer.normalisation_format.fraction)[output])
        term = term * factor + float(_real(layer.term, layer.normalisation_format.fraction)[output])
    value = pool[0]
    for other in pool[1:]:
        value = _further(value, other, up=factor >= 0)
    term *= 2.0**scale
    if layer.activation is None:
        return _plus(value * factor, term)
    format = layer.activation.at(output) if isinstance(layer.activation, FormatArray) else layer.activation
    if format is None:
        return value * 0
    return _rounded(_plus(value * factor, term), format, scale)


def _rounded(value: Any, format: Format, scale: int) -> Any:
    """The variable, `2^scale` times a number, with that number in a format: rounded and saturated.

    alkaid 0.8.2 rounds half to even by the lowest bits of the value plus half an lsb. Where that, cut off, is constant,
    it has fewer bits than alkaid counts on: then at most two codes are left, and the lower one only for a tie. So it
    has where adding half an lsb leaves no bits below the lsb: then every value lies in the middle between two codes,
    and the even one is the sum without its last bit.
    """
    lowest, highest, lsb = (float(end) * 2.0**scale for end in (format.minimum, format.maximum, format.lsb))
    ends = np.clip(np.ldexp([float(value.low), float(value.high)], -scale), format.minimum, format.maximum)
    low, high = (float(from_codes(code, format)) * 2.0**scale for code in to_codes(ends, format))
    if low == high:
        return value * 0 + low
    value = _plus(value, 0.0, [lsb / 2, -lowest, *([-highest] if value.high > highest else [])])
    cells = np.floor(ends / format.lsb + 0.5)
    if format.rounding is Rounding.HALF_EVEN and cells[0] == cells[1]:
        return _above(value, float(value.low)) * (high - low) + low
    signed, fraction = int(format.signed), format.fraction - scale
    integer = format.width - signed - fraction
    if format.rounding is Rounding.HALF_EVEN:
        middle = value + lsb / 2
        inside = value.low >= lowest and value.high <= highest
        if inside and value.kif[2] > fraction >= middle.kif[2]:
            return middle.quantize(signed, integer, fraction - 1, "WRAP", "TRN")
    return value.quantize(signed, integer, fraction, "SAT", _ROUNDING[format.rounding])


def _further(one: Any, other: Any, *, up: bool) -> Any:
    """The larger of two variables if `up`, else the smaller.

    alkaid's `max_of` and `min_of` decide by the top bit of the difference, which is its sign only if the difference can
    be negative. Of two sums of the same pixels it may be known not to be: alkaid 0.8.2 then takes the wrong one where
    the difference is large.
    """
    one, other = (
        _plus(value, 0.0, [-float(constant.low)]) if constant.low == constant.high else value
        for value, constant in ((one, other), (other, one))
    )
    difference = one - other
    if difference.low >= 0:
        return one if up else other
    if difference.high <= 0:
        return other if up else one
    return one.max_of(other) if up else one.min_of(other)


def _above(value: Any, limit: float) -> Any:
    """One bit: whether a variable exceeds a number."""
    aligned = floor(limit / value.step) * value.step
    if all(significant_bits(_constant(value) - one) <= WIDEST_CONSTANT for one in (0.0, aligned, aligned + value.step)):
        return value > limit
    return _plus(value, -aligned) > 0


def _plus(value: Any, constant: float, later: Sequence[float] = ()) -> Any:
    """The variable plus a constant, such that each of the numbers in `later` may be added to it too.

    alkaid 0.8.2 holds a constant in 32 bits (`_const_add`), and adds up those that follow on one another. One with more
    is put together from two variables, `(2 · value + one part) − (value − the other)`, to which constants can be added
    anew.
    """
    total = _constant(value) + constant
    if value.low == value.high or all(significant_bits(total + one) <= WIDEST_CONSTANT for one in (0.0, *later)):
        return value + constant
    if value.opr == "cadd":
        (parent,) = value._from
        value = parent * (value._factor / parent._factor)
    coarse = float(np.float32(total))
    return (value * 2 + coarse) - (value - (total - coarse))


def _constant(value: Any) -> float:
    """What alkaid adds to a variable last, if that is a constant, and would add others to."""
    if value.opr != "cadd":
        return 0.0
    (parent,) = value._from
    return float(value.low - (parent * (value._factor / parent._factor)).low)


def significant_bits(number: float) -> int:
    """From the highest to the lowest bit that is not zero.

    >>> significant_bits(-0.375), significant_bits(0.0), significant_bits(2.0**40 + 1)
    (2, 0, 41)
    """
    numerator = abs(number.as_integer_ratio()[0])
    return (numerator // (numerator & -numerator)).bit_length() if numerator else 0


def _real(codes: Integers, fraction: int) -> NDArray[np.float64]:
    return np.ldexp(codes.astype(np.float64), -fraction)


def _check_widths(network: IntegerNetwork) -> None:
    for layer in network:
        for what, format in (
            ("weights", layer.kernel_format),
            ("weights", layer.bias_format),
            ("batch norm's numbers", layer.normalisation_format),
        ):
            if format is not None and format.width > WIDEST_WEIGHT:
                raise FirmwareError(
                    f"The {what} of {layer.name} have {format.width} bits; the tracer holds at most {WIDEST_WEIGHT}."
                )
        width = max(layer.sums.width, layer.normalised.width)
        if width > WIDEST_VALUE:
            raise FirmwareError(f"The sums of {layer.name} have {width} bits; the tracer holds at most {WIDEST_VALUE}.")
    for layer in network:
        found = layer.activation
        saturates = found is not None and layer.outputs.highest == found.code_max
        if found is not None and saturates and found.code_max.bit_length() > WIDEST_CONSTANT:
            raise FirmwareError(
                f"The activation behind {layer.name} has {found.width} bits and saturates; "
                f"the tracer holds a highest value of at most {WIDEST_CONSTANT}."
            )
