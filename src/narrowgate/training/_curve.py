"""The validation curve: what is written down about every member after every epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events import Split
from narrowgate.trigger import accuracy, area_under_curve

Curve = dict[str, list[float]]
"""Equally long lists, an entry an epoch. Losses are class-balanced binary cross-entropies, the accuracy is the mean of
the two classes' (threshold 0); `loss`, `accuracy` and `auc` are those of the averaged weights, `raw_…` of the live."""

COLUMNS = (
    "epoch",
    "step",
    "learning_rate",
    "train_loss",
    *("loss", "accuracy", "auc"),
    *("raw_loss", "raw_accuracy", "raw_auc"),
)


def curve_events(split: Split, per_class: int) -> NDArray[np.intp]:
    """Which validation events the curve is taken on: the first `per_class` of signal, then of background."""
    chosen = [np.flatnonzero(split.labels == label)[:per_class] for label in (1, 0)]
    return np.concatenate(chosen)


def curve_point(scores: NDArray[np.floating[Any]], labels: NDArray[np.uint8]) -> dict[str, float]:
    """Class-balanced loss and accuracy, and AUC, of one member's scores (events,); NaN if a score is not finite."""
    logits = scores.astype(np.float64)
    signal, background = logits[labels == 1], logits[labels == 0]
    if not np.all(np.isfinite(logits)):
        return {"loss": float("nan"), "accuracy": float("nan"), "auc": float("nan")}
    return {
        "loss": float(np.logaddexp(0, -signal).mean() + np.logaddexp(0, background).mean()) / 2,
        "accuracy": accuracy(scores, labels),
        "auc": area_under_curve(scores, labels),
    }
