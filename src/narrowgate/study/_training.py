"""Training a unit of work: members go on from their states, are evaluated on the way, and leave new states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from narrowgate.events import Dataset
from narrowgate.study._cost import trained_luts
from narrowgate.study._engines import Engines
from narrowgate.study._lanes import Lanes, on_processor
from narrowgate.study._members import Column, Known, Member, Unit
from narrowgate.study._states import StateStore
from narrowgate.study._study import Study
from narrowgate.training import (
    Engine,
    Evaluate,
    State,
    Weights,
    initial_state,
    program_of,
    stack,
    usual_placement,
    weights_of,
)

Notice = Callable[[str], None]
Advanced = Callable[[int], None]
"""Hears of member-steps as they are done."""


@dataclass
class Trainer:
    """Does units of work on one data set; `notice` hears a sentence when something went otherwise than planned."""

    study: Study
    dataset: Dataset
    states: StateStore
    lanes: Lanes
    evaluate: Evaluate
    notice: Notice

    def prepare(self, units: Iterable[Unit]) -> None:
        """Compile what the units will need that is not compiled yet, on all cores: one program keeps one core busy."""
        chosen = {program_of(unit.members[0].configuration, self.dataset.geometry.shape): unit for unit in units}

        def compile_all() -> None:
            with ThreadPoolExecutor(jax.local_device_count() if on_processor() else None) as pool:
                list(pool.map(self._prepare, chosen.values()))

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
        return weights_of(member.configuration, self.state(member, known))

    def _prepare(self, unit: Unit) -> None:
        one = unit.members[0]
        self._engine(one, self.lanes.size(len(unit.members))).prepare(one.configuration)

    def _advance(
        self, members: Sequence[Member], unit: Unit, known: Mapping[str, Known], advanced: Advanced
    ) -> dict[str, Any]:
        engine = self._engine(members[0], self.lanes.size(len(members)))
        configurations = [member.configuration for member in members]
        state = (
            engine.initial_state(configurations)
            if unit.start == 0
            else stack([self.state(member, known[member.name]) for member in members])
        )
        curves: list[dict[str, Column]] = [{} for _ in members]
        for epoch in engine.epochs(configurations, state, unit.start, unit.end):
            state = epoch.state
            for curve, row, train_loss in zip(curves, epoch.rows, epoch.train_losses, strict=True):
                loss = float(train_loss) if np.isfinite(train_loss) else None
                for name, value in (row | {"step": epoch.step, "train_loss": loss}).items():
                    curve.setdefault(name, []).append(value)
            advanced(engine.population.program.steps_per_epoch * len(members))
        state = jax.tree.map(np.asarray, state)
        return {
            member.name: self._kept(member, unit.end, jax.tree.map(lambda leaf, at=index: leaf[at], state), curve)
            for index, (member, curve) in enumerate(zip(members, curves, strict=True))
        }

    def _kept(self, member: Member, step: int, state: State, curve: dict[str, Column]) -> dict[str, Any]:
        diverged = int(state.diverged_at)
        digest = self.states.keep(member.name, step, state)
        found: dict[str, Any] = {
            "step": step,
            "diverged_at": None if diverged < 0 else diverged,
            "state": digest,
            "curve": curve,
        }
        if self.study.ranking.cost == "luts":
            weights, _ = weights_of(member.configuration, state)
            found["luts"] = trained_luts(member.configuration, weights, self.dataset.geometry.shape)
        return found

    def state(self, member: Member, known: Known) -> State:
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
        state = self.states.find(member.name, known.step, found["state"], self._template(member))
        assert state is not None
        return state

    def _template(self, member: Member) -> State:
        """Some state of the member's kind; only its arrays' names, shapes and types count."""
        return initial_state(program_of(member.configuration, self.dataset.geometry.shape), 0)

    def _engine(self, member: Member, size: int) -> Engine:
        return self._engines.of(member.configuration, size, usual_placement(size))

    @cached_property
    def _engines(self) -> Engines:
        return Engines(self.dataset, self.evaluate)
