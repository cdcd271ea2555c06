"""Heat maps of a search: the mean value over two parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from narrowgate.study.report._outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heat_map(figure: Figure, outcome: Outcome) -> bool:
    """Over the two listed parameters that matter most; draws nothing, and says so, with fewer than two."""
    return _over(figure, outcome, list(outcome.study.space.parameters))


def widths(figure: Figure, outcome: Outcome) -> bool:
    """Over the two that matter most of the parameters that set formats."""
    parameters = outcome.study.space.parameters
    formats = [name for name, one in parameters.items() if all(key.startswith("precision.") for key in one.sets)]
    return _over(figure, outcome, formats)


def _over(figure: Figure, outcome: Outcome, parameters: Sequence[str]) -> bool:
    """The mean value over every pair of levels of the two listed parameters whose means differ most.

    The lowest budget is shown, which saw everybody.
    """
    budget = min((budget for budget, values in outcome.values.items() if values), default=None)
    if budget is None:
        return False
    values = {name: value for name, value in outcome.values[budget].items() if math.isfinite(value)}
    settings = {one.configuration: one.settings for one in outcome.ranked}
    listed = [name for name in parameters if outcome.study.space.parameters[name].values is not None]
    spread = {name: _spread(name, values, settings) for name in listed}
    chosen = sorted(listed, key=lambda name: -spread[name])[:2]
    if len(chosen) < 2:
        return False
    down, across = chosen
    rows, columns = (list(outcome.study.space.parameters[name].values or ()) for name in (down, across))
    measure = outcome.study.measure_at(budget)
    means = [[_mean(values, settings, {down: row, across: column}) for column in columns] for row in rows]
    axes = figure.subplots()
    shown = [[shown_value(value, measure) for value in line] for line in means]
    image = axes.imshow(shown, cmap="cividis", aspect="auto")
    for row, column in ((row, column) for row in range(len(rows)) for column in range(len(columns))):
        if not math.isnan(shown[row][column]):
            text = axes.text(column, row, f"{shown[row][column]:.4f}", ha="center", va="center", fontsize=8)
            text.set_bbox({"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.5})
    axes.set_xticks(range(len(columns)), [str(value) for value in columns])
    axes.set_yticks(range(len(rows)), [str(value) for value in rows])
    axes.set_xlabel(across.replace("_", " "))
    axes.set_ylabel(down.replace("_", " "))
    axes.grid(visible=False)
    axes.set_title(f"{outcome.study.name}: mean validation {measure} after {budget} steps", loc="left")
    figure.colorbar(image)
    return True


def shown_value(value: float | None, measure: str) -> float:
    """A value as it is known to people: losses positive."""
    return math.nan if value is None else -value if measure == "loss" else value


def _mean(values: dict[str, float], settings: dict[str, Any], levels: dict[str, Any]) -> float:
    chosen = [
        value
        for name, value in values.items()
        if all(settings[name].get(key) == level for key, level in levels.items())
    ]
    return sum(chosen) / len(chosen) if chosen else math.nan


def _spread(parameter: str, values: dict[str, float], settings: dict[str, Any]) -> float:
    """How far the means of a parameter's levels lie apart."""
    levels = {str(settings[name].get(parameter)): settings[name].get(parameter) for name in values}
    means = [_mean(values, settings, {parameter: level}) for level in levels.values()]
    return max(means) - min(means) if means else 0.0
