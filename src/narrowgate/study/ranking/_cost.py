"""What a configuration costs, without a synthesis: bits stored, bits multiplied, LUTs by the fast estimate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from narrowgate.firmware import trace
from narrowgate.fixedpoint import Format, FormatArray
from narrowgate.integers import FirmwareError, cost, cost_of_configuration, integer_network
from narrowgate.network import Configuration, Convolution, ImageShape, layer_formats, layers

Weights = Mapping[str, NDArray[np.float32]]

CostFunction = Callable[[Configuration, ImageShape], float]
"""Smaller is better."""

FLOAT_BITS = 32


def bits_per_weight(configuration: Configuration, image: ImageShape) -> float:
    """The bits of all weights (see `weight_bits`) over the number of kernel entries and biases; 32 for float."""
    return weight_bits(configuration, image) / _weights(configuration, image)


def weight_bits(configuration: Configuration, image: ImageShape) -> float:
    """Bits of all kernels and biases, and of batch norm's factor and term a channel."""
    formats = layer_formats(configuration.precision, configuration.network)
    total = 0
    for layer in layers(configuration.network, image):
        own, outputs = formats[layer.name], layer.kernel_shape[-1]
        total += prod(layer.kernel_shape) * _width(own.kernel) + outputs * _width(own.bias)
        total += 2 * outputs * _width(own.batchnorm) if layer.batch_norm else 0
    return float(total)


def bit_operations(configuration: Configuration, image: ImageShape) -> float:
    """Multiplications of one image, each counted as weight bits × input bits, the cost of an array multiplier.

    The measure of C. Baskin et al., arXiv:1804.10969, without its term for the additions.
    """
    precision = configuration.precision
    formats = layer_formats(precision, configuration.network)
    inputs, total = precision.pixel.width, 0
    for layer in layers(configuration.network, image):
        positions = layer.rows * layer.columns if isinstance(layer, Convolution) else 1
        own = formats[layer.name]
        total += positions * prod(layer.kernel_shape) * _width(own.kernel) * inputs
        inputs = _width(own.activation)
    return float(total)


def estimated_luts(configuration: Configuration, image: ImageShape) -> float:
    """LUTs of the unrolled circuit by the fast estimate of `narrowgate.integers`, with fresh weights.

    Raises:
        FirmwareError: a needed format is float.
    """
    return cost_of_configuration(configuration, image).luts


def trained_luts(configuration: Configuration, weights: Weights, image: ImageShape) -> float | None:
    """LUTs by the fast estimate of the weights that training has come to; `None` if they have no integers.

    Fresh weights tell little where bits are few: most of them are rounded to zero, which costs nothing, and training
    changes how many.
    """
    try:
        return cost(integer_network(configuration, weights, image)).luts
    except FirmwareError:
        return None


def traced(configuration: Configuration, weights: Weights, image: ImageShape) -> dict[str, float]:
    """LUTs, flip-flops and clocks of the traced circuit of trained weights, at 200 MHz.

    Raises:
        FirmwareError: alkaid is missing, or the network is more than it can hold.
    """
    network = integer_network(configuration, weights, image)
    found = cost(network, circuit=trace(network))
    return {"luts": found.luts, "flip_flops": found.flip_flops, "clocks": found.latency_clocks}


COSTS: dict[str, CostFunction] = {"weight-bits": weight_bits, "bit-operations": bit_operations, "luts": estimated_luts}
"""By the words of `ranking.cost`."""


def _weights(configuration: Configuration, image: ImageShape) -> int:
    return sum(prod(layer.kernel_shape) + layer.kernel_shape[-1] for layer in layers(configuration.network, image))


def _width(own: Format | FormatArray | None) -> int:
    return FLOAT_BITS if own is None else own.width
