"""Rates: background acceptance times crossing rate."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from narrowgate.trigger._errors import TriggerError
from narrowgate.trigger._scores import FloatArray, checked, passing

COLLIDING_BUNCHES = 2760
REVOLUTION_FREQUENCY = 11246.0
"""Turns of the LHC per second, Hz."""

CROSSING_RATE = COLLIDING_BUNCHES * REVOLUTION_FREQUENCY
"""Bunch crossings per second, Hz: 31.04 MHz, the convention of the CMS Phase-2 trigger menu."""


RATES = (10e3, 30e3, 100e3)
"""Hz, at which a trigger is judged where nobody says otherwise."""


def possible_rates(rates: Sequence[float], crossing_rate: float) -> tuple[float, ...]:
    """Those of `rates` (Hz) that a trigger behind crossings at `crossing_rate` (Hz) can have.

    >>> possible_rates((10e3, 100e3), 40e3)
    (10000.0,)
    """
    return tuple(rate for rate in rates if 0 < rate < crossing_rate)


def checked_rates(rates: ArrayLike, crossing_rate: float) -> FloatArray:
    """`rates` in Hz as an array of shape (rates,).

    Raises:
        TriggerError: if there is none, or if one is not above 0 and below the crossing rate.
    """
    if not (np.isfinite(crossing_rate) and crossing_rate > 0):
        raise TriggerError(f"The crossing rate is {crossing_rate} Hz; it must be a positive number of hertz.")
    array = np.atleast_1d(checked(np.ravel(np.asarray(rates, dtype=np.float64)), "rates"))
    for rate in array[(array <= 0) | (array >= crossing_rate)]:
        raise TriggerError(
            f"A rate of {rate:g} Hz was asked for; it must lie above 0 and below the crossing rate, "
            f"{crossing_rate:g} Hz."
        )
    return array


def rate_above(background: ArrayLike, thresholds: ArrayLike, *, crossing_rate: float = CROSSING_RATE) -> FloatArray:
    """The trigger rate at given thresholds, Hz: share of background with score > threshold, times crossing rate.

    Args:
        background: scores of background events, shape (events,).
        thresholds: any shape.
        crossing_rate: bunch crossings per second, Hz.

    Returns:
        Rates in Hz, of the shape of `thresholds`.

    Raises:
        TriggerError: if there are no scores or one is not finite.
    """
    scores = np.sort(checked(background, "background scores"))
    return passing(scores, np.asarray(thresholds, np.float64)) / scores.size * crossing_rate
