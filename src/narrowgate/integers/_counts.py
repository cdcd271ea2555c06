"""What a layer consists of in hardware: multiplications, bits, digits and positions, counted exactly."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from narrowgate.fixedpoint import Codes, Format, FormatArray
from narrowgate.integers._bounds import Integers
from narrowgate.integers._network import IntegerLayer
from narrowgate.network import Convolution

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class LayerCounts:
    """One unrolled layer, counted; weights that were rounded to zero count for nothing.

    - `multiplications`: weights times pixels, edges counted as they are;
    - `ebops`: effective bit operations of the layer with its bias and batch norm, see `count`;
    - `normalisation_ebops`: batch norm's share of them;
    - `weight_bits`, `normalisation_bits`: memory of weights and bias, and of batch norm's factor and term;
    - `activation_bits`: of one event's outputs;
    - `adders`, `adder_bits`: one adder for every non-zero signed digit but the first of each sum, and their widths;
    - `digits`: non-zero signed digits of the kernel;
    - `largest_sum`: terms of the longest sum;
    - `comparator_bits`, `normalisation_adder_bits`, `rounding_bits`: of pooling, batch norm and activation;
    - `sum_width`: bits of the accumulator.
    """

    name: str
    multiplications: int
    ebops: int
    normalisation_ebops: int
    weight_bits: int
    normalisation_bits: int
    activation_bits: int
    adders: int
    adder_bits: int
    digits: int
    largest_sum: int
    comparator_bits: int
    normalisation_adder_bits: int
    rounding_bits: int
    sum_width: int


def count(layer: IntegerLayer) -> LayerCounts:
    """Count one layer.

    EBOPs as the HGQ paper defines them (Sun et al., arXiv:2405.00645) and HGQ2's `_compute_ebops` adds them up: for
    every multiplication of a weight with an activation, the product of their bits, and for every output the bits of its
    bias. A weight has the bits from its highest to its lowest that are not zero, an activation those that its range
    needs; signs are not counted, as in HGQ2. Batch norm is one multiplication of a sum with the channel's factor and
    one term for every output behind the pool, which the circuit takes first.
    """
    shape = layer.layer
    kernel = layer.kernel.reshape(-1, layer.kernel.shape[-1])
    uses = _uses(layer)
    outputs = shape.output_shape if isinstance(shape, Convolution) else (shape.outputs,)
    pool = shape.pool if isinstance(shape, Convolution) else 1
    elements, sums = prod(outputs), prod(outputs) * pool**2
    input_bits = _magnitude_bits(*layer.inputs.significant)
    input_bits = np.tile(input_bits, len(kernel) // len(input_bits))
    digits = signed_digits(kernel)
    adders = np.maximum(digits.sum(axis=0) - 1, 0) + (layer.bias != 0)
    edge = float((uses * (kernel != 0)).sum()) / max(float((kernel != 0).sum()) * sums / kernel.shape[1], 1)
    widths = np.array(layer.sums.widths)
    mean_width = (widths + float(input_bits.mean())) / 2
    adder_total = float((adders * edge).sum()) * sums / kernel.shape[1]
    normalisation = normalisation_bits = normalisation_adders = 0
    if layer.factor is not None and layer.term is not None and layer.normalisation_format is not None:
        each = elements // kernel.shape[1]
        normalisation = int(
            (_magnitude_bits(layer.sums.low, layer.sums.high) * span(layer.factor) + span(layer.term)).sum() * each
        )
        normalisation_bits = int(np.count_nonzero(layer.factor) + np.count_nonzero(layer.term))
        normalisation_bits *= layer.normalisation_format.width
        factors = np.maximum(signed_digits(layer.factor) - 1, 0) + (layer.term != 0)
        normalisation_adders = int((factors * np.array(layer.normalised.widths)).sum() * elements / kernel.shape[1])
    products = int((uses * span(kernel) * input_bits[:, None]).sum())
    biases = int(span(layer.bias).sum()) * sums // kernel.shape[1]
    return LayerCounts(
        name=layer.name,
        multiplications=int((uses * (kernel != 0)).sum()),
        ebops=products + biases + normalisation,
        normalisation_ebops=normalisation,
        weight_bits=_stored(layer.kernel, layer.kernel_format) + _stored(layer.bias, layer.bias_format),
        normalisation_bits=normalisation_bits,
        activation_bits=sum(layer.outputs.widths) * elements // kernel.shape[1],
        adders=round(adder_total),
        adder_bits=round(float((adders * mean_width * edge).sum()) * sums / kernel.shape[1]),
        digits=int(digits.sum()),
        largest_sum=int(digits.sum(axis=0).max()) + 1,
        comparator_bits=int(widths.sum()) * (pool**2 - 1) * elements // kernel.shape[1],
        normalisation_adder_bits=normalisation_adders,
        rounding_bits=0 if layer.activation is None else sum(layer.normalised.widths) * elements // kernel.shape[1],
        sum_width=layer.sums.width,
    )


def span(codes: Integers) -> Counts:
    """Bits from the highest to the lowest that are not zero, of each absolute code; 0 for 0."""
    magnitude = np.abs(codes.astype(np.int64))
    lowest = np.maximum(magnitude & -magnitude, 1)
    bits: Counts = np.ceil(np.log2(magnitude // lowest + 1)).astype(np.int64)
    return bits


def signed_digits(codes: Codes) -> Counts:
    """Non-zero digits of each code in its shortest form with digits −1, 0 and 1 (Reitwiesner's non-adjacent form)."""
    magnitude = np.abs(codes.astype(np.int64))
    differing = np.ascontiguousarray(magnitude ^ (3 * magnitude)).view(np.uint8).reshape(*magnitude.shape, 8)
    digits: Counts = np.unpackbits(differing, axis=-1).sum(axis=-1, dtype=np.int64)
    return digits


def _stored(codes: Codes, format: Format | FormatArray) -> int:
    """Bits that the weights which are not 0 take in their formats."""
    widths = format.widths if isinstance(format, FormatArray) else format.width
    return int(np.sum(widths * (codes != 0)))


def _uses(layer: IntegerLayer) -> Counts:
    """How often each weight meets a pixel that exists, shape (inputs, 1)."""
    shape = layer.layer
    if not isinstance(shape, Convolution):
        return np.ones((shape.inputs, 1), np.int64)
    return np.repeat(shape.uses.reshape(-1, 1), shape.channels, axis=0)


def _magnitude_bits(low: Integers, high: Integers) -> Counts:
    """Bits of each channel without its sign."""
    return np.array(
        [max((-int(below) - 1).bit_length() if below < 0 else 0, int(above).bit_length() if above > 0 else 0)
         for below, above in zip(low, high, strict=True)],
        np.int64,
    )  # fmt: skip
