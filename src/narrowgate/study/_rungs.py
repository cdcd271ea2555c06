"""The first part of a search: brackets of rungs, each unit of work a line of the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice, takewhile
from threading import Event
from typing import Any

from narrowgate.network import Configuration
from narrowgate.study._brackets import Bracket, Rung
from narrowgate.study._cost import Cost
from narrowgate.study._errors import StudyError
from narrowgate.study._evaluation import rests_on
from narrowgate.study._journal import Entry, Journal
from narrowgate.study._members import Member, Unit, rung_member, units
from narrowgate.study._progress import Meter
from narrowgate.study._ranking import Decision, promote
from narrowgate.study._record import Record
from narrowgate.study._space import Drawn
from narrowgate.study._states import StateStore
from narrowgate.study._study import Study
from narrowgate.study._training import Trainer
from narrowgate.study._workers import Workers

STOPPED = "rungs stopped"


class TimeIsUpError(Exception):
    """The time budget leaves no room for the next unit of work."""


@dataclass
class Search:
    """What the parts of a search share."""

    study: Study
    journal: Journal
    record: Record
    trainer: Trainer
    states: StateStore
    meter: Meter
    unit_size: int
    cost: Cost | None
    tell: Callable[[str, int], None]
    """Hears of the present phase and how many configurations are in it."""
    lock: AbstractContextManager[Any]
    """Held by whoever counts, tells, or adds to the record: workers and the one who waits for them."""

    def train(self, prefix: str, members: Iterable[Member], end: int, *, stopped: str, keep_for: int = 0) -> None:
        """Bring members to `end` steps, unit by unit; those that diverged stay where they are.

        Raises:
            StudyError: the journal tells of other members in a unit.
            TimeIsUpError: before a unit that the time budget has no room for, or in the middle of one, whose work is
                then forgotten; time is kept for `keep_for` member-steps.
        """
        image = self.trainer.dataset.geometry.shape
        alive = [member for member in members if self.record.known[member.name].diverged_at is None]
        work = units(prefix, alive, self.record.known, end, image, self.unit_size)
        until_stopped = takewhile(lambda unit: not self._stopped_before(unit, stopped), work)
        new = [unit for unit in until_stopped if unit.name not in self.journal]
        self.trainer.prepare(new)
        with Workers(self.trainer.lanes.workers) as workers:
            coming = {unit.name: workers.begin(partial(self._advance, unit, keep_for)) for unit in new}
            for unit in work:
                found = self._found(unit, coming.get(unit.name), stopped)
                with self.lock:
                    self.record.learn(found)

    def _stopped_before(self, unit: Unit, stopped: str) -> bool:
        return stopped in self.journal and self.journal.entries[stopped]["before"] == unit.name

    def _found(self, unit: Unit, coming: Future[Entry] | None, stopped: str) -> Entry:
        """What a unit's work gave, now in the journal: in the order of the units, whichever of them was ready first."""
        if self._stopped_before(unit, stopped):
            raise TimeIsUpError
        if coming is None:
            with self.lock:
                self.meter.recall(len(unit.members) * (unit.end - unit.start))
            found = self.journal.entries[unit.name]
        else:
            try:
                found = self.journal.step(unit.name, coming.result)
            except TimeIsUpError:
                self.journal.step(stopped, lambda: {"before": unit.name, "why": "the time budget was used up"})
                raise
        if set(found["members"]) != {member.name for member in unit.members}:
            raise StudyError(
                f"the journal's {unit.name} is about other members than this narrowgate trains there: the study "
                f"was begun by another version; finish it with that one, or begin it anew in another folder."
            )
        return found

    def _advance(self, unit: Unit, keep_for: int, abandoned: Event) -> Entry:
        """Do a unit's work, in a worker's thread."""
        batch = unit.members[0].configuration.training.batch_size

        def go_on() -> None:
            if abandoned.is_set() or self.meter.time_is_up(keep_for=keep_for):
                raise TimeIsUpError

        def advanced(steps: int) -> None:
            with self.lock:
                self.meter.count(steps, steps * batch)
                self.tell("", 0)
                go_on()

        with self.lock:
            go_on()
        return self.trainer.advance(unit, self.record.known, advanced)


