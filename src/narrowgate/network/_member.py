"""The network of one member as pure functions: fresh weights, and images in, scores out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import threefry_2x32
from jaxtyping import Array, Float, Key, UInt
from numpy.typing import NDArray

from narrowgate import native
from narrowgate.network._batch_norm import batch_moments, fold, moving
from narrowgate.network._convolution import pooled, pooled_with_moments
from narrowgate.network._layers import Convolution, Dense, Layers
from narrowgate.network._numerics import Arrays, Numerics
from narrowgate.network._tensors import Tensors


def initial_weights(layers: Layers, seed: int) -> dict[str, NDArray[np.float32]]:
    """Kernels uniform in ±√(6 / (fan in + fan out)) (Glorot and Bengio 2010), biases and shifts 0, scales 1.

    Drawn by NumPy: it needs no compiling, which for a few numbers takes longer than anything else.
    """
    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in layers.weight_shapes().items():
        if name.endswith(".kernel"):
            area = int(np.prod(shape[:-2]))
            bound = (6.0 / (area * (shape[-2] + shape[-1]))) ** 0.5
            weights[name] = generator.uniform(-bound, bound, shape).astype(np.float32)
        else:
            weights[name] = np.full(shape, 1.0 if name.endswith(".scale") else 0.0, np.float32)
    return weights


def initial_statistics(layers: Layers) -> dict[str, NDArray[np.float32]]:
    """Moving means 0 and variances 1."""
    return {
        name: np.full(shape, 1.0 if name.endswith(".variance") else 0.0, np.float32)
        for name, shape in layers.statistics_shapes().items()
    }


def scores(
    layers: Layers, numerics: Numerics, weights: Arrays, statistics: Arrays, images: Array
) -> Float[Array, " events"]:
    """The network's output (a logit; larger is more signal-like) for images (channels, columns, rows, events).

    `images` holds whole numbers, counts worth `numerics.count_worth` each; `events_last` and `gathered` give them so.
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
        grids = numerics.layers[layer.name]
        mean_name, variance_name = f"{layer.name}.mean", f"{layer.name}.variance"
        moments = statistics[mean_name], statistics[variance_name]
        if training is not None:
            statistics[mean_name] = moving(moments[0], jax.lax.stop_gradient(batch[0]))
            statistics[variance_name] = moving(moments[1], jax.lax.stop_gradient(batch[1]))
            moments = batch
        return fold(weights[f"{layer.name}.scale"], weights[f"{layer.name}.shift"], *moments, grids.batchnorm)

    tensors = Tensors(numerics, weights, statistics)
    values = tensors.pixels(images)
    for convolution in layers.convolutions:
        kernel, bias = tensors.kernel_and_bias(convolution.name)
        # Bias, batch norm and activation rise or fall monotonically, so pooling may come before them: the same bits for
        # a quarter of the work. Where batch norm's factor is negative they fall, and the sign turns the pool round.
        if convolution.batch_norm:
            sign = jnp.where(weights[f"{convolution.name}.scale"] >= 0, 1.0, -1.0)
            values, (mean, variance) = pooled_with_moments(values, kernel * sign, convolution)
            factor, term = multiply_add(convolution, (mean * sign + bias, variance))
            values = values * _each(sign) + _each(bias)
            values = values * _each(factor) + _each(term)
        else:
            values = pooled(values, kernel, convolution) + _each(bias)
        values = tensors.activated(convolution.name, values)
    values = values.transpose(2, 1, 0, 3).reshape(-1, values.shape[-1])  # rows, columns, channels; then events
    masks: list[Array] | list[None] = [None] * len(layers.dense)
    if training is not None and training[0] is not None:
        masks = _dropout_masks(layers, numerics, training[0], values.shape[-1])
    for dense, mask in zip(layers.dense, masks, strict=True):
        kernel, bias = tensors.kernel_and_bias(dense.name)
        values = kernel.T @ (values if mask is None else values * mask) + bias[:, None]
        if dense.batch_norm:
            factor, term = multiply_add(dense, batch_moments(values, channel=0))
            values = values * factor[:, None] + term[:, None]
        if not dense.is_output:
            values = tensors.activated(dense.name, values)
    return values[0], statistics


def _dropout_masks(layers: Layers, numerics: Numerics, key: Key[Array, ""], events: int) -> list[Array]:
    """For every dense layer what its inputs (inputs, events) are multiplied with: 0, or 1 over the share that is kept.

    16 random bits decide each: four of every 64 bits that the generator makes, where `jax.random.bits` takes one; and
    all layers in one go, for its loop costs more than its numbers.
    """
    inputs = [dense.inputs for dense in layers.dense]
    count = sum(inputs) * events
    random = jax.lax.bitcast_convert_type(_random_words(key, -(-count // 2)), jnp.uint16)
    keep = 1 - numerics.dropout
    kept = random.ravel()[:count].reshape(-1, events) < jnp.round(keep * 2**16)
    return jnp.split(jnp.where(kept, 1 / keep, 0), np.cumsum(inputs)[:-1])


def _random_words(key: Key[Array, ""], least: int) -> UInt[Array, " words"]:
    """At least so many random words of 32 bits; the same ones from either generator."""
    count = -(-least // 32) * 32
    if native.available():
        return native.random_words(jax.random.key_data(key), count)
    words: Array = threefry_2x32(jax.random.key_data(key), jnp.arange(count, dtype=jnp.uint32))
    return words


def _each(vector: Float[Array, " filters"]) -> Float[Array, "filters 1 1 1"]:
    """One number a filter, for all columns, rows and events."""
    return vector[:, None, None, None]
