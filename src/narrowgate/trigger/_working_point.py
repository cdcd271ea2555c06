"""Signal efficiency at a fixed rate, with an interval that counts the threshold's own uncertainty in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from narrowgate.trigger._interval import ONE_SIGMA, checked_confidence, highest_rank, interval_of_counts
from narrowgate.trigger._rates import CROSSING_RATE, checked_rates
from narrowgate.trigger._scores import FEW, FloatArray, IntArray, checked, highest, passing


@dataclass(frozen=True)
class WorkingPoint:
    """A threshold on the score that gives a stated rate, and what it keeps of the signal.

    Attributes:
        rate: the rate asked for, Hz.
        threshold: an event passes if its score > threshold. The lowest threshold whose rate on these background
            events is not above the rate asked for.
        efficiency: share of the signal events that pass this threshold.
        low: lower end of the interval of the efficiency at exactly this rate in the infinite population.
        high: its upper end. The interval holds both the signal's statistics and the threshold's.
        confidence: probability with which the interval covers the truth.
        deciding: background events above the threshold: those on which it rests.
        measured_rate: the rate of these background events at this threshold, Hz. Tied scores can push it well
            below the rate asked for.
        warning: a sentence when the number should be read with caution, else empty.
    """

    rate: float
    threshold: float
    efficiency: float
    low: float
    high: float
    confidence: float
    deciding: int
    measured_rate: float
    warning: str = ""


@dataclass(frozen=True)
class EfficiencyCurve:
    """Signal efficiency against rate, with its band; arrays of shape (rates,), rates in Hz."""

    rate: FloatArray
    threshold: FloatArray
    efficiency: FloatArray
    low: FloatArray
    high: FloatArray
    deciding: IntArray
    confidence: float
    crossing_rate: float
    background_events: int

    def working_points(self) -> tuple[WorkingPoint, ...]:
        """The same, one working point a rate, with the warnings."""
        return tuple(self._working_point(index) for index in range(self.rate.size))

    def _working_point(self, index: int) -> WorkingPoint:
        rate, deciding = float(self.rate[index]), int(self.deciding[index])
        measured = deciding / self.background_events * self.crossing_rate
        return WorkingPoint(
            rate=rate,
            threshold=float(self.threshold[index]),
            efficiency=float(self.efficiency[index]),
            low=float(self.low[index]),
            high=float(self.high[index]),
            confidence=self.confidence,
            deciding=deciding,
            measured_rate=measured,
            warning=_warning(rate, deciding, measured, self.background_events, self.crossing_rate),
        )


def efficiency_curve(
    signal: ArrayLike,
    background: ArrayLike,
    rates: ArrayLike,
    *,
    crossing_rate: float = CROSSING_RATE,
    confidence: float = ONE_SIGMA,
) -> EfficiencyCurve:
    """Signal efficiency at each of many rates, with intervals.

    The decision is score > threshold. With n background events and a rate that is the share p of the crossing rate, the
    threshold is the (⌊n·p⌋ + 1)-th highest background score: the lowest one that at most n·p events exceed. Nothing is
    interpolated: efficiency and threshold belong together, and in toy experiments (`benchmarks/interval_coverage.py`)
    this estimate's bias is at most about 0.15 of the interval's half width, no larger than that of interpolated
    estimates. With tied scores all events of one value pass or fail together.

    The interval: see `narrowgate.trigger._interval`. It is for the efficiency at the threshold which gives exactly this
    rate in the infinite population (with discrete scores: the lowest threshold whose rate is not above it), contains
    both statistical uncertainties, is deterministic, and always contains the estimate. Where scores tie it is
    conservative (`interval_of_counts`).

    Args:
        signal: scores of signal events, shape (signal events,).
        background: scores of background events, shape (background events,).
        rates: in Hz, shape (rates,), each above 0 and below the crossing rate.
        crossing_rate: bunch crossings per second, Hz.
        confidence: probability that an interval covers the truth; 0.6827 by default.

    Raises:
        ValueError: if a sample is empty, a score is not finite, or a rate or the confidence is out of range.
    """
    signal_scores = np.sort(checked(signal, "signal scores"))
    background_scores = checked(background, "background scores")
    wanted = checked_rates(rates, crossing_rate)
    confidence = checked_confidence(confidence)
    events, total = background_scores.size, signal_scores.size

    allowed = np.floor(events * wanted / crossing_rate * (1.0 + 1e-12)).astype(np.int64)
    allowed = np.minimum(allowed, events - 1)
    fractions = wanted / crossing_rate
    needed = max(highest_rank(events, fractions, confidence), int(allowed.max()) + 1)
    top = highest(background_scores, needed)
    # Signal above the k-th highest background score: none at k = 0, all of it beyond the last one.
    kept = np.concatenate([[0], passing(signal_scores, top), [total]]).astype(np.float64)
    low, high = interval_of_counts(kept, top, events, fractions, total, confidence)

    threshold = top[allowed]
    efficiency = passing(signal_scores, threshold) / total
    return EfficiencyCurve(
        rate=wanted,
        threshold=threshold,
        efficiency=efficiency,
        low=np.minimum(low, efficiency),
        high=np.maximum(high, efficiency),
        deciding=passing(top[::-1], threshold),
        confidence=confidence,
        crossing_rate=float(crossing_rate),
        background_events=events,
    )


def working_points(
    signal: ArrayLike,
    background: ArrayLike,
    rates: Sequence[float] = (10e3, 30e3, 100e3),
    *,
    crossing_rate: float = CROSSING_RATE,
    confidence: float = ONE_SIGMA,
) -> tuple[WorkingPoint, ...]:
    """One `WorkingPoint` for each rate (Hz). Arguments, method and errors: see `efficiency_curve`."""
    curve = efficiency_curve(signal, background, rates, crossing_rate=crossing_rate, confidence=confidence)
    return curve.working_points()


def efficiency_at_rate(
    signal: ArrayLike,
    background: ArrayLike,
    rate: float,
    *,
    crossing_rate: float = CROSSING_RATE,
    confidence: float = ONE_SIGMA,
) -> WorkingPoint:
    """The `WorkingPoint` at one rate (Hz). Arguments, method and errors: see `efficiency_curve`."""
    return working_points(signal, background, (rate,), crossing_rate=crossing_rate, confidence=confidence)[0]


def _warning(rate: float, deciding: int, measured: float, events: int, crossing_rate: float) -> str:
    """What a reader should know before trusting a working point; empty if nothing."""
    one = crossing_rate / events
    if rate < one:
        return (
            f"The rate {rate:g} Hz is below that of a single one of the {events} background events ({one:.4g} Hz): "
            "the threshold is not measured, only bounded."
        )
    if deciding >= FEW:
        return ""
    sentence = f"Only {deciding} background events lie above the threshold for {rate:g} Hz (fewer than {FEW})"
    if measured < 0.5 * rate - one:
        return f"{sentence}, because many share one score: the trigger would run at {measured:.4g} Hz."
    return f"{sentence}: it is poorly known."
