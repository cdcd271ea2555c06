"""Rank fidelity: did the cheap rungs tell the truth? Kendall's τ between two rungs, with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

FEWEST = 5
"""Below this many configurations a rank correlation says nothing."""


@dataclass(frozen=True)
class Fidelity:
    """How well the order at `early` steps agreed with that at `late` steps.

    `tau` is Kendall's τ_b over `configurations` of them and `uncertainty` one standard deviation; both NaN with fewer
    than five. `selected` says that there are survivors of a cut at or after `early` among them, and then a correlation
    is smaller than among all.
    """

    early: int
    late: int
    tau: float
    uncertainty: float
    configurations: int
    selected: bool

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        rung = f"the {self.early}-step rung"
        if math.isnan(self.tau):
            return (
                f"Whether {rung} predicted the order at {self.late} steps cannot be said from "
                f"{self.configurations} configuration{'' if self.configurations == 1 else 's'}."
            )
        what = f"the order at {self.late} steps"
        number = f"τ = {self.tau:.2f} ± {self.uncertainty:.2f}, {self.configurations} configurations"
        among = f"{number}, survivors of a cut among them" if self.selected else number
        if self.tau - 2 * self.uncertainty <= 0:
            if self.tau + 2 * self.uncertainty < 0:
                return f"{rung.capitalize()} predicted the opposite of {what} ({among}): do not rank there."
            return f"{rung.capitalize()} cannot be shown to have predicted {what} at all ({among})."
        word = "well" if self.tau >= 0.7 else "fairly" if self.tau >= 0.4 else "poorly"
        return f"{rung.capitalize()} predicted {what} {word} ({among})."


def kendall(first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """Kendall's τ_b of two lists of values and one standard deviation of it; −inf is a value like any other.

    The variance is the distribution-free estimate of M. Hollander and D. A. Wolfe, Nonparametric Statistical Methods
    (2nd edition, 1999), equation 8.37: 2/(n(n−1)) · [2(n−2)/(n(n−1)²) · Σ(C_i − C̄)² + 1 − τ²], with C_i the number of
    entries concordant with entry i less the discordant ones. It vanishes for a perfect order; what is given is never
    below what one exchanged pair of neighbours would change, 4/(n(n−1)).

    Raises:
        ValueError: for lists of different lengths, or with fewer than two entries.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != two.shape or one.ndim != 1 or one.size < 2:
        raise ValueError(f"two equally long lists of at least two values are needed; found {one.shape} and {two.shape}")
    count = one.size
    tau = float(stats.kendalltau(one, two).statistic)
    if math.isnan(tau):
        return math.nan, math.nan
    agreement = _signs(one) * _signs(two)
    concordance = agreement.sum(axis=1)
    spread = float(np.square(concordance - concordance.mean()).sum())
    variance = 2 / (count * (count - 1)) * (2 * (count - 2) / (count * (count - 1) ** 2) * spread + 1 - tau**2)
    return tau, max(math.sqrt(max(variance, 0.0)), 4 / (count * (count - 1)))


def fidelity(early: int, late: int, first: Sequence[float], second: Sequence[float], *, selected: bool) -> Fidelity:
    """How well the rung at `early` steps foretold that at `late` steps, from the same configurations' values there."""
    tau, uncertainty = kendall(first, second) if len(first) >= FEWEST else (math.nan, math.nan)
    return Fidelity(early, late, tau, uncertainty, len(first), selected)


def _signs(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Whether entry i is above (1), equal to (0) or below (−1) entry j, shape (n, n)."""
    above = values[:, None] > values[None, :]
    return above.astype(np.int64) - above.T.astype(np.int64)
