"""Background rejection at a signal efficiency."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from narrowgate.trigger import background_rejection

tied_samples = st.lists(st.integers(0, 12), min_size=1, max_size=200)


@given(tied_samples, tied_samples, st.floats(0.01, 0.99))
def test_the_threshold_is_the_highest_that_keeps_the_signal(
    signal: list[int], background: list[int], wanted: float
) -> None:
    (point,) = background_rejection(signal, background, (wanted,))
    kept = np.mean(np.array(signal) > point.threshold)
    passed = int(np.sum(np.array(background) > point.threshold))
    assert kept >= wanted * (1 - 1e-9)
    assert np.mean(np.array(signal) > np.nextafter(point.threshold, np.inf)) < wanted * (1 + 1e-9)
    assert point.deciding == passed
    assert point.rejection == (pytest.approx(len(background) / passed) if passed else np.inf)
    assert point.low * (1 + 1e-9) >= 1.0
    assert point.low <= point.rejection <= point.high


def test_with_a_known_threshold_the_interval_is_jeffreys() -> None:
    signal, background = np.full(1_000, 5.0), np.repeat([6.0, 0.0], [30, 9_970])
    (point,) = background_rejection(signal, background, (0.5,))
    reference = stats.beta(30.5, 9_970.5)
    assert point.rejection == pytest.approx(10_000 / 30)
    assert point.low == pytest.approx(1 / reference.ppf(0.84135), rel=1e-4)
    assert point.high == pytest.approx(1 / reference.ppf(0.15865), rel=1e-4)


@pytest.mark.parametrize("confidence", [0.6827, 0.95])
def test_when_nothing_passes_the_limit_is_the_exact_one(confidence: float) -> None:
    (point,) = background_rejection(np.full(50, 5.0), np.zeros(2_000), (0.8,), confidence=confidence)
    limit = stats.binomtest(0, 2_000, alternative="less").proportion_ci(confidence, method="exact").high
    assert point.rejection == point.high == np.inf
    assert point.low == pytest.approx(1 / limit, rel=1e-4)
    assert point.deciding == 0


def test_a_limit_is_finite_even_where_the_threshold_may_lie_below_all_signal() -> None:
    (point,) = background_rejection(np.full(20, 5.0), np.zeros(2_000), (0.99,))
    assert point.rejection == np.inf
    assert 1.0 <= point.low < 2_000


def test_rejection_falls_as_efficiency_rises() -> None:
    generator = np.random.default_rng(0)
    points = background_rejection(generator.normal(3, 1, 2_000), generator.normal(size=20_000), (0.5, 0.8, 0.9, 0.99))
    values = [point.rejection for point in points]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("wanted", [0.0, 1.0, -0.1, 90.0])
def test_an_impossible_efficiency_gets_a_sentence(wanted: float) -> None:
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        background_rejection([1.0], [0.0], (wanted,))


def test_a_rejection_on_few_events_earns_a_warning() -> None:
    generator = np.random.default_rng(2)
    signal, background = generator.normal(4.0, 1.0, 5_000), generator.normal(0.0, 1.0, 20_000)
    points = background_rejection(signal, background, (0.5, 0.8, 0.9, 0.99))
    assert [bool(point.warning) for point in points] == [point.deciding < 10 for point in points]
    assert any(point.warning for point in points)
    assert not all(point.warning for point in points)
    few = next(point for point in points if 0 < point.deciding < 10)
    assert f"Only {few.deciding} background event" in few.warning
    (none,) = background_rejection(signal, np.zeros(100), (0.5,))
    assert "only bounded from below" in none.warning


def test_an_interval_covers_where_a_tie_ends_at_the_wanted_efficiency() -> None:
    """Scores of two values: the higher one is had by just the wanted share of signal, by 2 % of background."""
    generator = np.random.default_rng(4)
    for share, truth in ((0.9001, 0.02), (0.8999, 1.0)):
        covered = 0
        for _ in range(300):
            signal = (generator.random(4_000) < share).astype(float)
            background = (generator.random(2_000) < 0.02).astype(float)
            (point,) = background_rejection(signal, background, (0.9,))
            covered += point.low <= 1.0 / truth * (1 + 1e-12) and 1.0 / truth <= point.high * (1 + 1e-12)
        assert covered / 300 > 0.66
