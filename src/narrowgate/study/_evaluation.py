"""Evaluating members on the validation split: a row of the curve each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events import Dataset
from narrowgate.study._crew import Crew
from narrowgate.study._measures import classified, efficiency, near_auc
from narrowgate.study._members import Member
from narrowgate.study._study import WHOLE_SPLIT, Measure, Study

Row = dict[str, float | None]


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
class Evaluation:
    """Evaluates members of a study on the validation split of a data set."""

    study: Study
    dataset: Dataset
    chosen: NDArray[np.intp]
    """The numbers of those events that every evaluation looks at."""

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """Of the chosen events."""
        return self.dataset.validation.labels[self.chosen]

    def rows(self, crew: Crew, settings: Any, state: Any, members: Sequence[Member], step: int) -> list[Row]:
        """What is measured of each of `members`, the first of the crew; nothing of one that diverged.

        `loss`, `accuracy` and `auc` are those of the averaged weights on the chosen events, `raw_…` those of the live
        weights; `near-auc` and `efficiency` are those of the averaged weights on the whole split, where wanted.
        """
        ranking, labels, truth = self.study.ranking, self.labels, self.dataset.validation.labels
        share = min(1.0, ranking.rate * ranking.near / self.dataset.crossing_rate)
        of_averaged = settings, state.averaged_weights, state.averaged_statistics
        whole = None
        if self.wants_whole_split(members[0], step):
            whole = np.concatenate([crew.scores(*of_averaged, part) for part in crew.all_events], axis=1)
            averaged = whole[:, self.chosen]
        else:
            averaged = crew.scores(*of_averaged, crew.some_events)[:, : len(labels)]
        live = None
        if self.wants_live(members[0]):
            live = crew.scores(settings, state.weights, state.statistics, crew.some_events)[:, : len(labels)]
        rates = np.asarray(crew.population.learning_rates(settings, state))
        rows: list[Row] = []
        for index in range(len(members)):
            row: Row = {"learning_rate": float(rates[index]), **classified(averaged[index], labels)}
            found = dict.fromkeys(("loss", "accuracy", "auc")) if live is None else classified(live[index], labels)
            row |= {f"raw_{name}": value for name, value in found.items()}
            row |= dict.fromkeys(("near-auc", "efficiency"))
            if whole is not None and np.all(np.isfinite(scores := whole[index, : len(truth)])):
                row["near-auc"] = near_auc(scores, truth, share)
                row["efficiency"] = efficiency(scores, truth, ranking.rate, self.dataset.crossing_rate)
            rows.append(row)
        diverged = np.asarray(state.diverged_at)
        return [dict.fromkeys(row) if diverged[index] >= 0 else row for index, row in enumerate(rows)]

    def wants_live(self, member: Member) -> bool:
        """Whether the live weights are looked at: where the 2022 way ranks by them, and for a finalist's volatility."""
        length = member.configuration.training.steps
        return self.study.ranking.kind == "best-epoch" or length == self.study.finalists.steps

    def wants_whole_split(self, member: Member, step: int) -> bool:
        """Whether the whole split is looked at: where a rung ranks on the tail of its background, and at the very end.

        Only the evaluations that the ranking takes the median of: the whole split is many times the chosen events.
        """
        study, length = self.study, member.configuration.training.steps
        reach = study.ranking.last * study.strategy.evaluate_every
        on_rungs = length == study.strategy.largest  # finalists go through no rung
        ends = [budget for budget in study.budgets if on_rungs and study.measure_at(budget) in WHOLE_SPLIT]
        return any(end - reach < step <= end for end in (*ends, length))
