"""Are two triggers different? With the scores (paired) and without (intervals only)."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from narrowgate.trigger import (
    CROSSING_RATE,
    WorkingPoint,
    difference,
    efficiency_at_rate,
    indistinguishable,
    mean_difference_half_width,
)

RATE = 30e3


def correlated(
    seed: int, shift: float = 0.0, correlation: float = 0.9, signal: int = 3_000, background: int = 30_000
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two scores of the same events, the second better by `shift`, and the labels."""
    generator = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [signal, background])
    common = generator.normal(size=labels.size)
    first, second = (
        np.sqrt(correlation) * common + np.sqrt(1 - correlation) * generator.normal(size=labels.size) for _ in range(2)
    )
    return first + 4.2 * labels, second + (4.2 + shift) * labels, labels


def point(efficiency: float, low: float, high: float) -> WorkingPoint:
    return WorkingPoint(10e3, 0.0, efficiency, low, high, 0.6827, 30, 10e3)


def test_the_value_is_the_difference_of_the_efficiencies() -> None:
    first, second, labels = correlated(0, shift=0.5)
    result = difference(first, second, labels, RATE)
    efficiencies = [efficiency_at_rate(s[labels == 1], s[labels == 0], RATE).efficiency for s in (first, second)]
    assert result.value == pytest.approx(efficiencies[0] - efficiencies[1])
    swapped = difference(second, first, labels, RATE)
    assert (swapped.value, swapped.low, swapped.high) == pytest.approx((-result.value, -result.high, -result.low))


def test_a_trigger_is_indistinguishable_from_itself_in_any_units() -> None:
    first, _, labels = correlated(1)
    result = difference(first, 3.0 * first - 7.0, labels, RATE)
    assert result.value == 0.0
    assert result.indistinguishable
    assert 0 < result.high < 2e-3


def test_a_much_better_trigger_is_told_apart() -> None:
    first, second, labels = correlated(2, shift=1.0)
    assert not difference(first, second, labels, RATE).indistinguishable


def test_pairing_sharpens_the_difference() -> None:
    first, second, labels = correlated(3, correlation=0.98)
    paired = difference(first, second, labels, RATE, confidence=0.6827)
    points = [efficiency_at_rate(s[labels == 1], s[labels == 0], RATE) for s in (first, second)]
    apart = np.linalg.norm([0.5 * (p.high - p.low) for p in points])
    assert 0.5 * (paired.high - paired.low) < 0.6 * apart


def test_intervals_of_the_paired_difference_cover_the_truth() -> None:
    toys = 200
    results = [difference(*correlated(seed, signal=1_000, background=20_000), RATE) for seed in range(toys)]
    covered = sum(result.low <= 0.0 <= result.high for result in results)
    assert abs(covered - 0.95 * toys) <= 4 * np.sqrt(0.05 * 0.95 * toys)


def test_different_events_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="The first trigger scored 3 events and the second 2"):
        difference([1.0, 2.0, 3.0], [1.0, 2.0], [1, 0, 0], RATE)


def test_without_scores_the_facing_half_widths_are_added_in_quadrature() -> None:
    upper = point(0.90, 0.87, 0.99)
    assert indistinguishable(upper, point(0.86, 0.80, 0.89))  # reach: hypot(0.03, 0.03) = 0.0424
    assert not indistinguishable(upper, point(0.85, 0.80, 0.88))  # the same reach, 0.05 apart
    assert not indistinguishable(point(0.85, 0.80, 0.88), upper)


def test_working_points_at_different_rates_are_not_compared() -> None:
    one = point(0.9, 0.88, 0.92)
    with pytest.raises(ValueError, match="at one rate and confidence only"):
        indistinguishable(one, replace(one, rate=30e3))
    with pytest.raises(ValueError, match="at one rate and confidence only"):
        indistinguishable(one, replace(one, confidence=0.95))


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_the_seeds_part_covers_with_few_seeds(seeds: int, spread: float) -> None:
    """5 000 toys, whose coverage is known to ±0.3 %; 1.96 standard errors cover 81, 88 and 91 %."""
    generator = np.random.default_rng(seeds)
    one, two = generator.normal(0.9, 0.005, (5_000, seeds)), generator.normal(0.9, 0.005 * spread, (5_000, seeds))
    half = [mean_difference_half_width(list(a), list(b)) for a, b in zip(one, two, strict=True)]
    covered = float(np.mean(np.abs(one.mean(axis=1) - two.mean(axis=1)) <= half))
    assert 0.935 < covered < 0.985


def test_the_seeds_part_of_one_seed_or_equal_ones_is_nothing() -> None:
    assert mean_difference_half_width([0.9], [0.8]) == 0.0
    assert mean_difference_half_width([0.9, 0.9], [0.8, 0.8, 0.8]) == pytest.approx(0.0, abs=1e-12)
    # One scatters alone: its own t with one degree of freedom, 12.706.
    assert mean_difference_half_width([0.9, 0.92], [0.8]) == pytest.approx(12.706 * 0.01, rel=1e-4)


@pytest.mark.parametrize("place", [0.9, 1.0, 1.0001, 1.1])
@pytest.mark.parametrize("both", [False, True])
def test_the_difference_is_covered_wherever_a_tie_ends(place: float, both: bool) -> None:
    """A trigger of few scores beside a smooth one, and two of them; before, 46 to 80 % of 95 % intervals covered."""
    generator = np.random.default_rng([round(1000 * place), both])
    acceptance, step, toys, covered = RATE / CROSSING_RATE, 0.3, 60, 0
    exact, edge = -special.ndtri(acceptance), -special.ndtri(place * acceptance)
    means = exact + special.ndtri(np.array([0.9, 0.86]))
    labels = np.repeat([1, 0], [3_000, 30_000])
    on_grid = edge + step * np.ceil((exact - edge) / step - 1e-9)
    truth = special.ndtr(means[0] - on_grid) - special.ndtr(means[1] - (on_grid if both else exact))
    for _ in range(toys):
        common = generator.normal(size=labels.size)
        one, two = (
            np.sqrt(0.7) * common + np.sqrt(0.3) * generator.normal(size=labels.size) + mean * labels for mean in means
        )
        one = np.floor((one - edge) / step + 1e-9)
        two = np.floor((two - edge) / step + 1e-9) if both else two
        found = difference(one, two, labels, RATE)
        covered += bool(found.low <= truth <= found.high)
    assert covered / toys > 0.95 - 3 * np.sqrt(0.05 * 0.95 / toys)
