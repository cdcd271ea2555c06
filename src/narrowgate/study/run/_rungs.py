"""The first part of a search: brackets of rungs, each unit of work a line of the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import islice, takewhile
from typing import Any

from narrowgate.network import Configuration
from narrowgate.study._errors import StudyError
from narrowgate.study._study import Study
from narrowgate.study.journal._entries import (
    BracketDrawn,
    DrawnConfiguration,
    EventCounts,
    RankedConfiguration,
    RungPlan,
    RungRanked,
    Stopped,
    UnitTrained,
)
from narrowgate.study.journal._findings import Findings
from narrowgate.study.journal._journal import Journal
from narrowgate.study.journal._member_id import MemberId
from narrowgate.study.journal._members import Member, Unit, rung_member, units
from narrowgate.study.ranking._brackets import Bracket, Rung
from narrowgate.study.ranking._cost import CostFunction
from narrowgate.study.ranking._ranking import promote
from narrowgate.study.run._evaluation import rests_on
from narrowgate.study.run._executor import Executor
from narrowgate.study.run._progress import Meter
from narrowgate.study.run._states import StateStore
from narrowgate.study.run._work import StudyData, UnitResult, state_of
from narrowgate.study.space._space import DrawnPoint
from narrowgate.training import State

STOPPED = "rungs stopped"


class TimeIsUpError(Exception):
    """The time budget leaves no room for the next unit of work."""


@dataclass
class Search:
    """What the parts of a search share."""

    study: Study
    journal: Journal
    record: Findings
    data: StudyData
    executor: Executor
    states: StateStore
    meter: Meter
    unit_size: int
    cost: CostFunction | None
    tell: Callable[[str, int], None]
    """Hears of the present phase and how many configurations are in it."""
    notice: Callable[[str], None]
    """Hears of what went otherwise than planned."""
    lock: AbstractContextManager[Any]
    """Held by whoever counts, tells, or adds to the record: workers and the one who waits for them."""

    def train(self, prefix: str, members: Iterable[Member], end: int, *, stopped: str, keep_for: int = 0) -> None:
        """Bring members to `end` steps, unit by unit; those that diverged stay where they are.

        Raises:
            StudyError: the journal tells of other members in a unit.
            TimeIsUpError: before a unit that the time budget has no room for, or in the middle of one, whose work is
                then forgotten; time is kept for `keep_for` member-steps.
        """
        image = self.data.dataset.geometry.shape
        alive = [member for member in members if self.record.known[member.id].diverged_at is None]
        work = units(prefix, alive, self.record.known, end, image, self.unit_size)
        until_stopped = takewhile(lambda unit: not self._stopped_before(unit, stopped), work)
        new = [unit for unit in until_stopped if unit.name not in self.journal]
        self.executor.prepare(new)
        with self.executor as executor:
            coming = {unit.name: executor.begin(unit, partial(self._advanced, unit, keep_for)) for unit in new}
            for unit in work:
                found = self._found(unit, coming.get(unit.name), stopped)
                with self.lock:
                    self.record.learn(found)

    def state(self, member: Member) -> State:
        """The present state of a member, trained again if it was lost."""
        known = self.record.known[member.id]
        state, notices = state_of(member, known.step, known.digest, self.states, self.data)
        for notice in notices:
            self.notice(notice)
        return state

    def _stopped_before(self, unit: Unit, stopped: str) -> bool:
        found = self.journal.find(Stopped, stopped)
        return found is not None and found.before == unit.name

    def _found(self, unit: Unit, coming: Future[UnitResult] | None, stopped: str) -> UnitTrained:
        """What a unit's work gave, now in the journal: in the order of the units, whichever of them was ready first."""
        if self._stopped_before(unit, stopped):
            raise TimeIsUpError
        if coming is None:
            with self.lock:
                self.meter.recall(len(unit.members) * (unit.end - unit.start))
        try:
            found = self.journal.step(unit.name, lambda: self._as_line(unit, coming))
        except TimeIsUpError:
            why = "the time budget was used up"
            self.journal.step(stopped, lambda: Stopped(step=stopped, before=unit.name, why=why))
            raise
        if set(found.members) != {member.name for member in unit.members}:
            raise StudyError(
                f"the journal's {unit.name} is about other members than this narrowgate trains there: the study "
                f"was begun by another version; finish it with that one, or begin it anew in another folder."
            )
        return found

    def _as_line(self, unit: Unit, coming: Future[UnitResult] | None) -> UnitTrained:
        assert coming is not None
        members = coming.result().members
        return UnitTrained(step=unit.name, start=unit.start, end=unit.end, lanes=self.executor.at_once, members=members)

    def _advanced(self, unit: Unit, keep_for: int, steps: int) -> None:
        """Hear of a unit's progress, from whoever works on it."""
        with self.lock:
            if steps:
                self.meter.count(steps, steps * unit.members[0].configuration.training.batch_size)
                self.tell("", 0)
            if self.meter.time_is_up(keep_for=keep_for):
                raise TimeIsUpError


