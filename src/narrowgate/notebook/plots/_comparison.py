"""Picture of several runs side by side: the efficiency of each with its interval, and the cuts as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from narrowgate import pictures
from narrowgate.notebook._errors import NotebookError
from narrowgate.units import in_kilohertz


@dataclass(frozen=True)
class Group:
    """So many runs one after the other on one data set, and what the cuts keep of it, by name."""

    runs: int
    cuts: Mapping[str, float]


@dataclass(frozen=True)
class Panel:
    """One background rate (Hz): value and interval of every run in order, and the data sets that they are on.

    `alike` says of every run whether it is the best on its data, or cannot be told from it.
    """

    rate: float
    values: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    alike: Sequence[bool]
    groups: Sequence[Group]


def plot_comparison(path: Path, labels: Sequence[str], panels: Sequence[Panel], *, subtitle: str = "") -> None:
    """Draw one row a run and one panel a rate; a run that cannot be told from the best has a full marker.

    Raises:
        NotebookError: there is nothing to draw.
    """
    if not (labels and panels):
        raise NotebookError("there is no efficiency to compare")
    places = range(len(labels))
    width = (
        2.2 + 2.9 * len(panels) + 0.05 * max((len(line) for label in labels for line in label.splitlines()), default=0)
    )
    height = 2.0 + 0.42 * len(labels) + 0.12 * sum(label.count("\n") for label in labels)
    with pictures.picture(path, width=width, height=height) as figure:
        pictures.headline(figure, "Signal efficiency at a fixed background rate", subtitle)
        for axes, panel in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True):
            first = 0
            for group in panel.groups:
                here = range(first, first + group.runs)
                best, rows = max(here, key=lambda place: panel.values[place]), (first - 0.5, here.stop - 0.5)
                axes.fill_betweenx(
                    rows, panel.lows[best], panel.highs[best], color=pictures.NETWORK, alpha=0.13, linewidth=0
                )
                for (name, value), (colour, dashes) in zip(group.cuts.items(), pictures.CUTS, strict=False):
                    axes.plot([value, value], rows, color=colour, linestyle=dashes, linewidth=1.5, label=name)
                first = here.stop
            for place in places:
                value = panel.values[place]
                axes.errorbar(
                    value,
                    place,
                    xerr=[[value - panel.lows[place]], [panel.highs[place] - value]],
                    fmt="o",
                    color=pictures.NETWORK,
                    markerfacecolor=pictures.NETWORK if panel.alike[place] else "white",
                    markeredgewidth=1.5,
                    markersize=6.5,
                    elinewidth=1.8,
                    capsize=3.5,
                )
            axes.grid(visible=False, axis="y")
            axes.set_xlabel(f"signal efficiency at {in_kilohertz(panel.rate)}")
            axes.set_yticks(places, [pictures.literal(label) for label in labels])
            axes.set_ylim(len(labels) - 0.5, -0.5)
            axes.tick_params(axis="y", length=0)
            axes.margins(x=0.08)
        handles = {name: handle for handle, name in zip(*figure.axes[0].get_legend_handles_labels(), strict=True)}
        if handles:
            figure.legend(handles.values(), handles.keys(), loc="outside lower right", ncols=len(handles))
