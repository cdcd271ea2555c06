"""Intervals for a fraction of events: at a fixed threshold, and at one that is itself known only statistically.

The second case is the trigger's. The rate fixes the background acceptance p, but the threshold that gives it in the
infinite population is not known: it is read off n background events. How many of those lie above the true threshold
is, whatever the score's distribution, a binomial variable K ~ Bin(n, p) (the argument behind the distribution-free
interval for a quantile: David & Nagaraja, "Order Statistics", 3rd edition, section 7.1). So the true threshold lies
between the K-th and the (K+1)-th highest background score. For each K one counts the signal events above it, s of N,
and has Jeffreys' Beta(s + 1/2, N - s + 1/2) for the efficiency there (Brown, Cai & DasGupta, Statistical Science 16
(2001) 101). The mixture of these over K has both uncertainties in it; its quantiles are the interval.

That the threshold must be counted in, when sensitivity is asked for at a fixed specificity, is known from diagnostic
tests: Linnet, Statistics in Medicine 6 (1987) 147; Platt, Hanley & Yang, ibid. 19 (2000) 313; Zhou & Qin, ibid. 24
(2005) 465. They resample; the mixture is the same idea without random numbers. Its coverage was measured with toy
experiments: `benchmarks/interval_coverage.py`.
"""

import numpy as np
import scipy
from numpy.typing import ArrayLike

from narrowgate.trigger._errors import TriggerError
from narrowgate.trigger._scores import FloatArray

ONE_SIGMA = 0.6827
"""The default confidence: that of one standard deviation of a normal distribution."""

NODES = 64
"""Equally probable places of the true threshold over which the mixture is taken."""

OVERLAP = 0.05
"""By how much the central interval is narrowed, as a share of its half width, where both uncertainties are equal (and
nowhere where there is only one). The signal between neighbouring background scores scatters, and that scatter is in
both: the mixture by itself covers up to 72 % where 68.3 % are asked for. Read off toys, checked with others."""

TIED = 0.5
"""The share of the threshold's probable places within one score from which on the interval is the conservative one."""

TIED_TAIL = 0.75
"""How much of an interval's tail the conservative one gives to the threshold: with all of it (1) it would cover 68 % of
the toys where a tie ends just at the wanted fraction, and 30 % would lie on one side; with 0.75 it is 72 and 26 %."""

HALVINGS = 10
"""Steps of bisection for an interval's end, before a straight line within the last bracket: enough for 1e-5 of the
interval's width where it matters, and for 1e-3 where it ends within 0.001 of no or full efficiency."""


def checked_confidence(confidence: float) -> float:
    """`confidence`, if it is a probability strictly between 0 and 1; else a `ValueError`."""
    if not 0.0 < confidence < 1.0:
        raise TriggerError(f"The confidence is {confidence}; it must lie between 0 and 1, for instance 0.6827 or 0.95.")
    return float(confidence)


def normal_quantile(confidence: float) -> float:
    """The z for which a normal variable lies within ±z standard deviations with this probability."""
    return float(scipy.special.ndtri(0.5 * (1.0 + checked_confidence(confidence))))


def wilson(passed: ArrayLike, total: ArrayLike, confidence: float = ONE_SIGMA) -> tuple[FloatArray, FloatArray]:
    """Wilson's score interval for a binomial fraction.

    E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209; recommended by Brown, Cai & DasGupta (2001).

    Args:
        passed: events that pass, any shape.
        total: events in all, of the same shape; 0 gives the interval [0, 1].
        confidence: probability that the interval covers the truth.

    Returns:
        Lower and upper ends.

    Raises:
        TriggerError: if more events pass than there are, a count is negative, or the confidence is not a probability.
    """
    z = normal_quantile(confidence)
    k, n = np.broadcast_arrays(np.asarray(passed, np.float64), np.asarray(total, np.float64))
    if np.any(k < 0) or np.any(k > n):
        raise TriggerError("A number of passing events is negative or larger than the number of events.")
    safe = np.maximum(n, 1.0)
    fraction = k / safe
    centre = (fraction + 0.5 * z * z / safe) / (1.0 + z * z / safe)
    half = z * np.sqrt(fraction * (1.0 - fraction) / safe + 0.25 * (z / safe) ** 2) / (1.0 + z * z / safe)
    low = np.where((n == 0) | (k == 0), 0.0, centre - half)
    high = np.where((n == 0) | (k == n), 1.0, centre + half)
    return low, high


