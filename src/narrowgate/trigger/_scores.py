"""Scores and labels: checked once, split into signal and background."""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from narrowgate.trigger._errors import TriggerError

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

FEW = 10
"""A number that rests on fewer background events than this earns a warning."""


def checked(values: ArrayLike, what: str) -> FloatArray:
    """`values` as a one-dimensional float64 array, shape (events,).

    Args:
        values: real numbers, one an event.
        what: how to call them in an error, e.g. "signal scores".

    Raises:
        TriggerError: if there are none, if they are not one number an event, or if one of them is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise TriggerError(f"The {what} have shape {array.shape}; one number an event, shape (events,), is needed.")
    if array.size == 0:
        raise TriggerError(f"There are no {what}; at least one event is needed.")
    bad = array.size - int(np.count_nonzero(np.isfinite(array)))
    if bad:
        raise TriggerError(f"{bad} of the {array.size} {what} are NaN or infinite; every event needs a finite number.")
    return array


def checked_labels(labels: ArrayLike, events: int) -> NDArray[np.bool_]:
    """`labels` as booleans, shape (events,), true for signal.

    Raises:
        TriggerError: if their number is not `events`, if one is neither 0 nor 1, or if a class has no event.
    """
    array = np.asarray(labels)
    if array.shape != (events,):
        raise TriggerError(f"The labels have shape {array.shape}, but there are {events} events to label.")
    signal: NDArray[np.bool_] = np.equal(array, 1)
    if not np.all(signal | (array == 0)):
        raise TriggerError("A label is neither 0 (background) nor 1 (signal).")
    if not signal.any() or signal.all():
        raise TriggerError("The labels name one class only; both signal (1) and background (0) events are needed.")
    return signal


def separate(scores: ArrayLike, labels: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Split scores into those of signal and those of background.

    Args:
        scores: shape (events,), larger means more signal-like.
        labels: shape (events,), 1 for signal and 0 for background.

    Returns:
        The scores of the signal and of the background, in the order in which they came.

    Raises:
        TriggerError: if the shapes differ, a score is not finite, a label is neither 0 nor 1, or a class is empty.
    """
    array = checked(scores, "scores")
    signal = checked_labels(labels, array.size)
    return array[signal], array[~signal]


def passing(events: FloatArray, thresholds: FloatArray, *, inclusive: bool = False) -> IntArray:
    """How many of `events` lie above each threshold; at or above it if `inclusive`.

    Args:
        events: scores in ascending order, shape (events,).
        thresholds: any shape.

    Returns:
        Counts, of the shape of `thresholds`.
    """
    below = np.searchsorted(events, thresholds, side="left" if inclusive else "right")
    return events.size - np.asarray(below, dtype=np.int64)


def highest(events: FloatArray, number: int) -> FloatArray:
    """The `number` highest of `events` (all of them if there are fewer), in descending order."""
    # Of the negated scores, since NumPy's partition is ten times slower when the pivot is one of many tied low ones.
    negated = -events
    if number < events.size:
        negated = np.partition(negated, number)[:number]
    return -np.sort(negated)
