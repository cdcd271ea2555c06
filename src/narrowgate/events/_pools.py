"""Pools of collisions on disk: generated once in chunks, each written aside and renamed, and shared by recipes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from narrowgate.events._dataset import SPLITS
from narrowgate.events._detector import Deposits, deposits
from narrowgate.events._errors import DatasetError
from narrowgate.events._generator import Particles, generate
from narrowgate.events._recipe import FRACTIONS, Recipe, Slice
from narrowgate.files import aside

SOFT_CHUNK, HARD_CHUNK = 10_000, 2_500
"""Collisions of one chunk. Starting Pythia for minimum bias takes as long as 2 000 events, hence the larger one."""


@dataclass(frozen=True)
class PoolChunk:
    """Collisions that one freshly started Pythia makes: what they are, how many, their seed and masses in GeV."""

    kind: Slice
    split_name: str
    place: int
    events: int
    seed: int
    heavy_mass: float
    light_mass: float

    def path(self, folder: Path) -> Path:
        """Where the chunk lies; the name holds everything that decides its content."""
        kind = self.kind.value.replace(" ", "-")
        masses = f"-m{self.heavy_mass:g}-m{self.light_mass:g}" if self.kind is Slice.SIGNAL else ""
        return folder / f"{kind}-{self.split_name}-{self.place:03d}-n{self.events}-s{self.seed}{masses}.npz"

    def make(self, folder: Path) -> None:
        """Generate the chunk unless it is there already."""
        path = self.path(folder)
        if path.exists():
            return
        particles = generate(self.kind, self.events, self.seed, heavy_mass=self.heavy_mass, light_mass=self.light_mass)
        with aside(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **particles._asdict())

    def load(self, folder: Path) -> Particles:
        """Read the chunk. Raises `DatasetError` when it cannot be read."""
        path = self.path(folder)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return Particles(**{name: arrays[name] for name in Particles._fields})
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise DatasetError(f"{path}: this pool chunk is damaged ({error}); delete it and start again") from error


def pool_chunks(recipe: Recipe, kind: Slice, split_name: str) -> list[PoolChunk]:
    """The chunks that make up one slice's pool for one split; the signal masses share its events equally."""
    size = recipe.pool_size(kind, split_name)
    masses = recipe.heavy_masses if kind is Slice.SIGNAL else recipe.heavy_masses[:1]
    length = SOFT_CHUNK if kind is Slice.SOFT else HARD_CHUNK
    shares = [size // len(masses) + (place < size % len(masses)) for place in range(len(masses))]
    parts = [
        (mass, min(length, share - start))
        for mass, share in zip(masses, shares, strict=True)
        for start in range(0, share, length)
    ]
    chunks = []
    for place, (mass, events) in enumerate(parts):
        words = np.random.SeedSequence([recipe.seed, list(Slice).index(kind), SPLITS.index(split_name), place])
        seed = int(words.generate_state(1)[0]) % 900_000_000
        chunks.append(PoolChunk(kind, split_name, place, events, seed, mass, recipe.light_mass))
    return chunks


def all_chunks(recipe: Recipe) -> list[PoolChunk]:
    """Every chunk that the recipe needs, the slowest first."""
    chunks = [chunk for kind in Slice for name in SPLITS for chunk in pool_chunks(recipe, kind, name)]
    return sorted(chunks, key=lambda chunk: (chunk.kind is not Slice.SOFT, -chunk.events))


def load_deposits(recipe: Recipe, split_name: str, folder: Path) -> Deposits:
    """What the collisions of one split leave in the detector: the slices in the order of `FRACTIONS`, then signal."""
    chunks = [chunk for kind in (*FRACTIONS, Slice.SIGNAL) for chunk in pool_chunks(recipe, kind, split_name)]
    return _joined([deposits(chunk.load(folder)) for chunk in chunks])


def signal_masses(recipe: Recipe, split_name: str, folder: Path) -> NDArray[np.float32]:
    """m_hh in GeV of a split's signal events, in the order of the pool."""
    parts = [chunk.load(folder).m_hh for chunk in pool_chunks(recipe, Slice.SIGNAL, split_name)]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def generator_versions() -> dict[str, str]:
    """The versions of the libraries whose numbers end up in the data."""
    versions = {}
    for package in ("narrowgate", "pythia8mc", "numpy", "numba"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _joined(parts: Sequence[Deposits]) -> Deposits:
    lengths = np.concatenate([[0], np.cumsum([part.starts[-1] for part in parts])])
    starts = [part.starts[1:] + length for part, length in zip(parts, lengths, strict=False)]
    others = (np.concatenate(arrays) for arrays in list(zip(*parts, strict=True))[1:])
    return Deposits(np.concatenate([np.zeros(1, np.int64), *starts]), *others)
