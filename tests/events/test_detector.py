from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")
pytest.importorskip("pythia8mc")

from narrowgate.events._detector import (
    FINE_COLUMNS,
    FINE_ROWS,
    _propagate,
    _resolution_terms,
    deposits,
    measure,
    pixels,
)
from narrowgate.events._generator import CHARGED_HADRON, MUON, PHOTON, STRANGE, Particles


def integrated(pt: float, eta: float, phi: float, charge: int) -> tuple[float, float]:
    """η and φ at the face, by following the particle in small steps: independent of the formula."""
    velocity = np.array([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
    position, step = np.zeros(3), 1e-4 / np.linalg.norm(velocity)
    turn = -charge * 0.3 * 3.8 * step  # dp/ds = 0.3 q p × B, B along z
    cosine, sine = np.cos(turn), np.sin(turn)
    while np.hypot(position[0], position[1]) < 1.29 and abs(position[2]) < 3.0:
        position = position + velocity * step
        x, y, z = velocity
        velocity = np.array([cosine * x - sine * y, sine * x + cosine * y, z])
    return float(np.arcsinh(position[2] / np.hypot(*position[:2]))), float(np.arctan2(position[1], position[0]))


@pytest.mark.parametrize(
    ("pt", "eta", "phi", "charge"),
    [(5.0, 0.3, 1.0, 1), (1.0, -1.0, -2.0, -1), (0.5, 1.5, 3.0, 1), (0.4, 0.8, 0.0, -1), (2.0, 2.3, 0.5, 1)],
)
def test_helix_ends_where_small_steps_do(pt: float, eta: float, phi: float, charge: int) -> None:
    one = np.array([1.0])
    eta_face, phi_face = _propagate(pt * one, eta * one, phi * one, np.array([charge], np.int8))
    expected = integrated(pt, eta, phi, charge)
    assert eta_face[0] == pytest.approx(expected[0], abs=5e-3)
    difference = (phi_face[0] - expected[1] + np.pi) % (2 * np.pi) - np.pi
    assert difference == pytest.approx(0.0, abs=5e-3)


def test_neutral_particles_go_straight() -> None:
    eta, phi = np.array([0.5, -3.0]), np.array([1.0, -1.0])
    eta_face, phi_face = _propagate(np.array([0.1, 3.0]), eta, phi, np.zeros(2, np.int8))
    np.testing.assert_array_equal(eta_face, eta)
    np.testing.assert_array_equal(phi_face, phi)


def test_deposits_share_energy_by_species_and_keep_tracks() -> None:
    momentum = np.array(
        [[3.0, 0.02, 0.01, 4.0], [3.0, 0.02, 0.01, 5.0], [3.0, 0.02, 0.01, 6.0], [9.0, 0, 0, 9], [1.9, 0, 0, 1.9]],
        np.float32,
    )
    species = np.array([PHOTON, CHARGED_HADRON, STRANGE, MUON, CHARGED_HADRON], np.int8)
    charge = np.array([0, 1, 0, 1, -1], np.int8)
    found = deposits(Particles(np.array([2, 3], np.int32), momentum, species, charge, np.full(2, np.nan, np.float32)))
    np.testing.assert_array_equal(found.starts, [0, 2, 4])  # the muon leaves nothing
    np.testing.assert_allclose(found.electromagnetic, [4.0, 0.0, 1.8, 0.0])
    np.testing.assert_allclose(found.hadronic, [0.0, 5.0, 4.2, 1.9], rtol=1e-6)
    np.testing.assert_allclose(found.track, [0.0, 3.0, 0.0, 0.0])
    assert (found.row[0], found.column[0]) == (50, 0)


def test_resolution_is_that_of_the_delphes_card() -> None:
    terms = np.sqrt(_resolution_terms())
    np.testing.assert_allclose(terms[50], [0.009, 0.12, 0.45, 0.05, 1.0])
    np.testing.assert_allclose(terms[66], [0.006, 0.20, 0.0, 0.05, 1.0])
    np.testing.assert_allclose(terms[67], [0.006, 0.20, 0.0, 0.05, 1.0])  # |η| = 1.75, the end of its band
    np.testing.assert_allclose(terms[79], [0.008, 0.24, 0.0, 0.05, 1.0])
    np.testing.assert_allclose(terms[80], [0.08, 1.98, 0.0, 0.11, 2.80])
    np.testing.assert_allclose(terms, terms[::-1])


def test_measured_energy_has_the_mean_and_width_of_the_resolution() -> None:
    generator, photons = np.random.default_rng(1), np.zeros((FINE_ROWS, FINE_COLUMNS))
    photons[50] = 40.0
    none = np.zeros_like(photons)
    measured = np.concatenate([measure(photons, none, generator)[50] for _ in range(300)]) * np.cosh(0.05)
    width = np.sqrt((0.009 * 40) ** 2 + 0.12**2 * 40 + 0.45**2)
    assert measured.mean() == pytest.approx(40.0, abs=5 * width / np.sqrt(len(measured)))
    assert measured.std() == pytest.approx(width, rel=0.03)
    hadrons = np.concatenate([measure(none, photons, generator)[50] for _ in range(300)]) * np.cosh(0.05)
    assert hadrons.std() == pytest.approx(np.sqrt(2.0**2 + 40), rel=0.03)


def test_nothing_below_the_thresholds_is_measured() -> None:
    generator, none = np.random.default_rng(2), np.zeros((FINE_ROWS, FINE_COLUMNS))
    energy = np.full((FINE_ROWS, FINE_COLUMNS), 0.8)
    cosh = np.cosh(np.linspace(-4.95, 4.95, FINE_ROWS))[:, np.newaxis]
    photons, hadrons = measure(energy, none, generator) * cosh, measure(none, energy, generator) * cosh
    assert photons[photons > 0].min() > 0.5
    assert hadrons[hadrons > 0].min() > 1.0
    assert not measure(none, none, generator).any()


def test_pixels_add_fine_towers_truncate_and_saturate() -> None:
    energy = np.zeros((FINE_ROWS, FINE_COLUMNS))
    energy[4, 5], energy[0, 0] = 0.6, 0.7  # the same pixel: 1.3 GeV
    energy[5, 6] = 0.4
    energy[99, 71] = 1e4
    image = np.zeros((20, 12), np.uint16)
    pixels(energy, 0.5, image)
    assert image[0, 0] == 2
    assert image[19, 11] == 1023
    assert np.count_nonzero(image) == 2
