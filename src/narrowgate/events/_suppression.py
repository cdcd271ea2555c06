"""Suppression of pile-up on fine towers, after PUPPI (Bertolini et al., JHEP 10 (2014) 059).

Towers take the place of particles; the thresholds on neutral energy are those of the Delphes CMS Phase-2 card.
"""

from __future__ import annotations

from math import erf, log, sqrt

import numpy as np
from numpy.typing import NDArray

from narrowgate.events._compiled import compiled
from narrowgate.events._detector import FINE_COLUMNS, FINE_ROWS

_CENTRAL_ROWS, _TRACKED_ROWS = 35, 26  # first fine row with |η| < 1.5 and with |η| < 2.4
_NEIGHBOURS, _CONE, _CLOSEST = 2, 0.25**2, 0.0016  # fine towers, ΔR²


@compiled
def _closeness(vertex_track: NDArray[np.float64]) -> NDArray[np.float64]:
    """α = Σ pT² / ΔR² over the vertex's charged towers within ΔR < 0.25, for every tower."""
    alpha = np.zeros((FINE_ROWS, FINE_COLUMNS))
    for row in range(FINE_ROWS):
        for column in range(FINE_COLUMNS):
            squared = vertex_track[row, column] ** 2
            if squared == 0.0:
                continue
            for up in range(-_NEIGHBOURS, _NEIGHBOURS + 1):
                for right in range(-_NEIGHBOURS, _NEIGHBOURS + 1):
                    distance = (0.1 * up) ** 2 + (2.0 * np.pi / FINE_COLUMNS * right) ** 2
                    if 0 <= row + up < FINE_ROWS and distance < _CONE:
                        alpha[row + up, (column + right) % FINE_COLUMNS] += squared / max(distance, _CLOSEST)
    return alpha


@compiled
def _reference(
    alpha: NDArray[np.float64], pileup_track: NDArray[np.float64], rows: NDArray[np.int64]
) -> tuple[float, float]:
    """Median and lower-side RMS (at least 0.3) of log α over towers with pile-up tracks; −∞ where there is none."""
    found = np.empty(FINE_ROWS * FINE_COLUMNS)
    number = 0
    for row in rows:
        for column in range(FINE_COLUMNS):
            if pileup_track[row, column] > 0.0 and alpha[row, column] > 0.0:
                found[number] = log(alpha[row, column])
                number += 1
    if number == 0:
        return -np.inf, 0.3
    median = float(np.median(found[:number]))
    total, below = 0.0, 0
    for value in found[:number]:
        if value < median:
            total += (value - median) ** 2
            below += 1
    return median, max(0.3, sqrt(total / below)) if below else 0.3


@compiled
def suppress(
    measured: NDArray[np.float64],
    vertex_track: NDArray[np.float64],
    pileup_track: NDArray[np.float64],
    pileup: float,
) -> NDArray[np.float64]:
    """Transverse energy in GeV that is kept in each fine tower: the vertex's tracks and the weighted rest."""
    kept = vertex_track.copy()
    alpha = _closeness(vertex_track)
    central = np.arange(_CENTRAL_ROWS, FINE_ROWS - _CENTRAL_ROWS)
    outer = np.concatenate(
        (np.arange(_TRACKED_ROWS, _CENTRAL_ROWS), np.arange(FINE_ROWS - _CENTRAL_ROWS, FINE_ROWS - _TRACKED_ROWS))
    )
    for rows, slope in ((central, 0.006), (outer, 0.013)):
        median, rms = _reference(alpha, pileup_track, rows)
        for row in rows:
            for column in range(FINE_COLUMNS):
                if alpha[row, column] == 0.0:
                    continue
                above = log(alpha[row, column]) - median
                weight = erf(above / (rms * sqrt(2.0))) if above > 0.0 else 0.0
                neutral = measured[row, column] - vertex_track[row, column] - pileup_track[row, column]
                if weight > 0.05 and weight * neutral > 0.2 + slope * pileup:
                    kept[row, column] += weight * neutral
    for row in range(FINE_ROWS):
        if row < _TRACKED_ROWS or row >= FINE_ROWS - _TRACKED_ROWS:
            for column in range(FINE_COLUMNS):
                if measured[row, column] > 0.5 + 0.067 * pileup:
                    kept[row, column] = measured[row, column]
    return kept
