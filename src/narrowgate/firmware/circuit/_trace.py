"""The network unrolled into adders, comparators and shifts: traced by alkaid, which then writes it as RTL or HLS.

alkaid 0.8 is da4ml's successor by the same author: distributed arithmetic turns every constant matrix into a tree of
shared adders (arXiv:2507.04535), so no multiplier is left. It traces plain NumPy arithmetic and needs no Keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.firmware._tools import package
from narrowgate.fixedpoint import Format, Rounding, from_codes, to_codes
from narrowgate.integers import FirmwareError, Images, IntegerLayer, IntegerNetwork, Integers, input_codes
from narrowgate.network import Convolution

WIDEST_VALUE = 50
"""Bits: the tracer computes with float64, which leaves this much and some room for its sums."""

WIDEST_WEIGHT = 24
"""Bits: the tracer holds weights in float32."""

_ROUNDING = {Rounding.HALF_EVEN: "RND_CONV", Rounding.HALF_UP: "RND", Rounding.TRUNCATE: "TRN"}
_SOLVER = {"search_all_decompose_dc": False}  # wide dense layers 20 times faster, for 1 % more LUTs
_HARDWARE = (1, 1, -1)  # adders counted bit by bit; no delay target inside a matrix


@dataclass(frozen=True)
class Circuit:
    """A traced network. `logic` is alkaid's program; its inputs are the pixels, its outputs the logit or the decisions.

    With `thresholds` (integers, as `IntegerNetwork.threshold_code` gives them) there is one output bit for each,
    `logit > threshold`, in place of the logit.
    """

    network: IntegerNetwork
    logic: Any
    thresholds: tuple[int, ...] = ()
    inputs: Any = field(default=None, repr=False, compare=False)
    values: tuple[Any, ...] = field(default=(), repr=False, compare=False)

    @property
    def luts(self) -> float:
        """Estimated look-up tables."""
        return float(self.logic.cost)

    @property
    def delay(self) -> float:
        """Estimated nanoseconds from input to output without a register between."""
        return float(self.logic.latency[1])

    @property
    def operations(self) -> int:
        """Adders, comparators and the like."""
        return len(self.logic.ops)

    def stages(self, clock: float) -> int:
        """Pipeline stages at a clock in MHz, such that no stage is longer than a period."""
        return max(ceil(self.delay * clock / 1000), 1)

    def flip_flops(self, clock: float) -> int:
        """Registers of the pipeline at a clock in MHz."""
        return sum(signal.width for signal in pipelined(self, clock).signals.values() if signal.reg)

    def interpret(self, images: Images) -> Integers:
        """What the tracer's own interpreter computes: logit codes (events,), or decisions (events, thresholds)."""
        found = self.logic.predict(self._pixels(images))
        if self.thresholds:
            decided: Integers = found.astype(np.int64)
            return decided
        codes: Integers = np.ldexp(found[:, 0], self.network.output.fraction).astype(np.int64)
        return codes

    def interpret_layers(self, images: Images) -> dict[str, Integers]:
        """What the interpreter finds behind every layer, as `evaluate_layers` gives it: the same adders, tapped."""
        tracer = package("alkaid.trace", "tracing")
        found = {}
        for layer, values in zip(self.network, self.values, strict=True):
            tapped = tracer.trace(self.inputs, values, keep_dead_inputs=True)
            codes = np.ldexp(tapped.predict(self._pixels(images)), layer.outputs.fraction).astype(np.int64)
            found[layer.name] = codes.reshape(len(images), *values.shape)
        return found

    def _pixels(self, images: Images) -> NDArray[np.float64]:
        codes = input_codes(self.network, images).astype(np.float64)
        return np.ascontiguousarray(np.ldexp(codes, -self.network.input_format.fraction).reshape(len(images), -1))


def trace(network: IntegerNetwork, thresholds: Sequence[int] = ()) -> Circuit:
    """Unroll and trace a network; seconds for filters (4, 8), tens of seconds for twice as many.

    Raises:
        FirmwareError: alkaid is not installed, or a width is beyond what it can hold.
    """
    tracer = package("alkaid.trace", "tracing")
    _check_widths(network)
    pixel = network.input_format
    integer = np.full(network.image, pixel.integer)
    inputs = values = tracer.FVArray.from_kif(
        integer * 0, integer, integer * 0 + pixel.fraction, _HARDWARE, solver_options=dict(_SOLVER)
    )
    behind = []
    for layer in network:
        values = _convolved(layer, values) if isinstance(layer.layer, Convolution) else _dense(layer, values)
        behind.append(values)
    if thresholds:
        values = np.stack([values[0] > threshold * network.lsb for threshold in thresholds])
    logic = tracer.trace(inputs, values, keep_dead_inputs=True)
    return Circuit(network, logic, tuple(thresholds), inputs, tuple(behind))