def run_rungs(search: Search) -> None:
    """Run every bracket of the study, or as many as there is time for."""
    sequence = search.study.space.sequence(search.study.strategy.seed)
    try:
        for number, bracket in enumerate(search.study.brackets, start=1):
            _run_bracket(search, number, bracket, sequence)
    except TimeIsUpError:
        search.tell("out of time", 0)


def _run_bracket(search: Search, number: int, bracket: Bracket, sequence: Iterable[DrawnPoint]) -> None:
    alive = _draw(search, number, bracket, sequence)
    for index, rung in enumerate(bracket.rungs, start=1):
        prefix = f"bracket {number} rung {index}"
        search.tell(f"bracket {number} of {len(search.study.brackets)}, rung at {rung.budget} steps", len(alive))
        seeds = range(1, search.study.seeds_at(rung.budget) + 1)
        configurations = search.record.configurations
        # Seeds one after the other: when time runs out, every configuration has had its first.
        members = [rung_member(search.study, name, configurations[name], seed) for seed in seeds for name in alive]
        keep_for = _finalists_work(search.study)
        search.train(prefix, members, rung.budget, stopped=STOPPED, keep_for=keep_for)
        following = bracket.rungs[index].places if index < len(bracket.rungs) else 0
        done_before = f"{prefix} ranked" in search.journal
        here, alive = alive, _decide(search, prefix, alive, rung, following)
        if bracket.unpruned:
            search.record.never_cut(here)
        if not done_before:  # else there are states of what came after
            known = search.record.known
            search.states.forget_all_but(
                {(str(member), known[member].step) for member in known if _goes_on(member, alive, bracket, search)}
            )
        if not alive:
            return


def _draw(search: Search, number: int, bracket: Bracket, sequence: Iterable[DrawnPoint]) -> list[str]:
    """The configurations of a bracket, none of them twice; those of an earlier bracket may come again."""
    wanted = bracket.rungs[0].places
    names = {_key(configuration): name for name, configuration in search.record.configurations.items()}
    chosen: dict[str, DrawnPoint] = {}
    for drawn in islice(sequence, 100 * wanted + 1000):
        name = names.setdefault(_key(drawn.configuration), f"c{len(names) + 1:03}")
        chosen.setdefault(name, drawn)
        if len(chosen) == wanted:
            break
    image = search.data.dataset.geometry.shape
    for name, drawn in chosen.items():
        cost = None if search.cost is None else float(search.cost(drawn.configuration, image))
        search.record.draw(name, drawn.point, drawn.configuration, cost)
    step = f"bracket {number} drawn"
    search.journal.step(step, lambda: _as_line(step, bracket, chosen, search.record))
    return list(chosen)


def _as_line(name: str, bracket: Bracket, chosen: dict[str, DrawnPoint], record: Findings) -> BracketDrawn:
    return BracketDrawn(
        step=name,
        rungs=[RungPlan(places=rung.places, budget=rung.budget) for rung in bracket.rungs],
        unpruned=bracket.unpruned,
        configurations={
            name: DrawnConfiguration(
                point=dict(drawn.point), configuration=drawn.configuration.as_table(), cost=record.costs.get(name)
            )
            for name, drawn in chosen.items()
        },
    )


def _decide(search: Search, prefix: str, names: Sequence[str], rung: Rung, places: int) -> list[str]:
    """Rank a rung, write it down, and say who goes on."""
    standings = [search.record.standing(name, rung.budget) for name in names]
    ranking = search.study.ranking
    factor = 1.0 if ranking.kind == "best-epoch" else ranking.tie_factor
    measure = search.study.measure_at(rung.budget)
    decision = promote(standings, places or len(names), tie_factor=factor if places else 1.0)
    found = {entry.configuration: entry for entry in standings}

    def line() -> RungRanked:
        return RungRanked(
            step=f"{prefix} ranked",
            steps=rung.budget,
            measure=measure,
            events=EventCounts(**rests_on(search.study, search.data.dataset, measure)),
            order=[
                RankedConfiguration(
                    configuration=name,
                    value=None if found[name].diverged else float(found[name].value),
                    noise=float(found[name].noise),
                    cost=found[name].cost,
                )
                for name in decision.order
            ],
            promoted=list(decision.promoted) if places else [],
            tied=list(decision.tied) if places else [],
            places_left=decision.left if places else 0,
        )

    search.journal.step(f"{prefix} ranked", line)
    return [*decision.promoted, *decision.tied] if places else []


def _goes_on(member: MemberId, alive: Sequence[str], bracket: Bracket, search: Search) -> bool:
    """Whether a member's state may still be needed: in this bracket, or by a later one that draws it again."""
    more_brackets = bracket is not search.study.brackets[-1]
    below = search.record.known[member].step < search.study.strategy.largest
    return below and (more_brackets or member.configuration in alive)


def _finalists_work(study: Study) -> int:
    finalists = study.finalists
    return finalists.count * len(finalists.schedules) * finalists.seeds * finalists.steps


def _key(configuration: Configuration) -> str:
    return configuration.model_dump_json()
