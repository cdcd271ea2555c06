"""The network of one member as pure functions: fresh weights, and images in, scores out."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from narrowgate.fixedpoint import Grid, grid, quantise
from narrowgate.network._batch_norm import batch_moments, fold, moving
from narrowgate.network._configuration import Architecture, Precision
from narrowgate.network._convolution import convolve, largest, over_lanes, side_by_side
from narrowgate.network._layers import Convolution, Dense, Layers

Arrays = dict[str, Array]
"""Weights or batch-norm statistics by the names of `Layers.weight_shapes` and `Layers.statistics_shapes`."""


class Numerics(NamedTuple):
    """What differs between members that share a compiled program: formats as data, and the dropout rate."""

    conv: Grid
    dense: Grid
    batchnorm: Grid
    activation: Grid
    input_lsb: Float[Array, ""]
    input_high: Float[Array, ""]
    dropout: Float[Array, ""]


def numerics(precision: Precision, architecture: Architecture) -> Numerics:
    """The formats and the dropout rate of one member as float32 scalars."""
    relu = architecture.activation == "relu"
    activation = precision.activation
    if relu and activation is not None:
        activation = activation.unsigned()
    return Numerics(
        conv=grid(precision.conv),
        dense=grid(precision.dense),
        batchnorm=grid(precision.batchnorm),
        activation=grid(activation, signed=not relu),
        input_lsb=jnp.float32(precision.input.lsb),
        input_high=jnp.float32(precision.input.maximum),
        dropout=jnp.float32(architecture.dropout),
    )


def initial_weights(layers: Layers, key: Key[Array, ""]) -> Arrays:
    """Kernels uniform in ±√(6 / (fan in + fan out)) (Glorot and Bengio 2010), biases and shifts 0, scales 1."""
    weights = {}
    for index, (name, shape) in enumerate(layers.weight_shapes().items()):
        if name.endswith(".kernel"):
            area = int(np.prod(shape[:-2]))
            bound = (6.0 / (area * (shape[-2] + shape[-1]))) ** 0.5
            weights[name] = jax.random.uniform(jax.random.fold_in(key, index), shape, jnp.float32, -bound, bound)
        else:
            weights[name] = jnp.full(shape, 1.0 if name.endswith(".scale") else 0.0, jnp.float32)
    return weights


def initial_statistics(layers: Layers) -> Arrays:
    """Moving means 0 and variances 1."""
    return {
        name: jnp.full(shape, 1.0 if name.endswith(".variance") else 0.0, jnp.float32)
        for name, shape in layers.statistics_shapes().items()
    }


def scores(
    layers: Layers, numerics: Numerics, weights: Arrays, statistics: Arrays, images: Array
) -> Float[Array, " events"]:
    """The network's output (a logit; larger is more signal-like) for images (events, rows, columns, channels).

    `images` holds unsigned integers, in counts of the input's lsb.
    """
    with jax.default_matmul_precision("highest"):
        return _forward(layers, numerics, weights, statistics, images, None)[0]


def training_scores(
    layers: Layers, numerics: Numerics, weights: Arrays, statistics: Arrays, images: Array, key: Key[Array, ""] | None
) -> tuple[Float[Array, " events"], Arrays]:
    """Scores as training sees them (batch moments, dropout), and the statistics one step later.

    `key` decides the dropout masks; `None` leaves dropout out of the program altogether.
    """
    with jax.default_matmul_precision("highest"):
        return _forward(layers, numerics, weights, statistics, images, (key,))


def _forward(
    layers: Layers,
    numerics: Numerics,
    weights: Arrays,
    statistics: Arrays,
    images: Array,
    training: tuple[Key[Array, ""] | None] | None,
) -> tuple[Float[Array, " events"], Arrays]:
    statistics = dict(statistics)

    def multiply_add(layer: Convolution | Dense, batch: tuple[Array, Array]) -> tuple[Array, Array]:
        """Batch norm's factor and term for a layer whose outputs have the moments `batch` in this batch."""
        mean_name, variance_name = f"{layer.name}.mean", f"{layer.name}.variance"
        moments = statistics[mean_name], statistics[variance_name]
        if training is not None:
            statistics[mean_name] = moving(moments[0], jax.lax.stop_gradient(batch[0]))
            statistics[variance_name] = moving(moments[1], jax.lax.stop_gradient(batch[1]))
            moments = batch
        return fold(weights[f"{layer.name}.scale"], weights[f"{layer.name}.shift"], *moments, numerics.batchnorm)

    def dropped(layer_index: int, values: Array) -> Array:
        """With dropout, in training."""
        if training is None or training[0] is None:
            return values
        key = jax.random.fold_in(training[0], layer_index)
        keep = 1 - numerics.dropout
        kept = jax.random.bits(key, values.shape, jnp.uint16) < jnp.round(keep * 2**16)
        return jnp.where(kept, values / keep, 0)

    values = jnp.minimum(images * numerics.input_lsb, numerics.input_high)
    for convolution in layers.convolutions:
        kernel = quantise(weights[f"{convolution.name}.kernel"], numerics.conv)
        bias = quantise(weights[f"{convolution.name}.bias"], numerics.conv)
        # Bias, batch norm and activation rise or fall monotonically, so pooling may come before them: the same bits for
        # a quarter of the work. Where batch norm's factor is negative they fall, and the sign turns the pool round.
        if convolution.batch_norm:
            sign = jnp.where(weights[f"{convolution.name}.scale"] >= 0, 1.0, -1.0)
            bands = convolve(values, kernel * sign, convolution)
            mean, variance = batch_moments(bands, convolution.filters)
            affine = [sign, bias, *multiply_add(convolution, (mean * sign + bias, variance))]
        else:
            bands = convolve(values, kernel, convolution)
            affine = [bias]
        values = side_by_side(
            [quantise(_after_pooling(largest(band), affine), numerics.activation, outside="zero") for band in bands],
            convolution,
        )
    values = values.reshape(values.shape[0], -1)
    for index, dense in enumerate(layers.dense):
        kernel = quantise(weights[f"{dense.name}.kernel"], numerics.dense)
        bias = quantise(weights[f"{dense.name}.bias"], numerics.dense)
        values = dropped(index, values) @ kernel + bias
        if dense.batch_norm:
            factor, term = multiply_add(dense, batch_moments([values], dense.outputs))
            values = values * factor + term
        if not dense.is_output:
            values = quantise(values, numerics.activation, outside="zero")
    return values[:, 0], statistics


def _after_pooling(pooled: Float[Array, "positions lanes"], affine: list[Array]) -> Float[Array, "positions lanes"]:
    """Bias, or with batch norm sign, bias, factor and term, one number a filter each."""
    wide = [over_lanes(vector, pooled.shape[-1]) for vector in affine]
    if len(wide) == 1:
        return pooled + wide[0]
    sign, bias, factor, term = wide
    return (pooled * sign + bias) * factor + term
