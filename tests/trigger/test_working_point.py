"""Working points: the threshold, the estimate, the interval's limits, ties and warnings."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from narrowgate.trigger import CROSSING_RATE, efficiency_at_rate, efficiency_curve, rate_above, working_points

RATES = (10e3, 30e3, 100e3)


def sample(signal: int = 4_000, background: int = 60_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.normal(4.5, 1.0, signal), generator.normal(size=background)


def test_the_threshold_is_the_lowest_that_keeps_the_rate() -> None:
    background = np.arange(1000.0)
    point = efficiency_at_rate(background, background, 10.0, crossing_rate=1000.0)
    assert point.threshold == 989.0
    assert point.deciding == 10
    assert point.measured_rate == 10.0
    assert point.efficiency == 0.01
    # A little less rate costs one event.
    assert efficiency_at_rate(background, background, 9.999, crossing_rate=1000.0).threshold == 990.0


tied_samples = st.lists(st.integers(0, 12), min_size=1, max_size=200)


@given(tied_samples, tied_samples, st.floats(0.001, 0.999))
def test_rate_and_efficiency_are_those_of_the_threshold(
    signal: list[int], background: list[int], fraction: float
) -> None:
    point = efficiency_at_rate(signal, background, 1000.0 * fraction, crossing_rate=1000.0)
    assert point.efficiency == np.mean(np.array(signal) > point.threshold)
    assert point.deciding == np.sum(np.array(background) > point.threshold)
    assert point.measured_rate == pytest.approx(float(rate_above(background, point.threshold, crossing_rate=1000.0)))
    assert point.measured_rate <= 1000.0 * fraction * (1 + 1e-9)
    lower = [score for score in set(background) if score < point.threshold]
    if lower:
        assert rate_above(background, max(lower), crossing_rate=1000.0) > 1000.0 * fraction * (1 - 1e-9)
    assert 0.0 <= point.low <= point.efficiency <= point.high <= 1.0


@given(st.integers(0, 1000), st.sampled_from([0.5, 2.0, 1024.0]), st.floats(-10, 10))
@settings(max_examples=25)
def test_only_the_order_of_the_scores_matters(seed: int, scale: float, shift: float) -> None:
    signal, background = sample(200, 3_000, seed)
    plain = efficiency_at_rate(signal, background, 1e5)
    moved = efficiency_at_rate(signal * scale + shift, background * scale + shift, 1e5)
    assert replace(moved, threshold=plain.threshold) == plain


def test_several_rates_at_once_are_the_same_as_one_by_one() -> None:
    signal, background = sample()
    together = working_points(signal, background, RATES)
    assert together == tuple(efficiency_at_rate(signal, background, rate) for rate in RATES)


def test_it_does_not_matter_how_the_events_are_ordered_or_how_often_one_asks() -> None:
    signal, background = sample()
    generator = np.random.default_rng(1)
    shuffled = generator.permutation(signal), generator.permutation(background)
    assert working_points(*shuffled) == working_points(signal, background) == working_points(signal, background)


def test_half_precision_of_the_network_is_no_different() -> None:
    signal, background = (array.astype(np.float32) for array in sample())
    assert working_points(signal, background) == working_points(signal.astype(float), background.astype(float))


def test_with_endless_background_the_interval_is_the_signals_alone() -> None:
    # 3 million background events far below, so that the threshold's place hardly matters to a flat signal.
    background = np.linspace(0.0, 1.0, 3_000_000)
    signal = np.concatenate([np.full(900, 2.0), np.full(100, -1.0)])
    point = efficiency_at_rate(signal, background, 1e5)
    reference = stats.beta(900.5, 100.5)
    assert point.low == pytest.approx(reference.ppf(0.15865), abs=1e-5)
    assert point.high == pytest.approx(reference.ppf(0.84135), abs=1e-5)


def test_with_endless_signal_the_interval_is_the_order_statistics_alone() -> None:
    # The efficiency is a known function of the rank of the threshold, and the rank is binomial.
    background = np.arange(10_000.0)
    signal = np.linspace(9_800.0, 10_000.0, 4_000_001)
    fraction = 0.003
    point = efficiency_at_rate(signal, background, fraction * CROSSING_RATE)
    reference = stats.binom(10_000, fraction)
    for end, probability in ((point.low, 0.15865), (point.high, 0.84135)):
        rank = end * 200.0
        assert reference.cdf(rank - 1.0) <= probability + 0.02
        assert reference.cdf(rank) >= probability - 0.02


def test_more_confidence_is_a_wider_interval() -> None:
    signal, background = sample()
    narrow = efficiency_at_rate(signal, background, 10e3)
    wide = efficiency_at_rate(signal, background, 10e3, confidence=0.95)
    assert wide.low < narrow.low < narrow.efficiency < narrow.high < wide.high
    assert wide.efficiency == narrow.efficiency


def test_a_curve_is_its_working_points_in_columns() -> None:
    signal, background = sample()
    rates = np.geomspace(3e3, 3e6, 60)
    curve = efficiency_curve(signal, background, rates)
    points = curve.working_points()
    assert [point.efficiency for point in points] == curve.efficiency.tolist()
    assert [point.low for point in points] == curve.low.tolist()
    assert np.all(np.diff(curve.efficiency) >= 0)
    assert np.all(np.diff(curve.low) >= -1e-4)
    assert np.all(np.diff(curve.high) >= -1e-4)
    assert curve.rate.shape == curve.high.shape == (60,)


def test_a_constant_score_keeps_nothing_and_says_why() -> None:
    point = efficiency_at_rate(np.zeros(500), np.zeros(100_000), 10e3)
    assert (point.efficiency, point.deciding, point.measured_rate) == (0.0, 0, 0.0)
    assert point.low == 0.0
    assert point.high < 0.01
    assert "share one score" in point.warning


def test_coarse_scores_never_exceed_the_rate() -> None:
    signal, background = sample()
    for step in (0.01, 0.1, 0.5, 2.0):
        for point in working_points(np.floor(signal / step), np.floor(background / step), RATES):
            assert point.measured_rate <= point.rate
            assert point.low <= point.efficiency <= point.high


def test_perfect_separation_is_not_certainty() -> None:
    point = efficiency_at_rate(np.full(1000, 9.0), sample()[1], 10e3)
    assert point.efficiency == point.high == 1.0
    assert 0.995 < point.low < 1.0


def test_few_deciding_events_earn_a_warning() -> None:
    signal, background = sample(background=100_000)
    assert efficiency_at_rate(signal, background, 10e3).warning == ""
    few = efficiency_at_rate(signal, background, 2e3)
    assert few.deciding == 6
    assert few.warning.startswith("Only 6 background events lie above the threshold for 2000 Hz")
    ten = efficiency_at_rate(signal, background, 10.5 * CROSSING_RATE / 100_000)
    assert (ten.deciding, ten.warning) == (10, "")


def test_a_rate_below_one_event_is_only_bounded() -> None:
    signal, background = sample(background=1_000)
    point = efficiency_at_rate(signal, background, 10e3)
    assert point.deciding == 0
    assert point.threshold == background.max()
    assert "below that of a single one of the 1000 background events (3.104e+04 Hz)" in point.warning
    assert point.low < 0.5 * point.efficiency


@pytest.mark.parametrize("rate", [0.0, -1.0, CROSSING_RATE, 1e9, float("nan")])
def test_an_impossible_rate_gets_a_sentence(rate: float) -> None:
    with pytest.raises(ValueError, match=r"rate"):
        efficiency_at_rate([1.0], [0.0], rate)


def test_other_bad_input_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match="There are no signal scores"):
        efficiency_at_rate([], [0.0], 10e3)
    with pytest.raises(ValueError, match="1 of the 2 background scores are NaN"):
        efficiency_at_rate([1.0], [0.0, np.nan], 10e3)
    with pytest.raises(ValueError, match="There are no rates"):
        working_points([1.0], [0.0], ())
    with pytest.raises(ValueError, match="The crossing rate is -1"):
        efficiency_at_rate([1.0], [0.0], 10e3, crossing_rate=-1.0)
    with pytest.raises(ValueError, match="The confidence is 95"):
        efficiency_at_rate([1.0], [0.0], 10e3, confidence=95)


def test_rates_nearly_as_large_as_the_crossing_rate_keep_nearly_everything() -> None:
    signal, background = sample(500, 1_000)
    point = efficiency_at_rate(signal, background, 0.9999 * CROSSING_RATE)
    assert point.efficiency == 1.0
    assert point.threshold == background.min()
