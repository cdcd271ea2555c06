"""The pictures of `docs/misled.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from narrowgate.pictures import BLUE, GREEN, GREY, INK, ORANGE, PALE, VERMILION, headline, picture

from .report import Found, value_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"2": BLUE, "4": GREEN, "8": VERMILION}
MARKERS = {"4": "o", "8": "s", "16": "^"}


def curves(path: Path, found: Found, shapes: Sequence[str] = ("2, 4", "8, 16")) -> None:
    """What the validation loss shows of two shapes as they begin to learn: as Keras computes it, and settled."""
    with picture(path, 7.4, 4.2) as figure:
        every = figure.subplots(1, len(shapes), sharey=True)
        for axes, shape in zip(every, shapes, strict=True):
            names = [name for name, one in found.levels.items() if one["filters"] == shape]
            columns = (("raw_loss", VERMILION, "-"), ("raw_settled_loss", BLUE, "--"), ("train_loss", GREY, ":"))
            for column, colour, dashes in columns:
                _band(axes, found, names, column, colour, dashes)
            axes.set_yscale("log")
            axes.set_xlabel("optimiser steps")
            axes.set_title(f"filters {shape}", fontsize=10, loc="left")
            axes.set_xticks([50, 150, 300, 450])
        every[0].set_ylabel("loss")
        every[0].set_yticks([0.05, 0.1, 0.2, 0.4, 0.8], ["0.05", "0.1", "0.2", "0.4", "0.8"])
        every[0].minorticks_off()
        labels = ("validation, live weights", "the same, statistics freed of their start", "training")
        for label, line in zip(labels, every[1].lines, strict=True):
            line.set_label(label)
        figure.legend(*every[1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        headline(
            figure,
            "The larger network looks worse while it learns faster",
            "mean of all members of a shape; bands: their middle 68 %",
        )


def _band(axes: Axes, found: Found, names: Sequence[str], column: str, colour: str, dashes: str) -> None:
    steps = list(range(50, 451, 50))
    members = [
        one
        for name, one in found.known.items()
        if name.split("-")[0] in names and one.step >= steps[-1] and one.diverged_at is None
    ]
    table = np.array([[one.curve[column][index] for index in range(len(steps))] for one in members], dtype=np.float64)
    low, high = np.quantile(table, [0.16, 0.84], axis=0)
    axes.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(steps, table.mean(axis=0), color=colour, linestyle=dashes)


def against_truth(path: Path, found: Found, steps: int = 150) -> None:
    """What a rung sees of every configuration against what it is worth."""
    columns = {
        "raw_loss": f"live validation loss after {steps} steps",
        "near-auc": f"near-AUC of averaged weights after {steps} steps",
    }
    with picture(path, 7.4, 4.4) as figure:
        every = figure.subplots(1, 2, sharey=True)
        for axes, (column, label) in zip(every, columns.items(), strict=True):
            for place, name in enumerate(found.truth.names):
                values = [
                    value
                    for repetition in range(1, found.repetitions + 1)
                    if (value := value_at(found.known.get(f"{name}-r{repetition}-s1"), column, steps)) is not None
                ]
                first, second = found.levels[name]["filters"].split(", ")
                style: dict[str, Any] = {"color": COLOURS[first], "marker": MARKERS[second], "alpha": 0.75}
                axes.plot(np.mean(values), found.truth.mean[place], linestyle="", markersize=5, **style)
            axes.set_xlabel(label)
        every[0].invert_xaxis()
        every[0].set_ylabel(f"true efficiency at {found.rate / 1e3:g} kHz")
        for first, colour in COLOURS.items():
            for second, marker in MARKERS.items():
                every[1].plot([], [], color=colour, marker=marker, linestyle="", label=f"{first}, {second}")
        shown = every[1].get_legend_handles_labels()
        figure.legend(
            *shown, title="filters", ncols=9, loc="outside lower center", columnspacing=0.8, handletextpad=0.1
        )
        headline(
            figure,
            "The first rung, seen by the loss and by the efficiency near the rate",
            "135 configurations, mean of the repetitions; better is to the right on both sides",
        )


def regrets(path: Path, found: Found, rows: Sequence[Mapping[str, Any]]) -> None:
    """Efficiency lost by each ranking's pick: every repetition, and the mean."""
    shown = [row for row in rows if "repetitions" in row and row["repetitions"]["count"] > 1]
    with picture(path, 7.4, 0.6 + 0.27 * len(shown) + 0.8) as figure:
        axes = figure.subplots()
        for height, row in enumerate(reversed(shown)):
            one = row["repetitions"]
            colour = VERMILION if row["rule"].startswith("2022") else BLUE
            axes.plot(one["regrets"], [height] * len(one["regrets"]), "o", color=PALE, markeredgecolor=GREY, ms=5)
            axes.errorbar(one["regret"], height, xerr=one["error"], fmt="D", color=colour, capsize=3, ms=5)
        axes.set_yticks(range(len(shown)), [row["rule"] for row in reversed(shown)], fontsize=8.5, color=INK)
        axes.axvline(found.interval, color=ORANGE, linestyle="--", linewidth=1.2)
        axes.annotate(
            "one interval",
            (found.interval, len(shown) - 0.5),
            (3, 0),
            textcoords="offset points",
            fontsize=8,
            color=INK,
        )
        axes.set_xlim(left=0)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(f"efficiency lost at {found.rate / 1e3:g} kHz against the best configuration")
        headline(
            figure,
            "What each ranking's pick loses",
            "grey: single repetitions; diamonds: their mean and its standard error",
        )
