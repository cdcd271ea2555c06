"""Background rejection at a fixed signal efficiency."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from narrowgate.trigger._errors import TriggerError
from narrowgate.trigger._interval import (
    ONE_SIGMA,
    checked_confidence,
    mixture_interval,
    mixture_quantile,
    threshold_ranks,
)
from narrowgate.trigger._scores import checked, passing


@dataclass(frozen=True)
class Rejection:
    """How many background events one passes for each that is kept, at a stated signal efficiency.

    Attributes:
        signal_efficiency: the efficiency asked for.
        threshold: an event passes if its score > threshold. The highest threshold that keeps at least this share of
            the signal events.
        rejection: 1 / background acceptance; infinite when no background event passes.
        low: lower end of the interval; when no background event passes, a lower limit at the same confidence.
        high: upper end; infinite when no background event passes.
        confidence: probability with which the interval covers the truth.
        deciding: background events that pass, on which the number rests.
    """

    signal_efficiency: float
    threshold: float
    rejection: float
    low: float
    high: float
    confidence: float
    deciding: int


def background_rejection(
    signal: ArrayLike,
    background: ArrayLike,
    signal_efficiencies: Sequence[float] = (0.8, 0.9, 0.95),
    *,
    confidence: float = ONE_SIGMA,
) -> tuple[Rejection, ...]:
    """Background rejection at each stated signal efficiency, with its interval.

    The method is that of `efficiency_curve` with the classes exchanged: the number of signal events above the true
    threshold is binomial, and for each of its values the background acceptance has Jeffreys' Beta distribution. When
    no background event passes, the limit uses the exact upper limit of Clopper and Pearson (Biometrika 26 (1934) 404),
    Beta(passing + 1, events - passing), in the same mixture.

    Args:
        signal: scores of signal events, shape (signal events,).
        background: scores of background events, shape (background events,).
        signal_efficiencies: each strictly between 0 and 1.
        confidence: probability that an interval covers the truth.

    Raises:
        TriggerError: if a sample is empty, a score is not finite, or an efficiency or the confidence is out of range.
    """
    signal_scores = np.sort(checked(signal, "signal scores"))
    background_scores = np.sort(checked(background, "background scores"))
    confidence = checked_confidence(confidence)
    wanted = checked(signal_efficiencies, "signal efficiencies")
    for value in wanted[(wanted <= 0) | (wanted >= 1)]:
        raise TriggerError(f"A signal efficiency of {value:g} was asked for; it must lie strictly between 0 and 1.")
    total, events = signal_scores.size, background_scores.size

    descending = signal_scores[::-1]
    needed = np.clip(np.ceil(total * wanted * (1.0 - 1e-12)).astype(np.int64), 1, total)
    lowest_kept = descending[needed - 1]
    # Background at or above the k-th highest signal score: none at k = 0, all of it beyond the last.
    passed = np.concatenate([[0], passing(background_scores, descending, inclusive=True), [events]]).astype(np.float64)
    at_nodes = np.interp(threshold_ranks(total, wanted), np.arange(passed.size), passed)
    lowest, highest = mixture_interval(at_nodes, events, confidence)
    limit = mixture_quantile(at_nodes, events, confidence, prior=(1.0, 0.0))
    deciding = passing(background_scores, lowest_kept, inclusive=True)

    def rejection(index: int) -> Rejection:
        count = int(deciding[index])
        acceptance = count / events
        return Rejection(
            signal_efficiency=float(wanted[index]),
            threshold=float(np.nextafter(lowest_kept[index], -np.inf)),
            rejection=1.0 / acceptance if count else np.inf,
            low=1.0 / float(max(highest[index], acceptance) if count else limit[index]),
            high=1.0 / float(min(lowest[index], acceptance)) if count else np.inf,
            confidence=confidence,
            deciding=count,
        )

    return tuple(rejection(index) for index in range(wanted.size))
