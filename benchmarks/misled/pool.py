"""Members of a search, trained once by the study's own machinery: many rankings can be replayed on the same ones.

A pool is a folder like a study's: a journal, states, a lock. It can be killed and goes on. Its curves hold more columns
than a study's: what the live weights would have given, and what a small validation set would.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import RLock
from typing import Any

import jax
import numpy as np

from narrowgate.events import Dataset
from narrowgate.network import MOMENTUM, Configuration
from narrowgate.study import Study
from narrowgate.study._measures import classified, efficiency
from narrowgate.study.journal._entries import UnitTrained
from narrowgate.study.journal._findings import Findings
from narrowgate.study.journal._folder import held
from narrowgate.study.journal._journal import Journal
from narrowgate.study.journal._members import Known, Member, rung_member
from narrowgate.study.run._concurrency import Concurrency, usual_count
from narrowgate.study.run._evaluation import Evaluation, event_scores
from narrowgate.study.run._executor import Threads
from narrowgate.study.run._progress import Meter
from narrowgate.study.run._rungs import Search
from narrowgate.study.run._states import StateFolder
from narrowgate.study.run._work import StudyData
from narrowgate.training import Measured, Population, Settings, State
from narrowgate.trigger import near_auc

STUDY = Path(__file__).parent.parent.parent / "examples" / "studies" / "notebook-search-1.toml"

EVERY = 50
"""Steps between evaluations: curves need more points than the shipped study's ranking."""

SMALL = 500
"""Events of each class of a small validation set."""


SETTLED = 600
"""Steps after which batch norm's moving statistics have forgotten their starting values: 0.99^600 is 0.2 %."""


def remembered(steps: int, ema: float) -> tuple[float, float]:
    """The share of the starting values in batch norm's moving statistics, and in their average, after `steps`."""
    live, averaged = 1.0, 1.0
    for step in range(steps):
        live *= MOMENTUM
        decay = min(ema, (1 + step) / (10 + step))  # see `narrowgate.training._member.averaging`
        averaged = decay * averaged + (1 - decay) * live
    return live, averaged


def settled(statistics: dict[str, Any], share: float) -> dict[str, Any]:
    """Moving statistics without their starting values (means 0, variances 1), of which they hold `share`."""
    return {
        name: (values - share * (1.0 if name.endswith(".variance") else 0.0)) / (1 - share)
        for name, values in statistics.items()
    }


@dataclass
class WiderEvaluation(Evaluation):
    """A study's evaluation, and beside each column of the averaged weights the live weights' (`raw_…`).

    `small_…` are those of the live weights on the first `SMALL` events of each class; `settled_…` and `raw_settled_…`
    those with batch norm's moving statistics freed of their starting values (see `settled`).
    """

    def rows(
        self, population: Population, settings: Settings, state: State, members: Sequence[Configuration], step: int
    ) -> list[Measured]:
        """What is measured of each member: see `Evaluation.rows`."""
        ranking, labels = self.study.ranking, self.labels
        share = min(1.0, ranking.rate * ranking.near / self.dataset.crossing_rate)
        kinds = {"": (state.averaged_weights, state.averaged_statistics), "raw_": (state.weights, state.statistics)}
        seen = dict(kinds)
        if step <= SETTLED:
            live, averaged = remembered(step, members[0].training.ema)
            seen["settled_"] = state.averaged_weights, settled(state.averaged_statistics, averaged)
            seen["raw_settled_"] = state.weights, settled(state.statistics, live)
        some = self.validation.some(population)
        scores = {
            kind: event_scores(population, settings, *weights, some)[:, : len(labels)] for kind, weights in seen.items()
        }
        scores = {"settled_": scores[""], "raw_settled_": scores["raw_"]} | scores
        rates = np.asarray(population.learning_rates(settings, state))
        small = np.concatenate([np.flatnonzero(labels == label)[:SMALL] for label in (1, 0)])
        rows: list[Measured] = []
        for index in range(len(members)):
            row: Measured = {"learning_rate": float(rates[index])}
            for kind in scores:
                found = classified(scores[kind][index], labels)
                found["near-auc"] = None if found["loss"] is None else near_auc(scores[kind][index], labels, share)
                row |= {f"{kind}{name}": value for name, value in found.items()}
                row[f"{kind}efficiency"] = None
            row["small_loss"] = classified(scores["raw_"][index][small], labels[small])["loss"]
            rows.append(row)
        if self.wants_whole_split(members[0], step):
            truth = self.dataset.validation.labels
            for kind, weights in kinds.items():
                parts = [event_scores(population, settings, *weights, part) for part in self.validation.all(population)]
                whole = np.concatenate(parts, axis=1)[:, : len(truth)]
                for index, row in enumerate(rows):
                    row[f"{kind}efficiency"] = efficiency(whole[index], truth, ranking.rate, self.dataset.crossing_rate)
                    if np.all(np.isfinite(whole[index])):  # as on the rungs
                        row[f"{kind}near-auc"] = near_auc(whole[index], truth, share)
        diverged = np.asarray(state.diverged_at)
        return [dict.fromkeys(row) if diverged[index] >= 0 else row for index, row in enumerate(rows)]


