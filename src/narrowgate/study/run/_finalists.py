"""The last part of a search: the best are trained afresh and in full, and judged on the test split, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from narrowgate.files import write_bytes
from narrowgate.integers import exact_scores
from narrowgate.study._errors import StudyError
from narrowgate.study.journal._entries import (
    DifferenceFound,
    FinalistsChosen,
    Judged,
    JudgedFinalist,
    JudgementFound,
    Traced,
    TracedCircuit,
)
from narrowgate.study.journal._members import Known, Member, finalist_member
from narrowgate.study.ranking._cost import traced
from narrowgate.study.ranking._ranking import Standing, Worth, rank, standing, typical
from narrowgate.study.run._rungs import Search, TimeIsUpError
from narrowgate.training import State, Trained, Weights, score, usual_placement, weights_of
from narrowgate.trigger import RATES, difference, judge, mean_difference_half_width, possible_rates, stability

STOPPED = "finalists stopped"

Scores = NDArray[np.float32] | NDArray[np.float64]

Keep = Callable[[Trained], object]
"""Hears of each finalist's typical network, so that a notebook can make a run of it."""


@dataclass(frozen=True)
class Finalist:
    """A configuration in its best schedule: its standing on validation, and its members (seeds), all fully trained.

    `worths` are those of the members on the validation split.
    """

    standing: Standing
    schedule: str
    members: tuple[Member, ...]
    worths: tuple[Worth, ...]

    @property
    def typical(self) -> int:
        """The place of the member whose value on the validation split is the median (the lower of two)."""
        return typical(self.worths)


def run_finals(search: Search, folder: Path, keep: Keep | None) -> None:
    """Train the finalists, judge them, and leave their typical networks' weights in `folder`."""
    count = search.study.finalists.count
    leaders = [found for _, found in search.record.leaders() if not found.diverged][:count]
    step = "finalists chosen"
    names = search.journal.step(
        step, lambda: FinalistsChosen(step=step, configurations=[one.configuration for one in leaders])
    ).configurations
    search.tell("finalists in full", len(names))
    try:
        # All seeds together, so that those of one program fill every lane; the first of each come first.
        seeds = range(search.study.finalists.seeds)
        members = [member for number in seeds for name in names for member in _members(search, name, number)]
        search.train("finalists", members, search.study.finalists.steps, stopped=STOPPED)
    except TimeIsUpError:
        search.tell("out of time", 0)
    finalists = [found for name in names if (found := _finished(search, name)) is not None]
    by_name = {finalist.standing.configuration: finalist for finalist in finalists}
    # With a second objective the chosen are a front: it is read from the most efficient to the cheapest.
    standings = [replace(finalist.standing, cost=None) for finalist in finalists]
    ordered = [by_name[entry.configuration] for entry in rank(standings)]
    if ordered:
        search.tell("judging on the test split", len(ordered))
        entry = search.journal.step("judged", lambda: _judged(search, ordered))
        if search.study.finalists.trace:
            search.tell("tracing circuits", len(ordered))
            search.journal.step("traced", lambda: _traced(search, ordered, entry))
        _keep_finalists(search, folder, ordered, entry, keep)


def _members(search: Search, name: str, number: int) -> list[Member]:
    configuration = search.record.configurations[name]
    schedules = search.study.finalists.schedules
    return [finalist_member(search.study, name, configuration, schedule, number) for schedule in schedules]


def _finished(search: Search, name: str) -> Finalist | None:
    """A finalist in the schedule that did best on validation; `None` if no seed of any came to the end."""
    steps, measure = search.study.finalists.steps, search.study.ranking.measure
    found = []
    for index, schedule in enumerate(search.study.finalists.schedules):
        every = [_members(search, name, number)[index] for number in range(search.study.finalists.seeds)]
        members = tuple(member for member in every if _is_finished(search.record.known.get(member.id), steps))
        if members:
            values = [search.record.value(member.id, steps, measure) for member in members]
            cost = search.record.cost(name, [member.id for member in members], steps)
            own = standing(name, values, cost, search.record.coin(measure))
            found.append(Finalist(own, schedule, members, tuple(values)))
    return max(found, key=lambda finalist: finalist.standing.merit, default=None)


def _is_finished(known: Known | None, steps: int) -> bool:
    return known is not None and (known.step >= steps or known.diverged_at is not None)


@dataclass(frozen=True)
class _Tested:
    """A finalist's seeds on the test split: the efficiency of each, and the scores of the typical one.

    Which one that is the validation split has decided: the test split chooses nothing.
    """

    finalist: Finalist
    efficiencies: tuple[float, ...]
    scores: Scores | None


def _judged(search: Search, finalists: Sequence[Finalist]) -> Judged:
    """Judge every finalist's every seed, and compare each finalist with the first."""
    tested = [_test(search, finalist) for finalist in finalists]
    rows = [_row(search, one, tested[0]) for one in tested]
    return Judged(step="judged", rate=search.study.ranking.rate, finalists=rows)


def _test(search: Search, finalist: Finalist) -> _Tested:
    """A seed that diverged or gives scores that are not finite keeps nothing: its efficiency is 0.

    A network of fixed-point formats is judged by the exact integers, as its run will be.
    """
    test, rate = search.data.dataset.test, search.study.ranking.rate
    found: list[tuple[float, Scores | None]] = []
    for member in finalist.members:
        known = search.record.known[member.id]
        weights, _ = weights_of(member.configuration, search.state(member))
        scores = None if known.diverged_at is not None else _scores(member, weights, test.images)
        if scores is None:
            found.append((0.0, None))
            continue
        judgement = judge(scores, test.labels, rates=(rate,), crossing_rate=search.data.dataset.crossing_rate)
        found.append((judgement.working_points[0].efficiency, scores))
    return _Tested(finalist, tuple(value for value, _ in found), found[finalist.typical][1])