def run_rungs(search: Search) -> None:
    """Run every bracket of the study, or as many as there is time for."""
    sequence = search.study.space.sequence(search.study.strategy.seed)
    try:
        for number, bracket in enumerate(search.study.brackets, start=1):
            _run_bracket(search, number, bracket, sequence)
    except TimeIsUpError:
        search.tell("out of time", 0)


def _run_bracket(search: Search, number: int, bracket: Bracket, sequence: Iterable[Drawn]) -> None:
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
                {(name, known[name].step) for name in known if _goes_on(name, alive, bracket, search)}
            )
        if not alive:
            return


def _draw(search: Search, number: int, bracket: Bracket, sequence: Iterable[Drawn]) -> list[str]:
    """The configurations of a bracket, none of them twice; those of an earlier bracket may come again."""
    wanted = bracket.rungs[0].places
    names = {_key(configuration): name for name, configuration in search.record.configurations.items()}
    chosen: dict[str, Drawn] = {}
    for drawn in islice(sequence, 100 * wanted + 1000):
        name = names.setdefault(_key(drawn.configuration), f"c{len(names) + 1:03}")
        chosen.setdefault(name, drawn)
        if len(chosen) == wanted:
            break
    image = search.trainer.dataset.geometry.shape
    for name, drawn in chosen.items():
        cost = None if search.cost is None else float(search.cost(drawn.configuration, image))
        search.record.draw(name, drawn.point, drawn.configuration, cost)
    search.journal.step(f"bracket {number} drawn", lambda: _as_entry(bracket, chosen, search.record))
    return list(chosen)


def _as_entry(bracket: Bracket, chosen: dict[str, Drawn], record: Record) -> Entry:
    return {
        "rungs": [asdict(rung) for rung in bracket.rungs],
        "unpruned": bracket.unpruned,
        "configurations": {
            name: {
                "point": drawn.point,
                "configuration": drawn.configuration.as_table(),
                "cost": record.costs.get(name),
            }
            for name, drawn in chosen.items()
        },
    }


def _decide(search: Search, prefix: str, names: Sequence[str], rung: Rung, places: int) -> list[str]:
    """Rank a rung, write it down, and say who goes on."""
    standings = [search.record.standing(name, rung.budget) for name in names]
    ranking = search.study.ranking
    factor = 1.0 if ranking.kind == "best-epoch" else ranking.tie_factor
    measure = search.study.measure_at(rung.budget)
    decision = promote(standings, places or len(names), tie_factor=factor if places else 1.0)
    found = {entry.configuration: entry for entry in standings}

    def entry() -> Entry:
        return {
            "steps": rung.budget,
            "measure": measure,
            "events": rests_on(search.study, search.trainer.dataset, measure),
            "order": [
                {
                    "configuration": name,
                    "value": None if found[name].diverged else found[name].value,
                    "noise": found[name].noise,
                    "cost": found[name].cost,
                }
                for name in decision.order
            ],
            **_moves(decision, places),
        }

    search.journal.step(f"{prefix} ranked", entry)
    return [*decision.promoted, *decision.tied] if places else []


def _moves(decision: Decision, places: int) -> dict[str, Any]:
    if not places:
        return {"promoted": [], "tied": [], "places left": 0}
    return {"promoted": list(decision.promoted), "tied": list(decision.tied), "places left": decision.left}


def _goes_on(member: str, alive: Sequence[str], bracket: Bracket, search: Search) -> bool:
    """Whether a member's state may still be needed: in this bracket, or by a later one that draws it again."""
    more_brackets = bracket is not search.study.brackets[-1]
    below = search.record.known[member].step < search.study.strategy.largest
    return below and (more_brackets or member.rsplit("-s", 1)[0] in alive)


def _finalists_work(study: Study) -> int:
    finalists = study.finalists
    return finalists.count * len(finalists.schedules) * finalists.seeds * finalists.steps


def _key(configuration: Configuration) -> str:
    return configuration.model_dump_json()
