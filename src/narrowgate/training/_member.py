"""Training one member: its settings, its state, one optimiser step, one epoch. Knows no population axis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key, UInt

from narrowgate.events import Split
from narrowgate.network import (
    Arrays,
    Configuration,
    Layers,
    Numerics,
    initial_statistics,
    initial_weights,
    numerics,
    training_scores,
)
from narrowgate.training._schedule import (
    Plateau,
    ScheduleSettings,
    fresh_plateau,
    learning_rate,
    schedule_settings,
)


@dataclass(frozen=True)
class Program:
    """What is compiled in: members that share a program share these."""

    layers: Layers
    batch_size: int
    steps_per_epoch: int
    dropout: bool


class Settings(NamedTuple):
    """What differs between the members of a population, as traced scalars."""

    numerics: Numerics
    schedule: ScheduleSettings
    ema: Float[Array, ""]
    seed: Int[Array, ""]


class State(NamedTuple):
    """Everything that training changes; resuming needs nothing else."""

    step: Int[Array, ""]
    weights: Arrays
    statistics: Arrays
    averaged_weights: Arrays
    averaged_statistics: Arrays
    optimiser: optax.OptState
    plateau: Plateau
    diverged_at: Int[Array, ""]
    """The first step whose loss or gradient was not finite; -1 while there was none."""


class TrainingImages(NamedTuple):
    """The training split, signal first; pixels stay unsigned integers until a batch uses them."""

    events: UInt[Array, "events rows columns channels"]
    signal: Int[Array, ""]
    """How many of them are signal."""

    @classmethod
    def of(cls, split: Split) -> TrainingImages:
        """Those of a split."""
        return cls(jnp.asarray(np.concatenate([split.signal, split.background])), jnp.int32(len(split.signal)))


class Drawn(NamedTuple):
    """What chance decides about a step: the events of its batch, by number, and the key of its dropout masks."""

    events: Int[Array, " batch"]
    dropout: Key[Array, ""]


OPTIMISER = optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-7)
"""Adam (Kingma and Ba, arXiv:1412.6980) with Keras' ε; the learning rate is applied by the step."""


def settings_of(configuration: Configuration, steps: int) -> Settings:
    """The traced part of a configuration that trains for `steps` steps."""
    training = configuration.training
    return Settings(
        numerics=numerics(configuration.precision, configuration.network),
        schedule=schedule_settings(training, steps),
        ema=jnp.float32(training.ema),
        seed=jnp.int32(training.seed),
    )


def initial_state(program: Program, seed: int) -> State:
    """The state before the first step, from the member's own seed alone."""
    weights: Arrays = {name: jnp.asarray(values) for name, values in initial_weights(program.layers, seed).items()}
    statistics: Arrays = {name: jnp.asarray(values) for name, values in initial_statistics(program.layers).items()}
    return State(
        step=jnp.int32(0),
        weights=weights,
        statistics=statistics,
        averaged_weights=weights,
        averaged_statistics=statistics,
        optimiser=OPTIMISER.init(weights),
        plateau=fresh_plateau(),
        diverged_at=jnp.int32(-1),
    )


def train_epoch(
    program: Program, settings: Settings, state: State, images: TrainingImages
) -> tuple[State, Float[Array, ""]]:
    """`steps_per_epoch` steps; also the mean training loss over them."""
    drawn = jax.vmap(partial(draw_step, program, settings, images))(state.step + jnp.arange(program.steps_per_epoch))
    step = partial(_train_step, program, settings, images)
    state, losses = jax.lax.scan(step, state, drawn, length=program.steps_per_epoch)
    return state, jnp.mean(losses)


def _train_step(
    program: Program, settings: Settings, images: TrainingImages, state: State, drawn: Drawn
) -> tuple[State, Float[Array, ""]]:
    batch = images.events[drawn.events]
    labels = (jnp.arange(program.batch_size) < program.batch_size // 2).astype(jnp.float32)
    dropout_key = drawn.dropout if program.dropout else None

    def loss_of(weights: Arrays) -> tuple[Float[Array, ""], Arrays]:
        scores, statistics = training_scores(
            program.layers, settings.numerics, weights, state.statistics, batch, dropout_key
        )
        return jnp.mean(optax.sigmoid_binary_cross_entropy(scores, labels)), statistics

    (loss, statistics), gradient = jax.value_and_grad(loss_of, has_aux=True)(state.weights)
    finite = jnp.isfinite(loss) & jnp.isfinite(optax.tree.norm(gradient))
    alive = (state.diverged_at < 0) & finite
    rate = learning_rate(settings.schedule, state.plateau, state.step)
    updates, optimiser = OPTIMISER.update(gradient, state.optimiser)
    weights = jax.tree.map(lambda weight, update: weight - rate * update, state.weights, updates)
    decay = averaging(settings.ema, state.step)
    trained = State(
        step=state.step + 1,
        weights=weights,
        statistics=statistics,
        averaged_weights=_averaged(state.averaged_weights, weights, decay),
        averaged_statistics=_averaged(state.averaged_statistics, statistics, decay),
        optimiser=optimiser,
        plateau=state.plateau,
        diverged_at=state.diverged_at,
    )
    kept = jax.tree.map(partial(_select, alive), trained, state)
    first = (state.diverged_at < 0) & ~finite
    return kept._replace(diverged_at=jnp.where(first, state.step, state.diverged_at)), loss


def draw_step(program: Program, settings: Settings, images: TrainingImages, step: Int[Array, ""]) -> Drawn:
    """Half signal, half background, drawn with replacement: a batch depends on nothing but the seed and the step.

    An epoch's steps are drawn together, before the first: many small draws are slow.
    """
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(settings.seed), 1), step)
    half = program.batch_size // 2
    signal = jax.random.randint(jax.random.fold_in(key, 0), (half,), 0, images.signal)
    background = jax.random.randint(jax.random.fold_in(key, 1), (half,), images.signal, len(images.events))
    return Drawn(jnp.concatenate([signal, background]), jax.random.fold_in(key, 2))


def averaging(decay: Float[Array, ""], step: Int[Array, ""]) -> Float[Array, ""]:
    """The decay of the averaged weights at a step: lower in the first steps, so that the start is forgotten."""
    now = step.astype(jnp.float32)
    return jnp.minimum(decay, (1 + now) / (10 + now))


def _averaged(average: Arrays, latest: Arrays, decay: Float[Array, ""]) -> Arrays:
    return {name: old + (1 - decay) * (latest[name] - old) for name, old in average.items()}


def _select(condition: Bool[Array, ""], yes: Array, no: Array) -> Array:
    return jnp.where(condition, yes, no)
