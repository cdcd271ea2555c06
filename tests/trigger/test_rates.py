"""Rates against thresholds."""

import numpy as np
import pytest

from narrowgate.trigger import CROSSING_RATE, rate_above


def test_crossing_rate_is_that_of_the_phase_2_menu() -> None:
    assert pytest.approx(31.04e6, rel=1e-3) == CROSSING_RATE


def test_rate_is_the_share_above_times_the_crossing_rate() -> None:
    background = [1.0, 2.0, 2.0, 3.0]
    rates = rate_above(background, [0.0, 1.0, 2.0, 2.5, 3.0], crossing_rate=1000.0)
    assert rates.tolist() == [1000.0, 750.0, 250.0, 250.0, 0.0]


def test_rates_have_the_shape_of_the_thresholds() -> None:
    assert rate_above([1.0, 2.0], np.zeros((2, 3))).shape == (2, 3)


def test_no_background_is_an_error() -> None:
    with pytest.raises(ValueError, match="There are no background scores"):
        rate_above([], [0.0])
