"""Pictures of a search: value against bits and against cost, rung against rung, heat maps over two parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from narrowgate.pictures import BLUE, PALE, VERMILION, picture
from narrowgate.study.report._heat_map import heat_map, shown_value, widths
from narrowgate.study.report._outcome import BestRow, Outcome, Ranked
from narrowgate.study.report._tables import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED = 12
"""Up to so many configurations are named in a picture."""


def draw(folder: Path, outcome: Outcome) -> list[Path]:
    """Draw every picture that the outcome has something for, and return their paths.

    `efficiency-against-bits.png` (a typical network's test efficiency, or the value of the highest rung before there is
    one), `efficiency-against-cost.png` of the finalists where there is a second objective, `value-against-cost.png`
    with the Pareto front, `rungs.png` (rank on a rung against rank on the next), `heat-map.png` for the two parameters
    that matter most, and `widths.png` for the two formats that matter most.
    """
    drawn = []
    for name, drawing in (
        ("efficiency-against-bits", _against_bits),
        ("efficiency-against-cost", _judged_against_cost),
        ("value-against-cost", _against_cost),
        ("rungs", _rungs),
        ("heat-map", heat_map),
        ("widths", widths),
    ):
        with picture(folder / f"{name}.png") as figure:
            if drawing(figure, outcome):
                drawn.append(folder / f"{name}.png")
    return drawn


def _against_bits(figure: Figure, outcome: Outcome) -> bool:
    if not outcome.judged:
        return _values(
            figure, outcome, [one.bits_per_weight for one in _top(outcome)], "mean bits per weight", log=False
        )
    rows = [row for row in outcome.rows if row.efficiency is not None]
    _finalists(figure, outcome, rows, _apart([row.bits_per_weight for row in rows]), "mean bits per weight")
    return True


def _judged_against_cost(figure: Figure, outcome: Outcome) -> bool:
    """Finalists against the second objective; against the LUTs of their circuits where all were built."""
    rows = [row for row in outcome.rows if row.efficiency is not None]
    words = outcome.study.ranking.cost
    if not rows or words == "none":
        return False
    traced = [row.traced_luts for row in rows if row.traced_luts is not None]
    costs = traced if len(traced) == len(rows) else [row.cost for row in rows if row.cost is not None]
    if len(costs) < len(rows) or min(costs) <= 0:
        return False
    label = "LUTs, traced" if costs is traced else _cost_label(words)
    _finalists(figure, outcome, rows, costs, label)
    figure.axes[0].set_xscale("log")
    return True


def _cost_label(words: str) -> str:
    return {"none": "bit operations an image", "luts": "LUTs, estimated"}.get(words, words.replace("-", " "))


def _finalists(figure: Figure, outcome: Outcome, rows: Sequence[BestRow], places: Sequence[float], label: str) -> None:
    """Test efficiencies of judged rows, with their intervals, at places along an axis."""
    axes = figure.subplots()
    for row, place in zip(rows, places, strict=True):
        found = row.efficiency
        assert found is not None
        colour = VERMILION if row is rows[0] else BLUE
        errors = [[found.value - found.low], [found.high - found.value]]
        axes.errorbar(place, found.value, errors, fmt="o", color=colour, capsize=3)
        left = place < row.bits_per_weight
        axes.annotate(
            row.configuration,
            (place, found.value),
            (-6 if left else 6, 4),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=8,
        )
    axes.margins(x=0.1)
    axes.set_xlabel(label)
    axes.set_ylabel(f"signal efficiency at {outcome.study.ranking.rate_in_words} (test)")
    axes.set_title(f"{outcome.study.name}: finalists, 68 % intervals (orange: first on validation)", loc="left")


def _apart(places: Sequence[float]) -> list[float]:
    """The same places, those that coincide moved apart so that their error bars can be told from each other."""
    step = 0.04 * ((max(places) - min(places)) or 1.0)
    equal = [[other for other, value in enumerate(places) if abs(value - place) < step / 2] for place in places]
    return [
        place + step * (group.index(index) - (len(group) - 1) / 2)
        for index, (place, group) in enumerate(zip(places, equal, strict=True))
    ]


def _against_cost(figure: Figure, outcome: Outcome) -> bool:
    label = _cost_label(outcome.study.ranking.cost)
    return _values(figure, outcome, [one.cost for one in _top(outcome)], label, log=True)


def _values(figure: Figure, outcome: Outcome, places: Sequence[float], label: str, *, log: bool) -> bool:
    """Everybody on the highest rung: value against `places`; on a cost axis, with the Pareto front."""
    top = _top(outcome)
    if not top:
        return False
    axes = figure.subplots()
    measure = outcome.study.measure_at(top[0].budget)
    values = [shown_value(one.value, measure) for one in top]
    axes.errorbar(places, values, [one.noise for one in top], fmt="o", color=BLUE, ecolor=PALE, label="configurations")
    if log:
        front = sorted((place, value) for place, value, one in zip(places, values, top, strict=True) if one.on_front)
        axes.step(*zip(*front, strict=True), "o-", where="post", color=VERMILION, label="Pareto front", zorder=3)
        _log_axis(axes)
        figure.legend(loc="outside lower right", ncols=2)
    if len(top) <= NAMED:
        for one, place, value in zip(top, places, values, strict=True):
            axes.annotate(one.configuration, (place, value), (6, 4), textcoords="offset points", fontsize=8)
    axes.margins(x=0.1)
    if measure != "loss":  # the others are shares, whose noise may reach beyond 0 and 1
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -0.03), min(high, 1.03))
    axes.set_xlabel(label)
    axes.set_ylabel(f"validation {measure} after {top[0].budget} steps")
    many = f"{len(top)} configuration{'' if len(top) == 1 else 's'}"
    axes.set_title(f"{outcome.study.name}: {many} on the highest rung", loc="left")
    return True


def _log_axis(axes: Axes) -> None:
    """Make x logarithmic with few and short numbers on it: 2 M, 5 M, 10 M."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    subs = (1.0, 2.0, 5.0) if high < 300 * low else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: short(value).replace(".00 ", " ").replace(".0 ", " "))
    )
    axes.xaxis.set_minor_formatter(NullFormatter())


