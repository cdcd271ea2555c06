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
    values: Float[Array, "... channels"],
) -> tuple[Float[Array, " channels"], Float[Array, " channels"]]:
    """Mean and (biased) variance over every axis but the last.

    The sums run down the columns of a wide matrix first, because that is what processors vectorise: over a narrow last
    axis of few channels XLA's reduction is several times slower.
    """
    channels = values.shape[-1]
    wide = values.reshape(-1, channels if values.ndim < 3 else values.shape[-2] * channels)
    count = values.size // channels

    def mean(columns: Float[Array, "rows columns"]) -> Float[Array, " channels"]:
        return jnp.sum(jnp.sum(columns, axis=0).reshape(-1, channels), axis=0) / count

    first = mean(wide)
    return first, jnp.maximum(mean(jnp.square(wide)) - jnp.square(first), 0)


def moving(average: Float[Array, " channels"], batch: Float[Array, " channels"]) -> Float[Array, " channels"]:
    """The moving average one step later."""
    return MOMENTUM * average + (1 - MOMENTUM) * batch
