"""Ranking: what a member is worth at a rung, who is better, and who goes on.

A value is always "larger is better" here. The robust value is the median of the last evaluations of the averaged
weights, never the best one: the best of many evaluations that scatter is a draw of luck, and the larger the scatter the
luckier it looks.

A network that gives every event the same score separates nothing, and every measure has its own number for that: an
efficiency of 0, half the acceptance of near-AUC, a loss of ln 2, which a young network that does separate may well not
have reached. So whether a network separates (AUC above ½ at its last evaluations) is asked first, whatever the measure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from narrowgate.study.ranking._pareto import pareto_order

WORST = -math.inf
"""The value of what diverged: at the end of every ranking, and never missing from it."""


class Worth(NamedTuple):
    """What one member is worth: `value`, larger for better, one standard deviation of it, and whether it separates."""

    value: float
    noise: float
    separates: bool = True

    @property
    def merit(self) -> tuple[bool, bool, float]:
        """What orders members, larger for better."""
        return self.value != WORST, self.separates, self.value


@dataclass(frozen=True)
class Standing:
    """What one configuration is worth at one rung.

    `value` is larger for better, `noise` one standard deviation of it, both over its seeds; `cost` is a second
    objective, smaller for better, where there is one. `separates` is false for a network that tells signal from
    background no better than a coin; `coin` is the value that a coin would have.
    """

    configuration: str
    value: float
    noise: float
    cost: float | None = None
    separates: bool = True
    coin: float = 0.0

    @property
    def diverged(self) -> bool:
        """Whether there is no value."""
        return self.value == WORST

    @property
    def useful(self) -> bool:
        """Whether it may stand on a front: what is worth no more than a coin may cost nothing, and nothing beats it."""
        return self.separates and self.value > self.coin

    @property
    def merit(self) -> tuple[bool, bool, float]:
        """What orders standings by their value alone, larger for better."""
        return not self.diverged, self.separates, self.value


@dataclass(frozen=True)
class Decision:
    """Who goes on from a rung: `order` is everybody, best first; the first `places` went on, and then `tied`.

    `left` are places that nobody took because the rest diverged.
    """

    order: tuple[str, ...]
    promoted: tuple[str, ...]
    tied: tuple[str, ...]
    left: int


def robust_value(values: Sequence[float], last: int) -> tuple[float, float]:
    """The median of the last `last` evaluations, and its noise; `(-inf, 0)` if one of these is not finite.

    The noise is √(π/2)·σ/√n, the standard error of a median of n normal values, with σ from successive differences
    (mean |difference| · √π/2, as differences of independent values have the variance 2σ²), so that a curve which is
    still rising is not called noisy. A single evaluation has no scatter: see `sampling_noise`.
    """
    ends = np.asarray(values[-last:], dtype=np.float64)
    if ends.size == 0 or not np.all(np.isfinite(ends)):
        return WORST, 0.0
    scatter = float(np.abs(np.diff(ends)).mean()) * math.sqrt(math.pi) / 2 if ends.size > 1 else 0.0
    return float(np.median(ends)), math.sqrt(math.pi / 2) * scatter / math.sqrt(ends.size)


def sampling_noise(value: float, measure: str, signal_events: int) -> float:
    """The noise of a value that one evaluation alone gave: that of the signal events it was measured on.

    One standard deviation: √(v(1 − v)/n) of a share v of n events, which is also the most that an area under the curve
    has (Z. W. Birnbaum & O. M. Klose, Ann. Math. Stat. 28 (1957) 933), and v/√n of a mean loss, whose terms scatter
    about as much as they are large. What training scatters comes on top and is not known from one evaluation; what
    two networks judged on the same events have in common is counted although it does not part them.
    """
    variance = value**2 if measure == "loss" else max(0.0, value * (1.0 - value))
    return math.sqrt(variance / signal_events)


def best_value(values: Sequence[float]) -> tuple[float, float]:
    """The best evaluation of all, as KerasTuner ranks (the 2022 way); what is not finite is passed over."""
    finite = [value for value in values if math.isfinite(value)]
    return (max(finite), 0.0) if finite else (WORST, 0.0)


def separates(curve: Sequence[float], last: int) -> bool:
    """Whether the median of the last `last` areas under the ROC curve is above ½, that of a coin.

    A curve without values (of a study that did not look) is given the benefit of the doubt.
    """
    ends = np.asarray(curve[-last:], dtype=np.float64)
    return ends.size == 0 or not bool(np.median(ends) <= 0.5)


def typical(worths: Sequence[Worth]) -> int:
    """The place of the median, the lower of the middle two: those that diverged first, then what separates nothing."""
    order = sorted(range(len(worths)), key=lambda place: worths[place].merit)
    return order[(len(order) - 1) // 2]


def standing(
    configuration: str, seeds: Sequence[Worth | tuple[float, float]], cost: float | None = None, coin: float = 0.0
) -> Standing:
    """A configuration from what each of its seeds is worth.

    The value is the median over seeds, the lower one of the middle two; so it is `WORST` when half of them diverged.
    Seeds that separate nothing stand below those that do. The noise of a single seed is its own; of several it is the
    standard error of their median, if that is larger.
    """
    if not seeds:
        raise ValueError(f"{configuration} has no seed to be ranked by")
    worths = [Worth(*entry) for entry in seeds]
    middle = worths[typical(worths)]
    if middle.value == WORST:
        return Standing(configuration, WORST, 0.0, cost, coin=coin)
    alive = [one for one in worths if one.value != WORST]
    within = math.sqrt(sum(one.noise**2 for one in alive)) / len(alive)
    between = 0.0
    if len(alive) > 1:
        between = float(np.std([one.value for one in alive], ddof=1)) * math.sqrt(math.pi / 2 / len(alive))
    return Standing(configuration, middle.value, max(within, between), cost, middle.separates, coin)


def rank(standings: Sequence[Standing]) -> list[Standing]:
    """Best first; behind them those that separate nothing, and last those that diverged. Equals keep their order.

    With costs, those that are worth more than a coin come first, ordered by non-dominated fronts.
    """
    by_value = sorted(standings, key=lambda entry: entry.merit, reverse=True)
    if any(entry.cost is None for entry in standings if not entry.diverged):
        return by_value
    useful = [entry for entry in standings if entry.useful]
    order = pareto_order([(entry.value, -float(entry.cost or 0.0)) for entry in useful])
    return [useful[index] for index in order] + [entry for entry in by_value if not entry.useful]


def promote(standings: Sequence[Standing], places: int, *, tie_factor: float = 1.5) -> Decision:
    """Who goes on, when `places` may.

    The first `places` of the ranking go on, and with one objective everyone behind who is within noise of the last of
    them, as long as no more than `tie_factor` × `places` (rounded down) go on in all. What diverged is ranked last and
    does not go on; its place stays empty, so that a bracket neither waits for it nor ends because of it. What separates
    nothing goes on only where places are left, since longer training may still wake it.
    """
    if places < 1 or tie_factor < 1:
        raise ValueError(f"at least one place and a tie factor from 1 are needed; found {places} and {tie_factor}")
    ranked = rank(standings)
    alive = [entry for entry in ranked if not entry.diverged]
    promoted, behind = alive[:places], alive[places:]
    tied: list[Standing] = []
    if promoted and all(entry.cost is None for entry in alive):
        most = math.floor(tie_factor * places) - len(promoted)
        tied = [entry for entry in behind if within_noise(promoted[-1], entry)][: max(0, most)]
    return Decision(
        order=tuple(entry.configuration for entry in ranked),
        promoted=tuple(entry.configuration for entry in promoted),
        tied=tuple(entry.configuration for entry in tied),
        left=places - len(promoted),
    )


def within_noise(first: Standing, second: Standing) -> bool:
    """Whether two standings are no further apart than one standard deviation of their difference."""
    if first.diverged or second.diverged:
        return first.diverged and second.diverged
    if first.separates != second.separates:
        return False
    return abs(first.value - second.value) <= math.hypot(first.noise, second.noise)
