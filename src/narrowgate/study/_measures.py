"""What is measured on the validation split at an evaluation, from one member's scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.training import curve_point
from narrowgate.trigger import efficiency_at_rate

Scores = NDArray[np.floating[Any]]


def near_auc(scores: Scores, labels: NDArray[np.uint8], acceptance: float) -> float:
    """The mean signal efficiency over background acceptances up to `acceptance`: the area under that part of the ROC
    curve, divided by its width (D. K. McClish, Medical Decision Making 9 (1989) 190).

    It moves with the efficiency at a rate but rests on many more background events, and so scatters less.
    """
    signal = np.sort(scores[labels == 1])
    background = np.sort(scores[labels == 0])[::-1]
    count = min(len(background), max(1, round(acceptance * len(background))))
    top = background[:count]
    above = len(signal) - np.searchsorted(signal, top, side="right")
    tied = np.searchsorted(signal, top, side="right") - np.searchsorted(signal, top, side="left")
    return float((above + tied / 2).mean() / len(signal))


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
