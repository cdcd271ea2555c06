"""Training a unit of work: members go on from their states, are evaluated on the way, and leave new states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from narrowgate.events import Dataset
from narrowgate.study._cost import trained_luts
from narrowgate.study._crew import Crew, Crews
from narrowgate.study._evaluation import Evaluation
from narrowgate.study._lanes import Lanes, on_processor
from narrowgate.study._members import Column, Known, Member, Unit
from narrowgate.study._states import States
from narrowgate.study._study import Study
from narrowgate.training import Population, program_of, stack

Weights = dict[str, NDArray[np.float32]]
Notice = Callable[[str], None]
Advanced = Callable[[int], None]
"""Hears of member-steps as they are done."""


@dataclass
class Trainer:
    """Does units of work on one data set; `notice` hears a sentence when something went otherwise than planned."""

    study: Study
    dataset: Dataset
    states: States
    lanes: Lanes
    notice: Notice

    def prepare(self, units: Iterable[Unit]) -> None:
        """Compile what the units will need that is not compiled yet, on all cores: one program keeps one core busy."""
        chosen = {program_of(unit.members[0].configuration, self.dataset.geometry.shape): unit for unit in units}

        def compile_all() -> None:
            crews = [self._crew(unit.members[0], self.lanes.size(len(unit.members))) for unit in chosen.values()]
            with ThreadPoolExecutor(jax.local_device_count() if on_processor() else None) as pool:
                list(pool.map(Crew.prepare, crews))

        self.lanes.run(compile_all, self.notice)

    def advance(self, unit: Unit, known: Mapping[str, Known], advanced: Advanced) -> dict[str, Any]:
        """Train the members of a unit to its end; what was found about each, as plain JSON."""
        found: dict[str, Any] = {}

        def part() -> None:
            left = [member for member in unit.members if member.name not in found]
            while left:
                now, left = left[: self.lanes.count], left[self.lanes.count :]
                found.update(self._advance(now, unit, known, advanced))

        self.lanes.run(part, self.notice)
        return {"from": unit.start, "to": unit.end, "lanes": self.lanes.count, "members": found}

    def weights(self, member: Member, known: Known) -> tuple[Weights, Weights]:
        """A member's weights as they are judged (averaged, unless its EMA is off), and the live ones."""
        return _weights(member, self._state(member, known))

    def _advance(
        self, members: Sequence[Member], unit: Unit, known: Mapping[str, Known], advanced: Advanced
    ) -> dict[str, Any]:
        size = self.lanes.size(len(members))
        filled = [*members, *[members[-1]] * (size - len(members))]
        crew = self._crew(members[0], size)
        population = crew.population
        configurations = [member.configuration for member in filled]
        settings = population.settings(configurations, configurations[0].training.steps)
        if unit.start == 0:
            state = population.initial_state(settings)
        else:
            one = {member.name: self._state(member, known[member.name]) for member in members}
            state = stack([one[member.name] for member in filled])
        curves: list[dict[str, Column]] = [{} for _ in members]
        every = population.program.steps_per_epoch
        for step in range(unit.start + every, unit.end + 1, every):
            state, losses = population.train_epoch(settings, state, crew.images)
            train_losses = np.asarray(losses)
            rows = self._evaluation.rows(crew, settings, state, members, step)
            for index, (curve, row) in enumerate(zip(curves, rows, strict=True)):
                train_loss = float(train_losses[index])
                row |= {"step": step, "train_loss": train_loss if np.isfinite(train_loss) else None}
                for name, value in row.items():
                    curve.setdefault(name, []).append(value)
            seen = [row["loss"] for row in rows] + [rows[-1]["loss"]] * (size - len(members))
            loss = jnp.asarray(np.asarray([np.nan if value is None else value for value in seen], np.float32))
            plateau = population.after_evaluation(settings.schedule, state.plateau, loss)
            state = state._replace(plateau=plateau)
            advanced(every * len(members))
        state = jax.tree.map(np.asarray, state)
        return {
            member.name: self._kept(member, unit.end, jax.tree.map(lambda leaf, at=index: leaf[at], state), curve)
            for index, (member, curve) in enumerate(zip(members, curves, strict=True))
        }

    def _kept(self, member: Member, step: int, state: Any, curve: dict[str, Column]) -> dict[str, Any]:
        diverged = int(state.diverged_at)
        digest = self.states.keep(member.name, step, state)
        found: dict[str, Any] = {
            "step": step,
            "diverged_at": None if diverged < 0 else diverged,
            "state": digest,
            "curve": curve,
        }
        if self.study.ranking.cost == "luts":
            weights, _ = _weights(member, state)
            found["luts"] = trained_luts(member.configuration, weights, self.dataset.geometry.shape)
        return found

    def _state(self, member: Member, known: Known) -> Any:
        """A member's state; trained again from its first step, to the same bits, if its file was lost."""
        state = self.states.find(member.name, known.step, known.digest, self._template(member))
        if state is not None:
            return state
        self.notice(
            f"the state of {member.name} at step {known.step} is missing or damaged; it is trained again from the "
            f"beginning"
        )
        again = Unit("again", (member,), 0, known.step)
        found = self._advance([member], again, {}, lambda _: None)[member.name]
        if found["state"] != known.digest:
            self.notice(
                f"the state of {member.name} came out otherwise than at first, since another machine or other versions "
                f"round differently; the study goes on with the new one"
            )
        return self.states.find(member.name, known.step, found["state"], self._template(member))

    def _template(self, member: Member) -> Any:
        """Some state of the member's kind; only its structure counts."""
        configuration = member.configuration
        population = Population(program_of(configuration, self.dataset.geometry.shape), 1)
        return population.initial_state(population.settings([configuration], configuration.training.steps))

    def _crew(self, member: Member, size: int) -> Crew:
        return self._crews.of(member.configuration, size, self.lanes.placement(size))

    @cached_property
    def _crews(self) -> Crews:
        return Crews(self.study, self.dataset)

    @cached_property
    def _evaluation(self) -> Evaluation:
        return Evaluation(self.study, self.dataset, self._crews.events.chosen)


def _weights(member: Member, state: Any) -> tuple[Weights, Weights]:
    """Of a state: the weights as they are judged, and the live ones."""
    live = {name: np.asarray(values) for name, values in (state.weights | state.statistics).items()}
    averaged = state.averaged_weights | state.averaged_statistics
    judged = {name: np.asarray(values) for name, values in averaged.items()}
    return (judged if member.configuration.training.ema > 0 else live), live
