"""Picture of a training: losses and accuracy, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from narrowgate import pictures
from narrowgate.notebook._errors import NotebookError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = Mapping[str, Sequence[float]]


def plot_training(path: Path, curve: Curve, *, title: str, subtitle: str = "") -> None:
    """Draw the losses (above) and the validation accuracy (below) against the epoch.

    `curve` holds `epoch` and any of `train_loss`, `raw_loss` and `raw_accuracy` (validation, live weights), `loss` and
    `accuracy` (validation, averaged weights): equally long lists, NaN where a value is missing.

    Raises:
        NotebookError: the curve has no epoch.
    """
    epochs = np.asarray(curve.get("epoch", ()), dtype=float)
    if not epochs.size:
        raise NotebookError("a training curve without an epoch cannot be drawn")
    with pictures.picture(path, height=5.4) as figure:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        marker = "o" if epochs.size < 3 else None
        losses = [
            (curve.get("train_loss"), "training", pictures.GREY, 1.3),
            (curve.get("raw_loss"), "validation, live weights", pictures.ORANGE, 1.3),
            (curve.get("loss"), "validation, averaged weights", pictures.BLUE, 2.2),
        ]
        for values, label, colour, width in losses:
            if values is not None:
                above.plot(epochs, values, color=colour, linewidth=width, label=label, marker=marker, zorder=4 - width)
        _loss_axis(above, np.array([value for values, *_ in losses for value in values or ()], dtype=float))
        pictures.headline(figure, title, subtitle)
        above.legend(loc="upper right")
        for values, colour, width in (
            (curve.get("raw_accuracy"), pictures.ORANGE, 1.3),
            (curve.get("accuracy"), pictures.BLUE, 2.2),
        ):
            if values is not None:
                below.plot(epochs, values, color=colour, linewidth=width, marker=marker, zorder=4 - width)
        below.set_ylabel("validation accuracy")
        below.set_xlabel("epoch")
        below.xaxis.get_major_locator().set_params(integer=True)
        if epochs.size > 1:
            below.set_xlim(epochs[0], epochs[-1])


def _loss_axis(axes: Axes, losses: NDArray[np.float64]) -> None:
    """Make y logarithmic when the losses span more than a factor of four, so that the end stays visible."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_ylabel("binary cross-entropy")
    positive = losses[np.isfinite(losses) & (losses > 0)]
    if positive.size and positive.max() > 4 * positive.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
