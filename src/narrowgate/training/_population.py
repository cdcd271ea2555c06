"""A population: members of one program, trained and scored together by a few compiled functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt
from numpy.typing import NDArray

from narrowgate.machine import own_arithmetic
from narrowgate.network import (
    Arrays,
    BitOperations,
    Configuration,
    ImageShape,
    Layers,
    Learned,
    Numerics,
    events_last,
    initial_learned,
    layers,
    scores,
)
from narrowgate.training._compiled import Compiled
from narrowgate.training._loss import Loss
from narrowgate.training._member import DrawnBatches, TrainingImages, draw, train_epoch
from narrowgate.training._placement import Placement, PlacementMemory, candidates, fastest, usual_placement
from narrowgate.training._schedule import Plateau, ScheduleSettings, after_evaluation, learning_rate
from narrowgate.training._state import Program, Settings, State, initial_state, settings_of

Tree = TypeVar("Tree")

SCORING_BATCH = 512
"""Events scored at a time by one member."""


def program_of(configuration: Configuration, image: ImageShape) -> Program:
    """What has to be compiled for a configuration; equal programs can share a population."""
    learns = configuration.precision.learns
    found = layers(configuration.network, image, learned_input=isinstance(configuration.precision.input, Learned))
    return Program(
        layers=found,
        batch_size=configuration.training.batch_size,
        steps_per_epoch=configuration.training.steps_per_epoch,
        dropout=configuration.network.dropout > 0,
        loss=Loss(penalty=BitOperations(found)) if learns else Loss(),
        learned=tuple((name, values.shape) for name, values in initial_learned(configuration, found).items()),
    )


class Population:
    """The compiled functions of `members` members that share `program`, laid out as `placement` says."""

    def __init__(self, program: Program, members: int, placement: Placement | None = None) -> None:
        self.program = program
        self.members = members
        self.placement = placement or usual_placement(members)

    @own_arithmetic()
    def settings(self, configurations: Sequence[Configuration], steps: int) -> Settings:
        """The traced settings of all members, stacked."""
        return stack(
            [settings_of(configuration, steps, layers=self.program.layers) for configuration in configurations]
        )

    @own_arithmetic()
    def initial_state(self, settings: Settings) -> State:
        """The state of all members before the first step."""
        starts = {} if settings.learning is None else settings.learning.start
        return stack(
            [
                initial_state(self.program, int(seed), {name: values[index] for name, values in starts.items()})
                for index, seed in enumerate(np.asarray(settings.seed))
            ]
        )

    @own_arithmetic()
    def train_epoch(
        self, settings: Settings, state: State, images: TrainingImages
    ) -> tuple[State, Float[Array, " members"]]:
        """One epoch of every member; also each one's mean training loss."""
        compiled = _compiled_epoch(self.program, self.placement)
        drawn = self._drawn(settings, state, images)
        trained: tuple[State, Array] = self._members(compiled(*self._dealt(settings, state, drawn), images.events))
        return trained

    @own_arithmetic()
    def scores(
        self,
        settings: Settings,
        weights: Arrays,
        statistics: Arrays,
        batches: UInt[Array, "batches channels columns rows batch"],
    ) -> Float[Array, "members batches batch"]:
        """Every member's score of every event; make `batches` with `in_batches`."""
        compiled = _compiled_scores(self.program.layers, self.placement)
        found: Array = self._members(compiled(*self._dealt(settings, weights, statistics), batches))
        return found

    @own_arithmetic()
    def prepare(self, settings: Settings, state: State, images: TrainingImages, batches: Array) -> None:
        """Compile what `train_epoch` and `scores` will need for such arguments; may be done in another thread."""
        drawn = self._drawn(settings, state, images)
        _compiled_epoch(self.program, self.placement).prepare(*self._dealt(settings, state, drawn), images.events)
        averaged = self._dealt(settings, state.averaged_weights, state.averaged_statistics)
        _compiled_scores(self.program.layers, self.placement).prepare(*averaged, batches)

    @own_arithmetic()
    def share(self, data: Any) -> Any:
        """Arrays that every member reads (training images, batches), put where this population wants them."""
        return self.placement.everywhere(data)

    @own_arithmetic()
    def learning_rates(self, settings: Settings, state: State) -> Float[Array, " members"]:
        """Each member's learning rate at its present step."""
        rates: Array = _learning_rates(settings.schedule, state.plateau, state.step)
        return rates

    @own_arithmetic()
    def after_evaluation(self, settings: ScheduleSettings, plateau: Plateau, loss: Float[Array, " members"]) -> Plateau:
        """What the schedules make of the members' validation losses."""
        result: Plateau = _after_evaluation(settings, plateau, loss)
        return result

    @own_arithmetic()
    def tuned(
        self, settings: Settings, state: State, images: TrainingImages, memory: PlacementMemory | None = None
    ) -> Population:
        """This population in the placement that a short measurement finds fastest (or found, on this machine)."""
        choices = candidates(self.members)
        if len(choices) == 1:
            return Population(self.program, self.members, choices[0])
        memory = memory or PlacementMemory()
        key = self._measurement_key()
        placement = memory.recall(key)
        if placement is None or placement.devices > jax.local_device_count():
            probe = replace(self.program, steps_per_epoch=3)
            placement = fastest(
                choices,
                lambda choice: _trained_once(Population(probe, self.members, choice), settings, state, images),
            )
            memory.remember(key, placement)
        return Population(self.program, self.members, placement)

    def _measurement_key(self) -> str:
        device = jax.local_devices()[0]
        members = 1 << (self.members - 1).bit_length()  # populations of like size share a measurement
        shapes = [list(shape) for shape in self.program.layers.weight_shapes().values()]
        return f"{device.device_kind} x{jax.local_device_count()} members<={members} {self.program.batch_size} {shapes}"

    def _drawn(self, settings: Settings, state: State, images: TrainingImages) -> DrawnBatches:
        starts = zip(np.asarray(settings.seed), np.asarray(state.step), strict=True)
        return stack([draw(self.program, int(seed), int(step), images) for seed, step in starts])

    def _dealt(self, *members: Any) -> Any:
        """What the members have, on the devices: filled up, by copies of the last one, to an even deal."""
        extra = self.placement.padded(self.members) - self.members
        return self.placement.dealt(jax.tree.map(lambda leaf: _pad(leaf, extra), members) if extra else members)

    def _members(self, found: Any) -> Any:
        """A result without that of the copies."""
        if self.placement.padded(self.members) == self.members:
            return found
        return jax.tree.map(lambda leaf: leaf[: self.members], found)


