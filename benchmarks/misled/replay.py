"""Searches replayed on members that are trained already: the study's own brackets, standings and promotions.

A rule is a study with its ranking and budgets changed, and says which column of a pool's curves each measure is read
from; that is how a ranking by live weights, or by the best epoch of something else than the loss, is replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from narrowgate.study import Ranking, Strategy, Study, promote
from narrowgate.study.journal._findings import Findings
from narrowgate.study.journal._member_id import MemberId
from narrowgate.study.journal._members import Known

Curves = Mapping[str, Known]
Seeds = Mapping[str, Sequence[str]]
"""For every configuration the names of its members in the pool: its first seed, its second, …"""

MEASURES = ("raw_loss", "loss", "auc", "near-auc", "efficiency")
"""The columns that a study's ranking reads."""


class MissingError(LookupError):
    """A replay asks for more steps than the pool has; `wanted` are the members, `budget` the steps."""

    def __init__(self, wanted: Sequence[str], budget: int) -> None:
        super().__init__(f"{len(wanted)} members are not trained to {budget} steps")
        self.wanted, self.budget = wanted, budget


@dataclass(frozen=True)
class Rule:
    """A way to rank: changes of the study's [ranking], the first and the last budget, and where measures are read."""

    name: str
    ranking: Mapping[str, Any] = field(default_factory=dict)
    budgets: tuple[int, int] = (150, 1350)
    columns: Mapping[str, str] = field(default_factory=dict)
    """From a study's column to the pool's; `-` before the latter turns it round."""

    def study(self, base: Study) -> Study:
        """`base` ranked in this way; without an unpruned bracket, whose members no ranking has a say in."""
        smallest, largest = self.budgets
        strategy = base.strategy.model_dump() | {"smallest": smallest, "largest": largest, "unpruned": 0}
        kept = {} if self.ranking.get("kind") == "best-epoch" else base.ranking.model_dump()
        ranking = Ranking(**(kept | dict(self.ranking)))
        return Study(base.name, base.space, Strategy(**strategy), ranking, base.finalists, base.text)

    def read(self, known: Known) -> Known:
        """A pool member as this rule sees it."""
        curve = {"step": known.curve["step"]}
        for measure in MEASURES:
            column = self.columns.get(measure, measure)
            values = known.curve[column.removeprefix("-")]
            sign = -1.0 if column.startswith("-") else 1.0
            curve[measure] = [None if value is None else sign * value for value in values]
        return Known(known.step, curve, known.diverged_at, known.digest)


def replay(study: Study, seeds: Seeds, curves: Curves) -> list[list[str]]:
    """Run the first bracket of a study; for every rung, the configurations on it, best first.

    `curves` are the members as the rule reads them. Configurations start in the order of `seeds`.

    Raises:
        MissingError: a configuration that goes on to a rung is not trained that far.
    """
    record = Findings(study)
    for name, members in seeds.items():
        for number, member in enumerate(members, start=1):
            if member in curves:
                record.known[MemberId(name, number)] = curves[member]
    alive = list(seeds)
    orders: list[list[str]] = []
    rungs = study.brackets[0].rungs
    for index, rung in enumerate(rungs, start=1):
        there = range(study.seeds_at(rung.budget))
        needed = [seeds[name][number] for name in alive for number in there]
        missing = [member for member in needed if not _reached(curves.get(member), rung.budget)]
        if missing:
            raise MissingError(missing, rung.budget)
        standings = [record.standing(name, rung.budget) for name in alive]
        places = rungs[index].places if index < len(rungs) else 0
        factor = 1.0 if study.ranking.kind == "best-epoch" or not places else study.ranking.tie_factor
        decision = promote(standings, places or len(alive), tie_factor=factor)
        orders.append(list(decision.order))
        alive = [*decision.promoted, *decision.tied]
    return orders


def _reached(known: Known | None, budget: int) -> bool:
    return known is not None and (known.step >= budget or known.diverged_at is not None)


def _best_epoch(column: str = "raw_loss", budgets: tuple[int, int] = (150, 1350)) -> dict[str, Any]:
    return {"ranking": {"kind": "best-epoch"}, "budgets": budgets, "columns": {"raw_loss": column}}


