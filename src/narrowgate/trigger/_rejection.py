"""Background rejection at a fixed signal efficiency."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from narrowgate.trigger._errors import TriggerError
from narrowgate.trigger._interval import (
    ONE_SIGMA,
    checked_confidence,
    interval_of_counts,
    mixture_quantile,
    threshold_ranks,
    tie_weight,
)
from narrowgate.trigger._scores import FEW, checked, passing


@dataclass(frozen=True)
class Rejection:
    """How many background events one passes for each that is kept, at a stated signal efficiency.

    Attributes:
        signal_efficiency: the efficiency asked for.
        threshold: an event passes if its score > threshold. The highest threshold that keeps at least this share of
            the signal events.
        rejection: 1 / background acceptance; infinite when no background event passes.
        low: lower end of the interval; when no background event passes, a lower limit at the same confidence.
        high: upper end; infinite when no background event passes, or none may pass because scores tie.
        confidence: probability with which the interval covers the truth.
        deciding: background events that pass, on which the number rests.
        warning: a sentence when the number should be read with caution, else empty.
    """

    signal_efficiency: float
    threshold: float
    rejection: float
    low: float
    high: float
    confidence: float
    deciding: int
    warning: str = ""


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
    lowest, highest = interval_of_counts(passed, descending, total, wanted, events, confidence)
    limit = mixture_quantile(at_nodes, events, confidence, prior=(1.0, 0.0))
    limit = np.where(tie_weight(descending, total, wanted) > 0.0, np.maximum(limit, highest), limit)
    deciding = passing(background_scores, lowest_kept, inclusive=True)

    def rejection(index: int) -> Rejection:
        count = int(deciding[index])
        acceptance = count / events
        least = float(min(lowest[index], acceptance))
        return Rejection(
            signal_efficiency=float(wanted[index]),
            threshold=float(np.nextafter(lowest_kept[index], -np.inf)),
            rejection=1.0 / acceptance if count else np.inf,
            low=1.0 / float(max(highest[index], acceptance) if count else limit[index]),
            high=1.0 / least if least > 0.0 else np.inf,
            confidence=confidence,
            deciding=count,
            warning=_warning(float(wanted[index]), count),
        )

    return tuple(rejection(index) for index in range(wanted.size))


def _warning(signal_efficiency: float, deciding: int) -> str:
    """What a reader should know before trusting a rejection; empty if nothing."""
    if deciding >= FEW:
        return ""
    what = f"at a signal efficiency of {signal_efficiency:g}"
    if deciding == 0:
        return f"No background event passes {what}: its rejection is only bounded from below."
    events = "event passes" if deciding == 1 else "events pass"
    return f"Only {deciding} background {events} {what} (fewer than {FEW}): its rejection is poorly known."
