"""Do the intervals cover the truth? Toy experiments; the whole study is `benchmarks/interval_coverage.py`."""

import numpy as np
import pytest
from scipy import special

from narrowgate.trigger import CROSSING_RATE, efficiency_curve

RATES = np.array([10e3, 30e3, 100e3])
THRESHOLDS = -special.ndtri(RATES / CROSSING_RATE)


def coverage(
    signal_events: int,
    background_events: int,
    efficiency: float,
    width: float,
    toys: int,
    *,
    confidence: float = 0.6827,
    step: float | None = None,
) -> np.ndarray:
    """Share of the intervals that cover the truth, shape (3,), one a rate.

    Background scores are standard normal; signal scores are normal, of this width, and `efficiency` of them pass at 10
    kHz. With `step`, scores are rounded down to a grid, and the truth is that of the lowest allowed threshold on it.
    """
    mean = THRESHOLDS[0] + width * special.ndtri(efficiency)
    generator = np.random.default_rng([signal_events, background_events, round(100 * efficiency), round(100 * width)])
    top = 1_000
    covered = np.zeros(RATES.size)
    for _ in range(toys):
        signal = generator.normal(mean, width, signal_events)
        spacings = generator.exponential(size=top)
        rest = generator.gamma(background_events + 1 - top)
        background = np.full(background_events, -10.0)  # only the highest scores matter; these are exact
        background[:top] = -special.ndtri(np.cumsum(spacings) / (spacings.sum() + rest))
        thresholds = THRESHOLDS
        if step is not None:
            offset = generator.random() * step
            signal, background = (np.floor((scores - offset) / step) for scores in (signal, background))
            thresholds = np.ceil((THRESHOLDS - offset) / step) * step + offset
        truth = special.ndtr((mean - thresholds) / width)
        curve = efficiency_curve(signal, background, RATES, confidence=confidence)
        covered += (curve.low <= truth) & (truth <= curve.high)
    return covered / toys


def within(measured: np.ndarray, low: float, high: float, toys: int) -> bool:
    """Whether coverages lie in a range, give or take three standard errors of the toys."""
    error = 3.0 * np.sqrt(0.25 * 0.87 / toys)
    return bool(np.all((measured > low - error) & (measured < high + error)))


def test_68_percent_intervals_cover_65_to_71_percent() -> None:
    cases = (
        (2_000, 100_000, 0.9, 1.0),
        (6_000, 50_000, 0.3, 0.5),
        (6_000, 150_000, 0.9, 0.3),
        (2_000, 100_000, 0.9, 3.0),
    )
    toys = 200
    measured = np.array([coverage(*case, toys) for case in cases])
    assert within(measured, 0.65, 0.71, toys), measured
    assert within(measured.mean(), 0.65, 0.71, len(cases) * toys), measured


def test_leaving_the_threshold_out_would_not_cover() -> None:
    """The toys can fail: were the threshold taken as known, a fifth of the intervals would cover."""
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        signal, background = generator.normal(THRESHOLDS[0] + 0.3, 0.3, 6_000), generator.normal(size=50_000)
        curve = efficiency_curve(signal, background, RATES[:1])
        error = np.sqrt(curve.efficiency * (1 - curve.efficiency) / 6_000)
        covered += bool(np.abs(curve.efficiency - special.ndtr(1.0))[0] < error[0])
    assert covered < 40


def test_tied_scores_are_covered_too() -> None:
    toys = 150
    measured = np.mean([coverage(6_000, 100_000, 0.9, 1.0, toys, step=step) for step in (0.05, 0.2)], axis=0)
    assert within(measured, 0.65, 0.71, 2 * toys), measured


def test_95_percent_intervals_cover_95_percent() -> None:
    toys = 200
    measured = coverage(6_000, 100_000, 0.9, 1.0, toys, confidence=0.95)
    assert np.all(measured > 0.95 - 3 * np.sqrt(0.05 * 0.95 / toys)), measured


@pytest.mark.slow
@pytest.mark.parametrize("signal", [2_000, 20_000])
@pytest.mark.parametrize("background", [50_000, 100_000, 150_000])
@pytest.mark.parametrize(("efficiency", "width"), [(0.3, 0.5), (0.6, 1.0), (0.6, 0.3), (0.9, 1.0), (0.95, 3.0)])
def test_68_percent_intervals_cover_65_to_71_percent_everywhere(
    signal: int, background: int, efficiency: float, width: float
) -> None:
    measured = coverage(signal, background, efficiency, width, 1_500)
    assert within(measured, 0.65, 0.71, 1_500), measured
