"""A trained network as integers: codes, shifts and bounds, which together define what the hardware computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

import jax
import numpy as np
from numpy.typing import NDArray

from narrowgate.fixedpoint import Codes, Format, FormatArray, FormatError, Rounding, grid, to_codes
from narrowgate.integers._bounds import Bounds, Integers, exact
from narrowgate.integers._errors import FirmwareError
from narrowgate.machine import device, own_arithmetic
from narrowgate.network import (
    Configuration,
    Convolution,
    Dense,
    ImageShape,
    LayerFormats,
    Learned,
    first_float,
    fold,
    layer_formats,
    layers,
    settled_input,
    settled_shapes,
)

Weights = Mapping[str, NDArray[np.float32]]
"""The arrays of a run by name, e.g. `conv0.kernel`."""


AnyFormat = Format | FormatArray
"""One format for a tensor, or one for each channel or weight, as learned widths are."""


@dataclass(frozen=True)
class IntegerLayer:
    """One layer in integers: `(inputs @ kernel + bias) · factor + term`, the pool's maximum, then the activation.

    `kernel` and `bias` are codes of their formats, `factor` and `term` (batch norm's, or `None`) both codes of
    `normalisation_format`; `activation` is the format that the sum is rounded to, `None` for the output. The bounds say
    what each channel can hold: of the inputs, of the sum with its bias, after batch norm, and after the activation.
    """

    layer: Convolution | Dense
    kernel_format: AnyFormat
    kernel: Codes
    bias_format: AnyFormat
    bias: Codes
    normalisation_format: Format | None
    factor: Codes | None
    term: Codes | None
    activation: AnyFormat | None
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
        """The kernel such that `inputs @ kernel` is in the unit of `sums`; shifted if the bias or the unit is finer."""
        return _aligned(self.kernel, self.sums.fraction - self.inputs.fraction - self.kernel_format.fraction)

    @property
    def aligned_bias(self) -> Integers:
        """The bias in the unit of `sums`."""
        return _aligned(self.bias, self.sums.fraction - self.bias_format.fraction)

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
        """The largest absolute `inputs @ kernel` of each output, whatever part of it is added in whatever order."""
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
    count_fraction: int
    """One count of a pixel is worth `2^-count_fraction`."""

    def __iter__(self) -> Iterator[IntegerLayer]:
        return iter(self.layers)

    @property
    def output(self) -> Bounds:
        """What the logit can be."""
        return self.layers[-1].outputs

    @property
    def dropped_bits(self) -> int:
        """How many lower bits of a count the input's format drops; negative where its lsb is finer than a count."""
        return self.count_fraction - self.input_format.fraction

    @property
    def highest_count(self) -> int:
        """The count of a pixel that is read as the highest code of the input's format, as all above it are."""
        beyond = self.input_format.code_max + 1
        return (beyond << self.dropped_bits) - 1 if self.dropped_bits >= 0 else max(beyond >> -self.dropped_bits, 1)

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
    return first_float(configuration.precision, configuration.network) is None


def integer_network(configuration: Configuration, weights: Weights, image: ImageShape) -> IntegerNetwork:
    """The integers of a trained network on images of shape (rows, columns, channels).

    Weights are rounded to their formats; batch norm becomes its factor and term with the very function of training, in
    float32, before they are rounded. Every width follows by interval arithmetic.

    Raises:
        FirmwareError: a needed format is float, or a weight is missing, of another shape, or NaN.
    """
    expected = layers(configuration.network, image)
    learned = settled_shapes(configuration, expected)
    if learned and learned.keys().isdisjoint(weights):
        raise FirmwareError(
            "The network's widths are learned, and are known when it is trained: name a run that did, or give formats."
        )
    _check(weights, expected.weight_shapes() | expected.statistics_shapes() | learned, image)
    if found := first_float(configuration.precision, configuration.network):
        layer_name, tensor = found
        kind = "conv" if layer_name.startswith("conv") else "dense"
        key = kind if tensor in ("kernel", "bias") else tensor
        raise FirmwareError(
            f"precision.{key} is float for {layer_name}, and firmware computes with integers; allowed is a format such "
            f"as (12,2), for all or in precision.layers.{layer_name}.{tensor}. Train the network with one."
        )
    precision = configuration.precision
    try:
        formats = layer_formats(precision, configuration.network, weights)
        pixel = settled_input(weights) if isinstance(precision.input, Learned) else precision.pixel
    except FormatError as error:
        raise FirmwareError(str(error)) from None
    if precision.count_fraction > pixel.fraction:
        pixel = replace(pixel, rounding=Rounding.TRUNCATE)
    bounds = Bounds.of(pixel, image[2])
    made = []
    for layer in expected:
        channels = layer.channels if isinstance(layer, Convolution) else layer.inputs
        bounds = bounds.repeated(channels // len(bounds.low))
        made.append(_integer_layer(layer, weights, formats[layer.name], bounds))
        bounds = made[-1].outputs
    return IntegerNetwork(image, pixel, tuple(made), precision.count_fraction)


def _integer_layer(layer: Convolution | Dense, weights: Weights, formats: LayerFormats, inputs: Bounds) -> IntegerLayer:
    assert formats.kernel is not None
    assert formats.bias is not None
    kernel = to_codes(weights[f"{layer.name}.kernel"], formats.kernel)
    bias = to_codes(weights[f"{layer.name}.bias"], formats.bias)
    seen = inputs.with_zero() if isinstance(layer, Convolution) and layer.kernel > 1 else inputs
    fraction = max(formats.kernel.fraction + max(seen.fraction, 0), formats.bias.fraction)
    sums = normalised = seen.through(
        _aligned(kernel, fraction - seen.fraction - formats.kernel.fraction),
        _aligned(bias, fraction - formats.bias.fraction),
        fraction,
    )
    factor = term = normalisation = None
    if layer.batch_norm:
        assert formats.batchnorm is not None
        normalisation = formats.batchnorm
        factor, term = _folded(layer.name, weights, normalisation)
        normalised = sums.scaled(
            _aligned(factor, -sums.fraction),
            _aligned(term, sums.fraction),
            normalisation.fraction + max(sums.fraction, 0),
        )
    outputs = normalised if formats.activation is None else normalised.requantised(formats.activation)
    return IntegerLayer(
        layer,
        formats.kernel,
        kernel,
        formats.bias,
        bias,
        normalisation,
        factor,
        term,
        formats.activation,
        seen,
        sums,
        normalised,
        outputs,
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


def _check(weights: Weights, wanted: Mapping[str, tuple[int, ...]], image: ImageShape) -> None:
    for name, shape in wanted.items():
        found = weights[name].shape if name in weights else None
        if found != shape:
            raise FirmwareError(
                f"The weight {name} has shape {found}; the configuration needs {shape} on images {image}."
            )
        if np.isnan(weights[name]).any():
            raise FirmwareError(f"The weight {name} holds NaN, which has no integer code; the training diverged.")