def _scores(member: Member, weights: Weights, images: Any) -> Scores | None:
    """By the exact integers where all formats are fixed point, else by the training graph; `None` if not all finite."""
    if not all(np.all(np.isfinite(values)) for values in weights.values()):
        return None
    exact = exact_scores(member.configuration, weights, images)
    scores = score(member.configuration, weights, images) if exact is None else exact
    return scores if np.all(np.isfinite(scores)) else None


def _row(search: Search, tested: _Tested, leader: _Tested) -> JudgedFinalist:
    finalist, labels, scores = tested.finalist, search.data.dataset.test.labels, tested.scores
    member = finalist.members[finalist.typical]
    rate, crossing_rate = search.study.ranking.rate, search.data.dataset.crossing_rate
    judgement, volatility, verdict, compared = None, None, "diverged", None
    if scores is not None:
        rates = possible_rates(tuple(dict.fromkeys((rate, *RATES))), crossing_rate)
        found = judge(scores, labels, rates=rates, crossing_rate=crossing_rate).as_dict()
        judgement = JudgementFound.model_validate_json(json.dumps(found))
        steady = stability(search.record.known[member.id].values("raw_loss", search.study.finalists.steps))
        volatility = float(steady.volatility) if np.isfinite(steady.volatility) else None
        verdict = str(steady.verdict)
        if leader.scores is not None:
            compared = _difference(tested, leader, labels, rate, crossing_rate)
    return JudgedFinalist(
        configuration=finalist.standing.configuration,
        schedule=finalist.schedule,
        network=member.name,
        seeds=len(finalist.members),
        seeds_diverged=sum(search.record.known[one.id].diverged_at is not None for one in finalist.members),
        validation=None if finalist.standing.diverged else float(finalist.standing.value),
        validation_noise=float(finalist.standing.noise),
        cost=finalist.standing.cost,
        efficiencies=[float(one) for one in tested.efficiencies],
        judgement=judgement,
        volatility=volatility,
        verdict=verdict,
        difference=compared,
    )


def _traced(search: Search, finalists: Sequence[Finalist], judged: Judged) -> Traced:
    """What the circuit of every finalist's typical network consists of; of one that diverged nothing."""
    image, found = search.data.dataset.geometry.shape, {}
    for finalist, row in zip(finalists, judged.finalists, strict=True):
        member = _typical(search, finalist, row)
        if row.judgement is not None:
            weights, _ = weights_of(member.configuration, search.state(member))
            circuit = traced(member.configuration, weights, image)
            found[finalist.standing.configuration] = TracedCircuit.model_validate_json(json.dumps(circuit))
    return Traced(step="traced", finalists=found)


def _typical(search: Search, finalist: Finalist, row: JudgedFinalist) -> Member:
    """The member that the journal names."""
    member = next((one for one in finalist.members if one.name == row.network), None)
    if member is None:
        raise StudyError(
            f"the journal judged {row.network} for {finalist.standing.configuration}, which is none of its members; it "
            f"is another version's, or was changed."
        )
    return member


def _difference(tested: _Tested, leader: _Tested, labels: Any, rate: float, crossing_rate: float) -> DifferenceFound:
    """The mean efficiency over seeds less the first finalist's, with a 95 % interval.

    Two independent uncertainties in quadrature: the events', from the paired comparison of the two typical networks,
    and the seeds', from the scatter of each finalist's seeds (`mean_difference_half_width`).
    """
    assert tested.scores is not None
    assert leader.scores is not None
    value = float(np.mean(tested.efficiencies) - np.mean(leader.efficiencies))
    if tested is leader:
        return DifferenceFound(value=0.0, low=0.0, high=0.0, indistinguishable=True)
    events = difference(tested.scores, leader.scores, labels, rate, crossing_rate=crossing_rate, confidence=0.95)
    seeds = mean_difference_half_width(tested.efficiencies, leader.efficiencies, confidence=0.95)
    half = float(np.hypot((events.high - events.low) / 2, seeds))
    alike = bool(abs(value) <= half)
    return DifferenceFound(value=value, low=value - half, high=value + half, indistinguishable=alike)


def _keep_finalists(
    search: Search, folder: Path, finalists: Sequence[Finalist], judged: Judged, keep: Keep | None
) -> None:
    """Write down the weights of every typical network, and let the notebook have it."""
    for finalist, row in zip(finalists, judged.finalists, strict=True):
        member = _typical(search, finalist, row)
        known, state = search.record.known[member.id], search.state(member)
        weights, _ = weights_of(member.configuration, state)
        write_bytes(folder / f"{finalist.standing.configuration}.safetensors", save(weights))
        if keep is not None:
            try:
                keep(_as_trained(member, known, state))
            except OSError as error:
                raise StudyError(
                    f"the run of {finalist.standing.configuration} cannot be written ({error}); what the study has "
                    f"found is kept in {folder.parent}, resume when there is room."
                ) from error


def _as_trained(member: Member, known: Known, state: State) -> Trained:
    training = member.configuration.training
    curve = {name: known.values(name, training.steps) for name in known.curve}
    curve["epoch"] = [float(index + 1) for index in range(len(curve["step"]))]
    return Trained.of(member.configuration, state, curve, known.step * training.batch_size, usual_placement(1))
