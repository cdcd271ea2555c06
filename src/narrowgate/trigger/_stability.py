"""How steadily a validation loss comes down: the volatility as a number, and a word for the whole curve."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

from narrowgate.trigger._errors import TriggerError
from narrowgate.trigger._plain import as_plain
from narrowgate.trigger._scores import FloatArray

VOLATILE = 0.05
"""Volatility above which a curve is called volatile. The best of 30 evaluations that scatter by 5 % lies about 2 × 5 %
= 10 % below what the network is worth, which is more than separates the leading configurations of a search: above this,
picking epochs is picking luck."""

DIVERGED = 2.0
"""A loss that ends at more than this many times the level it had reached has diverged."""

MOVING = 0.10
"""A loss that still changes by more than this share over the last quarter of the training has not converged."""

ERRORS = 3.0
"""And that change must be this many standard errors, or the curve may only wander about its level."""

MOST_CORRELATED = 0.95
"""The largest correlation of neighbouring evaluations that is reckoned with."""

LATE_RATIO = 2.0
"""The end fluctuates if it is this many times as volatile as what came before."""

NOTHING = 1e-12
"""A loss below this counts as this: a saturated network that errs nowhere has a loss of exactly 0."""

SHORTEST = 8
"""Evaluations below which a curve is too short for a word."""


class Verdict(StrEnum):
    """A word for the shape of a loss curve. It speaks of the shape only, not of how good the network is."""

    DIVERGED = "diverged"
    TOO_SHORT = "too short to judge"
    FLUCTUATING = "fluctuating at the end"
    VOLATILE = "volatile"
    NOT_CONVERGED = "not converged"
    SMOOTH = "smooth"

    @property
    def meaning(self) -> str:
        """What the word says, in one sentence."""
        return _MEANING[self]


_MEANING = {
    Verdict.DIVERGED: f"The loss became NaN or infinite, or ended more than {DIVERGED:g} times above a level it had "
    "already reached.",
    Verdict.TOO_SHORT: f"There are fewer than {SHORTEST} evaluations.",
    Verdict.FLUCTUATING: f"In the last quarter the loss jumps by more than {VOLATILE:.0%} between evaluations, and "
    f"more than {LATE_RATIO:g} times as much as before.",
    Verdict.VOLATILE: f"The loss typically jumps by more than {VOLATILE:.0%} between evaluations.",
    Verdict.NOT_CONVERGED: f"The loss is steady, but still changes by more than {MOVING:.0%} over the last quarter: "
    "falling, it wants more training; rising, it had too much.",
    Verdict.SMOOTH: "The loss comes down steadily and has settled.",
}


@dataclass(frozen=True)
class Stability:
    """How steady a loss curve is.

    Attributes:
        volatility: see `volatility`; infinite if the loss is not finite everywhere, NaN if it is too short.
        late_volatility: the same over the last quarter.
        trend: relative change of the loss over the last quarter, e.g. −0.2 for a fall by 20 %; NaN likewise.
        verdict: the word.
    """

    volatility: float
    late_volatility: float
    trend: float
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """The same as a dictionary of numbers, the word and None (for infinity and NaN), ready for JSON."""
        plain: dict[str, Any] = as_plain(asdict(self))
        return plain


def volatility(curve: ArrayLike) -> float:
    """How much a validation loss jumps from one evaluation to the next, as a share of its level.

    As in finance, the volatility is the standard deviation of the jumps of the logarithm, so that it is a relative
    number and the unit of the loss does not matter: 0.05 says that the loss scatters by 5 % about its own trend.

    The trend is taken out without a fit: each value is compared with the mean of its two neighbours,

        r_i = y_i − (y_{i−1} + y_{i+1}) / 2,   y = log(loss),

    which vanishes for an exponential fall. Independent scatter σ gives r the variance 3σ²/2, hence σ = √(2/3)·rms(r):
    Gasser, Sroka & Jennen-Steinmetz, Biometrika 73 (1986) 625, a refinement of the mean square successive difference
    of von Neumann et al., Ann. Math. Stat. 12 (1941) 153. The root mean square is replaced by √(π/2) × the mean
    absolute value, equal for normal scatter: a single spike then counts in proportion, neither ignored (as by a median)
    nor dominant. The first quarter of the curve, where the network learns fast, is left out.

    Args:
        curve: validation loss at equal intervals, shape (evaluations,), not negative; at least 3.

    Returns:
        The volatility, ≥ 0; infinite if a value is not finite, NaN for fewer than 3 values.

    Raises:
        TriggerError: if there are no values, or one of them is negative.
    """
    values = _checked_curve(curve)
    if not np.all(np.isfinite(values)):
        return float("inf")
    jumps = _jumps(values)
    return _scatter(jumps[min(values.size // 4, max(jumps.size - 1, 0)) :])


def stability(curve: ArrayLike) -> Stability:
    """Volatility and verdict of a validation loss curve.

    The words are tried in this order, and the first that applies is given:

    1. diverged: a value is not finite, or the last quarter lies more than `DIVERGED` times above the first value or any
       earlier running median;
    2. too short to judge: fewer than `SHORTEST` evaluations;
    3. fluctuating at the end: the last quarter's volatility is above `VOLATILE` and `LATE_RATIO` times that of what
       came before (the first quarter aside);
    4. volatile: the volatility is above `VOLATILE`;
    5. not converged: over the last quarter the loss changes by more than `MOVING` and by more than `ERRORS` standard
       errors, judged by the Theil–Sen slope (median of the slopes of all pairs) of its logarithm. Evaluations that
       follow one another are alike, above all those of averaged weights, and a curve that wanders about its level
       looks as if it rose or fell; how alike they are is estimated, and the standard error with it;
    6. smooth.

    The last quarter is at least 5 evaluations.

    Args:
        curve: validation loss at equal intervals, shape (evaluations,), not negative.

    Raises:
        TriggerError: if there are no values, or one of them is negative.
    """
    values = _checked_curve(curve)
    if not np.all(np.isfinite(values)):
        return Stability(float("inf"), float("inf"), float("nan"), Verdict.DIVERGED)
    overall = volatility(values)
    if values.size < SHORTEST:
        return Stability(overall, float("nan"), float("nan"), Verdict.TOO_SHORT)
    late = max(5, values.size // 4)
    jumps = _jumps(values)
    late_volatility = _scatter(jumps[-late:])
    earlier = jumps[values.size // 4 : -late]
    earlier_volatility = _scatter(earlier) if earlier.size else overall
    slope = float(scipy.stats.theilslopes(np.log(values[-late:])).slope)
    change = slope * (late - 1)

    if _diverged(values, late):
        verdict = Verdict.DIVERGED
    elif late_volatility > VOLATILE and late_volatility > LATE_RATIO * earlier_volatility:
        verdict = Verdict.FLUCTUATING
    elif overall > VOLATILE:
        verdict = Verdict.VOLATILE
    elif abs(change) > np.log1p(MOVING) and abs(change) > ERRORS * _error_of_change(np.log(values), late):
        verdict = Verdict.NOT_CONVERGED
    else:
        verdict = Verdict.SMOOTH
    return Stability(overall, late_volatility, float(np.expm1(change)), verdict)


def verdict(curve: ArrayLike) -> Verdict:
    """The word for a validation loss curve; how it is chosen, and errors: see `stability`."""
    return stability(curve).verdict


def _checked_curve(curve: ArrayLike) -> FloatArray:
    """The curve as float64 of shape (evaluations,), NaN and infinity allowed, and nothing below `NOTHING`."""
    values = np.asarray(curve, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise TriggerError(f"A loss curve is a list of at least one number; this one has shape {values.shape}.")
    if np.any(values < 0):
        raise TriggerError(f"A loss curve must not be negative; this one goes down to {np.nanmin(values):g}.")
    return np.maximum(values, NOTHING)


def _jumps(values: FloatArray) -> FloatArray:
    """Each inner value's logarithm less the mean of its neighbours', shape (evaluations − 2,)."""
    logarithm = np.log(values)
    return logarithm[1:-1] - 0.5 * (logarithm[:-2] + logarithm[2:])


def _scatter(jumps: FloatArray) -> float:
    """The standard deviation of independent normal scatter that makes such jumps; NaN if there are none."""
    return float(np.sqrt(2.0 / 3.0) * np.sqrt(np.pi / 2.0) * np.abs(jumps).mean()) if jumps.size else float("nan")


def _error_of_change(logarithm: FloatArray, late: int) -> float:
    """One standard error of the change along a straight line through the last `late` values.

    The scatter about a parabola through the last three quarters is taken for an autoregressive process of first order,
    of which a value keeps the share ρ of the one before. Its ρ is the lag-one autocorrelation of the residuals, freed
    of its bias by F. H. C. Marriott & J. A. Pope, Biometrika 41 (1954) 390, with three fitted terms: a fit to a few
    values takes away much of what is slow in them. So it does with their variance, which is scaled by what such a fit
    leaves of a process of this ρ. The line is that of least squares, whose weights are near enough to Theil and Sen's.
    """
    tail = logarithm[-max(late, 3 * logarithm.size // 4) :]
    count, terms = tail.size, 3
    times = np.arange(count, dtype=np.float64)
    basis = np.vander(times / count, terms)
    left = np.eye(count) - basis @ np.linalg.pinv(basis)
    residual = left @ tail
    power = float(residual @ residual)
    if power <= 0.0:
        return 0.0
    rho = MOST_CORRELATED
    if count > 2 * terms + 1:
        rho = (float(residual[1:] @ residual[:-1]) / power * count + terms) / (count - 2 * terms)
        rho = min(max(rho, 0.0), MOST_CORRELATED)
    correlation = rho ** np.abs(times[:, None] - times[None, :])
    variance = power / float(np.trace(left @ correlation @ left))
    weights = times[:late] - times[:late].mean()
    weights *= (late - 1) / float(weights @ weights)
    return float(np.sqrt(variance * (weights @ correlation[:late, :late] @ weights)))


def _diverged(values: FloatArray, late: int) -> bool:
    """Whether the last `late` values lie far above a level the curve had reached."""
    levels = np.median(np.lib.stride_tricks.sliding_window_view(values, late), axis=1)
    return bool(levels[-1] > DIVERGED * min(float(values[0]), float(levels.min())))
