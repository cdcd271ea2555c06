"""Picture of the scores: what the network says of signal and of background, and where the threshold lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from narrowgate import pictures
from narrowgate.notebook._errors import NotebookError
from narrowgate.units import in_kilohertz

_BINS = 80


def plot_scores(
    path: Path,
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    threshold: float,
    rate: float,
    title: str,
    subtitle: str = "",
) -> None:
    """Draw the distributions of the scores of signal and background, each of unit sum, on a logarithmic axis.

    `scores` and `labels` (1 signal, 0 background) have shape (events,). The line stands at `threshold`, which gives the
    background rate `rate` in Hz: events to its right pass.

    Raises:
        NotebookError: there is no finite score of signal or of background.
    """
    values, truth = np.asarray(scores, dtype=float), np.asarray(labels) == 1
    finite = np.isfinite(values)
    signal, background = values[finite & truth], values[finite & ~truth]
    if not (signal.size and background.size):
        raise NotebookError("scores cannot be drawn without a finite score of signal and one of background")
    edges = score_bins(np.concatenate([signal, background]))
    with pictures.picture(path) as figure:
        axes = figure.subplots()
        for name, sample, colour in (
            ("background", background, pictures.BACKGROUND),
            ("signal", signal, pictures.SIGNAL),
        ):
            fractions = np.histogram(sample, edges)[0] / sample.size
            axes.stairs(fractions, edges, fill=True, color=colour, alpha=0.18)
            label = f"{name} ({sample.size:,} events)".replace(",", "\u2009")
            axes.stairs(fractions, edges, color=colour, linewidth=1.6, label=label)
        axes.set_yscale("log")
        axes.set_ylim(0.5 / max(signal.size, background.size), 12.0)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xlabel("score (output of the network, a logit)")
        axes.set_ylabel("fraction of events per bin")
        if np.isfinite(threshold):
            axes.axvline(threshold, ymax=0.925, color=pictures.INK, linewidth=1.3, linestyle=(0, (4, 2)))
            rightward = threshold < edges[0] + 0.72 * (edges[-1] - edges[0])
            axes.annotate(
                f"{in_kilohertz(rate)}: score > {threshold:.3g}",
                (threshold, 0.91),
                xycoords=("data", "axes fraction"),
                xytext=(6 if rightward else -6, 0),
                textcoords="offset points",
                ha="left" if rightward else "right",
                va="top",
                fontsize=9.0,
            )
        axes.legend(loc="upper left", ncols=2)
        pictures.headline(figure, title, subtitle)


def score_bins(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of about 80 equal bins that cover all `scores`.

    The scores of a fixed-point network are multiples of a step. When it is coarse, a bin holds a whole number of steps
    and its edges lie between two of them, since any other width would draw a comb that is not in the data.
    """
    low, high = float(scores.min()), float(scores.max())
    if high <= low:
        return np.array([low - 0.5, low + 0.5])
    width = (high - low) / _BINS
    distinct = np.unique(scores)
    step = float(np.diff(distinct).min())
    steps = (distinct - low) / step
    if step < width / 20 or np.abs(steps - np.round(steps)).max() > 0.01:
        return np.linspace(low, high, _BINS + 1)
    width = step * max(1, round(width / step))
    count = int(np.ceil((high - low + step / 2) / width + 1e-9))
    return np.asarray(low - step / 2 + width * np.arange(count + 1), dtype=np.float64)
