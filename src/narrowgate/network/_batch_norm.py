"""Batch normalisation as hardware does it: one multiply and one add a channel, both in the `batchnorm` format."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from narrowgate.fixedpoint import Grid, quantise
from narrowgate.network._convolution import over_filters

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
    bands: Sequence[Float[Array, "... lanes"]], channels: int
) -> tuple[Float[Array, " channels"], Float[Array, " channels"]]:
    """Mean and (biased) variance of every channel over all bands; channels run fastest along the last axis."""
    wide = [band.reshape(len(band), -1) for band in bands]
    count = sum(band.size for band in bands) // channels

    def mean_of(values: list[Float[Array, "positions lanes"]]) -> Float[Array, " channels"]:
        sums = [over_filters(jnp.sum(band, axis=0), channels) for band in values]
        return jnp.sum(jnp.stack(sums), axis=0) / count

    mean = mean_of(wide)
    return mean, jnp.maximum(mean_of([jnp.square(band) for band in wide]) - jnp.square(mean), 0)


def moving(average: Float[Array, " channels"], batch: Float[Array, " channels"]) -> Float[Array, " channels"]:
    """The moving average one step later."""
    return MOMENTUM * average + (1 - MOMENTUM) * batch
