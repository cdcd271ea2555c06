"""The layers that an architecture stands for on images of a given shape: names, sizes and which formats they use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from narrowgate.network._configuration import Architecture
from narrowgate.network._section import ConfigurationError

ImageShape = tuple[int, int, int]
"""Rows (η), columns (φ), channels."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with `same` padding and stride 1, then batch norm or not, max-pooling, and the activation."""

    name: str
    rows: int
    columns: int
    channels: int
    filters: int
    kernel: int
    pool: int
    batch_norm: bool
    first: bool = False
    """Whether its images are the event's own, of which no gradient is wanted."""

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """Rows, columns, channels in, filters out."""
        return self.kernel, self.kernel, self.channels, self.filters

    @property
    def output_shape(self) -> ImageShape:
        """After pooling; rows and columns that do not fill a pool are dropped."""
        return self.rows // self.pool, self.columns // self.pool, self.filters

    @property
    def uses(self) -> NDArray[np.int64]:
        """How often each tap of the kernel, (rows, columns), meets a pixel that exists, over what a pool keeps."""
        rows, columns = (
            np.array([_overlap(tap - (self.kernel - 1) // 2, size, self.pool) for tap in range(self.kernel)], np.int64)
            for size in (self.rows, self.columns)
        )
        return np.outer(rows, columns)

    @property
    def as_product(self) -> bool:
        """Whether there are faster ways: 3 × 3 taps, and 2 × 2 pools that leave nothing over."""
        return self.kernel == 3 and self.pool == 2 and self.rows % 2 == 0 and self.columns % 2 == 0


def _overlap(offset: int, size: int, pool: int) -> int:
    """Outputs along one side that a pool keeps and whose input at `offset` lies inside the image."""
    kept = size // pool * pool
    return max(min(kept, size - offset) - max(0, -offset), 0)


@dataclass(frozen=True)
class Dense:
    """A fully connected layer; the last one, `output`, is linear and gives the score."""

    name: str
    inputs: int
    outputs: int
    batch_norm: bool
    is_output: bool

    @property
    def kernel_shape(self) -> tuple[int, int]:
        """Inputs, outputs."""
        return self.inputs, self.outputs


@dataclass(frozen=True)
class Layers:
    """All layers of a network in the order in which an event passes them."""

    image: ImageShape
    convolutions: tuple[Convolution, ...]
    dense: tuple[Dense, ...]

    def __iter__(self) -> Iterator[Convolution | Dense]:
        yield from self.convolutions
        yield from self.dense

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """The trained arrays by name, e.g. `conv0.kernel`; `scale` and `shift` are batch norm's γ and β."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in self:
            outputs = layer.kernel_shape[-1:]
            shapes[f"{layer.name}.kernel"] = layer.kernel_shape
            shapes[f"{layer.name}.bias"] = outputs
            if layer.batch_norm:
                shapes[f"{layer.name}.scale"] = outputs
                shapes[f"{layer.name}.shift"] = outputs
        return shapes

    def statistics_shapes(self) -> dict[str, tuple[int, ...]]:
        """Batch norm's moving `mean` and `variance` by name, e.g. `conv0.mean`."""
        return {
            f"{layer.name}.{name}": layer.kernel_shape[-1:]
            for layer in self
            if layer.batch_norm
            for name in ("mean", "variance")
        }


def layers(architecture: Architecture, image: ImageShape, *, learned_input: bool = False) -> Layers:
    """The layers of `architecture` on images of shape (rows, columns, channels).

    With `learned_input` a gradient of the images is wanted, for the widths of pixels.

    Raises:
        ConfigurationError: when the pools leave nothing of the image.
    """
    hidden = architecture.batch_norm in ("hidden", "all")
    shape = image
    convolutions = []
    for index, (filters, kernel, pool) in enumerate(
        zip(architecture.filters, architecture.kernels, architecture.pools, strict=True)
    ):
        layer = Convolution(
            f"conv{index}", *shape, filters, kernel, pool, hidden, first=index == 0 and not learned_input
        )
        if min(layer.output_shape) < 1:
            raise ConfigurationError(
                f"network.pools: pool {pool} of convolution {index + 1} leaves nothing of {shape[0]} × {shape[1]} "
                f"pixels; allowed is at most {min(shape[:2])} there."
            )
        convolutions.append(layer)
        shape = layer.output_shape
    dense = []
    inputs = prod(shape)
    for index, units in enumerate(architecture.units):
        dense.append(Dense(f"dense{index}", inputs, units, hidden, is_output=False))
        inputs = units
    dense.append(Dense("output", inputs, 1, architecture.batch_norm == "all", is_output=True))
    return Layers(image, tuple(convolutions), tuple(dense))