def _rungs(figure: Figure, outcome: Outcome) -> bool:
    """For each pair of neighbouring rungs, the ranks of the configurations that were on both."""
    budgets = [budget for budget in outcome.study.budgets if outcome.values[budget]]
    pairs = [
        (early, late, names)
        for early, late in pairwise(budgets)
        if len(names := [name for name in outcome.values[late] if name in outcome.values[early]]) > 1
    ]
    if not pairs:
        return False
    figure.set_size_inches(max(4.2, 3.4 * len(pairs)), 4.0)
    unpruned = {one.configuration for one in outcome.ranked if one.unpruned}
    panels = figure.subplots(1, len(pairs), squeeze=False)[0]
    told = {(one.early, one.late): one for one in outcome.fidelities}
    for axes, (early, late, names) in zip(panels, pairs, strict=True):
        first, second = (_ranks({name: outcome.values[budget][name] for name in names}) for budget in (early, late))
        for name in names:
            axes.plot(first[name], second[name], "o", color=VERMILION if name in unpruned else BLUE)
        axes.plot([1, len(names)], [1, len(names)], color=PALE, zorder=0)
        axes.set_xlabel(f"rank at {early} steps")
        axes.set_ylabel(f"rank at {late} steps")
        axes.set_aspect("equal")
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_major_locator().set_params(integer=True)
        tau = told[early, late].tau
        if not math.isnan(tau):
            text = f"τ = {tau:.2f} ± {told[early, late].uncertainty:.2f}".replace("-", "−")
            axes.set_title(text, fontsize=10, loc="left")
    figure.suptitle(f"{outcome.study.name}: did the rungs agree? (orange: never cut)", x=0.01, ha="left")
    return True


def _top(outcome: Outcome) -> list[Ranked]:
    """Everybody alive on the highest rung that anybody reached."""
    highest = max((one.budget for one in outcome.ranked), default=0)
    return [one for one in outcome.ranked if one.budget == highest and one.value is not None]


def _ranks(values: dict[str, float]) -> dict[str, int]:
    return {name: place for place, name in enumerate(sorted(values, key=lambda name: -values[name]), start=1)}
