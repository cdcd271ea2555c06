"""Several runs side by side: what differs in their configurations, and which of them are really different."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from narrowgate.files import plain
from narrowgate.notebook._errors import NotebookError
from narrowgate.notebook._filter import flatten
from narrowgate.notebook._tables import data_names, run_as_dict
from narrowgate.notebook.plots._comparison import Group, Panel, plot_comparison
from narrowgate.notebook.record._layout import SCORES
from narrowgate.notebook.record._load import Run, find, load
from narrowgate.notebook.record._measures import all_rates
from narrowgate.trigger import WorkingPoint, difference, indistinguishable


@dataclass(frozen=True)
class AtRate:
    """Several runs at one background rate (Hz).

    `best` is the id of the run with the highest efficiency, `alike` the ids of those that cannot be told from it (the
    best among them); both leave out runs that were not judged at this rate.
    """

    rate: float
    best: str
    alike: frozenset[str]


@dataclass(frozen=True)
class OnData:
    """The runs that were judged on one data set, and the best of them at every rate.

    `name` is what to call the data set among those of the comparison, empty where the runs do not tell it.
    """

    name: str
    runs: tuple[Run, ...]
    at_rates: tuple[AtRate, ...]

    def cuts_at_rate(self, rate: float) -> dict[str, WorkingPoint]:
        """What the cuts keep of this data set at `rate` (Hz), by name."""
        return next((cuts for run in self.runs if (cuts := run.measures.cuts_at_rate(rate))), {})


@dataclass(frozen=True)
class Comparison:
    """Runs in the order asked for, the settings in which they differ, and the best at every rate on each data set.

    `differences` maps a dotted key to the value in every run, None where a run has no such key. `on_data` keeps runs on
    different data apart: their efficiencies are those of different events, and so are those of the cuts.
    """

    runs: tuple[Run, ...]
    differences: Mapping[str, tuple[Any, ...]]
    on_data: tuple[OnData, ...]
    warnings: tuple[str, ...]

    @property
    def at_rates(self) -> tuple[AtRate, ...]:
        """The best at every rate, data set by data set."""
        return tuple(at for one in self.on_data for at in one.at_rates)

    def as_dict(self) -> dict[str, Any]:
        """The comparison as plain data for JSON."""
        best = [
            {"data": one.name, "rate": at.rate, "best": at.best, "alike": sorted(at.alike)}
            for one in self.on_data
            for at in one.at_rates
        ]
        content: dict[str, Any] = plain(
            {
                "runs": [run_as_dict(run) for run in self.runs],
                "differences": self.differences,
                "best": best,
                "warnings": self.warnings,
            }
        )
        return content

    def draw(self, path: Path | str, *, rates: Sequence[float] = (10e3, 100e3)) -> None:
        """Draw the runs' efficiencies at `rates` (Hz; those at which all were judged) as a picture.

        Raises:
            NotebookError: there is no such rate.
        """
        ordered = [run for one in self.on_data for run in one.runs]
        panels = []
        for rate in [rate for rate in all_rates([run.measures for run in ordered]) if rate in rates]:
            points = [run.measures.at_rate(rate) for run in ordered]
            there = [point for point in points if point is not None]
            if len(there) < len(ordered):
                continue
            alike = {name for at in self.at_rates if at.rate == rate for name in at.alike}
            panels.append(
                Panel(
                    rate=rate,
                    values=[point.efficiency for point in there],
                    lows=[point.low for point in there],
                    highs=[point.high for point in there],
                    alike=[run.id in alike for run in ordered],
                    groups=[
                        Group(len(one.runs), {name: cut.efficiency for name, cut in one.cuts_at_rate(rate).items()})
                        for one in self.on_data
                    ],
                )
            )
        confidences = {point.confidence for run in self.runs for point in run.measures.points}
        bars = " and ".join(f"{confidence:.0%}".replace("%", " %") for confidence in sorted(confidences))
        subtitle = f"bars: {bars} intervals; full marker: the best, or not to be told from it"
        names = dict(zip((run.id for run in self.runs), labels(self.runs), strict=True))
        shown = [names[run.id] for run in ordered]
        if len(self.on_data) > 1:
            shown = [f"{label}\non {one.name}" for one, label in _with_data(self.on_data, shown)]
        plot_comparison(Path(path), shown, panels, subtitle=subtitle)


def compare(root: Path | str, texts: Sequence[str]) -> Comparison:
    """Compare the runs under `root` that `texts` name (see `find`), in that order.

    Two runs are alike at a rate when the 95 % interval of their paired difference contains zero, which needs the scores
    of both on the same events (`narrowgate.trigger.difference`); without scores, when their efficiencies agree within
    their intervals (`narrowgate.trigger.indistinguishable`).

    Raises:
        NotebookError: fewer than two runs are named, one is named twice, one is not to be found or is damaged.
    """
    runs = tuple(load(root, find(root, text)) for text in texts)
    if len(runs) < 2:
        raise NotebookError("a comparison needs two runs at least; name one more")
    if len({run.id for run in runs}) < len(runs):
        twice = next(run.id for run in runs if sum(run.id == other.id for other in runs) > 1)
        raise NotebookError(f"run {twice} is named twice; a comparison needs different runs")
    return Comparison(runs, _differences(runs), _on_data(runs), _warnings(runs))


def labels(runs: Sequence[Run]) -> list[str]:
    """What to call each of several runs: its name, or its id where names are missing or the same."""
    titles = [run.title for run in runs]
    return [run.title if titles.count(run.title) == 1 else f"{run.title} ({run.id})" for run in runs]


def _differences(runs: Sequence[Run]) -> dict[str, tuple[Any, ...]]:
    flat = [flatten({key: value for key, value in run.configuration.items() if key != "name"}) for run in runs]
    keys = dict.fromkeys(key for one in flat for key in one)
    values = {key: tuple(one.get(key) for one in flat) for key in keys}
    return {key: found for key, found in values.items() if any(value != found[0] for value in found)}


def _on_data(runs: Sequence[Run]) -> tuple[OnData, ...]:
    """The runs by the data set that they were judged on, in the order of the first of each."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(_data(run) or "", []).append(run)
    names = data_names(runs)
    return tuple(
        OnData(names.get(key, "data that the run does not name"), tuple(group), _best(group))
        for key, group in groups.items()
    )


