"""What differs between members that share a compiled program, as data: formats, and the dropout rate."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from narrowgate.fixedpoint import Grid, grid
from narrowgate.network._configuration import Architecture
from narrowgate.network._entries import layer_entries
from narrowgate.network._learning import Learned
from narrowgate.network._precision import Entry, Precision

Arrays = dict[str, Array]
"""Weights or batch-norm statistics by the names of `Layers.weight_shapes` and `Layers.statistics_shapes`."""


class LayerGrids(NamedTuple):
    """The grids of one layer's tensors: scalars, or arrays that broadcast against the tensor.

    An activation has its layout inside a network, (channels, columns, rows, events) or (outputs, events); batch norm's
    factor and term share a grid. A layer without batch norm or activation leaves theirs unused.
    """

    kernel: Grid
    bias: Grid
    batchnorm: Grid
    activation: Grid


class LearningNow(NamedTuple):
    """How widths are learned at a step: the strength β of the penalty, and whether they still move."""

    beta: Float[Array, ""]
    moves: Bool[Array, ""]


class Numerics(NamedTuple):
    """What differs between members that share a compiled program: formats as data, and the dropout rate.

    `layers` has the grids of every layer by its name, `input` the grid of pixels, scalars or arrays that broadcast
    against (channels, columns, rows, events); `count_worth` is what one count of a pixel is
    worth. Tensors whose widths are learned leave their grids unused: these widths lie among the weights, by the names
    of `_learned`; `learning` is theirs while they train.
    """

    layers: dict[str, LayerGrids]
    input: Grid
    count_worth: Float[Array, ""]
    dropout: Float[Array, ""]
    learning: LearningNow | None = None


def numerics(precision: Precision, architecture: Architecture) -> Numerics:
    """The formats and the dropout rate of one member as float32 scalars."""
    relu = architecture.activation == "relu"
    layers = {
        name: LayerGrids(
            kernel=_grid(own.kernel),
            bias=_grid(own.bias),
            batchnorm=_grid(own.batchnorm),
            activation=_grid(own.activation, signed=not relu),
        )
        for name, own in layer_entries(precision, architecture).items()
    }
    return Numerics(
        layers=layers,
        input=grid(precision.pixel),
        count_worth=jnp.float32(precision.count or precision.pixel.lsb),
        dropout=jnp.float32(architecture.dropout),
    )


def _grid(entry: Entry, *, signed: bool = True) -> Grid:
    return grid(None if isinstance(entry, Learned) else entry, signed=signed)