_learning_rates = jax.jit(jax.vmap(learning_rate))
_after_evaluation = jax.jit(jax.vmap(after_evaluation))


@lru_cache(maxsize=64)
def _compiled_epoch(program: Program, placement: Placement) -> Compiled:
    return Compiled(placement.over_members(partial(train_epoch, program), mapped=3))


@lru_cache(maxsize=64)
def _compiled_scores(layers: Layers, placement: Placement) -> Compiled:
    def score(settings: Settings, weights: Arrays, statistics: Arrays, batches: Array) -> Array:
        return batch_scores(layers, settings.numerics, weights, statistics, batches)

    return Compiled(placement.over_members(score, mapped=3))


def batch_scores(
    layers: Layers, numerics: Numerics, weights: Arrays, statistics: Arrays, batches: Array
) -> Float[Array, "batches batch"]:
    """One member's score of every event, batch by batch."""
    found: Array = jax.lax.map(lambda batch: scores(layers, numerics, weights, statistics, batch), batches)
    return found


def forget_compiled() -> None:
    """Compile anew from here on: who convolves has changed."""
    _compiled_epoch.cache_clear()
    _compiled_scores.cache_clear()


def stack(members: Sequence[Tree]) -> Tree:
    """The members' arrays side by side, by NumPy: JAX would compile a program for every shape."""
    stacked: Tree = jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *members)
    return stacked


def _trained_once(population: Population, settings: Settings, state: State, images: TrainingImages) -> Any:
    return population.train_epoch(settings, state, population.share(images))


def _pad(leaf: Array, extra: int) -> Array:
    return jnp.concatenate([leaf, jnp.repeat(leaf[-1:], extra, axis=0)])


def in_batches(images: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.unsignedinteger[Any]]:
    """Images (events, rows, columns, channels) as (batches, channels, columns, rows, batch), for `scores`.

    The last batch is filled up with empty images. Counts beyond 32 bits, which JAX would cut off, saturate there.
    """
    if images.dtype.itemsize > 4:
        images = np.minimum(images, np.iinfo(np.uint32).max).astype(np.uint32)
    batch = min(SCORING_BATCH, max(1, len(images)))
    count = -(-len(images) // batch)
    filled = np.zeros((count * batch, *images.shape[1:]), images.dtype)
    filled[: len(images)] = images
    return events_last(filled.reshape(count, batch, *images.shape[1:]))
