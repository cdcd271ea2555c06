"""Accuracy, the ROC curve, and the area under it: all of it, or the part near the rates that matter."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from narrowgate.trigger._errors import TriggerError
from narrowgate.trigger._rates import CROSSING_RATE
from narrowgate.trigger._scores import FloatArray, checked, checked_labels, highest, passing, separate


def accuracy(scores: ArrayLike, labels: ArrayLike, *, threshold: float = 0.0, balanced: bool = True) -> float:
    """Share of events on the right side of the threshold: signal with score > threshold, background with score ≤ it.

    Balanced (the default, and narrowgate's headline number): the mean of the share of signal that passes and the share
    of background that fails. It does not depend on how many events of each class a sample happens to hold: a network
    that has learned nothing scores 0.5. Plain (`balanced=False`, what Keras calls accuracy): all events count alike; a
    network that always says "background" then scores 0.94 on a sample with 15 times more background than signal.

    Args:
        scores: shape (events,); for logits the threshold 0 is the probability 1/2.
        labels: shape (events,), 1 for signal and 0 for background.
        threshold: on the score.
        balanced: whether the two classes count alike.

    Raises:
        ValueError: if the shapes differ, a score is not finite, a label is neither 0 nor 1, or a class is empty.
    """
    array = checked(scores, "scores")
    signal = checked_labels(labels, array.size)
    right = (array > threshold) == signal
    if balanced:
        return 0.5 * (float(right[signal].mean()) + float(right[~signal].mean()))
    return float(right.mean())


def area_under_curve(scores: ArrayLike, labels: ArrayLike) -> float:
    """The area under the ROC curve, exactly, ties counted as one half.

    This is the probability that a signal event scores higher than a background event, the rank statistic of Mann and
    Whitney (J. A. Hanley & B. J. McNeil, Radiology 143 (1982) 29). Pairs are counted in integers.

    Args:
        scores: shape (events,).
        labels: shape (events,), 1 for signal and 0 for background.

    Raises:
        ValueError: as for `accuracy`.
    """
    signal, background = separate(scores, labels)
    few, many = (signal, background) if signal.size < background.size else (background, signal)
    few, many = np.sort(few), np.sort(many)
    below = int(np.searchsorted(many, few, side="left").sum()) + int(np.searchsorted(many, few, side="right").sum())
    area = below / (2 * few.size * many.size)
    return area if signal.size < background.size else 1.0 - area


def near_auc(scores: ArrayLike, labels: ArrayLike, acceptance: float) -> float:
    """The mean signal efficiency over background acceptances from 0 to `acceptance`, exactly.

    This is the area under that part of the ROC curve, divided by its width (D. K. McClish, Medical Decision Making 9
    (1989) 190). It moves with the efficiency at a rate within the part, but rests on more background events.

    Events of one score are a straight piece of the curve, as in `area_under_curve`: half of a tied pair counts. (A
    trigger that lets a random share of that score through would run on this line.) So a network that gives every event
    one score has half the acceptance, which is what a coin has, and no network that does better than a coin there has
    less. A threshold cannot divide a score, and the efficiency at a rate therefore lets tied events fail together: that
    is what hardware would do, but among young networks of few bits, whose highest score is often crowded, it would
    give 0 to those that separate and to those that do not.

    Args:
        scores: shape (events,).
        labels: shape (events,), 1 for signal and 0 for background.
        acceptance: share of the background, above 0 and at most 1, up to which the curve counts.

    Raises:
        TriggerError: as for `accuracy`, or for another acceptance.

    >>> near_auc([3.0, 1.0, 2.0, 0.0], [1, 1, 0, 0], 0.5)
    0.5
    >>> near_auc([1.0, 1.0, 1.0, 1.0], [1, 1, 0, 0], 0.5)
    0.25
    """
    if not 0.0 < acceptance <= 1.0:
        raise TriggerError(f"The background acceptance is {acceptance}; it must lie above 0 and be at most 1.")
    signal, background = separate(scores, labels)
    signal, end = np.sort(signal), acceptance * background.size
    negated, tied = np.unique(-highest(background, int(np.ceil(end))), return_counts=True)
    value = -negated  # each background score that counts, in descending order
    tied[-1] = np.count_nonzero(background == value[-1])
    before = np.concatenate([[0], np.cumsum(tied[:-1])])
    width = np.minimum(tied, end - before)
    above, at = passing(signal, value), passing(signal, value, inclusive=True)
    area = float((width * (above + (at - above) * (0.5 * width / tied))).sum())
    return area / (end * signal.size)


@dataclass(frozen=True)
class Roc:
    """The ROC curve, from the highest threshold to the lowest; arrays of shape (points,).

    Attributes:
        threshold: an event passes if its score > threshold; the last one, which all events pass, is −∞.
        signal_efficiency: share of signal that passes.
        background_acceptance: share of background that passes.
        crossing_rate: bunch crossings per second, Hz.
    """

    threshold: FloatArray
    signal_efficiency: FloatArray
    background_acceptance: FloatArray
    crossing_rate: float

    @property
    def rate(self) -> FloatArray:
        """Background acceptance times crossing rate, Hz."""
        return self.background_acceptance * self.crossing_rate


def roc(scores: ArrayLike, labels: ArrayLike, *, crossing_rate: float = CROSSING_RATE) -> Roc:
    """The ROC curve of a sample, one point for each distinct score at which its direction changes.

    Points on a straight line between their neighbours are left out, so that straight lines between the points that
    remain give the whole curve and the exact area.

    Args:
        scores: shape (events,).
        labels: shape (events,), 1 for signal and 0 for background.
        crossing_rate: bunch crossings per second, Hz.

    Raises:
        ValueError: as for `accuracy`.
    """
    array = checked(scores, "scores")
    is_signal = checked_labels(labels, array.size)
    order = np.argsort(array)[::-1]
    array, is_signal = array[order], is_signal[order]
    last_of_value = np.append(np.flatnonzero(np.diff(array)), array.size - 1)
    kept = np.concatenate([[0], np.cumsum(is_signal, dtype=np.int64)[last_of_value]])
    passed = np.concatenate([[0], last_of_value + 1]) - kept
    threshold = np.append(array[np.append(0, last_of_value[:-1] + 1)], -np.inf)
    steps, rises = np.diff(passed), np.diff(kept)
    turns = steps[:-1] * rises[1:] != steps[1:] * rises[:-1]
    corner = np.concatenate([[True], turns, [True]])
    return Roc(
        threshold=threshold[corner],
        signal_efficiency=kept[corner] / kept[-1],
        background_acceptance=passed[corner] / passed[-1],
        crossing_rate=float(crossing_rate),
    )