def _single(early: str, measure: str, **changes: Any) -> dict[str, Any]:
    """One seed, no ties."""
    return {"seeds": (1,), "tie_factor": 1.0, "early_measure": early, "measure": measure} | changes


LIVE = {"loss": "raw_loss", "auc": "raw_auc", "near-auc": "raw_near-auc", "efficiency": "raw_efficiency"}
SETTLED = {"loss": "settled_loss", "auc": "settled_auc", "near-auc": "settled_near-auc"}
SHORT = (50, 450)

RULES = (
    Rule("2022, few steps an epoch", **_best_epoch(budgets=SHORT)),
    Rule("2022", **_best_epoch()),
    Rule("ours"),
    Rule("2022, settled statistics", **_best_epoch("raw_settled_loss")),
    Rule("2022, settled statistics, few steps an epoch", **_best_epoch("raw_settled_loss", SHORT)),
    Rule("2022, near-AUC in place of the loss", **_best_epoch("-raw_near-auc")),
    Rule("2022, near-AUC, few steps an epoch", **_best_epoch("-raw_near-auc", SHORT)),
    Rule("ours, near-AUC to the end", {"measure": "near-auc"}),
    Rule("ours, near-AUC, few steps an epoch", {"measure": "near-auc"}, SHORT),
    Rule("ours, one seed, no ties", {"seeds": (1,), "tie_factor": 1.0}),
    Rule("ours, settled statistics", columns=SETTLED),
    Rule("ours, two seeds on the first rungs", {"seeds": (2, 2, 3)}),
    Rule("ours, live weights", columns=LIVE),
    Rule("ours, last evaluation only", {"last": 1}),
    Rule("2022, averaged weights", **_best_epoch("loss")),
    Rule("2022, 500 validation events a class", **_best_epoch("small_loss")),
    Rule("ours, one seed", {"seeds": (1,)}),
    Rule("ours, no ties", {"tie_factor": 1.0}),
    Rule("2022, median of the last 3 in place of the best", _single("loss", "loss"), columns=LIVE),
    Rule("ours, loss in place of near-AUC on the first rungs", {"early_measure": "loss"}),
    Rule("ours, AUC in place of near-AUC on the first rungs", {"early_measure": "auc"}),
    Rule("ours, settled loss in place of near-AUC", {"early_measure": "loss"}, columns=SETTLED),
    Rule("ours, near-AUC to the end, two seeds on the first rungs", {"measure": "near-auc", "seeds": (2, 2, 3)}),
)
"""The more important ones first: their members are trained first."""


def assignments(names: Sequence[str], repetitions: int, *, together: bool, count: int, seed: int = 1) -> list[Seeds]:
    """Ways to deal the pool's members, one a repetition, as first, second, … seeds.

    `together`: the same repetition stands first for every configuration, as in a study, where a seed number means the
    same batches and, in one shape, the same starting weights for all; otherwise each configuration has an order of its
    own. There are `count` deals; with `together` and as many as repetitions, each repetition stands first once.
    """
    generator = np.random.default_rng(seed)
    every = np.arange(repetitions)
    found: list[Seeds] = []
    for deal in range(count):
        turned = together and count == repetitions
        order = np.roll(every, -deal) if turned else generator.permutation(every)
        orders = {name: order if together else generator.permutation(every) for name in names}
        found.append({name: [f"{name}-r{index + 1}-s1" for index in order] for name, order in orders.items()})
    return found


def wanted(base: Study, names: Sequence[str], known: Curves, repetitions: int, budget: int) -> list[str]:
    """The members that some rule takes to a rung of `budget` steps and that are not trained so far.

    Those that the rules listed first want come first.
    """
    found: dict[str, None] = {}
    for rule in RULES:
        study = rule.study(base)
        curves = {name: rule.read(one) for name, one in known.items()}
        for seeds in assignments(names, repetitions, together=True, count=repetitions):
            try:
                replay(study, seeds, curves)
            except MissingError as error:
                if error.budget == budget:
                    found.update(dict.fromkeys(error.wanted))
    return list(found)