def search_1() -> Study:
    """The notebook's search 1, evaluated more often than it is shipped."""
    study = Study.load(STUDY).for_counts(10)
    strategy = study.strategy.model_copy(update={"evaluate_every": EVERY})
    return Study(study.name, study.space, strategy, study.ranking, study.finalists, study.text)


def configurations(study: Study) -> dict[str, Configuration]:
    """Every configuration of the space by a name of its own (c001, c002, …), in the order of the file."""
    listed = study.space.listed
    assert listed is not None
    return {f"c{place:03}": drawn.configuration for place, drawn in enumerate(listed, start=1)}


def seeded(study: Study, repetition: int) -> Study:
    """The same study with `strategy.seed` replaced: another repetition, none of whose members are the same."""
    changed = study.strategy.model_copy(update={"seed": repetition})
    return Study(study.name, study.space, changed, study.ranking, study.finalists, study.text)


def pool_member(study: Study, name: str, configuration: Configuration, repetition: int, number: int = 1) -> Member:
    """Seed `number` of a configuration in a repetition of the study, with a name that says both."""
    member = rung_member(seeded(study, repetition), name, configuration, number)
    return Member(replace(member.id, configuration=f"{name}-r{repetition}"), member.configuration)


@contextmanager
def opened(folder: Path, study: Study, dataset: Dataset) -> Iterator[Search]:
    """The pool in `folder`, held by this process; what it had found before is known."""
    with held(folder):
        journal = Journal.open(folder)
        record = Findings(study)
        for unit in journal.all(UnitTrained):
            record.learn(unit)
        states = StateFolder(folder / "states")
        notice = _Told(time.perf_counter())
        work = StudyData(study, dataset, WiderEvaluation)
        meter = Meter(0, time_budget=None)
        search = Search(
            study=study,
            journal=journal,
            record=record,
            data=work,
            executor=Threads(work, states, Concurrency(), _complain),
            states=states,
            meter=meter,
            unit_size=usual_count(),
            cost=None,
            tell=lambda *_: notice(meter),
            notice=_complain,
            lock=RLock(),
        )
        yield search


def train(search: Search, what: str, members: Iterable[Member], end: int, *, minutes: float) -> bool:
    """Bring members to `end` steps, in the order given; `False` if the minutes were used up before.

    Members are trained in groups of one program, so those of one shape had better stand together.
    """
    started = time.perf_counter()
    waiting = [one for one in members if search.record.known[one.id].step < end]
    waiting = [one for one in waiting if search.record.known[one.id].diverged_at is None]
    print(f"{what}: {len(waiting)} members to train to {end} steps", file=sys.stderr)
    size = 4 * jax.local_device_count() * search.unit_size
    for place in range(0, len(waiting), size):
        if time.perf_counter() - started > 60 * minutes:
            print(f"{what}: out of time with {len(waiting) - place} members left", file=sys.stderr)
            return False
        part = waiting[place : place + size]
        search.train(f"{part[0].name} and {part[-1].name} to {end}", part, end, stopped="never")
    return True


def known_members(folder: Path) -> dict[str, Known]:
    """What a pool has found, read only."""
    study = search_1()
    record = Findings(study)
    for unit in Journal.read(folder).all(UnitTrained):
        record.learn(unit)
    return {str(member): one for member, one in record.known.items()}


def _complain(sentence: str) -> None:
    print(sentence, file=sys.stderr)


class _Told:
    """Prints how fast it goes, at most every half minute."""

    def __init__(self, started: float) -> None:
        self._last = started

    def __call__(self, meter: Meter) -> None:
        now = time.perf_counter()
        if now - self._last > 30:
            self._last = now
            print(f"  {meter.done} member-steps, {meter.events_per_second:,.0f} member-events/s", file=sys.stderr)
