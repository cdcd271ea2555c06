"""The one training loop: a population goes on epoch by epoch, and what its caller wants to know is measured after each.

`train` draws curves with it and keeps checkpoints, a study's units of work rank with it; `Evaluate` is what they differ
in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from narrowgate.network import Configuration
from narrowgate.training._member import TrainingImages
from narrowgate.training._population import Population
from narrowgate.training._state import Settings, State

Measured = dict[str, float | None]
"""What was measured of a member at an evaluation; `None` for what was not, or is not finite."""


class Evaluate(Protocol):
    """What is measured of members after every epoch. It reads their state and changes nothing."""

    def batches(self, population: Population) -> Any:
        """Some of the batches that `rows` will score, on the population's devices: for these it is compiled ahead."""

    def rows(
        self, population: Population, settings: Settings, state: State, members: Sequence[Configuration], step: int
    ) -> list[Measured]:
        """A row for each of `members`, which are the first of the population, after `step` steps.

        Every row has a column `loss`: the learning-rate schedules hear of it.
        """


@dataclass(frozen=True)
class Epoch:
    """What an epoch left: `train_losses` (members,) and `rows` of the members after `step` steps.

    `state` is that of the whole population, of which the members are the first. `seconds` is the time that training
    alone took.
    """

    step: int
    state: State
    train_losses: NDArray[np.float32]
    rows: list[Measured]
    seconds: float


class Engine:
    """Trains members of one population. Fewer members than it has room for are filled up with copies of the last."""

    def __init__(self, population: Population, images: TrainingImages, evaluate: Evaluate) -> None:
        self.population = population
        self.evaluate = evaluate
        self.images: TrainingImages = population.share(images)
        self._is_prepared = False

    def prepare(self, configuration: Configuration) -> None:
        """Compile what training and scoring members like this one will call, unless that is done."""
        if not self._is_prepared:
            settings = self.settings([configuration])
            state = self.population.initial_state(settings)
            self.population.prepare(settings, state, self.images, self.evaluate.batches(self.population))
            self._is_prepared = True

    def settings(self, members: Sequence[Configuration]) -> Settings:
        """The traced settings of all members, filled up."""
        filled = [*members, *[members[-1]] * (self.population.members - len(members))]
        return self.population.settings(filled, members[0].training.steps)

    def initial_state(self, members: Sequence[Configuration]) -> State:
        """The population's state before the first step."""
        return self.population.initial_state(self.settings(members))

    def epochs(self, members: Sequence[Configuration], state: State, start: int, end: int) -> Iterator[Epoch]:
        """Train from step `start`, at which members or population have `state`, to step `end`, an epoch at a time."""
        population, count = self.population, len(members)
        settings = self.settings(members)
        state = self._filled(state)
        every = population.program.steps_per_epoch
        for step in range(start + every, end + 1, every):
            began = perf_counter()
            state, losses = population.train_epoch(settings, state, self.images)
            train_losses = np.asarray(losses)
            seconds = perf_counter() - began
            rows = self.evaluate.rows(population, settings, state, members, step)
            heard = [np.nan if row["loss"] is None else row["loss"] for row in rows]
            heard += heard[-1:] * (population.members - count)
            loss = jnp.asarray(np.asarray(heard, np.float32))
            state = state._replace(plateau=population.after_evaluation(settings.schedule, state.plateau, loss))
            yield Epoch(step, state, train_losses[:count], rows, seconds)

    def _filled(self, state: State) -> State:
        extra = self.population.members - len(state.step)
        if not extra:
            return state
        filled: State = jax.tree.map(lambda leaf: np.concatenate([leaf, np.repeat(leaf[-1:], extra, axis=0)]), state)
        return filled
