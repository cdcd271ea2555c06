"""Evaluating members on the validation split: a row of the curve each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events import Dataset
from narrowgate.study._measures import classified, efficiency, near_auc
from narrowgate.study._members import Member
from narrowgate.study._study import Study
from narrowgate.training import Population, in_batches

Row = dict[str, float | None]


@dataclass
class Evaluation:
    """Evaluates members of a study on the validation split of a data set."""

    study: Study
    dataset: Dataset

    def rows(
        self, population: Population, settings: Any, state: Any, members: Sequence[Member], step: int
    ) -> list[Row]:
        """What is measured of each of `members`, the first of the population; nothing of one that diverged.

        `loss`, `accuracy`, `auc` and `near-auc` are those of the averaged weights on some events, `raw_…` those of the
        live weights, `efficiency` that of the averaged weights on the whole split, where it is wanted.
        """
        labels, batches = self._some_events
        ranking = self.study.ranking
        share = min(1.0, ranking.rate * ranking.near / self.dataset.crossing_rate)

        def scores(weights: Any, statistics: Any, part: NDArray[Any]) -> NDArray[np.float32]:
            found = population.scores(settings, weights, statistics, population.share(part))
            return np.asarray(found).reshape(population.members, -1)

        averaged = scores(state.averaged_weights, state.averaged_statistics, batches)[:, : len(labels)]
        live = scores(state.weights, state.statistics, batches)[:, : len(labels)]
        rates = np.asarray(population.learning_rates(settings, state))
        rows: list[Row] = []
        for index in range(len(members)):
            row: Row = {"learning_rate": float(rates[index]), **classified(averaged[index], labels)}
            row |= {f"raw_{name}": value for name, value in classified(live[index], labels).items()}
            row["near-auc"] = None if row["loss"] is None else near_auc(averaged[index], labels, share)
            row["efficiency"] = None
            rows.append(row)
        if self.wants_efficiency(members[0], step):
            truth = self.dataset.validation.labels
            parts = [scores(state.averaged_weights, state.averaged_statistics, part) for part in self._all_events]
            whole = np.concatenate(parts, axis=1)[:, : len(truth)]
            for index, row in enumerate(rows):
                row["efficiency"] = efficiency(whole[index], truth, ranking.rate, self.dataset.crossing_rate)
        diverged = np.asarray(state.diverged_at)
        return [dict.fromkeys(row) if diverged[index] >= 0 else row for index, row in enumerate(rows)]

    def wants_efficiency(self, member: Member, step: int) -> bool:
        """Whether the whole split is looked at: before the end of a rung that ranks on it, and at the very end."""
        reach = self.study.ranking.last * self.study.strategy.evaluate_every
        ends = [budget for budget in self.study.budgets if self.study.measure_at(budget) == "efficiency"]
        return any(end - reach < step <= end for end in (*ends, member.configuration.training.steps))

    @cached_property
    def _some_events(self) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Labels and batches of the first `ranking.events` validation events of each class."""
        split, events = self.dataset.validation, self.study.ranking.events
        chosen = np.concatenate([np.flatnonzero(split.labels == label)[:events] for label in (1, 0)])
        return split.labels[chosen], in_batches(split.images[chosen])

    @cached_property
    def _all_events(self) -> list[NDArray[Any]]:
        """Batches of the whole split, in parts of the shape of `_some_events` (one compiled program serves both)."""
        images, shape = self.dataset.validation.images, self._some_events[1].shape
        size = shape[0] * shape[1]
        filled = np.zeros((-(-len(images) // size) * size, *shape[2:]), images.dtype)
        filled[: len(images)] = images
        return list(filled.reshape(-1, *shape))
