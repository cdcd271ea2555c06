"""Effective bit operations as a term of the loss: differentiable in widths that are learned."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from narrowgate.fixedpoint import Grid, integer_bits, quantise, weight_bits, whole
from narrowgate.network._layers import Convolution, Layers
from narrowgate.network._learned import INPUT
from narrowgate.network._numerics import Arrays, Numerics
from narrowgate.network._precision import INPUT_INTEGER_BITS


@dataclass(frozen=True)
class BitOperations:
    """The penalty β · EBOPs of a network: for every multiplication of a weight with an activation, the product of
    their bits, and for every output the bits of its bias (Sun et al., arXiv:2405.00645).

    Signs are not counted. A weight counts from its highest bit to the lowest that its format allows, an activation with
    the bits of its format: at least what `narrowgate.integers` counts of the finished network, where trailing zeros
    of weights and the ranges of values are known.
    """

    layers: Layers

    def __call__(self, weights: Arrays, learned: Arrays, numerics: Numerics) -> Float[Array, ""]:
        """β · EBOPs at this step; 0 while nothing is learned."""
        if numerics.learning is None:
            return jnp.zeros(())
        penalty: Array = numerics.learning.beta * self.count(weights, learned, numerics)
        return penalty

    def count(self, weights: Arrays, learned: Arrays, numerics: Numerics) -> Float[Array, ""]:
        """The number itself."""
        total: Array = jnp.float32(0)
        inputs = _of_pixels(learned, numerics)
        for layer in self.layers:
            grids = numerics.layers[layer.name]
            kernel = _of_weights(f"{layer.name}.kernel", weights, learned, grids.kernel)
            bias = _of_weights(f"{layer.name}.bias", weights, learned, grids.bias)
            if isinstance(layer, Convolution):
                places = prod(layer.output_shape[:2]) * layer.pool**2
                uses = jnp.asarray(layer.uses, jnp.float32)
                total += jnp.sum(uses[:, :, None, None] * kernel * inputs[:, None]) + places * jnp.sum(bias)
            else:
                repeated = jnp.tile(inputs, layer.inputs // inputs.size)  # rows, columns, then channels
                total += jnp.sum(kernel * repeated[:, None]) + jnp.sum(bias)
            channels = layer.kernel_shape[-1]
            inputs = jnp.broadcast_to(_of_activation(layer.name, learned, grids.activation).reshape(-1), (channels,))
        return total


def _of_pixels(learned: Arrays, numerics: Numerics) -> Array:
    if INPUT in learned:
        return jnp.maximum(INPUT_INTEGER_BITS + whole(learned[INPUT]), 0).reshape(1)
    return _of_grid(numerics.input).reshape(1)


def _of_weights(name: str, weights: Arrays, learned: Arrays, grid: Grid) -> Array:
    fraction = learned.get(f"{name}.fraction")
    if fraction is not None:
        return weight_bits(weights[name], fraction)
    codes = jnp.abs(jax.lax.stop_gradient(quantise(weights[name], grid))) / grid.lsb
    return jnp.where(codes > 0, jnp.frexp(codes)[1], 0).astype(jnp.float32)


def _of_activation(layer: str, learned: Arrays, grid: Grid) -> Array:
    fraction = learned.get(f"{layer}.activation.fraction")
    if fraction is None:
        return _of_grid(grid)
    return jnp.maximum(integer_bits(learned[f"{layer}.activation.largest"]) + whole(fraction), 0)


def _of_grid(grid: Grid) -> Array:
    """Bits of a given format without its sign."""
    return jnp.frexp(jnp.maximum(grid.high, -grid.low - grid.lsb) / grid.lsb)[1].astype(jnp.float32)
