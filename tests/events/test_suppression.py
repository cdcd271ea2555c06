from __future__ import annotations

from math import erf

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("numba")
pytest.importorskip("pythia8mc")

from narrowgate.events._detector import FINE_COLUMNS, FINE_ROWS
from narrowgate.events._suppression import _closeness, _reference, suppress


def towers(values: dict[tuple[int, int], float]) -> NDArray[np.float64]:
    grid = np.zeros((FINE_ROWS, FINE_COLUMNS))
    for place, value in values.items():
        grid[place] = value
    return grid


def test_closeness_is_the_sum_over_the_cone() -> None:
    alpha = _closeness(towers({(50, 0): 3.0, (52, 1): 2.0}))
    step = np.radians(5.0)
    assert alpha[50, 0] == pytest.approx(9 / 0.0016 + 4 / (0.04 + step**2))
    assert alpha[51, 71] == pytest.approx(9 / (0.01 + step**2) + 4 / (0.01 + 4 * step**2))  # round the end of φ
    assert alpha[48, 70] == 0.0  # ΔR = 0.27
    assert alpha[51, 3] == pytest.approx(4 / (0.01 + 4 * step**2))  # out of reach of the first tower only


def test_reference_is_median_and_lower_width() -> None:
    alpha = towers({(50, place): float(np.exp(value)) for place, value in enumerate([1.0, 2.0, 5.0, 5.5, 9.0])})
    alpha[50, 9] = 1e9  # without a pile-up track: not asked
    tracks = towers({(50, place): 2.5 for place in range(5)})
    tracks[50, 20] = 2.5  # far from the vertex's tracks: not asked either
    median, rms = _reference(alpha, tracks, np.arange(40, 60))
    assert median == pytest.approx(5.0)
    assert rms == pytest.approx(np.sqrt((4.0**2 + 3.0**2) / 2))
    median, rms = _reference(alpha, towers({(50, 2): 1.0, (50, 3): 1.0}), np.arange(40, 60))
    assert median == pytest.approx(5.25)
    assert rms == 0.3
    assert _reference(alpha, tracks, np.arange(60, 70))[0] == -np.inf


def test_without_pileup_everything_near_the_vertex_is_kept() -> None:
    measured, vertex = towers({(50, 10): 20.0, (51, 11): 3.0, (52, 30): 8.0}), towers({(50, 10): 5.0})
    kept = suppress(measured, vertex, towers({}), 0.0)
    assert kept[50, 10] == pytest.approx(20.0)  # the track and what the calorimeter saw beyond it
    assert kept[51, 11] == pytest.approx(3.0)
    assert kept[52, 30] == 0.0  # no track of the vertex within the cone


def test_neutral_energy_is_weighted_against_pileup_towers() -> None:
    vertex = towers({(50, 10): 10.0})
    measured = towers({(50, 10): 30.0, (50, 11): 30.0, (50, 12): 30.0})
    pileup = towers({(50, 11): 4.0, (52, 10): 3.0})
    alpha = _closeness(vertex)
    median, rms = _reference(alpha, pileup, np.arange(35, 65))
    kept = suppress(measured, vertex, pileup, 200.0)

    def weight(column: int) -> float:
        return erf((np.log(alpha[50, column]) - median) / (rms * np.sqrt(2)))

    assert kept[50, 10] == pytest.approx(10.0 + weight(10) * 20.0)
    assert kept[50, 11] == pytest.approx(weight(11) * 26.0)
    assert weight(12) <= 0
    assert kept[50, 12] == 0.0


@pytest.mark.parametrize(("row", "slope"), [(50, 0.006), (30, 0.013)])
def test_neutral_threshold_grows_with_pileup(row: int, slope: float) -> None:
    threshold = 0.2 + slope * 200
    vertex = towers({(row, 10): 5.0})
    below = suppress(towers({(row, 11): threshold - 0.01}), vertex, towers({}), 200.0)
    above = suppress(towers({(row, 11): threshold + 0.01}), vertex, towers({}), 200.0)
    assert below[row, 11] == 0.0
    assert above[row, 11] == pytest.approx(threshold + 0.01)


def test_beyond_the_tracker_towers_are_kept_whole_above_a_threshold() -> None:
    kept = suppress(towers({(10, 3): 13.8, (89, 3): 14.0, (50, 3): 100.0}), towers({}), towers({}), 200.0)
    assert kept[10, 3] == 0.0
    assert kept[89, 3] == 14.0
    assert kept[50, 3] == 0.0
