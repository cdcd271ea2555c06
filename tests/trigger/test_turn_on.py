"""Turn-on curves."""

import numpy as np
import pytest

from narrowgate.trigger import turn_on, wilson


def test_each_bin_counts_its_own_events() -> None:
    mass = [250.0, 300.0, 350.0, 399.0, 400.0, 500.0, np.nan, 700.0]
    scores = [1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0]
    curve = turn_on(mass, scores, 0.0, [200.0, 300.0, 400.0, 450.0, 500.0])
    assert curve.total.tolist() == [1, 3, 1, 1]
    assert curve.passed.tolist() == [1, 2, 0, 1]
    np.testing.assert_allclose(curve.efficiency, [1, 2 / 3, 0, 1])
    low, high = wilson([1, 2, 0, 1], [1, 3, 1, 1])
    np.testing.assert_array_equal(curve.low, low)
    np.testing.assert_array_equal(curve.high, high)


def test_an_empty_bin_says_that_it_knows_nothing() -> None:
    curve = turn_on([1.0], [1.0], 0.0, [0.0, 2.0, 3.0])
    assert np.isnan(curve.efficiency[1])
    assert (curve.low[1], curve.high[1]) == (0.0, 1.0)


def test_a_score_at_the_threshold_does_not_pass() -> None:
    assert turn_on([1.0, 1.0], [2.0, 2.5], 2.0, [0.0, 2.0]).passed.tolist() == [1]


def test_so_many_bins_hold_equally_many_events() -> None:
    generator = np.random.default_rng(0)
    curve = turn_on(generator.exponential(size=1000), np.zeros(1000), -1.0, 5)
    assert curve.total.tolist() == [200] * 5


@pytest.mark.parametrize(
    ("values", "edges", "sentence"),
    [
        ([1.0], [0.0, 1.0], "There are 2 scores"),
        ([np.nan, np.nan], [0.0, 1.0], "None of the values is finite"),
        ([1.0, 2.0], [1.0, 1.0], "bin edges"),
        ([1.0, 2.0], [1.0], "bin edges"),
        ([1.0, 2.0], 0, "at least one is needed"),
        ([1.0, 1.0], 3, "all of them are 1"),
    ],
)
def test_bad_input_gets_a_sentence(values: list[float], edges: list[float] | int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        turn_on(values, [0.0, 0.0], 0.0, edges)
