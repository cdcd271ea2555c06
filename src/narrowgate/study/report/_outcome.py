"""The outcome of a search, made from its journal alone: the best, what distinguishes them, and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from narrowgate.network import Configuration, ImageShape
from narrowgate.study._study import Study
from narrowgate.study.journal._entries import Judged, RungRanked, Stopped, Traced, TracedCircuit
from narrowgate.study.journal._findings import Findings
from narrowgate.study.journal._journal import Journal
from narrowgate.study.journal._member_id import MemberId
from narrowgate.study.journal._members import in_full
from narrowgate.study.journal._reading import opened_in, record_of
from narrowgate.study.ranking._cost import bit_operations, bits_per_weight
from narrowgate.study.ranking._fidelity import Fidelity
from narrowgate.study.ranking._pareto import fronts
from narrowgate.study.ranking._ranking import Standing, within_noise


@dataclass(frozen=True)
class Efficiency:
    """Signal efficiency of a typical network at the study's rate, on the test split.

    `low` and `high` are the ends of its interval (68 %, signal's and threshold's statistics); `deciding` background
    events lie above `threshold`; `worst_seed` and `best_seed` are the lowest and highest efficiency of the seeds.
    """

    value: float
    low: float
    high: float
    threshold: float
    deciding: int
    worst_seed: float
    best_seed: float


@dataclass(frozen=True)
class BestRow:
    """A line of the table of the best.

    `full` is the configuration as the finalist was (or will be) trained, with the typical network's seed.
    `steps` is the training its validation value rests on, `validation` that value in the words of `measure`, `noise`
    one standard deviation of it. `efficiency`, `accuracy`, `volatility` and `verdict` are those of the typical network
    (the seed with the median value on the validation split), `None` before finalists were judged. `cost` is the second
    objective, if there is one, of LUTs with the trained weights; `traced_luts` those of its circuit, if it was built.
    `same_as_first` says that the row cannot be told from the first one.
    """

    configuration: str
    settings: Mapping[str, Any]
    full: Configuration
    schedule: str | None
    steps: int
    seeds: int
    measure: str
    validation: float | None
    noise: float
    efficiency: Efficiency | None
    accuracy: float | None
    volatility: float | None
    verdict: str | None
    bits_per_weight: float
    bit_operations: float
    cost: float | None
    same_as_first: bool
    traced_luts: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        plain = {name: value for name, value in vars(self).items() if name not in ("full", "efficiency")}
        return plain | {
            "settings": dict(self.settings),
            "efficiency": None if self.efficiency is None else asdict(self.efficiency),
            "full": self.full.as_table(),
        }


@dataclass(frozen=True)
class Ranked:
    """A configuration and the highest budget at which it was ranked, for pictures and long lists."""

    configuration: str
    settings: Mapping[str, Any]
    budget: int
    value: float | None
    noise: float
    bits_per_weight: float
    cost: float
    unpruned: bool
    on_front: bool


@dataclass(frozen=True)
class RungMeasure:
    """What a rung ranked on, and on how many validation events that rests.

    `signal` and `background` events were looked at; `deciding` of the background lie in the tail that decides: above
    the threshold for an efficiency, within the part that counts for near-AUC, all of it otherwise.
    """

    steps: int
    measure: str
    signal: int
    background: int
    deciding: int

    @property
    def sentence(self) -> str:
        """The same in plain words."""
        whole, tail = (f"{number:,}".replace(",", "\u202f") for number in (self.background, self.deciding))
        background = f"{whole}" if self.deciding == self.background else f"the {tail} highest of {whole}"
        return f"The {self.steps}-step rung ranked by {self.measure}, which rests on {background} background events."


@dataclass(frozen=True)
class Outcome:
    """What a search found. `state` says in a sentence whether that is final; `finished` whether it is."""

    study: Study
    rows: tuple[BestRow, ...]
    ranked: tuple[Ranked, ...]
    values: Mapping[int, Mapping[str, float]]
    """At every budget: each configuration's value there, larger for better; −∞ for what diverged."""
    fidelities: tuple[Fidelity, ...]
    state: str
    finished: bool
    data: str
    measures: tuple[RungMeasure, ...] = ()
    """Of every rung that was ranked, by rising steps."""

    @property
    def judged(self) -> bool:
        """Whether the rows hold numbers of the test split."""
        return any(row.efficiency is not None for row in self.rows)

    @property
    def cheapest(self) -> int:
        """The place (1 is the first) of the row with the fewest bit operations among those like the first.

        Like it are those whose values on the validation split are no further from its value than two standard
        deviations of the difference. The test split has no say.
        """
        alike = [place for place, row in enumerate(self.rows) if place == 0 or _are_alike(self.rows[0], row)]
        return 1 + min(alike, key=lambda place: self.rows[place].bit_operations, default=0)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "study": self.study.name,
            "state": self.state,
            "finished": self.finished,
            "data": self.data,
            "rate": self.study.ranking.rate,
            "best": [row.as_dict() for row in self.rows],
            "measures": [asdict(one) for one in self.measures],
            "fidelity": [
                {
                    "early": one.early,
                    "late": one.late,
                    "tau": None if one.tau != one.tau else one.tau,
                    "uncertainty": None if one.tau != one.tau else one.uncertainty,
                    "configurations": one.configurations,
                    "selected": one.selected,
                    "sentence": one.sentence,
                }
                for one in self.fidelities
            ],
            "ranked": [vars(one) | {"settings": dict(one.settings)} for one in self.ranked],
        }


def _are_alike(first: BestRow, second: BestRow) -> bool:
    if first.validation is None or second.validation is None or first.steps != second.steps:
        return False
    return abs(first.validation - second.validation) <= 2 * math.hypot(first.noise, second.noise)


