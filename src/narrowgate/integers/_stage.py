"""A layer made ready for evaluation: one matrix product, one multiply-add, in the type that is proven to be exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.fixedpoint import Format, FormatArray, Rounding, requantise
from narrowgate.integers._bounds import Integers
from narrowgate.integers._network import IntegerLayer
from narrowgate.network import Convolution

Values = NDArray[Any]
"""Integers, held in whichever type is proven to be exact; events are the last, contiguous axis."""

_EXACT_BELOW: tuple[tuple[int, type], ...] = ((2**24, np.float32), (2**53, np.float64), (2**63, np.int64))
_ONE_THREAD = 2**18
"""Multiplications up to which OpenBLAS keeps to the calling thread; batches already run side by side."""

_FURTHEST = 100
"""A shift of more bits than this makes every code saturate or vanish, as this one does."""


@dataclass(frozen=True)
class Stage:
    """`matrix`, of a convolution, gives the outputs at every pixel of a pool at once: (pool² · outputs, inputs)."""

    layer: IntegerLayer
    pool: int
    matrix: Values
    factor: Values | None
    constant: Values
    sum_type: type
    result_type: type

    @classmethod
    def of(cls, layer: IntegerLayer) -> Stage:
        """Choose the types: what adds up to less than 2²⁴ is exact in float32, less than 2⁵³ in float64."""
        kernel, factor, constant = layer.aligned_kernel, layer.aligned_factor, layer.aligned_bias
        flat = np.abs(kernel.reshape(-1, kernel.shape[-1]))
        inputs = np.maximum(np.abs(layer.inputs.low), np.abs(layer.inputs.high))
        sums = layer.largest_products
        results = sums + np.abs(constant)
        if factor is not None:
            constant = constant * factor + layer.aligned_term
            results = sums * np.abs(factor) + np.abs(constant)
            results = np.maximum(results, np.abs(factor))
        sum_type = _type_for([*sums, *inputs, *flat.reshape(-1)])
        result_type = _type_for([*sums, *results, *np.abs(constant), layer.outputs.magnitude])
        pool = 1
        if isinstance(layer.layer, Convolution):
            pool = layer.layer.pool
            kernel = _placed(kernel, pool)
        return cls(
            layer,
            pool,
            np.ascontiguousarray(kernel.T).astype(sum_type),
            None if factor is None else factor.astype(result_type)[:, None],
            constant.astype(result_type)[:, None],
            sum_type,
            result_type,
        )

    def __call__(self, values: Values) -> Values:
        """Inputs (rows, columns, channels, events) or (inputs, events) to outputs, as the next layer reads them."""
        values = cast(values, self.sum_type)
        if isinstance(self.layer.layer, Convolution):
            values = _windows(values, self.layer.layer.kernel, self.pool)
        else:
            values = values.reshape(-1, values.shape[-1])
        results = cast(_product(self.matrix, values), self.result_type)
        if self.factor is not None or self.pool > 1:
            results = results.reshape(*results.shape[:-2], self.pool**2, len(self.constant), -1)
            if self.factor is not None:
                results *= self.factor
            results = _largest(results)
        results += self.constant
        if self.layer.activation is None:
            return results
        return _rounded(results, self.layer.normalised.fraction, self.layer.activation)


def cast(values: Values, type: type) -> Values:
    """The same integers in another type."""
    if type is object and values.dtype != object:
        return values.astype(np.int64).astype(object)
    return values.astype(type, copy=False)


def _product(matrix: Values, values: Values) -> Values:
    """`matrix @ values`, in pieces of so many events that a BLAS starts no threads of its own."""
    results = np.empty((*values.shape[:-2], len(matrix), values.shape[-1]), matrix.dtype)
    step = max(_ONE_THREAD // max(matrix.size, 1), 32)
    for start in range(0, values.shape[-1], step):
        piece = slice(start, start + step)
        np.matmul(matrix, values[..., piece], out=results[..., piece])
    return results


def _type_for(magnitudes: list[int]) -> type:
    largest = max(magnitudes)
    return next((type for limit, type in _EXACT_BELOW if largest < limit), object)


def _placed(kernel: Integers, pool: int) -> Integers:
    """The matrix from the pixels around a pool to the outputs at each of the pool's pixels."""
    size, _, channels, filters = kernel.shape
    side = size + pool - 1
    matrix = np.zeros((side, side, channels, pool, pool, filters), object)
    for row in range(pool):
        for column in range(pool):
            matrix[row : row + size, column : column + size, :, row, column] = kernel
    return matrix.reshape(side * side * channels, pool * pool * filters)


def _windows(values: Values, size: int, pool: int) -> Values:
    """The pixels around every pool, (pool rows, pool columns, inputs of the matrix, events); zeros beyond the edge."""
    before, after, side = (size - 1) // 2, size // 2, size + pool - 1
    padded = np.pad(values, ((before, after), (before, after), (0, 0), (0, 0)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))[::pool, ::pool]
    rows, columns, channels, events = view.shape[:4]
    return view.transpose(0, 1, 4, 5, 2, 3).reshape(rows, columns, side * side * channels, events)


def _largest(results: Values) -> Values:
    """The maximum of each pool, over the third axis from the end."""
    largest = results[..., 0, :, :]
    for index in range(1, results.shape[-3]):
        largest = np.maximum(largest, results[..., index, :, :])
    return largest


def _rounded(results: Values, fraction: int, format: Format | FormatArray) -> Values:
    """Results, events last, on the grid of `format`: rounded as it says, saturated."""
    if isinstance(format, FormatArray):
        integers = results if results.dtype == object else cast(results, np.int64)
        return requantise(integers, fraction, format.with_axis())
    if results.dtype.kind != "f":
        return requantise(results, fraction, format)
    shift = min(max(format.fraction - fraction, -_FURTHEST), _FURTHEST)
    with np.errstate(over="ignore"):  # what overflows a float saturates
        results *= results.dtype.type(2.0**shift)
    if format.rounding is Rounding.HALF_EVEN:
        np.rint(results, out=results)
    else:
        floor = np.floor(results)
        results = floor + (results - floor >= 0.5) if format.rounding is Rounding.HALF_UP else floor
    return np.clip(results, format.code_min, format.code_max, out=results)
