"""Do the intervals cover the truth? Toy experiments; the whole study is `benchmarks/interval_coverage.py`."""

import numpy as np
import pytest
from scipy import special

from narrowgate.trigger import CROSSING_RATE, background_rejection, efficiency_curve

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


def misses(
    place: float, step: float | None, toys: int, *, rate: float = RATES[0], efficiency: float = 0.9, width: float = 1.0
) -> tuple[float, float]:
    """Shares of the intervals above and below the truth where a tie ends at `place` × the acceptance of the rate.

    Scores are rounded down to a grid with this step; without one they are as they are and saturate there. The grid is
    the same in all toys, as a network's is. The truth is that of the lowest threshold whose true rate is allowed.
    """
    exact, edge = -special.ndtri(rate / CROSSING_RATE), -special.ndtri(place * rate / CROSSING_RATE)
    mean = exact + width * special.ndtri(efficiency)
    generator = np.random.default_rng([round(1000 * place), round(1000 * (step or 0.0)), round(rate)])
    above = below = 0
    for _ in range(toys):
        signal, background = generator.normal(mean, width, 6_000), np.full(100_000, -10.0)
        spacings = generator.exponential(size=1_000)
        rest = generator.gamma(background.size + 1 - spacings.size)
        background[: spacings.size] = -special.ndtri(np.cumsum(spacings) / (spacings.sum() + rest))
        if step is None:
            signal, background = np.minimum(signal, edge), np.minimum(background, edge)
            truth = special.ndtr((mean - exact) / width) if place <= 1.0 else 0.0
        else:
            signal, background = (np.floor((scores - edge) / step + 1e-9) for scores in (signal, background))
            truth = special.ndtr((mean - edge - step * np.ceil((exact - edge) / step - 1e-9)) / width)
        curve = efficiency_curve(signal, background, [rate])
        above += bool(curve.low[0] > truth)
        below += bool(curve.high[0] < truth)
    return above / toys, below / toys


PLACES = (0.9, 0.97, 1.0, 1.0001, 1.03, 1.1)
"""Of the upper edge of a tie, in units of the acceptance asked for; at 1 the tie just passes, beyond it it fails."""


@pytest.mark.parametrize("step", [0.2, 1.0, None])
def test_an_interval_covers_wherever_a_tie_ends(step: float | None) -> None:
    """Before, 45 to 55 % where it ends at the rate, all misses on one side."""
    toys = 120
    found = {place: misses(place, step, toys) for place in PLACES}
    assert np.mean([1.0 - sum(one) for one in found.values()]) > 0.68, found
    error = np.sqrt(0.25 * 0.75 / toys)
    assert all(1.0 - sum(one) > 0.66 - 3.0 * error for one in found.values()), found
    assert all(max(one) < 0.27 + 3.0 * error for one in found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("step", [0.01, 0.03, 0.1, 0.2, 0.5, 1.0, None])
@pytest.mark.parametrize(("efficiency", "width"), [(0.9, 1.0), (0.3, 0.5)])
def test_an_interval_covers_wherever_a_tie_ends_for_every_grid(
    rate: float, step: float | None, efficiency: float, width: float
) -> None:
    toys = 300
    error = np.sqrt(0.25 * 0.75 / toys)
    for place in PLACES:
        above, below = misses(place, step, toys, rate=rate, efficiency=efficiency, width=width)
        assert 1.0 - above - below > 0.66 - 3.0 * error, (place, above, below)
        assert max(above, below) < 0.30 + 3.0 * error, (place, above, below)


def test_tied_scores_are_covered_too() -> None:
    """Averaged over the grid's places; cautiously, so that the worst of them covers."""
    toys = 150
    measured = np.mean([coverage(6_000, 100_000, 0.9, 1.0, toys, step=step) for step in (0.05, 0.2)], axis=0)
    assert within(measured, 0.68, 0.85, 2 * toys), measured


def test_where_nothing_ties_the_interval_is_that_of_the_mixture() -> None:
    """The numbers of the version before ties were treated apart."""
    generator = np.random.default_rng(7)
    signal, background = generator.normal(3.5, 1.2, 3_000), generator.normal(0.0, 1.0, 40_000)
    curve = efficiency_curve(signal, background, [10e3, 100e3])
    before = ["0x1.e1c60f972bef3p-2", "0x1.704908f4d5754p-1", "0x1.179994b3cf147p-1", "0x1.7c83e0d4d99bep-1"]
    assert [*curve.low, *curve.high] == pytest.approx([float.fromhex(one) for one in before], rel=1e-13)
    rejections = background_rejection(signal, background, (0.5, 0.9))
    before = ["0x1.290c7abd989f2p+11", "0x1.046ec4ef3ddb2p+12", "0x1.31655a54abffbp+5", "0x1.7b5082b8130d8p+5"]
    found = [end for one in rejections for end in (one.low, one.high)]
    assert found == pytest.approx([float.fromhex(one) for one in before], rel=1e-13)


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
