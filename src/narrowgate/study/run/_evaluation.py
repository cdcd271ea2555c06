"""Evaluating members on the validation split: a row of the curve each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events import Dataset
from narrowgate.network import Configuration
from narrowgate.study._measures import classified, efficiency, near_auc
from narrowgate.study._study import WHOLE_SPLIT, Measure, Study
from narrowgate.training import Measured, Population, Settings, State, curve_events, in_batches


def rests_on(study: Study, dataset: Dataset, measure: Measure) -> dict[str, int]:
    """On how many validation events a measure rests: of signal, of background, and of the background in its tail.

    The tail is what lies above the threshold of `ranking.rate` for the efficiency, and of `ranking.near` times that
    rate for near-AUC; other measures look at every background event alike.
    """
    ranking, labels = study.ranking, dataset.validation.labels
    background, signal = (int(np.count_nonzero(labels == label)) for label in (0, 1))
    if measure not in WHOLE_SPLIT:
        background, signal = min(background, ranking.events), min(signal, ranking.events)
        return {"signal": signal, "background": background, "deciding": background}
    rate = ranking.rate * (ranking.near if measure == "near-auc" else 1.0)
    deciding = int(background * min(1.0, rate / dataset.crossing_rate))
    return {"signal": signal, "background": background, "deciding": deciding}


@dataclass
class ValidationBatches:
    """The validation events that a study looks at, in batches, on the devices of whichever population asks."""

    study: Study
    dataset: Dataset
    _placed: dict[tuple[str, int], Any] = field(default_factory=dict)

    @cached_property
    def chosen(self) -> NDArray[np.intp]:
        """The numbers of the first `ranking.events` validation events of each class."""
        return curve_events(self.dataset.validation, self.study.ranking.events)

    def some(self, population: Population) -> Any:
        """Batches of the chosen events."""
        return self._on("some", population, lambda: self._some)

    def all(self, population: Population) -> list[Any]:
        """Batches of the whole validation split, in parts of the shape of `some` (one compiled program serves both)."""
        found: list[Any] = self._on("all", population, lambda: self._all)
        return found

    @cached_property
    def _some(self) -> NDArray[Any]:
        return in_batches(self.dataset.validation.take(self.chosen))

    @cached_property
    def _all(self) -> list[NDArray[Any]]:
        size, parts = self._some.shape[0] * self._some.shape[-1], []
        for images in self.dataset.validation.chunks(size):
            filled = np.zeros((size, *images.shape[1:]), images.dtype)
            filled[: len(images)] = images
            parts.append(in_batches(filled))
        return parts

    def _on(self, which: str, population: Population, make: Callable[[], Any]) -> Any:
        key = which, population.placement.devices
        if key not in self._placed:
            self._placed[key] = population.share(make())
        return self._placed[key]


@dataclass
class Evaluation:
    """Evaluates members of a study on the validation split of a data set (an `Evaluate` of the room `training`)."""

    study: Study
    dataset: Dataset

    @cached_property
    def validation(self) -> ValidationBatches:
        """The events that are looked at."""
        return ValidationBatches(self.study, self.dataset)

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """Of the chosen events."""
        return self.dataset.validation.labels[self.validation.chosen]

    def batches(self, population: Population) -> Any:
        """Those of the chosen events."""
        return self.validation.some(population)

    def rows(
        self, population: Population, settings: Settings, state: State, members: Sequence[Configuration], step: int
    ) -> list[Measured]:
        """What is measured of each of `members`, the first of the population; nothing of one that diverged.

        `loss`, `accuracy` and `auc` are those of the averaged weights on the chosen events, `raw_…` those of the live
        weights; `near-auc` and `efficiency` are those of the averaged weights on the whole split, where wanted.
        """
        ranking, labels, truth = self.study.ranking, self.labels, self.dataset.validation.labels
        share = min(1.0, ranking.rate * ranking.near / self.dataset.crossing_rate)
        of_averaged = settings, state.averaged_weights, state.averaged_statistics
        some = self.validation.some(population)
        whole = None
        if self.wants_whole_split(members[0], step):
            parts = [event_scores(population, *of_averaged, part) for part in self.validation.all(population)]
            whole = np.concatenate(parts, axis=1)
            averaged = whole[:, self.validation.chosen]
        else:
            averaged = event_scores(population, *of_averaged, some)[:, : len(labels)]
        live = None
        if self.wants_live(members[0]):
            live = event_scores(population, settings, state.weights, state.statistics, some)[:, : len(labels)]
        rates = np.asarray(population.learning_rates(settings, state))
        rows: list[Measured] = []
        for index in range(len(members)):
            row: Measured = {"learning_rate": float(rates[index]), **classified(averaged[index], labels)}
            found = dict.fromkeys(("loss", "accuracy", "auc")) if live is None else classified(live[index], labels)
            row |= {f"raw_{name}": value for name, value in found.items()}
            row |= dict.fromkeys(("near-auc", "efficiency"))
            if whole is not None and np.all(np.isfinite(scores := whole[index, : len(truth)])):
                row["near-auc"] = near_auc(scores, truth, share)
                row["efficiency"] = efficiency(scores, truth, ranking.rate, self.dataset.crossing_rate)
            rows.append(row)
        diverged = np.asarray(state.diverged_at)
        return [dict.fromkeys(row) if diverged[index] >= 0 else row for index, row in enumerate(rows)]

    def wants_live(self, member: Configuration) -> bool:
        """Whether the live weights are looked at: where the 2022 way ranks by them, and for a finalist's volatility."""
        length = member.training.steps
        return self.study.ranking.kind == "best-epoch" or length == self.study.finalists.steps

    def wants_whole_split(self, member: Configuration, step: int) -> bool:
        """Whether the whole split is looked at: where a rung ranks on the tail of its background, and at the very end.

        Only the evaluations that the ranking takes the median of: the whole split is many times the chosen events.
        """
        study, length = self.study, member.training.steps
        reach = study.ranking.last * study.strategy.evaluate_every
        on_rungs = length == study.strategy.largest  # finalists go through no rung
        ends = [budget for budget in study.budgets if on_rungs and study.measure_at(budget) in WHOLE_SPLIT]
        return any(end - reach < step <= end for end in (*ends, length))


def event_scores(
    population: Population, settings: Settings, weights: Any, statistics: Any, batches: Any
) -> NDArray[np.float32]:
    """Every member's scores, shape (members, events); behind the last event come those of the filling."""
    return np.asarray(population.scores(settings, weights, statistics, batches)).reshape(population.members, -1)
