"""Training one member: its settings, its state, one optimiser step, one epoch. Knows no population axis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int, UInt
from numpy.typing import NDArray

from narrowgate.events import Split
from narrowgate.network import (
    Arrays,
    Configuration,
    Layers,
    Numerics,
    gathered,
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
    """What chance decides about steps: the events of each one's batch, by number, and the key of its dropout masks."""

    events: Int[Array | NDArray[np.int32], "steps batch"]
    dropout: UInt[Array | NDArray[np.uint32], "steps 2"]


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
    program: Program,
    settings: Settings,
    state: State,
    drawn: Drawn,
    events: UInt[Array, "events rows columns channels"],
) -> tuple[State, Float[Array, ""]]:
    """`steps_per_epoch` steps on those of the `events` that were `drawn`; also the mean training loss over them."""
    flat, losses = jax.lax.scan(partial(_train_step, program, settings, events, state), _flattened(state), drawn)
    trained: State = jax.tree.map(_of_names, state, flat, is_leaf=_is_table)
    return trained, jnp.mean(losses)


def _flattened(state: State) -> Any:
    """A state with each table of arrays as one vector: all weights take the same step, which so compiles but once."""
    return jax.tree.map(lambda part: ravel_pytree(part)[0] if _is_table(part) else part, state, is_leaf=_is_table)


def _of_names(like: Any, flat: Any) -> Any:
    """A vector as the table of arrays `like`; what is no table stays as it is."""
    return ravel_pytree(like)[1](flat) if _is_table(like) else flat


def _is_table(part: Any) -> bool:
    return isinstance(part, dict)


def _train_step(
    program: Program, settings: Settings, events: Array, like: State, state: Any, drawn: Drawn
) -> tuple[Any, Float[Array, ""]]:
    """One step of the flattened `state`; `like` has the same tables with their names."""
    batch = gathered(events, jnp.asarray(drawn.events))
    labels = (jnp.arange(program.batch_size) < program.batch_size // 2).astype(jnp.float32)
    dropout_key = jax.random.wrap_key_data(jnp.asarray(drawn.dropout), impl="threefry2x32") if program.dropout else None
    weights, statistics = _of_names(like.weights, state.weights), _of_names(like.statistics, state.statistics)

    def loss_of(weights: Arrays) -> tuple[Float[Array, ""], Arrays]:
        scores, after = training_scores(program.layers, settings.numerics, weights, statistics, batch, dropout_key)
        return jnp.mean(optax.sigmoid_binary_cross_entropy(scores, labels)), after

    (loss, statistics), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights)
    gradient, _ = ravel_pytree(gradients)
    latest, _ = ravel_pytree(statistics)
    finite = jnp.isfinite(loss) & jnp.isfinite(optax.tree.norm(gradient))
    alive = (state.diverged_at < 0) & finite
    rate = learning_rate(settings.schedule, state.plateau, state.step)
    update, optimiser = OPTIMISER.update(gradient, state.optimiser)
    moved = state.weights - rate * update
    decay = averaging(settings.ema, state.step)
    trained = state._replace(
        step=state.step + 1,
        weights=moved,
        statistics=latest,
        averaged_weights=_averaged(state.averaged_weights, moved, decay),
        averaged_statistics=_averaged(state.averaged_statistics, latest, decay),
        optimiser=optimiser,
    )
    kept = jax.tree.map(partial(_select, alive), trained, state)
    first = (state.diverged_at < 0) & ~finite
    return kept._replace(diverged_at=jnp.where(first, state.step, state.diverged_at)), loss


def draw(program: Program, seed: int, step: int, images: TrainingImages) -> Drawn:
    """For an epoch that begins at `step`: half signal, half background, drawn with replacement.

    A step's draws depend on nothing but seed and step: NumPy's Philox generator counts, so that every step has a
    stretch of its stream for itself (Salmon et al., SC 2011). Drawn here, they need no compiling for every shape.
    """
    steps, batch = program.steps_per_epoch, program.batch_size
    blocks = batch // 4 + 1  # of four numbers each: the events and, with the first of the rest, the key
    stream = np.random.Philox(key=seed % 2**64, counter=blocks * step)
    numbers = stream.random_raw(4 * blocks * steps).reshape(steps, -1)
    signal, every = int(images.signal), len(images.events)
    first = np.where(np.arange(batch) < batch // 2, 0, signal)
    count = np.where(np.arange(batch) < batch // 2, signal, every - signal)
    chosen = (first + np.floor((numbers[:, :batch] >> 11) * 2.0**-53 * count)).astype(np.int32)
    key = np.ascontiguousarray(numbers[:, batch : batch + 1]).view(np.uint32)
    return Drawn(chosen, key)


def averaging(decay: Float[Array, ""], step: Int[Array, ""]) -> Float[Array, ""]:
    """The decay of the averaged weights at a step: lower in the first steps, so that the start is forgotten."""
    now = step.astype(jnp.float32)
    return jnp.minimum(decay, (1 + now) / (10 + now))


def _averaged(average: Array, latest: Array, decay: Float[Array, ""]) -> Array:
    return average + (1 - decay) * (latest - average)


def _select(condition: Bool[Array, ""], yes: Array, no: Array) -> Array:
    return jnp.where(condition, yes, no)
