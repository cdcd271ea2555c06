"""Batch normalisation as hardware does it: one multiply and one add a channel, both in the `batchnorm` format."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from narrowgate.fixedpoint import Grid, quantise

EPSILON = 1e-3
"""Added to the variance; Keras' default."""

MOMENTUM = 0.99
"""Of the moving mean and variance, per step; Keras' default."""


def fold(
    scale: Float[Array, " channels"],
    shift: Float[Array, " channels"],
    mean: Float[Array, " channels"],
    variance: Float[Array, " channels"],
    grid: Grid,
) -> tuple[Float[Array, " channels"], Float[Array, " channels"]]:
    """The factor s = γ/√(σ²+ε) and the term t = β − μ·s of y = s·x + t, each on the grid.

    t uses s as it is on the grid, so that a rounded or saturated s still leaves the outputs centred on β. With s before
    rounding, or with gradients passed where s saturates, γ drifts beyond the format's range and training at (12,2)
    blows up now and then. Ioffe and Szegedy, arXiv:1502.03167, algorithm 2.
    """
    factor = quantise(scale * jax.lax.rsqrt(variance + EPSILON), grid, outside="zero")
    return factor, quantise(shift - mean * factor, grid, outside="zero")


def batch_moments(
    values: Float[Array, "... events"], channel: int
) -> tuple[Float[Array, " channels"], Float[Array, " channels"]]:
    """Mean and (biased) variance of every channel, which is axis `channel` of the values.

    Both are taken of the differences from a shift, the mean over the events at one place in the middle: where values
    lie far from zero, the mean of squares less the square of the mean has no digits left in float32. The loss is of
    the order of float32's rounding times the number of places, or times mean / spread. Chan, Golub and LeVeque,
    American Statistician 37, 242 (1983).
    """
    others = [axis for axis in range(values.ndim) if axis != channel]
    middle = tuple(
        slice(None) if axis in (channel, values.ndim - 1) else size // 2 for axis, size in enumerate(values.shape)
    )
    shift = jax.lax.stop_gradient(jnp.mean(values[middle], axis=-1))
    away = values - jnp.expand_dims(shift, others)
    return moments(shift, jnp.mean(away, axis=others), jnp.mean(jnp.square(away), axis=others))


def moments(
    shift: Float[Array, " channels"], away: Float[Array, " channels"], square: Float[Array, " channels"]
) -> tuple[Float[Array, " channels"], Float[Array, " channels"]]:
    """Mean and variance from the mean of differences from a shift, and that of their squares."""
    return shift + away, jnp.maximum(square - jnp.square(away), 0)


def moving(average: Float[Array, " channels"], batch: Float[Array, " channels"]) -> Float[Array, " channels"]:
    """The moving average one step later."""
    return MOMENTUM * average + (1 - MOMENTUM) * batch
