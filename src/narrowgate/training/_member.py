"""Training one member: what chance draws, one optimiser step, one epoch. Knows no population axis."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int, UInt
from numpy.typing import NDArray

from narrowgate.events import EventSource
from narrowgate.network import Arrays, gathered, training_scores
from narrowgate.training._optimiser import OPTIMISER, multipliers
from narrowgate.training._schedule import learning_rate
from narrowgate.training._state import Program, Settings, State, trained_of


class TrainingImages(NamedTuple):
    """The training split, signal first; pixels stay unsigned integers until a batch uses them."""

    events: UInt[Array, "events rows columns channels"]
    signal: Int[Array, ""]
    """How many of them are signal."""

    @classmethod
    def of(cls, source: EventSource) -> TrainingImages:
        """Those of a split, or of any other source of events."""
        order = np.argsort(source.labels == 0, kind="stable")
        return cls(jnp.asarray(source.take(order)), jnp.int32(np.count_nonzero(source.labels == 1)))


class DrawnBatches(NamedTuple):
    """What chance decides about steps: the events of each one's batch, by number, and the key of its dropout masks."""

    events: Int[Array | NDArray[np.int32], "steps batch"]
    dropout: UInt[Array | NDArray[np.uint32], "steps 2"]


def train_epoch(
    program: Program,
    settings: Settings,
    state: State,
    drawn: DrawnBatches,
    events: UInt[Array, "events rows columns channels"],
) -> tuple[State, Float[Array, ""]]:
    """`steps_per_epoch` steps on those of the `events` that were `drawn`; also the mean training loss over them."""
    flat, losses = jax.lax.scan(partial(_train_step, program, settings, events, state), _flattened(state), drawn)
    trained: State = jax.tree.map(_of_names, state, flat, is_leaf=_is_table)
    return trained, jnp.mean(losses)


def _flattened(state: State) -> Any:
    """A state with each table of arrays as one vector: all weights take the same step, which so compiles but once."""
    return jax.tree.map(_vector, state, is_leaf=_is_table)


def _vector(part: Any) -> Any:
    """A table of arrays as one vector; what is no table stays as it is."""
    return ravel_pytree(part)[0] if _is_table(part) else part


def _of_names(like: Any, flat: Any) -> Any:
    """A vector as the table of arrays `like`; what is no table stays as it is."""
    return ravel_pytree(like)[1](flat) if _is_table(like) else flat


def _is_table(part: Any) -> bool:
    return isinstance(part, dict)


def _train_step(
    program: Program, settings: Settings, events: Array, like: State, state: Any, drawn: DrawnBatches
) -> tuple[Any, Float[Array, ""]]:
    """One step of the flattened `state`; `like` has the same tables with their names."""
    batch = gathered(events, jnp.asarray(drawn.events))
    labels = (jnp.arange(program.batch_size) < program.batch_size // 2).astype(jnp.float32)
    dropout_key = jax.random.wrap_key_data(jnp.asarray(drawn.dropout), impl="threefry2x32") if program.dropout else None
    statistics = _of_names(like.statistics, state.statistics)
    trained = trained_of(like.weights, like.learned)
    flat = (state.weights, state.learned) if like.learned else state.weights

    def loss_of(trained: Any) -> tuple[Float[Array, ""], Arrays]:
        weights, learned = trained if isinstance(trained, tuple) else (trained, {})
        scores, after = training_scores(program.layers, numerics, weights | learned, statistics, batch, dropout_key)
        return program.loss(scores, labels, weights, learned, numerics), after

    learning = settings.learning
    numerics = settings.numerics if learning is None else settings.numerics._replace(learning=learning.at(state.step))
    named = jax.tree.map(_of_names, trained, flat, is_leaf=_is_table)
    (loss, after), gradients = jax.value_and_grad(loss_of, has_aux=True)(named)
    gradient = jax.tree.map(_vector, gradients, is_leaf=_is_table)
    latest = _vector({name: after[name] for name in like.statistics})
    finite = jnp.isfinite(loss)
    for part in jax.tree.leaves(gradient):  # one vector, unless something is learned beside the weights
        finite = finite & jnp.isfinite(jnp.sum(jnp.square(part)))
    alive = (state.diverged_at < 0) & finite
    rate = learning_rate(settings.schedule, state.plateau, state.step)
    update, optimiser = OPTIMISER.update(gradient, state.optimiser)
    if settings.rate_multipliers:
        factors = partial(multipliers, given=settings.rate_multipliers)
        update = jax.tree.map(lambda table, step: factors(table) * step, trained, update, is_leaf=_is_table)
    moved = jax.tree.map(lambda values, step: values - rate * step, flat, update)
    weights, learned = moved if isinstance(moved, tuple) else (moved, state.learned)
    if learning is not None:
        before, proposed = (_of_names(like.learned, values) for values in (state.learned, learned))
        learned = _vector(learning.after(before, proposed, after, state.step))
    decay = averaging(settings.ema, state.step)
    stepped = state._replace(
        step=state.step + 1,
        weights=weights,
        learned=learned,
        statistics=latest,
        averaged_weights=_averaged(state.averaged_weights, weights, decay),
        averaged_statistics=_averaged(state.averaged_statistics, latest, decay),
        optimiser=optimiser,
    )
    kept = jax.tree.map(partial(_select, alive), stepped, state)
    first = (state.diverged_at < 0) & ~finite
    return kept._replace(diverged_at=jnp.where(first, state.step, state.diverged_at)), loss


def draw(program: Program, seed: int, step: int, images: TrainingImages) -> DrawnBatches:
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
    return DrawnBatches(chosen, key)


def averaging(decay: Float[Array, ""], step: Int[Array, ""]) -> Float[Array, ""]:
    """The decay of the averaged weights at a step: lower in the first steps, so that the start is forgotten."""
    now = step.astype(jnp.float32)
    return jnp.minimum(decay, (1 + now) / (10 + now))


def _averaged(average: Array, latest: Array, decay: Float[Array, ""]) -> Array:
    return average + (1 - decay) * (latest - average)


def _select(condition: Bool[Array, ""], yes: Array, no: Array) -> Array:
    return jnp.where(condition, yes, no)
