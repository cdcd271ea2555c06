"""Are two triggers different, or is it the sample?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from narrowgate.trigger._errors import TriggerError
from narrowgate.trigger._interval import counts_at_ends, highest_rank, normal_quantile, threshold_ranks, tie_weight
from narrowgate.trigger._rates import CROSSING_RATE, checked_rates
from narrowgate.trigger._scores import FloatArray, checked, checked_labels, highest, passing
from narrowgate.trigger._working_point import WorkingPoint, efficiency_at_rate


@dataclass(frozen=True)
class Difference:
    """Efficiency of a first trigger minus that of a second, at one rate, on the same events.

    Attributes:
        rate: Hz.
        value: difference of the efficiencies.
        low: lower end of its interval.
        high: its upper end.
        confidence: probability with which the interval covers the truth.
    """

    rate: float
    value: float
    low: float
    high: float
    confidence: float

    @property
    def indistinguishable(self) -> bool:
        """Whether the interval contains zero."""
        return self.low <= 0.0 <= self.high


def difference(
    first: ArrayLike,
    second: ArrayLike,
    labels: ArrayLike,
    rate: float,
    *,
    crossing_rate: float = CROSSING_RATE,
    confidence: float = 0.95,
) -> Difference:
    """The difference in efficiency of two triggers judged on the same events, with an interval that uses the pairing.

    Two networks fail on much the same events, so that their difference is known better than either efficiency. To first
    order an estimated efficiency is the mean over signal events of "passes", minus the slope of the ROC curve at the
    working point times the mean over background events of "passes" (Linnet, Statistics in Medicine 6 (1987) 147). The
    variance of the difference is then that of the per-event difference of these terms, one class at a time:

    - signal: disagreements between the two decisions, as in McNemar's test, with half an event added to each of the
      four cells (Agresti & Min, Statistics in Medicine 24 (2005) 729), so that it never vanishes;
    - background: slope₁·[first passes] − slope₂·[second passes]. A slope is the change of signal efficiency between the
      places where the threshold may lie at ± one standard deviation.

    The interval is symmetric, value ± z·σ; its coverage is measured in `benchmarks/interval_coverage.py`. Where scores
    tie a threshold moves in jumps, which no slope describes. The more its place is a question of one score, the more
    the conservative reading of `interval_of_counts` takes the slope's place: each end is moved on by as much as the
    efficiency would change at the farthest score that may well be the threshold.

    Args:
        first: scores of the first trigger, shape (events,).
        second: scores of the second on the same events in the same order.
        labels: shape (events,), 1 for signal and 0 for background.
        rate: Hz, above 0 and below the crossing rate.
        crossing_rate: bunch crossings per second, Hz.
        confidence: probability that the interval covers the truth; 0.95, since it is used to call things different.

    Raises:
        TriggerError: if the two score different numbers of events, or as `efficiency_curve` does.
    """
    scores = checked(first, "first scores"), checked(second, "second scores")
    if scores[0].size != scores[1].size:
        raise TriggerError(
            f"The first trigger scored {scores[0].size} events and the second {scores[1].size}; "
            "a paired comparison needs the same events."
        )
    z = normal_quantile(confidence)
    is_signal = checked_labels(labels, scores[0].size)
    fraction = float(checked_rates(rate, crossing_rate)[0]) / crossing_rate

    efficiencies, accepted, slopes, jumps = [], [], [], []
    for array in scores:
        signal, background = array[is_signal], array[~is_signal]
        point = efficiency_at_rate(signal, background, rate, crossing_rate=crossing_rate)
        tied, fewest, most = _jumps(signal, background, fraction, confidence)
        efficiencies.append(point.efficiency)
        accepted.append(array > point.threshold)
        slopes.append((1.0 - tied) * _slope(signal, background, fraction))
        jumps.append((tied * max(point.efficiency - fewest, 0.0), tied * max(most - point.efficiency, 0.0)))

    signal_one, signal_two = (passes[is_signal] for passes in accepted)
    only_one = int(np.count_nonzero(signal_one & ~signal_two)) + 0.5
    only_two = int(np.count_nonzero(signal_two & ~signal_one)) + 0.5
    total = signal_one.size + 2.0
    signal_variance = ((only_one + only_two) - (only_one - only_two) ** 2 / total) / total**2

    weighted = slopes[0] * accepted[0][~is_signal] - slopes[1] * accepted[1][~is_signal]
    background_variance = float(weighted.var()) / weighted.size

    value = efficiencies[0] - efficiencies[1]
    half = z * float(np.sqrt(signal_variance + background_variance))
    (down, up), (other_down, other_up) = jumps
    low, high = value - half - down - other_up, value + half + up + other_down
    return Difference(float(rate), value, low, high, float(confidence))


def mean_difference_half_width(first: Sequence[float], second: Sequence[float], *, confidence: float = 0.95) -> float:
    """Half width of the interval of the difference of two means, from the scatter of the values of each.

    For a configuration that was trained with several seeds: how far its mean efficiency may lie from that of all seeds.
    The variances are unknown and need not be equal: Student's t with the degrees of freedom of B. L. Welch, Biometrika
    34 (1947) 28. With two seeds each the quantile is 4.3 to 12.7 where a normal distribution has 1.96.

    Args:
        first: a value a seed.
        second: likewise; a list of one value says nothing about its own scatter and adds none.
        confidence: probability that the interval covers the truth.

    Returns:
        The half width; 0 if neither list has two different values.
    """
    normal_quantile(confidence)
    several = [values for values in (first, second) if len(values) > 1]
    squares = [float(np.var(values, ddof=1)) / len(values) for values in several]
    total = sum(squares)
    if total <= 0.0:
        return 0.0
    freedom = total**2 / sum(own**2 / (len(values) - 1) for own, values in zip(squares, several, strict=True))
    return float(scipy.special.stdtrit(freedom, 0.5 * (1.0 + confidence)) * np.sqrt(total))


def indistinguishable(first: WorkingPoint, second: WorkingPoint) -> bool:
    """Whether two working points agree within their intervals, when only these are at hand.

    The difference is compared with the two half widths that face each other, in quadrature (R. G. Newcombe, Statistics
    in Medicine 17 (1998) 873). This takes the two as independent. Triggers judged on the same events are not: they
    err together, so that the test is cautious, calling two things indistinguishable rather than different. With the
    scores at hand, `difference` is sharper.

    Args:
        first: a working point.
        second: another, at the same rate and confidence.

    Raises:
        TriggerError: if the rates or the confidences differ.
    """
    if first.rate != second.rate or first.confidence != second.confidence:
        raise TriggerError(
            f"Working points can be compared at one rate and confidence only; these are at {first.rate:g} Hz and "
            f"{second.rate:g} Hz, with {first.confidence:g} and {second.confidence:g}."
        )
    upper, lower = (first, second) if first.efficiency >= second.efficiency else (second, first)
    reach = np.hypot(upper.efficiency - upper.low, lower.high - lower.efficiency)
    return bool(upper.efficiency - lower.efficiency <= reach)


def _jumps(
    signal: FloatArray, background: FloatArray, fraction: float, confidence: float
) -> tuple[float, float, float]:
    """How much the threshold's place is a question of one score, and the least and greatest efficiency there may be."""
    fractions = np.array([fraction])
    top = highest(background, highest_rank(background.size, fractions, confidence))
    weight = float(tie_weight(top, background.size, fractions)[0])
    kept = np.concatenate([[0], passing(np.sort(signal), top), [signal.size]]) / signal.size
    fewest, most = counts_at_ends(kept, background.size, fractions, confidence)
    return weight, float(fewest[0]), float(most[0])


def _slope(signal: FloatArray, background: FloatArray, fraction: float) -> float:
    """Slope of the ROC curve, d(signal efficiency) / d(background acceptance), near an acceptance."""
    places = np.asarray(scipy.special.ndtr([-1.0, 1.0]), dtype=np.float64)
    tight, loose = threshold_ranks(background.size, np.array([fraction]), places)[0]
    top = highest(background, int(np.ceil(loose)))
    kept = np.concatenate([[0], passing(np.sort(signal), top), [signal.size]]) / signal.size
    rise = np.diff(np.interp([tight, loose], np.arange(kept.size), kept))[0]
    return float(rise / ((loose - tight) / background.size))
