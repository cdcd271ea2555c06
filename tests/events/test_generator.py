from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pythia8mc")

from narrowgate.events._generator import CHARGED_HADRON, ELECTRON, PHOTON, STRANGE, Particles, generate
from narrowgate.events._recipe import Slice


@pytest.fixture(scope="module")
def signal() -> Particles:
    return generate(Slice.SIGNAL, 30, 11, heavy_mass=400.0, light_mass=125.0)


def test_signal_is_a_pair_of_h_at_the_mass_of_the_heavy_one(signal: Particles) -> None:
    assert signal.m_hh.shape == (30,)
    assert np.median(signal.m_hh) == pytest.approx(400.0, abs=2.0)
    assert np.all(np.abs(signal.m_hh - 400.0) < 60.0)


def test_particles_belong_to_their_events(signal: Particles) -> None:
    assert len(signal.counts) == 30
    assert signal.counts.sum() == len(signal.momentum) == len(signal.species) == len(signal.charge)
    assert np.all(signal.counts > 50)


def test_species_have_their_masses_and_charges(signal: Particles) -> None:
    pt, eta, _, energy = signal.momentum.astype(np.float64).T
    mass = np.sqrt(np.maximum(energy**2 - (pt * np.cosh(eta)) ** 2, 0.0))
    central = np.abs(eta) < 1.0  # where the subtraction keeps its digits
    assert np.all(mass[central & (signal.species == PHOTON)] < 0.02)
    assert np.all(mass[central & (signal.species == CHARGED_HADRON)] > 0.13)
    assert np.all(mass[central & (signal.species == STRANGE)] > 0.49)
    assert set(np.unique(signal.charge[np.isin(signal.species, (CHARGED_HADRON, ELECTRON))])) == {-1, 1}
    assert np.all(signal.charge[np.isin(signal.species, (PHOTON, STRANGE))] == 0)
    assert abs(signal.charge.sum()) < 5 * np.sqrt(np.abs(signal.charge).sum())


def test_the_same_call_gives_the_same_particles(signal: Particles) -> None:
    again = generate(Slice.SIGNAL, 30, 11, heavy_mass=400.0, light_mass=125.0)
    for before, after in zip(signal, again, strict=True):
        np.testing.assert_array_equal(before, after)


def test_masses_are_those_that_were_asked_for() -> None:
    light = generate(Slice.SIGNAL, 10, 11, heavy_mass=280.0, light_mass=100.0)
    assert np.median(light.m_hh) == pytest.approx(280.0, abs=3.0)


def test_slices_grow_harder() -> None:
    mean = []
    for kind in (Slice.HARD_20, Slice.HARD_100):
        particles = generate(kind, 30, 5, heavy_mass=400.0, light_mass=125.0)
        assert np.all(np.isnan(particles.m_hh))
        mean.append(float(particles.momentum[:, 0].sum() / 30))
    assert 1.5 * mean[0] < mean[1]


@pytest.mark.slow
def test_minimum_bias_is_soft() -> None:
    particles = generate(Slice.SOFT, 200, 5, heavy_mass=400.0, light_mass=125.0)
    assert len(particles.counts) == 200
    pt, eta = particles.momentum[:, 0], particles.momentum[:, 1]
    charged = (particles.charge != 0) & (np.abs(eta) < 2.4)
    assert 3 < np.count_nonzero(charged) / 200 / 4.8 < 8  # dN/dη, about 5.5 at 14 TeV with diffraction
    assert 0.4 < pt[charged].mean() < 0.7
