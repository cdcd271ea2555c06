"""Drawing all pictures of a run at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from narrowgate.notebook.plots._rates import plot_efficiency, plot_roc
from narrowgate.notebook.plots._scores import plot_scores
from narrowgate.notebook.plots._training import Curve, plot_training
from narrowgate.notebook.record._layout import PLOTS
from narrowgate.trigger import CROSSING_RATE, EfficiencyCurve, efficiency_curve, roc, working_points


@dataclass(frozen=True)
class Picture:
    """A picture of a run: its file in `plots/`, the section of the page that shows it, and what it shows."""

    file: str
    section: str
    caption: str


TRAINING = Picture("training.png", "Training", "Loss and accuracy against the epoch")
SCORES = Picture("scores.png", "Performance", "Scores of signal and background")
ROC = Picture("roc.png", "Performance", "Signal efficiency against background rate at every threshold")
EFFICIENCY = Picture("efficiency.png", "Performance", "Signal efficiency against background rate, with its interval")
PICTURES = (TRAINING, EFFICIENCY, SCORES, ROC)
"""In the order in which a page shows them."""

DRAWN_RATES = (1e3, 1e6)
"""From where to where efficiency is drawn against rate, Hz."""


def draw(
    folder: Path,
    *,
    curve: Curve,
    scores: ArrayLike,
    labels: ArrayLike,
    cuts: Mapping[str, ArrayLike],
    rates: Sequence[float] = (10e3, 30e3, 100e3),
    crossing_rate: float = CROSSING_RATE,
    title: str,
    subtitle: str = "",
) -> None:
    """Draw the four pictures of a run into `folder/plots`.

    Args:
        folder: of the run.
        curve: see `Run.curve`.
        scores: of the network for the test split, shape (events,).
        labels: 1 for signal, 0 for background, shape (events,).
        cuts: scores of the cut-based triggers by name (`HT`, `fourth pixel`), shape (events,) each.
        rates: marked in the pictures, Hz; the first one's threshold is drawn into the scores.
        crossing_rate: Hz.
        title: stands over every picture.
        subtitle: a quieter line under it.

    Raises:
        ValueError: the curve has no epoch, or the scores are not what `narrowgate.trigger` takes.
    """
    values, signal = np.asarray(scores, dtype=float), np.asarray(labels) == 1
    others = {name: np.asarray(cut, dtype=float) for name, cut in cuts.items()}
    points = working_points(values[signal], values[~signal], rates, crossing_rate=crossing_rate)
    plots, event_rate = folder / PLOTS, crossing_rate / np.count_nonzero(~signal)
    text = {"title": title, "subtitle": subtitle}
    plot_training(plots / TRAINING.file, curve, **text)
    plot_scores(plots / SCORES.file, values, labels, threshold=points[0].threshold, rate=points[0].rate, **text)
    plot_roc(
        plots / ROC.file,
        roc(values, labels, crossing_rate=crossing_rate),
        {name: roc(cut, labels, crossing_rate=crossing_rate) for name, cut in others.items()},
        points,
        event_rate=event_rate,
        **text,
    )
    lowest, highest = max(DRAWN_RATES[0], event_rate), min(DRAWN_RATES[1], 0.999 * crossing_rate)
    drawn = np.union1d(np.geomspace(min(lowest, highest / 2), highest, 61), rates)

    def against_rate(sample: NDArray[np.float64]) -> EfficiencyCurve:
        return efficiency_curve(sample[signal], sample[~signal], drawn, crossing_rate=crossing_rate)

    curves = {name: against_rate(cut) for name, cut in others.items()}
    plot_efficiency(plots / EFFICIENCY.file, against_rate(values), curves, points, **text)
