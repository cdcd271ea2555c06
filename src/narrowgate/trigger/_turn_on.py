"""The turn-on curve: efficiency against a quantity of the event, at one threshold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from narrowgate.trigger._errors import TriggerError
from narrowgate.trigger._interval import ONE_SIGMA, wilson
from narrowgate.trigger._scores import FloatArray, IntArray, checked


@dataclass(frozen=True)
class TurnOn:
    """Efficiency in bins of a quantity; arrays of shape (bins,), `edges` of shape (bins + 1,).

    An empty bin has the efficiency NaN and the interval [0, 1].
    """

    edges: FloatArray
    passed: IntArray
    total: IntArray
    efficiency: FloatArray
    low: FloatArray
    high: FloatArray
    confidence: float


def turn_on(
    values: ArrayLike, scores: ArrayLike, threshold: float, edges: ArrayLike | int, *, confidence: float = ONE_SIGMA
) -> TurnOn:
    """Share of events with score > threshold in bins of a quantity, with Wilson's intervals.

    The intervals hold the statistics of each bin; the threshold is taken as given.

    Args:
        values: the quantity, one number an event, shape (events,): generator m_HH or image HT in GeV, for instance. NaN
            (m_HH of a background event) and what lies outside the edges is left out.
        scores: of the same events, shape (events,).
        threshold: of a working point.
        edges: bin edges, ascending, shape (bins + 1,); a bin holds its lower edge, the last bin both. Or a number of
            bins, which are then made to hold equally many events.
        confidence: probability that an interval covers the truth.

    Raises:
        TriggerError: if the shapes differ, a score is not finite, the edges do not ascend, or no value is finite.
    """
    array = checked(scores, "scores")
    quantity = np.asarray(values, dtype=np.float64)
    if quantity.shape != array.shape:
        raise TriggerError(f"There are {array.size} scores, but the values have shape {quantity.shape}.")
    known = np.isfinite(quantity)
    if not known.any():
        raise TriggerError("None of the values is finite, so that there is nothing to bin the events in.")
    bounds = _edges(quantity[known], edges)
    total = np.histogram(quantity[known], bounds)[0].astype(np.int64)
    passed = np.histogram(quantity[known & (array > threshold)], bounds)[0].astype(np.int64)
    low, high = wilson(passed, total, confidence)
    efficiency = np.divide(passed, total, out=np.full(total.size, np.nan), where=total > 0)
    return TurnOn(bounds, passed, total, efficiency, low, high, float(confidence))


def _edges(values: FloatArray, edges: ArrayLike | int) -> FloatArray:
    """Bin edges as they were given, or those of so many equally populated bins."""
    if isinstance(edges, int | np.integer):
        if edges < 1:
            raise TriggerError(f"{edges} bins were asked for; at least one is needed.")
        if values.min() == values.max():
            raise TriggerError(f"No bins can be made of the values: all of them are {values.min():g}.")
        return np.unique(np.quantile(values, np.linspace(0.0, 1.0, int(edges) + 1)))
    bounds = checked(edges, "bin edges")
    if bounds.size < 2 or np.any(np.diff(bounds) <= 0):
        raise TriggerError("The bin edges must be at least two numbers, each larger than the one before.")
    return bounds
