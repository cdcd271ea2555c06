"""Tables and pictures of what `notebook_2022.py` measured.

    python benchmarks/notebook_2022_tables.py

reads `benchmarks/results/notebook_2022*.json`, prints the tables, writes them into
`benchmarks/results/notebook_2022.md`, and draws `docs/images/notebook-2022-curves.png` and
`docs/images/notebook-2022-efficiencies.png`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from narrowgate import pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
IMAGES = HERE.parent / "docs" / "images"
LOWEST = 0.88
"""Where the axis of efficiencies begins; what lies below is written beside it."""

VOLATILE = 0.05
"""Where `narrowgate.trigger` begins to call a curve volatile."""

Run = dict[str, Any]


def of(run: Run, kind: str, *path: str | int) -> list[Any]:
    """A number of every seed, e.g. `of(run, "live", "stability", "volatility")`."""
    found = []
    for seed in run["seeds"]:
        value = seed[kind]
        for part in path:
            value = value[part]
        found.append(value)
    return found


def efficiencies(run: Run, kind: str = "live", rate: int = 0) -> list[float]:
    """Of every seed, at 10 kHz (`rate` 0), 30 or 100 kHz."""
    return of(run, kind, "judgement", "working_points", rate, "efficiency")


def typical(run: Run) -> dict[str, Any]:
    """The seed with the median efficiency at 10 kHz."""
    order = np.argsort(efficiencies(run), kind="stable")
    seed: dict[str, Any] = run["seeds"][int(order[(len(order) - 1) // 2])]
    return seed


def spread(values: Sequence[float], form: str = ".3f", *, mean: bool = True) -> str:
    """The mean (or median) and the range, `0.913 (0.902–0.921)`."""
    middle = np.mean(values) if mean else np.median(values)
    return f"{middle:{form}} ({min(values):{form}}–{max(values):{form}})"


def words(run: Run) -> str:
    """The curves' verdicts, the most frequent first: `smooth 4, volatile 1`."""
    counts = Counter(of(run, "live", "stability", "verdict")).most_common()
    return counts[0][0] if len(counts) == 1 else ", ".join(f"{word} {count}" for word, count in counts)


def results(runs: Sequence[Run]) -> Iterator[str]:
    """The table of all runs."""
    heads = [
        *("run", "efficiency at 10 kHz, typical seed", "mean and range of the seeds", "averaged weights"),
        *("accuracy", "rejection at ε = 0.9", "final loss", "volatility", "verdict"),
    ]
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * len(heads)
    for run in runs:
        judgement = typical(run)["live"]["judgement"]
        point, rejection = judgement["working_points"][0], judgement["rejections"][1]
        high = "∞" if rejection["high"] is None else f"{rejection['high']:,.0f}"
        cells = [
            run["configuration"]["name"],
            f"{point['efficiency']:.3f} ({point['low']:.3f}–{point['high']:.3f})",
            spread(efficiencies(run)),
            spread(efficiencies(run, "averaged")),
            f"{np.median(of(run, 'live', 'judgement', 'accuracy')):.4f}",
            f"{rejection['rejection'] or 0:,.0f} ({rejection['low']:,.0f}–{high})",
            spread(of(run, "live", "final_loss"), ".4f", mean=False),
            spread(of(run, "live", "stability", "volatility"), mean=False),
            words(run),
        ]
        yield "| " + " | ".join(cells) + " |"


def comparisons(table: dict[str, Any]) -> Iterator[str]:
    """The table of what the claims compare: efficiency with its interval, and whether losses and volatilities differ.

    The p of loss and volatility is that of the exact Mann-Whitney test over the seeds, two-sided.
    """
    runs = table["runs"]
    heads = ["runs", "difference in efficiency (95 %)", "final loss", "volatility"]
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * len(heads)
    for pair in table["compared"]:
        first, second = runs[pair["first"]], runs[pair["second"]]
        cells = [
            f"{pair['first']} less {pair['second']}",
            f"{pair['value']:+.3f} ({pair['low']:+.3f} to {pair['high']:+.3f})",
            *(
                ratio(of(first, "live", *path), of(second, "live", *path))
                for path in (["final_loss"], ["stability", "volatility"])
            ),
        ]
        yield "| " + " | ".join(cells) + " |"


def ratio(first: Sequence[float], second: Sequence[float]) -> str:
    """The ratio of the medians, and how likely such a difference of the seeds is by chance."""
    chance = stats.mannwhitneyu(first, second, method="exact").pvalue
    return f"× {np.median(first) / np.median(second):.2f} (p = {chance:.3f})"


