"""What the pool and the truth say together: measures against truth, and every rule's picks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.study import Study, bit_operations, kendall
from narrowgate.study.journal._member_id import MemberId
from narrowgate.study.journal._members import Known
from narrowgate.trigger import stability

from .model import Truth, fit
from .pool import configurations, known_members, search_1
from .replay import RULES, MissingError, Rule, assignments, replay
from .truth import half_interval, judged_on, read_truth

REPETITIONS = 5
IMAGE = (20, 12, 1)
DRAWS = 2000
COLUMNS = ("raw_loss", "loss", "raw_settled_loss", "settled_loss", "raw_auc", "auc", "raw_near-auc", "near-auc")
COLUMNS_TOO = ("settled_near-auc", "raw_efficiency", "efficiency")
STEPS = (50, 150, 450, 1350)


def levels(study: Study) -> dict[str, dict[str, str]]:
    """The three factors of every configuration, in words."""
    return {
        name: {
            "filters": ", ".join(map(str, one.network.filters)),
            "widths": str(one.precision.conv),
            "activations": str(one.precision.activation),
        }
        for name, one in configurations(study).items()
    }


@dataclass
class Found:
    """Everything that was measured."""

    rate: float
    study: Study
    levels: Mapping[str, Mapping[str, str]]
    known: Mapping[str, Known]
    truth: Truth
    trainings: Mapping[str, Sequence[float]]
    interval: float
    """How far the lower end of the interval of one good network lies below its value, on the sample's test split."""

    repetitions: int = REPETITIONS

    @cached_property
    def costs(self) -> dict[str, float]:
        """Bit operations of every configuration."""
        return {name: bit_operations(one, IMAGE) for name, one in configurations(self.study).items()}

    @cached_property
    def draws(self) -> NDArray[np.float64]:
        """Truths as they may be."""
        return self.truth.draws(DRAWS)


def gather(folder: Path, rate: float) -> Found:
    """Read a folder of results; `rate` (Hz) is that at which the truth is taken."""
    study = search_1()
    judged = judged_on(folder)
    points = read_truth(folder, judged["background"], rate, judged["crossing_rate"])
    trainings = {name: [point.efficiency for point in several] for name, several in points.items()}
    grid = levels(study)
    truth = fit(grid, trainings)
    top = [truth.names[place] for place in np.argsort(-truth.mean)[:15]]
    interval = half_interval(folder, top, rate, judged["crossing_rate"])
    return Found(rate, study, grid, known_members(folder / "pool"), truth, trainings, interval)


def correlations(found: Found) -> list[dict[str, Any]]:
    """Kendall's τ of each measure at each budget with the truth, by repetition, over all configurations trained so far.

    The value of a measure is that of the evaluation at the budget; where not all 135 configurations came that far, none
    is given.
    """
    rows = []
    truth = dict(zip(found.truth.names, found.truth.mean, strict=True))
    for steps in STEPS:
        for column in (*COLUMNS, *COLUMNS_TOO):
            taus = []
            for repetition in range(1, REPETITIONS + 1):
                values = {name: value_at(found.known.get(f"{name}-r{repetition}-s1"), column, steps) for name in truth}
                if all(value is not None for value in values.values()):
                    sign = -1 if column.endswith("loss") else 1
                    taus.append(kendall([sign * float(values[name] or 0) for name in truth], list(truth.values()))[0])
            if taus:
                rows.append({"steps": steps, "column": column, "taus": taus})
    return rows


def shapes(found: Found) -> list[dict[str, Any]]:
    """For every shape: its true efficiency, and what its members look like early on."""
    rows = []
    for shape in dict.fromkeys(one["filters"] for one in found.levels.values()):
        names = [name for name, one in found.levels.items() if one["filters"] == shape]
        places = [found.truth.names.index(name) for name in names]
        means = found.draws[:, places].mean(axis=1)
        row: dict[str, Any] = {"filters": shape, "efficiency": float(means.mean()), "error": float(means.std())}
        for steps in STEPS:
            for column in ("raw_loss", "raw_settled_loss", "near-auc"):
                values = [
                    value_at(found.known.get(f"{name}-r{repetition}-s1"), column, steps)
                    for name in names
                    for repetition in range(1, REPETITIONS + 1)
                ]
                there = [value for value in values if value is not None]
                row[f"{column} at {steps}"] = float(np.mean(there)) if there else None
        rows.append(row)
    return rows


