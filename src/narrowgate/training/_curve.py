"""The validation curve: what is written down about every member after every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events import Dataset, EventSource
from narrowgate.network import Configuration, settled
from narrowgate.training._engine import Measured
from narrowgate.training._population import Population, in_batches
from narrowgate.training._state import Settings, State
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


def curve_events(source: EventSource, per_class: int) -> NDArray[np.intp]:
    """Which validation events the curve is taken on: the first `per_class` of signal, then of background."""
    chosen = [np.flatnonzero(source.labels == label)[:per_class] for label in (1, 0)]
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


class CurveEvaluation:
    """Measures the points of a curve, on `curve_events` of the validation split (an `Evaluate`)."""

    def __init__(self, dataset: Dataset, per_class: int) -> None:
        chosen = curve_events(dataset.validation, per_class)
        self._labels = dataset.validation.labels[chosen]
        self._batches: Any = in_batches(dataset.validation.take(chosen))

    def batches(self, population: Population) -> Any:
        """All of them."""
        self._batches = population.share(self._batches)  # stays as it is where it is there already
        return self._batches

    def rows(
        self, population: Population, settings: Settings, state: State, members: Sequence[Configuration], step: int
    ) -> list[Measured]:
        """Learning rate, and `curve_point` of the averaged and of the live weights."""
        rates = population.learning_rates(settings, state)
        widths = settled(state.learned)
        averaged = self._points(population, settings, state.averaged_weights | widths, state.averaged_statistics)
        live = self._points(population, settings, state.weights | widths, state.statistics)
        return [
            {
                "learning_rate": float(rates[index]),
                **averaged[index],
                **{f"raw_{name}": value for name, value in live[index].items()},
            }
            for index in range(len(members))
        ]

    def _points(
        self, population: Population, settings: Settings, weights: Any, statistics: Any
    ) -> list[dict[str, float]]:
        scores = np.asarray(population.scores(settings, weights, statistics, self.batches(population)))
        return [curve_point(member.reshape(-1)[: len(self._labels)], self._labels) for member in scores]
