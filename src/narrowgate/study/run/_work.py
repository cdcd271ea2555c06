"""A unit of work as a pure function: members' states and a study's events in, new states and what was found out.

Nothing here knows of journals, threads or other machines: `work` may run wherever its arguments can be sent to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np

from narrowgate.events import Dataset
from narrowgate.study._study import Study
from narrowgate.study.journal._entries import MemberTrained
from narrowgate.study.journal._members import Column, Member, Unit
from narrowgate.study.ranking._cost import trained_luts
from narrowgate.study.run._engines import Engines
from narrowgate.study.run._evaluation import Evaluation
from narrowgate.study.run._partial import Partial
from narrowgate.study.run._states import StateStore
from narrowgate.training import Engine, Evaluate, State, initial_state, program_of, stack, usual_placement, weights_of

Curves = list[dict[str, Column]]

Advanced = Callable[[int], None]
"""Hears of member-steps as they are done; what it raises ends the work."""


@dataclass(frozen=True)
class UnitResult:
    """What a unit of work found about its members, by name; `notices` say what went otherwise than planned."""

    members: dict[str, MemberTrained]
    notices: tuple[str, ...] = ()


@dataclass
class StudyData:
    """What work needs beside states: the study and its events. Pickled, it leaves behind what was compiled from them.

    `evaluation` makes what measures the members.
    """

    study: Study
    dataset: Dataset
    evaluation: Callable[[Study, Dataset], Evaluate] = Evaluation

    @cached_property
    def engines(self) -> Engines:
        """Everything compiled."""
        return Engines(self.dataset, self.evaluation(self.study, self.dataset))

    def engine(self, member: Member, size: int) -> Engine:
        """For `size` members like this one."""
        return self.engines.of(member.configuration, size, usual_placement(size))

    def like(self, member: Member) -> State:
        """Some state of the member's kind; only its arrays' names, shapes and types count."""
        return initial_state(program_of(member.configuration, self.dataset.geometry.shape), 0)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "engines"}


def work(unit: Unit, states: StateStore, data: StudyData, advanced: Advanced = lambda _: None) -> UnitResult:
    """Train the members of a unit side by side to its end, and keep their states.

    Stopped by `advanced` in between, what was done is kept with the states, and the same unit goes on from there.
    """
    engine = data.engine(unit.members[0], unit.size or len(unit.members))
    configurations = [member.configuration for member in unit.members]
    step, state, curves, notices = _beginning(unit, states, data, engine)
    for epoch in engine.epochs(configurations, state, step, unit.end):
        step, state = epoch.step, epoch.state
        for curve, row, train_loss in zip(curves, epoch.rows, epoch.train_losses, strict=True):
            loss = float(train_loss) if np.isfinite(train_loss) else None
            for name, value in (row | {"step": step, "train_loss": loss}).items():
                curve.setdefault(name, []).append(value)
        try:
            advanced(engine.population.program.steps_per_epoch * len(unit.members))
        except BaseException:
            _keep_partial(unit, states, step, state, curves)
            raise
    found = {
        str(member.id): _kept(member, unit.end, one, curve, states, data)
        for member, one, curve in zip(unit.members, _each(state, len(unit.members)), curves, strict=True)
    }
    for member in unit.members:
        states.drop_partial(member.name, unit.end)
    return UnitResult(found, tuple(notices))


def state_of(member: Member, step: int, digest: str, states: StateStore, data: StudyData) -> tuple[State, list[str]]:
    """A member's state at a step; trained again from its first step, to the same bits, if it was lost.

    Also the sentences that there are to say about that.
    """
    state = states.find(member.name, step, digest, data.like(member))
    if state is not None:
        return state, []
    notices = [
        f"the state of {member.name} at step {step} is missing or damaged; it is trained again from the beginning"
    ]
    again = work(Unit("again", (member,), 0, step), states, data).members[member.name]
    if again.state != digest:
        notices.append(
            f"the state of {member.name} came out otherwise than at first, since another machine or other versions "
            f"round differently; the study goes on with the new one"
        )
    state = states.find(member.name, step, again.state, data.like(member))
    assert state is not None
    return state, notices


def _beginning(
    unit: Unit, states: StateStore, data: StudyData, engine: Engine
) -> tuple[int, State, Curves, Sequence[str]]:
    """Where the unit's members stand: in the middle, if it was stopped there, else at its start."""
    partial = [states.find_partial(member.name, unit.end, data.like(member)) for member in unit.members]
    kept = [one for one in partial if one is not None and unit.start < one.step <= unit.end]
    if len(kept) == len(unit.members) and len({one.step for one in kept}) == 1:
        return kept[0].step, stack([one.state for one in kept]), [dict(one.curve) for one in kept], ()
    curves: Curves = [{} for _ in unit.members]
    if unit.start == 0:
        return 0, engine.initial_state([member.configuration for member in unit.members]), curves, ()
    found = [
        state_of(member, unit.start, digest, states, data)
        for member, digest in zip(unit.members, unit.digests, strict=True)
    ]
    return unit.start, stack([state for state, _ in found]), curves, [one for _, told in found for one in told]


def _each(state: State, count: int) -> list[State]:
    """The states of the first members of a population."""
    whole = jax.tree.map(np.asarray, state)
    return [jax.tree.map(lambda leaf, at=index: leaf[at], whole) for index in range(count)]


def _keep_partial(unit: Unit, states: StateStore, step: int, state: State, curves: Curves) -> None:
    for member, one, curve in zip(unit.members, _each(state, len(unit.members)), curves, strict=True):
        states.keep_partial(member.name, unit.end, Partial(step, one, curve))


def _kept(
    member: Member, step: int, state: State, curve: dict[str, Column], states: StateStore, data: StudyData
) -> MemberTrained:
    diverged = int(state.diverged_at)
    found = MemberTrained(
        step=step,
        diverged_at=None if diverged < 0 else diverged,
        state=states.keep(member.name, step, state),
        curve=curve,
    )
    if data.study.ranking.cost != "luts":
        return found
    weights, _ = weights_of(member.configuration, state)
    luts = trained_luts(member.configuration, weights, data.dataset.geometry.shape)
    return MemberTrained(**vars(found) | {"luts": luts})


def side_by_side(unit: Unit, members: Sequence[Member], size: int) -> Unit:
    """The part of a unit that is these members, in a population of `size`."""
    digests = dict(zip((member.id for member in unit.members), unit.digests or [""] * len(unit.members), strict=True))
    return replace(unit, members=tuple(members), size=size, digests=tuple(digests[one.id] for one in members))
