"""Learning-rate schedules as data: one compiled program serves members with different ones."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from narrowgate.network import Training

KINDS = ("constant", "warm-up", "cosine", "warm-up-stable-decay", "reduce-on-plateau")


class ScheduleSettings(NamedTuple):
    """A schedule as traced scalars; steps are optimiser steps."""

    kind: Int[Array, ""]
    peak: Float[Array, ""]
    steps: Float[Array, ""]
    warm_up: Float[Array, ""]
    decay: Float[Array, ""]
    plateau_factor: Float[Array, ""]
    patience: Int[Array, ""]


class Plateau(NamedTuple):
    """What reduce-on-plateau remembers between evaluations."""

    factor: Float[Array, ""]
    best: Float[Array, ""]
    waited: Int[Array, ""]


def schedule_settings(training: Training, steps: int) -> ScheduleSettings:
    """The schedule of a training of `steps` steps."""
    warm_up = 0.0 if training.schedule in ("constant", "reduce-on-plateau") else training.warm_up
    return ScheduleSettings(
        kind=jnp.int32(KINDS.index(training.schedule)),
        peak=jnp.float32(training.learning_rate),
        steps=jnp.float32(steps),
        warm_up=jnp.float32(round(warm_up * steps)),
        decay=jnp.float32(max(1, round(training.decay * steps))),
        plateau_factor=jnp.float32(training.plateau_factor),
        patience=jnp.int32(training.patience),
    )


def learning_rate(settings: ScheduleSettings, plateau: Plateau, step: Int[Array, ""]) -> Float[Array, ""]:
    """The learning rate of step 0, 1, …

    All but "constant" and "reduce-on-plateau" rise linearly over the warm-up. Then "cosine" falls as half a cosine to
    zero at the last step (Loshchilov and Hutter, arXiv:1608.03983, without restarts), "warm-up-stable-decay" stays
    and falls linearly to zero over the last `decay` steps (Hägele et al., arXiv:2405.18392), "warm-up" stays.
    """
    now = step.astype(jnp.float32)
    rise = jnp.minimum(1.0, (now + 1) / jnp.maximum(settings.warm_up, 1.0))
    progress = jnp.clip((now - settings.warm_up) / jnp.maximum(settings.steps - settings.warm_up, 1.0), 0.0, 1.0)
    cosine = 0.5 * (1 + jnp.cos(jnp.pi * progress))
    linear = jnp.clip((settings.steps - now) / settings.decay, 0.0, 1.0)
    falls = jnp.stack([jnp.float32(1), jnp.float32(1), cosine, linear, plateau.factor])
    return settings.peak * rise * falls[settings.kind]


def fresh_plateau() -> Plateau:
    """Nothing seen yet."""
    return Plateau(jnp.float32(1), jnp.float32(jnp.inf), jnp.int32(0))


def after_evaluation(settings: ScheduleSettings, plateau: Plateau, loss: Float[Array, ""]) -> Plateau:
    """Lower the factor when the validation loss has not improved for more than `patience` evaluations."""
    better = loss < plateau.best
    waited = jnp.where(better, 0, plateau.waited + 1)
    lower = waited > settings.patience
    return Plateau(
        factor=jnp.where(lower, plateau.factor * settings.plateau_factor, plateau.factor),
        best=jnp.minimum(plateau.best, jnp.where(jnp.isnan(loss), jnp.inf, loss)),
        waited=jnp.where(lower, 0, waited),
    )