def _with_data(groups: Sequence[OnData], labels: Sequence[str]) -> list[tuple[OnData, str]]:
    """Each label with the data set of its run; the labels are in the order of the groups."""
    return list(zip((one for one in groups for _ in one.runs), labels, strict=True))


def _best(runs: Sequence[Run]) -> tuple[AtRate, ...]:
    result = []
    for rate in all_rates([run.measures for run in runs]):
        judged = [(run, point) for run in runs if (point := run.measures.at_rate(rate)) is not None]
        # Of several that keep nothing, one that separates at least at higher rates.
        best = max(judged, key=lambda pair: (pair[1].efficiency, pair[0].measures.area_under_curve or 0.0))[0]
        alike = frozenset(run.id for run, _ in judged if run is best or _alike(best, run, rate))
        result.append(AtRate(rate, best.id, alike))
    return tuple(result)


def _alike(first: Run, second: Run, rate: float) -> bool:
    points = first.measures.at_rate(rate), second.measures.at_rate(rate)
    crossing_rates = first.measures.crossing_rate, second.measures.crossing_rate
    if _share_events(first, second) and crossing_rates[0] is not None and crossing_rates[0] == crossing_rates[1]:
        (one, truth), (other, other_truth) = first.scores(), second.scores()
        if np.array_equal(truth, other_truth):
            return difference(one, other, truth, rate, crossing_rate=crossing_rates[0]).indistinguishable
    if points[0] is None or points[1] is None:
        return False
    return indistinguishable(points[0], points[1])


def _share_events(first: Run, second: Run) -> bool:
    """Whether both kept their scores on one and the same data set."""
    kept = all((run.folder / SCORES).is_file() for run in (first, second))
    return kept and _data(first) is not None and _data(first) == _data(second)


def _data(run: Run) -> str | None:
    return run.data.fingerprint or None if run.data is not None else None


def _warnings(runs: Sequence[Run]) -> tuple[str, ...]:
    warnings = [f"Run {run.id} is {run.status} and was not judged." for run in runs if not run.measures.points]
    judged = [run for run in runs if run.measures.points]
    if len({_data(run) for run in judged} - {None}) > 1:
        warnings.append("The runs were judged on different data; the best is told for each data set, beside its cuts.")
    if len({run.measures.crossing_rate for run in judged}) > 1:
        warnings.append("The runs assume different crossing rates, so that one rate means different acceptances.")
    concerned: dict[str, list[str]] = {}
    for label, run in zip(labels(runs), runs, strict=True):
        for warning in (point.warning for point in run.measures.points if point.warning):
            concerned.setdefault(warning, []).append(label)
    for warning, which in concerned.items():
        warnings.append(warning if len(which) == len(judged) else f"{', '.join(which)}: {warning}")
    return tuple(warnings)
