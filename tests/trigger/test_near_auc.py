"""The mean efficiency near the rate, against exact areas: counted with fractions, by a rule of its own."""

from fractions import Fraction
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowgate.trigger import CROSSING_RATE, area_under_curve, near_auc

SCORES = st.lists(st.integers(0, 5), min_size=1, max_size=30)
SHARES = st.fractions(Fraction(1, 100), 1, max_denominator=200)
NEAR = 300e3 / CROSSING_RATE
"""The acceptance of a search's rungs: rates up to 30 × 10 kHz."""


def by_fractions(signal: list[int], background: list[int], share: Fraction) -> Fraction:
    """The mean height of the ROC curve from 0 to `share`: its corners, joined by straight lines, cut at `share`."""
    corners = [(Fraction(0), Fraction(0))]
    events = sorted([(score, 1) for score in signal] + [(score, 0) for score in background], reverse=True)
    for _, tied in groupby(events, key=lambda event: event[0]):
        labels = [label for _, label in tied]
        x, y = corners[-1]
        corners.append((x + Fraction(labels.count(0), len(background)), y + Fraction(labels.count(1), len(signal))))
    area = Fraction(0)
    for (left, low), (right, high) in pairwise(corners):
        end = min(right, share)
        if left < end:
            at_end = low + (high - low) * (end - left) / (right - left)
            area += (end - left) * (low + at_end) / 2
    return area / share


def both(signal: list[int], background: list[int]) -> tuple[np.ndarray, np.ndarray]:
    scores = np.array(signal + background, dtype=np.float32)
    return scores, np.repeat(np.array([1, 0], np.uint8), [len(signal), len(background)])


@given(SCORES, SCORES, SHARES)
def test_it_is_the_exact_partial_area_however_many_scores_tie(
    signal: list[int], background: list[int], share: Fraction
) -> None:
    scores, labels = both(signal, background)
    exact = by_fractions(signal, background, share)
    assert near_auc(scores, labels, float(share)) == pytest.approx(float(exact), abs=1e-12)


@given(SCORES, SCORES)
def test_up_to_all_of_the_background_it_is_the_whole_area(signal: list[int], background: list[int]) -> None:
    scores, labels = both(signal, background)
    assert near_auc(scores, labels, 1.0) == pytest.approx(area_under_curve(scores, labels), abs=1e-12)


@given(SHARES)
def test_a_network_that_says_the_same_of_every_event_is_a_coin(share: Fraction) -> None:
    scores, labels = both([3] * 40, [3] * 700)
    assert near_auc(scores, labels, float(share)) == pytest.approx(float(share) / 2, rel=1e-12)


def test_no_network_that_separates_stands_behind_a_dead_one() -> None:
    """Saturated, two-valued, crowded at the top and smooth ones, at a search's acceptance."""
    generator = np.random.default_rng(1)
    signal, background = generator.normal(1.0, 1.0, 4000), generator.normal(0.0, 1.0, 50_000)
    labels = np.repeat([1, 0], [4000, 50_000])
    scores = np.concatenate([signal, background])
    dead = near_auc(np.zeros_like(scores), labels, NEAR)
    found = {
        "smooth": near_auc(scores, labels, NEAR),
        "three bits": near_auc(np.clip(np.round(scores), -4, 3), labels, NEAR),
        "saturated": near_auc(np.minimum(scores, 1.0), labels, NEAR),
        "two values": near_auc(scores > 0.5, labels, NEAR),
    }
    assert all(value > dead for value in found.values())
    assert found["smooth"] > found["three bits"] > found["saturated"] > found["two values"]
    assert near_auc(-scores, labels, NEAR) < dead


def test_fewer_than_one_background_event_is_the_efficiency_above_the_highest() -> None:
    assert near_auc([4.0, 2.0, 1.0, 3.0, 0.0], [1, 1, 1, 0, 0], 0.1) == pytest.approx(1 / 3)


@pytest.mark.parametrize("acceptance", [0.0, -0.1, 1.5, float("nan")])
def test_another_acceptance_is_refused(acceptance: float) -> None:
    with pytest.raises(ValueError, match="above 0 and be at most 1"):
        near_auc([1.0, 0.0], [1, 0], acceptance)


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN or infinite"):
        near_auc([np.nan, 0.0], [1, 0], 0.5)