def outcomes(found: Found, deals: int) -> list[dict[str, Any]]:
    """What every rule picked in the repetitions, and in `deals` with seeds dealt to each configuration apart."""
    draws = found.draws
    best = draws.max(axis=1)
    place = {name: index for index, name in enumerate(found.truth.names)}
    rows = []
    for rule in RULES:
        study = rule.study(found.study)
        curves = {name: rule.read(one) for name, one in found.known.items()}
        row: dict[str, Any] = {"rule": rule.name}
        for what, together, count in (("repetitions", True, REPETITIONS), ("dealt apart", False, deals)):
            picks, lost, five, cheap, steps, missing = [], [], [], [], [], 0
            for seeds in assignments(list(found.levels), REPETITIONS, together=together, count=count):
                try:
                    orders = replay(study, seeds, curves)
                except MissingError:
                    missing += 1
                    continue
                picks.append(orders[-1][0])
                lost.append(best - draws[:, place[orders[-1][0]]])
                first = orders[-1][:5]
                five.append(best - draws[:, [place[name] for name in first]].max(axis=1))
                cheap.append(best - draws[:, place[min(first, key=found.costs.__getitem__)]])
                steps.append(_work(rule, study, orders))
            if picks:
                row[what] = _summary(picks, np.array(lost), np.array(five), np.array(cheap), steps, missing, found)
        rows.append(row)
    return rows


def _summary(
    picks: Sequence[str],
    lost: NDArray[np.float64],
    five: NDArray[np.float64],
    cheap: NDArray[np.float64],
    steps: Sequence[int],
    missing: int,
    found: Found,
) -> dict[str, Any]:
    """Of (repetitions, draws): mean regret with its error, of the first, the best and the cheapest of five."""
    by_repetition = lost.mean(axis=1)
    return {
        "count": len(picks),
        "missing": missing,
        "regret": float(lost.mean()),
        "error": _error(lost),
        "regrets": by_repetition.round(5).tolist() if len(picks) <= REPETITIONS else [],
        "worst": float(by_repetition.max()),
        "within interval": float((lost <= found.interval).mean()),
        "within 0.005": float((lost <= 0.005).mean()),
        "regret of the best of five": float(five.mean()),
        "regret of the cheapest of five": float(cheap.mean()),
        "error of the cheapest of five": _error(cheap),
        "cheapest within interval": float((cheap <= found.interval).mean()),
        "steps": float(np.mean(steps)),
        "filters": dict(Counter(found.levels[name]["filters"] for name in picks).most_common()),
        "picks": [" ".join(found.levels[name].values()) for name in picks] if len(picks) <= REPETITIONS else [],
    }


def _error(lost: NDArray[np.float64]) -> float:
    """Of the mean over (repetitions, draws): the repetitions' scatter and truth's uncertainty."""
    scatter = lost.mean(axis=1).std(ddof=1) / np.sqrt(len(lost)) if len(lost) > 1 else 0.0
    return float(np.hypot(scatter, lost.mean(axis=0).std()))


def _work(rule: Rule, study: Study, orders: Sequence[Sequence[str]]) -> int:
    """Member-steps that a search spends."""
    total, old, before = 0, 0, 0
    for rung, order in zip(study.brackets[0].rungs, orders, strict=True):
        here = study.seeds_at(rung.budget)
        total += len(order) * (old * (rung.budget - before) + (here - old) * rung.budget)
        old, before = here, rung.budget
    return total


VARIANT_NAMES = {"hidden": "hidden", "all": "all", "off": "off", "dropout": "dropout 0.2"}
"""What the members of the volatility's pool are regularised with, by the word in their names."""


def volatilities(folder: Path) -> list[dict[str, Any]]:
    """How much the curves jump: the pool's own, and of the same networks regularised in several ways."""
    groups: dict[str, list[Known]] = {}
    for where in ("pool", "volatility"):
        if not (folder / where).exists():
            continue
        for name, one in known_members(folder / where).items():
            variant = (
                "search 1: hidden, all members trained to the end"
                if where == "pool"
                else VARIANT_NAMES[MemberId.parse(name).schedule or ""]
            )
            if one.step >= STEPS[-1] and one.diverged_at is None:
                groups.setdefault(variant, []).append(one)
    rows = []
    for variant, members in groups.items():
        steady = [stability([float(value or 0) for value in one.curve["raw_loss"]]) for one in members]
        ends = [[float(value) for value in one.curve["raw_efficiency"][-3:] if value is not None] for one in members]
        values = [one.volatility for one in steady]
        rows.append(
            {
                "variant": variant,
                "networks": len(members),
                "median": float(np.median(values)),
                "lowest": float(min(values)),
                "highest": float(max(values)),
                "verdicts": dict(Counter(str(one.verdict) for one in steady).most_common()),
                "efficiency": float(np.sqrt(np.mean([np.var(end, ddof=1) for end in ends]))),
            }
        )
    return rows


def value_at(known: Known | None, column: str, steps: int) -> float | None:
    """A member's value at an evaluation; `None` where there is none."""
    if known is None or known.step < steps or steps not in known.curve["step"]:
        return None
    return known.curve[column][known.curve["step"].index(steps)]
