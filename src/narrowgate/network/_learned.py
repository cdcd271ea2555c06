"""The arrays of learned widths: their names and shapes, what they begin with, and the formats that they settle to.

`conv0.kernel.fraction` holds the bits after the point of a kernel, in a shape that broadcasts against it; the bits
before the point follow from the weights. An activation has besides `conv0.activation.largest`, the largest value seen,
from which its bits before the point follow; once it is settled, `conv0.activation.integer` holds these. The layout is
that of the inside of a network: (channels, columns, rows, events), (outputs, events). The pixels' are `input.fraction`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from narrowgate.fixedpoint import Format, FormatArray, FormatError, Rounding, array_of_weights, integer_bits, whole
from narrowgate.network._configuration import Configuration
from narrowgate.network._entries import layer_entries
from narrowgate.network._layers import Convolution, Dense, Layers
from narrowgate.network._learning import Learned, Learning
from narrowgate.network._precision import INPUT_INTEGER_BITS

INPUT = "input.fraction"

LOWEST, HIGHEST = -8, 12
"""Bits after the point that are learned lie between these."""

_FURTHEST = 64


def initial_learned(configuration: Configuration, layers: Layers) -> dict[str, NDArray[np.float32]]:
    """What is trained beside the weights, as it begins; nothing where every format is given."""
    precision = configuration.precision
    learning = precision.learning or Learning()
    found: dict[str, NDArray[np.float32]] = {}
    for layer in layers:
        entries = layer_entries(precision, configuration.network)[layer.name]
        for tensor, shape in (("kernel", layer.kernel_shape), ("bias", layer.kernel_shape[-1:])):
            entry = getattr(entries, tensor)
            if isinstance(entry, Learned):
                size = _weights_shape(entry, shape)
                found[f"{layer.name}.{tensor}.fraction"] = np.full(size, learning.fraction, np.float32)
        if isinstance(entries.activation, Learned):
            size = _activation_shape(entries.activation, layer)
            name = f"{layer.name}.activation"
            found[f"{name}.fraction"] = np.full(size, learning.activation_fraction, np.float32)
            found[f"{name}.largest"] = np.zeros(size, np.float32)
    if isinstance(precision.input, Learned):
        found[INPUT] = np.full((), min(precision.count_fraction, HIGHEST), np.float32)
    return found


def settled(learned: Mapping[str, Array]) -> dict[str, Array]:
    """Learned widths as whole numbers, those before the point beside those after it; also with a members' axis."""
    found: dict[str, Array] = {}
    for name, values in learned.items():
        if name.endswith(".largest"):
            found[name.removesuffix("largest") + "integer"] = integer_bits(values)
        else:
            found[name] = whole(values)
    return found


def settled_shapes(configuration: Configuration, layers: Layers) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays of `settled`."""
    return {
        name.replace(".largest", ".integer"): values.shape
        for name, values in initial_learned(configuration, layers).items()
    }


def settled_weights(tensor: str, weights: Mapping[str, NDArray[Any]]) -> FormatArray:
    """The formats of a kernel or bias whose widths were learned."""
    return array_of_weights(weights[tensor], _bits(f"{tensor}.fraction", weights))


def settled_activation(layer: str, weights: Mapping[str, NDArray[Any]], *, signed: bool) -> Format | FormatArray:
    """The format of an activation whose widths were learned, or those of its channels: halves are rounded up."""
    fraction = _bits(f"{layer}.activation.fraction", weights).reshape(-1)
    integer = _bits(f"{layer}.activation.integer", weights).reshape(-1)
    bits = fraction + integer
    found = FormatArray(fraction, np.where(bits > 0, bits + signed, 0), signed, Rounding.HALF_UP)
    return found.uniform() or found


def settled_input(weights: Mapping[str, NDArray[Any]]) -> Format:
    """The format of pixels whose width was learned: the lower bits of a count are dropped."""
    width = INPUT_INTEGER_BITS + int(_bits(INPUT, weights))
    return Format(width, INPUT_INTEGER_BITS, signed=False, rounding=Rounding.TRUNCATE)


def _weights_shape(granularity: Learned, shape: tuple[int, ...]) -> tuple[int, ...]:
    if granularity is Learned.ELEMENT:
        return shape
    return (*(1 for _ in shape[:-1]), shape[-1] if granularity is Learned.CHANNEL else 1)


def _activation_shape(granularity: Learned, layer: Convolution | Dense) -> tuple[int, ...]:
    channels = layer.kernel_shape[-1] if granularity is Learned.CHANNEL else 1
    return (channels, 1, 1, 1) if isinstance(layer, Convolution) else (channels, 1)


def _bits(name: str, weights: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    values = np.asarray(weights[name], np.float64)
    if not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise FormatError(f"The weight {name} holds widths that are no whole numbers.")
    if name.endswith(".fraction") and (np.abs(values) > _FURTHEST).any():
        raise FormatError(f"The weight {name} holds widths beyond {_FURTHEST} bits.")
    return np.clip(values, -2 * _FURTHEST, _FURTHEST).astype(np.int64)
