"""The parts of the interval against SciPy's distributions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from narrowgate.trigger import wilson
from narrowgate.trigger._interval import mixture_interval, mixture_quantile, normal_quantile, threshold_ranks


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.99))
def test_wilson_is_scipys(counts: tuple[int, int], confidence: float) -> None:
    passed, total = counts
    low, high = wilson(passed, total, confidence)
    reference = stats.binomtest(passed, total).proportion_ci(confidence, method="wilson")
    assert float(low) == pytest.approx(reference.low, abs=1e-12)
    assert float(high) == pytest.approx(reference.high, abs=1e-12)


def test_wilson_knows_nothing_of_an_empty_bin() -> None:
    low, high = wilson([0, 5], [0, 10])
    assert (low[0], high[0]) == (0.0, 1.0)
    assert 0.0 < low[1] < 0.5 < high[1] < 1.0


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 68.27, float("nan")])
def test_a_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        wilson(1, 2, confidence)


def test_wilson_refuses_more_passing_events_than_events() -> None:
    with pytest.raises(ValueError, match="larger than the number of events"):
        wilson(3, 2)


def test_one_sigma_is_one_standard_deviation() -> None:
    assert normal_quantile(0.6827) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(("events", "fraction"), [(100_000, 3.2e-4), (50, 0.1), (1000, 0.9), (20, 1e-3)])
def test_ranks_follow_the_binomial_distribution(events: int, fraction: float) -> None:
    counts = np.arange(events + 1)
    reference = stats.binom(events, fraction)
    inner = (reference.cdf(counts) > 1e-6) & (reference.cdf(counts) < 1 - 1e-6)
    ranks = threshold_ranks(events, np.array([fraction]), reference.cdf(counts[inner]))[0]
    # With probability P(K ≤ k) the threshold lies above the (k + 1)-th score.
    np.testing.assert_allclose(ranks, counts[inner] + 1, atol=1e-6)


@given(st.integers(10, 200_000), st.floats(1e-6, 0.999))
def test_ranks_ascend_within_the_sample(events: int, fraction: float) -> None:
    ranks = threshold_ranks(events, np.array([fraction]))[0]
    assert np.all(np.diff(ranks) >= 0)
    assert ranks[0] >= 0
    assert ranks[-1] <= events + 1
    assert np.mean(ranks) == pytest.approx(events * fraction + 0.5, abs=0.02 + 0.03 * np.sqrt(events * fraction))


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.99))
def test_with_a_known_threshold_the_interval_is_jeffreys(counts: tuple[int, int], confidence: float) -> None:
    passed, total = counts
    low, high = mixture_interval(np.full((1, 8), float(passed)), total, confidence)
    reference = stats.beta(passed + 0.5, total - passed + 0.5)
    assert low[0] == pytest.approx(reference.ppf((1 - confidence) / 2), rel=1e-4, abs=1e-9)
    assert high[0] == pytest.approx(reference.ppf((1 + confidence) / 2), rel=1e-4, abs=1e-9)


def test_a_mixtures_quantile_inverts_its_distribution_function() -> None:
    passed = np.linspace(100.0, 180.0, 64)
    quantile = mixture_quantile(passed[None, :], 200, 0.3)[0]
    assert stats.beta(passed + 0.5, 200 - passed + 0.5).cdf(quantile).mean() == pytest.approx(0.3, abs=1e-4)
