"""What is measured on the validation split at an evaluation, from one member's scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.training import curve_point
from narrowgate.trigger import efficiency_at_rate, near_auc

__all__ = ["Scores", "classified", "efficiency", "near_auc"]

Scores = NDArray[np.floating[Any]]


def classified(scores: Scores, labels: NDArray[np.uint8]) -> dict[str, float | None]:
    """Class-balanced loss and accuracy, and AUC; `None` each when a score is not finite."""
    found = curve_point(scores, labels)
    return {name: value if np.isfinite(value) else None for name, value in found.items()}


def efficiency(scores: Scores, labels: NDArray[np.uint8], rate: float, crossing_rate: float) -> float | None:
    """Signal efficiency at a rate (Hz); `None` when a score is not finite."""
    if not np.all(np.isfinite(scores)):
        return None
    point = efficiency_at_rate(scores[labels == 1], scores[labels == 0], rate, crossing_rate=crossing_rate)
    return point.efficiency
