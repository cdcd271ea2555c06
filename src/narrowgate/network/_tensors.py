"""The tensors of one member in their formats: given ones, or such whose widths lie, learned, among the weights."""

from __future__ import annotations

from collections.abc import MutableMapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from narrowgate.fixedpoint import Grid, Rounding, integer_bits, quantise, quantise_learned, quantise_weights
from narrowgate.network._learned import INPUT
from narrowgate.network._numerics import Arrays, Numerics
from narrowgate.network._precision import INPUT_INTEGER_BITS

DECAY = 0.999
"""Of the largest value seen, per step: bits before the point follow it slowly down, and at once up."""


class Tensors:
    """Reads pixels, kernels and biases, and rounds activations; tells in `seen` the largest values of activations."""

    def __init__(self, numerics: Numerics, weights: Arrays, seen: MutableMapping[str, Array]) -> None:
        self._numerics, self._weights, self._seen = numerics, weights, seen

    def pixels(self, images: Array) -> Float[Array, "channels columns rows events"]:
        """Counts as the network reads them: times what one is worth, lower bits dropped, saturated."""
        count = self._numerics.count_worth
        if INPUT not in self._weights:
            return read_pixels(images, count, self._numerics.input)
        whole = jnp.float32(INPUT_INTEGER_BITS)
        return quantise_learned(images * count, self._weights[INPUT], whole, signed=False, rounding=Rounding.TRUNCATE)

    def kernel_and_bias(self, layer: str) -> tuple[Array, Array]:
        """Of a layer, on their grids."""
        grids = self._numerics.layers[layer]
        return self._weight(f"{layer}.kernel", grids.kernel), self._weight(f"{layer}.bias", grids.bias)

    def _weight(self, name: str, grid: Grid) -> Array:
        fraction = self._weights.get(f"{name}.fraction")
        values = self._weights[name]
        return quantise(values, grid) if fraction is None else quantise_weights(values, fraction)

    def activated(self, layer: str, values: Array) -> Array:
        """After the activation function, on the grid.

        The grid of a learned one is that of float: it is the function alone, without a gradient where that is flat.
        """
        values = quantise(values, self._numerics.layers[layer].activation, outside="zero")
        name = f"{layer}.activation"
        fraction = self._weights.get(f"{name}.fraction")
        if fraction is None:
            return values
        if f"{name}.largest" in self._weights:
            largest = self._followed(self._weights[f"{name}.largest"], values)
            self._seen[f"{name}.largest"] = largest
            integer = integer_bits(largest)
        else:
            integer = self._weights[f"{name}.integer"]
        return quantise_learned(values, fraction, integer, signed=True)

    def _followed(self, held: Array, values: Array) -> Array:
        """The largest value seen, with those of this batch, while widths move."""
        shared = [axis for axis, size in enumerate(held.shape) if size == 1]
        found = jnp.max(jnp.abs(jax.lax.stop_gradient(values)), axis=shared, keepdims=True)
        now = self._numerics.learning
        return jnp.where(True if now is None else now.moves, jnp.maximum(found, DECAY * held), held)


def read_pixels(images: Array, count: Float[Array, ""], grid: Grid) -> Float[Array, "channels columns rows events"]:
    """Counts in a given format: times what one is worth, lower bits dropped, saturated. Hardware pays nothing.

    A step that is finer than a count changes nothing; there is no gradient with respect to images or grid.
    """
    steps = jnp.floor(images * (count / grid.lsb))
    return jnp.minimum(steps * grid.lsb, grid.high)