def draw_curves(path: Path, runs: Sequence[Run]) -> None:
    """The loss curves of the twelve as small multiples."""
    with pictures.picture(path, 10.0, 7.6) as figure:
        panels = figure.subplots(3, 4, sharex=True, sharey=True)
        for axes, run in zip(panels.flat, runs, strict=True):
            epochs = np.arange(1, len(run["seeds"][0]["live"]["curve"]) + 1)
            for curve in of(run, "live", "curve"):
                axes.plot(epochs, curve, color=pictures.PALE, linewidth=0.9)
            axes.plot(epochs, typical(run)["live"]["curve"], color=pictures.ORANGE, linewidth=1.4)
            axes.plot(epochs, typical(run)["averaged"]["curve"], color=pictures.BLUE, linewidth=1.4)
            volatility = float(np.median(of(run, "live", "stability", "volatility")))
            number, _, rest = run["configuration"]["name"].partition(": ")
            axes.set_title(f"{number}  {rest}", fontsize=9.0, loc="left")
            axes.text(
                0.97,
                0.93,
                f"volatility {volatility:.3f}",
                transform=axes.transAxes,
                ha="right",
                va="top",
                fontsize=8.5,
                color=pictures.VERMILION if volatility > VOLATILE else pictures.GREY,
            )
        _log_axis(panels[0, 0])
        for axes in panels[:, 0]:
            axes.set_ylabel("validation loss")
        for axes in panels[-1]:
            axes.set_xlabel("epoch of 100 steps")
        pictures.headline(
            figure,
            "The twelve runs of July 2022, on our sample",
            "orange: live weights of the typical seed, grey: those of the others, blue: averaged weights",
        )


def _log_axis(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def draw_efficiencies(path: Path, runs: Sequence[Run]) -> None:
    """Every seed's efficiency at 10 kHz, live and averaged, and the typical one's interval."""
    with pictures.picture(path, 7.6, 5.4) as figure:
        axes = figure.subplots()
        for place, run in enumerate(runs):
            point = typical(run)["live"]["judgement"]["working_points"][0]
            axes.plot(
                [point["low"], point["high"]], [place, place], color=pictures.PALE, linewidth=7, solid_capstyle="butt"
            )
            live, averaged = efficiencies(run), efficiencies(run, "averaged")
            for values, shift, colour in ((live, -0.2, pictures.ORANGE), (averaged, 0.2, pictures.BLUE)):
                if below := sorted(value for value in values if value < LOWEST):
                    text = "◂ " + ", ".join(f"{value:.2f}" for value in below)
                    axes.text(LOWEST + 0.0005, place + shift, text, color=colour, fontsize=8.5, va="center")
            axes.plot(live, [place - 0.12] * len(live), "o", color=pictures.ORANGE, markersize=4.5)
            axes.plot(averaged, [place + 0.12] * len(averaged), "s", color=pictures.BLUE, markersize=4.0)
        axes.set_yticks(range(len(runs)), [run["configuration"]["name"] for run in runs])
        axes.invert_yaxis()
        axes.set_xlim(LOWEST, None)
        axes.set_xlabel("signal efficiency at 10 kHz (test split)")
        pictures.headline(
            figure,
            "Five seeds of each run, 2022 conditions",
            "orange: live weights, blue: averaged weights of the same trainings; band: 68 % interval of a typical seed",
        )


def report(table: dict[str, Any]) -> Iterator[str]:
    """Everything about one way of training, as Markdown."""
    yield from results(table["runs"])
    yield ""
    yield from comparisons(table)


def main() -> None:
    """Print and write the tables, draw the pictures."""
    lines = ["# The notebook of July 2022, replayed", "", "Made by `benchmarks/notebook_2022_tables.py`."]
    for path in sorted(RESULTS.glob("notebook_2022*.json")):
        table = json.loads(path.read_text(encoding="utf-8"))
        seeds = len(table["runs"][0]["seeds"])
        lines += ["", f"## `benchmarks/notebook_2022.py --way {table['way']} --seeds {seeds}`", "", *report(table)]
        if table["way"] == "2022":
            draw_curves(IMAGES / "notebook-2022-curves.png", table["runs"][1:])
            draw_efficiencies(IMAGES / "notebook-2022-efficiencies.png", table["runs"])
    text = "\n".join(lines) + "\n"
    print(text)
    (RESULTS / "notebook_2022.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