def outcome_of(study: Study, journal: Journal, *, stopped: str = "") -> Outcome:
    """The outcome as far as a journal goes; `stopped` says why it goes no further, if that is known.

    Raises:
        StudyError: the journal's lines do not belong together.
    """
    record, opened = record_of(study, journal), opened_in(journal)
    rows_, columns, channels = opened.image
    image = rows_, columns, channels
    leaders = record.leaders()
    judged, traced = journal.find(Judged, "judged"), journal.find(Traced, "traced")
    rows = (
        _judged_rows(study, record, judged, {} if traced is None else traced.finalists, image)
        if judged is not None
        else _provisional_rows(study, record, leaders, image)
    )
    reached = {
        budget: [name for name in record.configurations if record.reached(name, budget)] for budget in study.budgets
    }
    return Outcome(
        study=study,
        rows=tuple(rows),
        ranked=tuple(_ranked(record, leaders, image)),
        values={
            budget: {name: record.standing(name, budget).value for name in names} for budget, names in reached.items()
        },
        fidelities=tuple(record.fidelities()),
        state=stopped or _state(journal),
        finished="finished" in journal,
        data=opened.data.name,
        measures=tuple(_measures(journal)),
    )


def _measures(journal: Journal) -> list[RungMeasure]:
    """What the rungs ranked on; nothing of journals that do not say on how many events (until November 2026)."""
    found = {
        line.steps: RungMeasure(
            line.steps, line.measure, line.events.signal, line.events.background, line.events.deciding
        )
        for line in journal.all(RungRanked)
        if line.events is not None
    }
    return [found[steps] for steps in sorted(found)]


def _state(journal: Journal) -> str:
    if "finished" not in journal:
        return "not finished; resume goes on"
    early = journal.all(Stopped)
    return f"finished early, before {early[0].before}: {early[0].why}" if early else "finished"


def _judged_rows(
    study: Study, record: Findings, judged: Judged, traced: Mapping[str, TracedCircuit], image: ImageShape
) -> list[BestRow]:
    rows = []
    for found in judged.finalists:
        name, judgement = found.configuration, found.judgement
        efficiency = None
        if judgement is not None:
            point = judgement.working_points[0]
            efficiency = Efficiency(
                value=point.efficiency,
                low=point.low,
                high=point.high,
                threshold=point.threshold,
                deciding=point.deciding,
                worst_seed=min(found.efficiencies),
                best_seed=max(found.efficiencies),
            )
        configuration = record.configurations[name]
        rows.append(
            BestRow(
                configuration=name,
                settings=record.points[name],
                full=in_full(study, name, configuration, found.network),
                schedule=found.schedule,
                steps=study.finalists.steps,
                seeds=found.seeds,
                measure=study.ranking.measure,
                validation=found.validation,
                noise=found.validation_noise,
                efficiency=efficiency,
                accuracy=None if judgement is None else judgement.accuracy,
                volatility=found.volatility,
                verdict=found.verdict,
                bits_per_weight=bits_per_weight(configuration, image),
                bit_operations=bit_operations(configuration, image),
                cost=found.cost,
                same_as_first=found.difference is not None and found.difference.indistinguishable,
                traced_luts=traced[name].luts if name in traced else None,
            )
        )
    return rows


def _provisional_rows(
    study: Study, record: Findings, leaders: list[tuple[int, Standing]], image: ImageShape
) -> list[BestRow]:
    """The best of the rungs, while no finalist is judged."""
    rows = []
    for budget, entry in leaders[: study.finalists.count]:
        configuration = record.configurations[entry.configuration]
        rows.append(
            BestRow(
                configuration=entry.configuration,
                settings=record.points[entry.configuration],
                full=in_full(study, entry.configuration, configuration, None),
                schedule=None,
                steps=budget,
                seeds=study.seeds_at(budget),
                measure=study.measure_at(budget),
                validation=None if entry.diverged else entry.value,
                noise=entry.noise,
                efficiency=None,
                accuracy=_last(record, entry.configuration, "accuracy", budget),
                volatility=None,
                verdict=None,
                bits_per_weight=bits_per_weight(configuration, image),
                bit_operations=bit_operations(configuration, image),
                cost=entry.cost,
                same_as_first=budget == leaders[0][0] and within_noise(leaders[0][1], entry),
            )
        )
    return rows


def _last(record: Findings, name: str, column: str, budget: int) -> float | None:
    values = record.known[MemberId(name, 1)].values(column, budget)
    return values[-1] if values and values[-1] == values[-1] else None


def _ranked(record: Findings, leaders: list[tuple[int, Standing]], image: ImageShape) -> list[Ranked]:
    """Everybody, with the Pareto front of those who reached the highest budget (value against cost)."""
    found = []
    top = leaders[0][0] if leaders else 0
    costs = {
        entry.configuration: bit_operations(record.configurations[entry.configuration], image)
        if entry.cost is None
        else entry.cost
        for _, entry in leaders
    }
    useful = [entry for budget, entry in leaders if budget == top and entry.useful]
    front = fronts([(entry.value, -costs[entry.configuration]) for entry in useful])[0] if useful else []
    on_front = {useful[index].configuration for index in front}
    for budget, entry in leaders:
        name = entry.configuration
        found.append(
            Ranked(
                configuration=name,
                settings=record.points[name],
                budget=budget,
                value=None if entry.diverged else entry.value,
                noise=entry.noise,
                bits_per_weight=bits_per_weight(record.configurations[name], image),
                cost=costs[name],
                unpruned=name in record.unpruned,
                on_front=name in on_front,
            )
        )
    return found