def threshold_ranks(events: int, fractions: FloatArray, probabilities: FloatArray | None = None) -> FloatArray:
    """Where, among `events` scores in descending order, the threshold lies that a given fraction of all events exceeds.

    A rank of k + r (0 ≤ r < 1) means: between the k-th and the (k+1)-th highest score, at the share r of that gap; rank
    0 is above every score. The number of scores above the threshold is Bin(events, fraction); its distribution
    function, made continuous by a straight line across each gap, is inverted at `probabilities`.

    Args:
        events: size of the sample.
        fractions: fractions of the infinite population above the threshold, each in (0, 1), shape (points,).
        probabilities: shape (nodes,); by default the centres of `NODES` equally probable slices.

    Returns:
        Ranks between 0 and events + 1, shape (points, nodes), ascending along the second axis.
    """
    if probabilities is None:
        probabilities = (np.arange(NODES) + 0.5) / NODES
    ranks = np.empty((fractions.size, probabilities.size))
    for row, fraction in zip(ranks, fractions, strict=True):
        mean, width = events * fraction, np.sqrt(events * fraction * (1.0 - fraction))
        first = max(0, int(mean - 7.0 * width - 8.0))
        last = min(events, int(mean + 7.0 * width + 12.0))
        counts = np.arange(first, last + 1)
        cumulative = scipy.special.bdtr(counts.astype(np.float64), events, fraction)
        row[:] = np.interp(probabilities, np.append(0.0, cumulative), np.append(counts, last + 1))
    return ranks


def rank_probability(events: int, fraction: float, below: FloatArray) -> FloatArray:
    """The probability that fewer than `below` of `events` exceed the threshold that a fraction of all exceeds."""
    return np.where(below > 0, scipy.special.bdtr(np.maximum(below - 1.0, 0.0), events, fraction), 0.0)


def tie_weight(scores: FloatArray, events: int, fractions: FloatArray) -> FloatArray:
    """How much a threshold's place is a question of one score: 0 when no two tie, 1 when most places are within one.

    Args:
        scores: the highest of `events` scores, descending, shape (scores,).
        events: size of the sample.
        fractions: of the infinite population above the threshold, shape (points,).

    Returns:
        Weights, shape (points,): (largest share of the places that lies within one score / `TIED`)², at most 1.
    """
    last = np.append(np.flatnonzero(np.diff(scores)), scores.size - 1)
    end = last + 1.0  # how many scores are at or above each value
    start = np.append(0.0, end[:-1])  # how many are above it
    tied = end - start > 1.0
    weights = np.zeros(fractions.size)
    for index, fraction in enumerate(fractions) if tied.any() else ():
        # The threshold is the tied score when more than `start` and fewer than `end` events lie above the true one.
        bounds = (rank_probability(events, float(fraction), edge) for edge in (end[tied], start[tied] + 1.0))
        within = next(bounds) - next(bounds)
        weights[index] = min(1.0, float(within.max()) / TIED) ** 2
    return weights


def interval_of_counts(
    passed: FloatArray,
    scores: FloatArray,
    events: int,
    fractions: FloatArray,
    total: int,
    confidence: float,
) -> tuple[FloatArray, FloatArray]:
    """The interval of the share of `total` events of one class above a threshold that the other class determines.

    Without ties it is that of the mixture (see the top of this module). With ties the truth is one of a few shares,
    those above each score: the mixture's quantile then falls between two of them or within one, and covers too little
    where a tie ends just at the wanted fraction (45 to 55 % in place of 68 %). There the conservative interval is
    taken: its lower end is that of Jeffreys' interval at the highest score that the threshold may well be, and its
    upper end at the lowest such score. A score may well be the threshold if counts as low, or as high, as those found
    have at least the probability `TIED_TAIL` × (1 − confidence) / 2; the ends are 0 and 1 where none of the events, or
    all of them, may be above it. Between no ties and ties that hold the share `TIED` of the threshold's places, the
    ends move from one interval to the other (`tie_weight`).

    Args:
        passed: events of the class above the k-th highest of `scores`, for k = 0 (none), 1, …, shape (scores + 2,).
        scores: the highest of the class that determines the threshold, descending, at least up to the largest of
            `highest_rank`.
        events: size of that class.
        fractions: of it above the threshold, shape (points,).
        total: size of the other class.
        confidence: probability that the interval covers the truth.

    Returns:
        Lower and upper ends, shape (points,).
    """
    ranks = np.arange(passed.size)
    low, high = mixture_interval(np.interp(threshold_ranks(events, fractions), ranks, passed), total, confidence)
    weight = tie_weight(scores, events, fractions)
    if not weight.any():
        return low, high
    tail = float(scipy.special.ndtr(-normal_quantile(confidence)))
    fewest, most = counts_at_ends(passed, events, fractions, confidence)
    lowest = scipy.special.betaincinv(fewest + 0.5, total - fewest + 0.5, tail)
    highest = scipy.special.betaincinv(most + 0.5, total - most + 0.5, 1.0 - tail)
    low = low + weight * np.minimum(lowest - low, 0.0)
    high = high + weight * np.maximum(highest - high, 0.0)
    tied = weight > 0.0
    return np.where(tied & (fewest == 0), 0.0, low), np.where(tied & (most == total), 1.0, high)


