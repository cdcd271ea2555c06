"""Learned widths while they train: when they move, how strong the penalty is, and what they may become."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from narrowgate.network import (
    HIGHEST,
    INPUT,
    INPUT_INTEGER_BITS,
    LOWEST,
    Arrays,
    Configuration,
    Layers,
    Learned,
    Learning,
    LearningNow,
    initial_learned,
)


class LearningSettings(NamedTuple):
    """Of one member, as traced numbers: β from step `first` to step `last`, at which widths stop to move."""

    beta_start: Float[Array, ""]
    beta: Float[Array, ""]
    first: Int[Array, ""]
    last: Int[Array, ""]
    finest_input: Float[Array, ""]
    """Bits after the point that a pixel has at most: those of a count."""
    start: Arrays
    """What the widths begin with."""

    def at(self, step: Int[Array, ""]) -> LearningNow:
        """Before `first` widths move without a penalty; then β rises evenly in its logarithm."""
        share = (step - self.first) / jnp.maximum(self.last - self.first, 1)
        beta = self.beta_start * (self.beta / self.beta_start) ** jnp.clip(share, 0, 1)
        return LearningNow(jnp.where((step >= self.first) & (step < self.last), beta, 0), step < self.last)

    def after(self, before: Arrays, moved: Arrays, seen: Arrays, step: Int[Array, ""]) -> Arrays:
        """What is learned after a step: within bounds, the largest values as they were `seen`, all once settled."""

        def bounded(name: str, values: Array) -> Array:
            if name == INPUT:
                return jnp.clip(values, 1 - INPUT_INTEGER_BITS, self.finest_input)
            return jnp.clip(values, LOWEST, HIGHEST)

        latest = {name: seen[name] if name in seen else bounded(name, values) for name, values in moved.items()}
        return {name: jnp.where(step < self.last, values, before[name]) for name, values in latest.items()}


def learning_settings(configuration: Configuration, layers: Layers, steps: int) -> LearningSettings | None:
    """For a training of `steps` steps; `None` where nothing is learned."""
    precision = configuration.precision
    if not precision.learns:
        return None
    learning = precision.learning or Learning()
    learns_input = isinstance(precision.input, Learned)
    return LearningSettings(
        beta_start=jnp.float32(learning.beta_start),
        beta=jnp.float32(learning.beta),
        first=jnp.int32(round(learning.warm_up * steps)),
        last=jnp.int32(round((1 - learning.fine_tuning) * steps)),
        finest_input=jnp.float32(min(precision.count_fraction, HIGHEST) if learns_input else 0),
        start={name: jnp.asarray(values) for name, values in initial_learned(configuration, layers).items()},
    )


def width_rate(configuration: Configuration) -> dict[str, float]:
    """What the learning rate of widths is in units of the weights', by the pattern of their names."""
    if not configuration.precision.learns:
        return {}
    learning = configuration.precision.learning or Learning()
    return {"*.fraction": learning.learning_rate / configuration.training.learning_rate}
