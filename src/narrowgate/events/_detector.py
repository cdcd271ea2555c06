"""The detector: particles bent onto fine towers, and one crossing's towers turned into an event image.

Resolutions, thresholds and energy shares are those of the Delphes CMS Phase-2 card.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from narrowgate.events._compiled import compiled
from narrowgate.events._generator import ELECTRON, MUON, PHOTON, STRANGE, Particles

ROWS, COLUMNS = 20, 12
FINE_ROWS, FINE_COLUMNS = 100, 72
"""Fine towers of 0.1 in η (−5 … 5) × 5° in φ; a pixel of the image holds 5 × 6 of them."""
MAXIMUM_COUNT = 1023
"""A pixel has ten bits."""

_FIELD, _RADIUS, _HALF_LENGTH = 3.8, 1.29, 3.0  # T, m, m
_TRACK_PT, _TRACK_ETA = 2.0, 2.4


class Deposits(NamedTuple):
    """What the particles of many collisions leave: `starts` (events + 1,) bounds each collision's share of the rest.

    `row` and `column` are fine towers; `electromagnetic` and `hadronic` are energies in GeV; `track` is the
    transverse momentum in GeV of a tracked particle, else 0.
    """

    starts: NDArray[np.int64]
    row: NDArray[np.uint8]
    column: NDArray[np.uint8]
    electromagnetic: NDArray[np.float32]
    hadronic: NDArray[np.float32]
    track: NDArray[np.float32]


def deposits(particles: Particles) -> Deposits:
    """Bend the particles to the calorimeter's face, share their energies, and find those that are tracked."""
    pt, eta, phi, energy = particles.momentum.astype(np.float64).T
    eta_face, phi_face = _propagate(pt, eta, phi, particles.charge)
    kept = (np.abs(eta_face) < 5.0) & (particles.species != MUON)
    species = particles.species[kept]
    share = np.select([(species == PHOTON) | (species == ELECTRON), species == STRANGE], [1.0, 0.3], 0.0)
    tracked = (particles.charge != 0) & (pt > _TRACK_PT) & (np.abs(eta) < _TRACK_ETA)
    owner = np.repeat(np.arange(len(particles.counts)), particles.counts)[kept]
    counts = np.bincount(owner, minlength=len(particles.counts))
    row = np.clip((eta_face[kept] + 5.0) * 10.0, 0, FINE_ROWS - 1)
    column = (phi_face[kept] % (2 * np.pi)) * (FINE_COLUMNS / (2 * np.pi))
    return Deposits(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        row.astype(np.uint8),
        (column.astype(np.int64) % FINE_COLUMNS).astype(np.uint8),
        (energy[kept] * share).astype(np.float32),
        (energy[kept] * (1.0 - share)).astype(np.float32),
        np.where(tracked, pt, 0.0)[kept].astype(np.float32),
    )


def _propagate(
    pt: NDArray[np.float64], eta: NDArray[np.float64], phi: NDArray[np.float64], charge: NDArray[np.int8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """η and φ at the cylinder where the field ends, for helices from the origin.

    With curvature radius ρ = pT / (0.3 B), a particle that has turned by the angle α is at r = 2ρ |sin(α/2)| and
    z = ρ α sinh η, seen under φ ∓ α/2.
    """
    radius = np.maximum(pt, 1e-3) / (0.3 * _FIELD)
    with np.errstate(divide="ignore"):
        to_end = _HALF_LENGTH / (radius * np.abs(np.sinh(eta)))
    reaches = radius > _RADIUS / 2
    to_barrel = np.where(reaches, 2 * np.arcsin(np.minimum(_RADIUS / (2 * radius), 1.0)), np.inf)
    turned = np.minimum(np.minimum(to_end, to_barrel), 1e4)
    transverse = 2 * radius * np.sin(turned / 2)  # negative: on the far side, seen half a turn away
    eta_face = np.arcsinh(radius * turned * np.sinh(eta) / np.maximum(np.abs(transverse), 1e-6))
    phi_face = phi - np.sign(charge) * turned / 2 + np.where(transverse < 0, np.pi, 0.0)
    bent = charge != 0
    return np.where(bent, eta_face, eta), np.where(bent, phi_face, phi)


_CENTRES = (np.arange(FINE_ROWS) - (FINE_ROWS - 1) / 2) / 10.0


def _resolution_terms() -> NDArray[np.float64]:
    """Squared resolution terms of every fine row: ECAL constant, stochastic, noise; HCAL constant, stochastic."""
    eta = np.abs(_CENTRES)
    bands = [eta <= 1.5, eta <= 1.75, eta <= 2.15, eta <= 3.0]
    terms = [
        np.select(bands, [0.009, 0.006, 0.007, 0.008], 0.08),
        np.select(bands, [0.12, 0.20, 0.21, 0.24], 1.98),
        np.select(bands[:1], [0.45], 0.0),
        np.where(eta < 3.0, 0.05, 0.11),
        np.where(eta < 3.0, 1.00, 2.80),
    ]
    return np.stack(terms, axis=1) ** 2


_TERMS = _resolution_terms()
_COSH = np.cosh(_CENTRES)


@compiled
def _smear(energy: float, variance: float, threshold: float, generator: np.random.Generator) -> float:
    """Measured energy: log-normal of the true mean and variance; nothing below the threshold or one σ."""
    if energy <= 0.0:
        return 0.0
    spread = log(1.0 + variance / (energy * energy))
    measured = energy * exp(sqrt(spread) * generator.standard_normal() - 0.5 * spread)
    return measured if measured > threshold and measured * measured > variance else 0.0


@compiled
def measure(
    electromagnetic: NDArray[np.float64], hadronic: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Transverse energy in GeV that the calorimeter measures in each fine tower, from the true energies."""
    measured = np.zeros((FINE_ROWS, FINE_COLUMNS))
    for row in range(FINE_ROWS):
        constant, stochastic, noise, hadron_constant, hadron_stochastic = _TERMS[row]
        for column in range(FINE_COLUMNS):
            photons, hadrons = electromagnetic[row, column], hadronic[row, column]
            total = _smear(photons, constant * photons * photons + stochastic * photons + noise, 0.5, generator)
            variance = hadron_constant * hadrons * hadrons + hadron_stochastic * hadrons
            measured[row, column] = (total + _smear(hadrons, variance, 1.0, generator)) / _COSH[row]
    return measured


@compiled
def pixels(energy: NDArray[np.float64], lsb: float, image: NDArray[np.uint16]) -> None:
    """Add the fine towers up into `image` (rows, columns), in counts of `lsb` GeV, truncated, ten bits."""
    high, wide = FINE_ROWS // ROWS, FINE_COLUMNS // COLUMNS
    for row in range(ROWS):
        for column in range(COLUMNS):
            total = energy[row * high : (row + 1) * high, column * wide : (column + 1) * wide].sum()
            image[row, column] = min(int(total / lsb), MAXIMUM_COUNT)
