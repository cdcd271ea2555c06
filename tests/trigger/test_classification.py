"""Accuracy, area under the curve and ROC against counting by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from narrowgate.trigger import accuracy, area_under_curve, roc

samples = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=60).filter(
    lambda events: len({label for _, label in events}) == 2
)


def test_accuracy_counts_each_class_alike_unless_told_otherwise() -> None:
    scores = [1.0] * 3 + [-1.0] + [-1.0] * 60
    labels = [1] * 4 + [0] * 60
    assert accuracy(scores, labels) == pytest.approx(0.5 * (3 / 4 + 1))
    assert accuracy(scores, labels, balanced=False) == pytest.approx(63 / 64)


def test_a_network_that_always_says_background_has_learned_nothing() -> None:
    scores, labels = np.full(160, -3.0), np.repeat([1, 0], [10, 150])
    assert accuracy(scores, labels) == 0.5
    assert accuracy(scores, labels, balanced=False) == pytest.approx(0.9375)


def test_a_score_at_the_threshold_does_not_pass() -> None:
    assert accuracy([0.0, 0.0], [1, 0]) == 0.5
    assert accuracy([0.5, 0.25], [1, 0], threshold=0.25) == 1.0


@given(samples)
def test_area_is_the_share_of_pairs_in_the_right_order(events: list[tuple[int, bool]]) -> None:
    scores, labels = zip(*events, strict=True)
    signal = [score for score, label in events if label]
    background = [score for score, label in events if not label]
    pairs = [(s > b) + 0.5 * (s == b) for s in signal for b in background]
    assert area_under_curve(scores, labels) == pytest.approx(np.mean(pairs), abs=1e-15)


@given(samples)
def test_roc_holds_every_threshold_and_the_exact_area(events: list[tuple[int, bool]]) -> None:
    scores, labels = (np.array(column) for column in zip(*events, strict=True))
    curve = roc(scores, labels, crossing_rate=1000.0)
    for threshold, kept, passed in zip(
        curve.threshold, curve.signal_efficiency, curve.background_acceptance, strict=True
    ):
        assert kept == pytest.approx(np.mean(scores[labels] > threshold))
        assert passed == pytest.approx(np.mean(scores[~labels] > threshold))
    assert (curve.signal_efficiency[0], curve.background_acceptance[0]) == (0.0, 0.0)
    assert (curve.signal_efficiency[-1], curve.background_acceptance[-1]) == (1.0, 1.0)
    for threshold in range(-6, 6):
        on_curve = np.interp(
            np.mean(scores[~labels] > threshold) + 1e-12, curve.background_acceptance, curve.signal_efficiency
        )
        assert on_curve >= np.mean(scores[labels] > threshold) - 1e-6
    area = integrate.trapezoid(curve.signal_efficiency, curve.background_acceptance)
    assert area == pytest.approx(area_under_curve(scores, labels))
    np.testing.assert_allclose(curve.rate, curve.background_acceptance * 1000.0)


def test_roc_leaves_out_points_on_straight_lines() -> None:
    generator = np.random.default_rng(3)
    labels = np.repeat([1, 0], [100, 20_000])
    curve = roc(generator.normal(size=labels.size) + 2 * labels, labels)
    assert curve.rate.size <= 2 * 100 + 2


def test_area_survives_a_sample_whose_pairs_overflow_32_bits() -> None:
    labels = np.repeat([1, 0], [70_000, 70_000])
    assert area_under_curve(labels, labels) == 1.0
    assert area_under_curve(-labels.astype(float), labels) == 0.0