def pipelined(circuit: Circuit, clock: float) -> Any:
    """alkaid's pipeline of a circuit at a clock in MHz: stages of logic with registers between, before and behind."""
    pipeline = package("alkaid.trace", "pipelining")
    return pipeline.to_pipeline(circuit.logic, n_stages=circuit.stages(clock), verbose=False)


def _convolved(layer: IntegerLayer, values: Any) -> Any:
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
        results[row, column, output] = _finished(layer, output, list(pool))
    return type(values)(results, values.solver_options, hwconf=values.hwconf)


def _dense(layer: IntegerLayer, values: Any) -> Any:
    sums = _sums(values.reshape(-1), _real(layer.kernel, layer.kernel_format.fraction))
    results = np.array([_finished(layer, output, [value]) for output, value in enumerate(sums)], object)
    return type(values)(results, values.solver_options, hwconf=values.hwconf)


def _sums(inputs: Any, kernel: NDArray[np.float64]) -> NDArray[Any]:
    """`inputs @ kernel`; inputs that are constant are added up here, so that only variables reach the solver."""
    constant = np.array([value.low == value.high for value in np.asarray(inputs)])
    offsets = np.array([value.low for value in np.asarray(inputs)])[constant] @ kernel[constant]
    if constant.all():
        return np.array([inputs[0] * 0 + offset for offset in offsets], object)
    found: NDArray[Any] = np.asarray(inputs[~constant] @ kernel[~constant]) + offsets
    return found


def _finished(layer: IntegerLayer, output: int, pool: list[Any]) -> Any:
    """Bias, batch norm, the pool's maximum, activation.

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
    value = value * factor + term
    if layer.activation is None:
        return value
    return _rounded(value, layer.activation)


def _rounded(value: Any, format: Format) -> Any:
    """The variable in a format: rounded and saturated.

    alkaid 0.8.2 rounds half to even by the lowest bit of the value plus half an lsb; where that, cut off, is constant,
    it has fewer bits than alkaid counts on. Then at most two codes are left, and the lower one only for a tie.
    """
    ends = np.clip([float(value.low), float(value.high)], format.minimum, format.maximum)
    low, high = (float(from_codes(code, format)) for code in to_codes(ends, format))
    if low == high:
        return value * 0 + low
    cells = np.floor(ends / format.lsb + 0.5)
    if format.rounding is Rounding.HALF_EVEN and cells[0] == cells[1]:
        return (value > float(value.low)) * (high - low) + low
    signed = int(format.signed)
    integer = format.width - signed - format.fraction
    return value.quantize(signed, integer, format.fraction, "SAT", _ROUNDING[format.rounding])


def _further(one: Any, other: Any, *, up: bool) -> Any:
    """The larger of two variables if `up`, else the smaller.

    alkaid's `max_of` and `min_of` decide by the top bit of the difference, which is its sign only if the difference can
    be negative. Of two sums of the same pixels it may be known not to be: alkaid 0.8.2 then takes the wrong one where
    the difference is large.
    """
    difference = one - other
    if difference.low >= 0:
        return one if up else other
    if difference.high <= 0:
        return other if up else one
    return one.max_of(other) if up else one.min_of(other)


def _real(codes: Integers, fraction: int) -> NDArray[np.float64]:
    return np.ldexp(codes.astype(np.float64), -fraction)


def _check_widths(network: IntegerNetwork) -> None:
    for layer in network:
        widest = max(layer.kernel_format.width, layer.bias_format.width)
        if widest > WIDEST_WEIGHT:
            raise FirmwareError(
                f"The weights of {layer.name} have {widest} bits; the tracer holds at most {WIDEST_WEIGHT}."
            )
        width = max(layer.sums.width, layer.normalised.width)
        if width > WIDEST_VALUE:
            raise FirmwareError(f"The sums of {layer.name} have {width} bits; the tracer holds at most {WIDEST_VALUE}.")
