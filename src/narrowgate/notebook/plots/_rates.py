"""Pictures of signal efficiency against background rate: the whole ROC, and the part that a trigger uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from narrowgate import pictures
from narrowgate.trigger import EfficiencyCurve, Roc, WorkingPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_roc(
    path: Path,
    network: Roc,
    cuts: Mapping[str, Roc],
    points: Sequence[WorkingPoint],
    *,
    event_rate: float,
    title: str,
    subtitle: str = "",
) -> None:
    """Draw signal efficiency against background rate at every threshold, for the network and for the cuts.

    `points` are the network's working points, drawn with their intervals. `event_rate` is the rate in Hz that one
    background event stands for; where fewer than ten decide, the picture is shaded.
    """
    with pictures.picture(path) as figure:
        pictures.headline(figure, title, subtitle)
        axes = figure.subplots()
        axes.plot(network.rate / 1e3, network.signal_efficiency, color=pictures.NETWORK, label="network", zorder=4)
        for (name, cut), (colour, dashes) in zip(cuts.items(), pictures.CUTS, strict=False):
            axes.plot(cut.rate / 1e3, cut.signal_efficiency, color=colour, linestyle=dashes, label=name)
        _draw_points(axes, points)
        axes.set_xlim(event_rate / 1e3, network.crossing_rate / 1e3)
        axes.set_ylim(0.0, 1.02)
        _finish(axes, event_rate)


def plot_efficiency(
    path: Path,
    network: EfficiencyCurve,
    cuts: Mapping[str, EfficiencyCurve],
    points: Sequence[WorkingPoint],
    *,
    title: str,
    subtitle: str = "",
) -> None:
    """Draw signal efficiency against background rate with its interval as a band, and the cuts as lines.

    The rates of `network` and of each of `cuts` ascend; `points` are the network's working points.
    """
    with pictures.picture(path) as figure:
        pictures.headline(figure, title, subtitle)
        axes = figure.subplots()
        rates = network.rate / 1e3
        axes.plot(rates, network.efficiency, color=pictures.NETWORK, label="network", zorder=4)
        band = f"its {network.confidence:.0%} interval".replace("%", " %")
        axes.fill_between(rates, network.low, network.high, color=pictures.NETWORK, alpha=0.2, linewidth=0, label=band)
        for (name, cut), (colour, dashes) in zip(cuts.items(), pictures.CUTS, strict=False):
            axes.plot(cut.rate / 1e3, cut.efficiency, color=colour, linestyle=dashes, label=name)
        _draw_points(axes, points)
        axes.set_xlim(rates[0], rates[-1])
        lowest = min(float(network.low.min()), *(float(cut.efficiency.min()) for cut in cuts.values()), 0.95)
        axes.set_ylim(np.floor(20 * lowest) / 20, 1.0)
        _finish(axes, network.crossing_rate / network.background_events)


def _draw_points(axes: Axes, points: Sequence[WorkingPoint]) -> None:
    for point in points:
        axes.axvline(point.rate / 1e3, color=pictures.GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        axes.errorbar(
            point.rate / 1e3,
            point.efficiency,
            yerr=[[point.efficiency - point.low], [point.high - point.efficiency]],
            fmt="o",
            markersize=5,
            color=pictures.INK,
            elinewidth=1.4,
            capsize=3,
            zorder=5,
        )


def _finish(axes: Axes, event_rate: float) -> None:
    few, left, right = 10 * event_rate / 1e3, *axes.get_xlim()
    if left < few:
        label = "fewer than 10 background events"
        axes.axvspan(left, min(few, right), color=pictures.PALE, alpha=0.45, linewidth=0, zorder=0, label=label)
    pictures.rate_axis(axes)
    axes.set_xlim(left, right)
    axes.set_ylabel("signal efficiency")
    axes.legend(loc="lower right")
