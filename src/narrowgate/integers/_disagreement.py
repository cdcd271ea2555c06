"""How far the training graph, which adds in float32, is from the exact integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Disagreement:
    """Two sets of scores of the same events, compared.

    `differing` counts events whose scores are not equal, `largest` is the greatest difference in units of the score,
    and `changed` counts, for each of `thresholds`, the events whose decision (score > threshold) is another.
    """

    events: int
    differing: int
    largest: float
    thresholds: tuple[float, ...]
    changed: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "events": self.events,
            "differing": self.differing,
            "largest_difference": self.largest,
            "decisions_changed": [
                {"threshold": threshold, "events": events}
                for threshold, events in zip(self.thresholds, self.changed, strict=True)
            ],
        }


def disagreement(
    graph: NDArray[np.floating[Any]], exact: NDArray[np.floating[Any]], thresholds: Sequence[float] = ()
) -> Disagreement:
    """Compare the training graph's scores with the exact ones, both of shape (events,)."""
    difference = np.abs(graph.astype(np.float64) - exact)
    return Disagreement(
        len(graph),
        int(np.count_nonzero(difference)),
        float(difference.max(initial=0.0)),
        tuple(float(threshold) for threshold in thresholds),
        tuple(int(np.count_nonzero((graph > threshold) != (exact > threshold))) for threshold in thresholds),
    )