def counts_at_ends(
    passed: FloatArray, events: int, fractions: FloatArray, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """The fewest and the most of the other class above a score that may well be the threshold, shape (points,).

    Arguments: see `interval_of_counts`.
    """
    tail = TIED_TAIL * float(scipy.special.ndtr(-normal_quantile(confidence)))
    ends = threshold_ranks(events, fractions, np.array([tail, 1.0 - tail]))
    return passed[np.floor(ends[:, 0]).astype(np.int64)], passed[np.ceil(ends[:, 1]).astype(np.int64)]


def highest_rank(events: int, fractions: FloatArray, confidence: float) -> int:
    """How many of the highest scores an interval looks at."""
    tail = float(scipy.special.ndtr(-normal_quantile(confidence)))
    places = np.array([1.0 - 0.5 / NODES, 1.0 - TIED_TAIL * tail])
    return int(np.ceil(threshold_ranks(events, fractions, places).max()))


def mixture_quantile(
    passed: FloatArray, total: int, probability: float | FloatArray, prior: tuple[float, float] = (0.5, 0.5)
) -> FloatArray:
    """A quantile of the equal mixture of Beta(passed + a, total - passed + b).

    Args:
        passed: events above the threshold at each of its equally probable places (fractional between two events),
            shape (points, nodes).
        total: events in all.
        probability: of which the quantile is wanted, one number or shape (points,).
        prior: a and b; Jeffreys' 1/2 and 1/2 by default, while (1, 0) gives the exact upper limit.

    Returns:
        Fractions in [0, 1], shape (points,).
    """
    a, b = passed + prior[0], np.maximum(total - passed + prior[1], 1e-9)

    def below(fraction: FloatArray) -> FloatArray:
        share: FloatArray = scipy.special.betainc(a, b, fraction[:, None]).mean(axis=1) - probability
        return share

    # The mixture's quantile lies between those of its lowest and its highest component.
    low = np.asarray(scipy.special.betaincinv(a.min(axis=1), b.max(axis=1), probability), np.float64)
    high = np.asarray(scipy.special.betaincinv(a.max(axis=1), b.min(axis=1), probability), np.float64)
    at_low, at_high = below(low), below(high)
    for _ in range(HALVINGS):
        middle: FloatArray = 0.5 * (low + high)
        at_middle = below(middle)
        right = at_middle >= 0.0
        high, at_high = np.where(right, middle, high), np.where(right, at_middle, at_high)
        low, at_low = np.where(right, low, middle), np.where(right, at_low, at_middle)
    rise = at_high - at_low
    return low + (high - low) * np.clip(-at_low / np.where(rise > 0.0, rise, 1.0), 0.0, 1.0)


def mixture_interval(passed: FloatArray, total: int, confidence: float) -> tuple[FloatArray, FloatArray]:
    """The central interval of the mixture described at the top of this module; both ends of shape (points,)."""
    spread = passed.var(axis=1)
    binomial = (passed * (1.0 - passed / total)).mean(axis=1)
    share = spread / np.maximum(spread + binomial, 1e-12)
    tail: FloatArray = scipy.special.ndtr(-normal_quantile(confidence) * (1.0 - 4.0 * OVERLAP * share * (1.0 - share)))
    return mixture_quantile(passed, total, tail), mixture_quantile(passed, total, 1.0 - tail)
