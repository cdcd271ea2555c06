"""A trained network as integers: codes, shifts and bounds, which together define what the hardware computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import jax
import numpy as np
from numpy.typing import NDArray

from narrowgate.fixedpoint import Codes, Format, grid, to_codes
from narrowgate.integers._bounds import Bounds, Integers, exact
from narrowgate.integers._errors import FirmwareError
from narrowgate.machine import device, own_arithmetic
from narrowgate.network import Configuration, Convolution, Dense, ImageShape, fold, layers

Weights = Mapping[str, NDArray[np.float32]]
"""The arrays of a run by name, e.g. `conv0.kernel`."""


@dataclass(frozen=True)
class IntegerLayer:
    """One layer in integers: `(inputs @ kernel + bias) · factor + term`, the pool's maximum, then the activation.

    `kernel` and `bias` are codes of `weight_format`, `factor` and `term` (batch norm's, or `None`) codes of
    `normalisation_format`; `activation` is the format that the sum is rounded to, `None` for the output. The bounds say
    what each channel can hold: of the inputs, of the sum with its bias, after batch norm, and after the activation.
    """

    layer: Convolution | Dense
    weight_format: Format
    kernel: Codes
    bias: Codes
    normalisation_format: Format | None
    factor: Codes | None
    term: Codes | None
    activation: Format | None
    inputs: Bounds
    sums: Bounds
    normalised: Bounds
    outputs: Bounds

    @property
    def name(self) -> str:
        """As in the weights: `conv0`, `dense0`, `output`."""
        return self.layer.name

    @property
    def aligned_kernel(self) -> Integers:
        """The kernel such that `inputs @ kernel` is in the unit of `sums`; shifted only if the inputs' lsb is > 1."""
        return _aligned(self.kernel, -self.inputs.fraction)

    @property
    def aligned_bias(self) -> Integers:
        """The bias in the unit of `sums`."""
        return _aligned(self.bias, self.inputs.fraction)

    @property
    def aligned_factor(self) -> Integers | None:
        """The factor such that `sum · factor` is in the unit of `normalised`."""
        return None if self.factor is None else _aligned(self.factor, -self.sums.fraction)

    @property
    def aligned_term(self) -> Integers | None:
        """The term in the unit of `normalised`."""
        return None if self.term is None else _aligned(self.term, self.sums.fraction)

    @property
    def largest_products(self) -> Integers:
        """What |inputs @ kernel| of each output cannot exceed, whatever part of it is added in whatever order."""
        kernel = np.abs(self.aligned_kernel.reshape(-1, self.kernel.shape[-1]))
        inputs = np.maximum(np.abs(self.inputs.low), np.abs(self.inputs.high))
        largest: Integers = (kernel * np.tile(inputs, len(kernel) // len(inputs))[:, None]).sum(axis=0)
        return largest

    @property
    def sum_bits(self) -> int:
        """Bits, the sign aside, that hold every sum in whatever order it is added, every addend, and every bound.

        A float whose significand has so many computes the layer exactly: 24 of a float32, 53 of a float64.
        """
        sums = self.largest_products + np.abs(self.aligned_bias)
        inputs = np.maximum(np.abs(self.inputs.low), np.abs(self.inputs.high))
        largest = [*sums, *np.abs(self.aligned_kernel).reshape(-1), *inputs]
        if self.aligned_factor is not None and self.aligned_term is not None:
            factor = np.abs(self.aligned_factor)
            largest += [*factor, *(sums * factor + np.abs(self.aligned_term))]
        if self.activation is not None:
            largest.append(self.activation.code_max)
        return max(int(value).bit_length() for value in largest)


@dataclass(frozen=True)
class IntegerNetwork:
    """A network in integers. Its output is an integer logit, in units of `lsb`; nothing rounds it."""

    image: ImageShape
    input_format: Format
    layers: tuple[IntegerLayer, ...]

    def __iter__(self) -> Iterator[IntegerLayer]:
        return iter(self.layers)

    @property
    def output(self) -> Bounds:
        """What the logit can be."""
        return self.layers[-1].outputs

    @property
    def lsb(self) -> float:
        """The value of one unit of the logit, a power of two."""
        return float(Fraction(2) ** -self.output.fraction)

    @property
    def sum_bits(self) -> int:
        """Bits, the sign aside, that hold every sum of every layer; see `IntegerLayer.sum_bits`."""
        return max(layer.sum_bits for layer in self.layers)

    def threshold_code(self, threshold: float) -> int:
        """The integer `t` such that `logit code > t` is the decision `score > threshold`, exactly."""
        return floor(Fraction(float(threshold)) * Fraction(2) ** self.output.fraction)


def is_fixed_point(configuration: Configuration) -> bool:
    """Whether every format that its layers need is given, so that the network is one of integers."""
    precision, network = configuration.precision, configuration.network
    needed = [precision.dense]
    needed += [precision.conv] if network.filters else []
    needed += [precision.activation] if network.filters or network.units else []
    needed += [precision.batchnorm] if network.batch_norm != "off" else []
    return None not in needed


def integer_network(configuration: Configuration, weights: Weights, image: ImageShape) -> IntegerNetwork:
    """The integers of a trained network on images of shape (rows, columns, channels).

    Weights are rounded to their formats; batch norm becomes its factor and term with the very function of training, in
    float32, before they are rounded. Every width follows by interval arithmetic.

    Raises:
        FirmwareError: a needed format is float, or a weight is missing, of another shape, or NaN.
    """
    expected = layers(configuration.network, image)
    _check(weights, expected.weight_shapes() | expected.statistics_shapes(), image)
    precision = configuration.precision
    formats: dict[type, tuple[str, Format | None]] = {
        Convolution: ("conv", precision.conv),
        Dense: ("dense", precision.dense),
    }
    bounds = Bounds.of(precision.pixel, image[2])
    made = []
    for layer in expected:
        weight_format = _fixed(*formats[type(layer)])
        activation = None
        if not (isinstance(layer, Dense) and layer.is_output):
            activation = _fixed("activation", precision.activation)
            activation = activation.unsigned() if configuration.network.activation == "relu" else activation
        normalisation = _fixed("batchnorm", precision.batchnorm) if layer.batch_norm else None
        channels = layer.channels if isinstance(layer, Convolution) else layer.inputs
        bounds = bounds.repeated(channels // len(bounds.low))
        made.append(_integer_layer(layer, weights, weight_format, normalisation, activation, bounds))
        bounds = made[-1].outputs
    return IntegerNetwork(image, precision.pixel, tuple(made))


def _integer_layer(
    layer: Convolution | Dense,
    weights: Weights,
    weight_format: Format,
    normalisation: Format | None,
    activation: Format | None,
    inputs: Bounds,
) -> IntegerLayer:
    kernel = to_codes(weights[f"{layer.name}.kernel"], weight_format)
    bias = to_codes(weights[f"{layer.name}.bias"], weight_format)
    seen = inputs.with_zero() if isinstance(layer, Convolution) and layer.kernel > 1 else inputs
    sums = normalised = seen.through(
        _aligned(kernel, -seen.fraction), _aligned(bias, seen.fraction), weight_format.fraction + max(seen.fraction, 0)
    )
    factor = term = None
    if normalisation is not None:
        factor, term = _folded(layer.name, weights, normalisation)
        normalised = sums.scaled(
            _aligned(factor, -sums.fraction),
            _aligned(term, sums.fraction),
            normalisation.fraction + max(sums.fraction, 0),
        )
    outputs = normalised if activation is None else normalised.requantised(activation)
    return IntegerLayer(
        layer, weight_format, kernel, bias, normalisation, factor, term, activation, seen, sums, normalised, outputs
    )


def _aligned(codes: Codes, shift: int) -> Integers:
    """Codes in a unit that is `2^shift` times finer; unchanged if `shift` is negative: the others shift then."""
    shifted: Integers = exact(codes) * 2 ** max(shift, 0)
    return shifted


def _folded(name: str, weights: Weights, format: Format) -> tuple[Codes, Codes]:
    """Codes of batch norm's factor and term, computed in float32 as the training graph does, always on the CPU."""
    arrays = [weights[f"{name}.{part}"] for part in ("scale", "shift", "mean", "variance")]
    with own_arithmetic(), jax.default_device(device("cpu")):
        factor, term = jax.jit(fold)(*arrays, grid(format))
    return to_codes(factor, format), to_codes(term, format)


def _fixed(name: str, format: Format | None) -> Format:
    if format is None:
        raise FirmwareError(
            f"precision.{name} is float, and firmware computes with integers; allowed is a format such as (12,2). "
            f"Train the network with one."
        )
    return format


def _check(weights: Weights, wanted: Mapping[str, tuple[int, ...]], image: ImageShape) -> None:
    for name, shape in wanted.items():
        found = weights[name].shape if name in weights else None
        if found != shape:
            raise FirmwareError(
                f"The weight {name} has shape {found}; the configuration needs {shape} on images {image}."
            )
        if np.isnan(weights[name]).any():
            raise FirmwareError(f"The weight {name} holds NaN, which has no integer code; the training diverged.")
