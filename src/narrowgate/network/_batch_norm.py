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

    t uses s before rounding. Ioffe and Szegedy, arXiv:1502.03167, algorithm 2.
    """
    factor = scale * jax.lax.rsqrt(variance + EPSILON)
    return quantise(factor, grid), quantise(shift - mean * factor, grid)


def batch_moments(
    values: Float[Array, "... channels"],
) -> tuple[Float[Array, " channels"], Float[Array, " channels"]]:
    """Mean and (biased) variance over every axis but the last."""
    axes = tuple(range(values.ndim - 1))
    mean = jnp.mean(values, axes)
    return mean, jnp.mean(jnp.square(values), axes) - jnp.square(mean)


def moving(average: Float[Array, " channels"], batch: Float[Array, " channels"]) -> Float[Array, " channels"]:
    """The moving average one step later."""
    return MOMENTUM * average + (1 - MOMENTUM) * batch
