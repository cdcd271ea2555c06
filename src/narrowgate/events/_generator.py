"""Collisions from Pythia 8: the settings of each slice, and the particles that a detector would see."""

from __future__ import annotations

from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import pythia8mc
from numpy.typing import NDArray

from narrowgate.events._errors import DatasetError
from narrowgate.events._recipe import Slice

BATCH = 250
ACCEPTANCE = 5.0
"""|η| beyond which a particle is not kept."""

PHOTON, ELECTRON, MUON, CHARGED_HADRON, NEUTRAL_HADRON, STRANGE = range(6)
"""Species that a calorimeter tells apart; `STRANGE` is K⁰_S and Λ, which decay on the way."""


class Particles(NamedTuple):
    """The visible final particles of many collisions, one after the other.

    `counts` (events,) says how many belong to each; `momentum` (particles, 4) is pT, η, φ, E in GeV and radians;
    `species` and `charge` have shape (particles,); `m_hh` (events,) is in GeV, NaN where there is no h pair.
    """

    counts: NDArray[np.int32]
    momentum: NDArray[np.float32]
    species: NDArray[np.int8]
    charge: NDArray[np.int8]
    m_hh: NDArray[np.float32]


def generate(kind: Slice, events: int, seed: int, *, heavy_mass: float, light_mass: float) -> Particles:
    """Generate `events` collisions of one slice with a freshly initialised Pythia: the same call, the same bits.

    Raises `DatasetError` when Pythia refuses the settings or keeps failing.
    """
    pythia = _start([*_COMMON, *_settings(kind, heavy_mass, light_mass), f"Random:seed = {1 + seed % 900_000_000}"])
    made: list[Particles] = []
    missing, attempts = events, 0
    while missing > 0:
        attempts += 1
        if attempts > 20 + 4 * events / BATCH:
            raise DatasetError(f"Pythia fails on most {kind} events; {missing} of {events} could not be made")
        batch = _particles(pythia.nextBatch(min(BATCH, missing)), kind)
        made.append(batch)
        missing -= len(batch.counts)
    if not made:
        empty = np.zeros(0, np.int8)
        return Particles(np.zeros(0, np.int32), np.zeros((0, 4), np.float32), empty, empty, np.zeros(0, np.float32))
    return Particles(*(np.concatenate(arrays) for arrays in zip(*made, strict=True)))


_COMMON = [
    "Print:quiet = on",
    "Beams:eCM = 14000.",
    "ParticleDecays:limitTau0 = on",
    "ParticleDecays:tau0Max = 10",
    "Random:setSeed = on",
]

_HARD = {Slice.HARD_20: (20, 50), Slice.HARD_50: (50, 100), Slice.HARD_100: (100, None)}


def _settings(kind: Slice, heavy_mass: float, light_mass: float) -> list[str]:
    if kind is Slice.SOFT:
        return ["SoftQCD:inelastic = on"]
    if kind is not Slice.SIGNAL:
        low, high = _HARD[kind]
        upper = [f"PhaseSpace:pTHatMax = {high}."] if high else []
        return ["HardQCD:all = on", f"PhaseSpace:pTHatMin = {low}.", *upper]
    return [
        "Higgs:useBSM = on",  # first, or Pythia's initialisation fails
        "HiggsBSM:gg2H2 = on",
        f"35:m0 = {heavy_mass}",
        "35:mWidth = 1.",
        "35:doForceWidth = on",
        "35:onMode = off",
        "35:onIfMatch = 25 25",
        f"25:m0 = {light_mass}",
        "25:onMode = off",
        "25:onIfMatch = 5 -5",
    ]


def _start(settings: list[str]) -> Any:
    pythia = pythia8mc.Pythia("", False)
    for setting in settings:
        if not pythia.readString(setting):
            raise DatasetError(f"Pythia does not accept the setting {setting!r}")
    if not pythia.init():
        raise DatasetError(f"Pythia cannot start with the settings {'; '.join(settings)}")
    return pythia


def _particles(batch: Any, kind: Slice) -> Particles:
    record = batch.prt
    if kind is Slice.SOFT:  # harder scatterings have slices of their own
        below = batch.info.pT2Hat < 20.0**2
        record = record[below]
    m_hh = np.full(len(record), np.nan, np.float32)
    if kind is Slice.SIGNAL:
        m_hh = np.asarray(ak.to_numpy(ak.max(record.m[record.id == 35], axis=1)), np.float32)
    final = record[record.status > 0]
    flat = ak.flatten(final)
    px, py, pz, energy = (ak.to_numpy(flat.p[axis]) for axis in ("px", "py", "pz", "e"))
    identity = ak.to_numpy(flat.id)
    pt = np.hypot(px, py)
    eta = np.arcsinh(pz / np.maximum(pt, 1e-9))
    kept = (np.abs(eta) < ACCEPTANCE) & ~np.isin(np.abs(identity), (12, 14, 16))
    owner = np.repeat(np.arange(len(record)), ak.to_numpy(ak.num(final)))
    momentum = np.stack([pt, eta, np.arctan2(py, px), energy], axis=1)[kept].astype(np.float32)
    counts = np.bincount(owner[kept], minlength=len(record)).astype(np.int32)
    return Particles(counts, momentum, _species(identity[kept]), _charge(identity[kept]), m_hh)


_CHARGED_HADRONS = (211, 321, 2212, 3112, 3222, 3312, 3334)


def _species(identity: NDArray[np.int32]) -> NDArray[np.int8]:
    size = np.abs(identity)
    chosen = [size == 22, size == 11, size == 13, np.isin(size, _CHARGED_HADRONS), np.isin(size, (310, 3122))]
    return np.select(chosen, [PHOTON, ELECTRON, MUON, CHARGED_HADRON, STRANGE], NEUTRAL_HADRON).astype(np.int8)


def _charge(identity: NDArray[np.int32]) -> NDArray[np.int8]:
    negative_particle = np.isin(np.abs(identity), (11, 13, 3112, 3312, 3334))
    charged = negative_particle | np.isin(np.abs(identity), _CHARGED_HADRONS)
    return np.where(charged, np.where(negative_particle, -1, 1) * np.sign(identity), 0).astype(np.int8)
