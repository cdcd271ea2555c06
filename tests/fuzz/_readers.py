"""Targets: everything that reads event images from files."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from narrowgate import events
from tests.fuzz._mutate import Target

EVENTS, SHAPE = 24, (4, 4)


@cache
def _images() -> NDArray[np.uint16]:
    return np.random.default_rng(1).integers(0, 900, (EVENTS, *SHAPE)).astype(np.uint16)


@cache
def _labels() -> NDArray[np.uint8]:
    return (np.arange(EVENTS) % 2).astype(np.uint8)


def _written(write: Callable[[Path], object]) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "seed"
        write(path)
        return path.read_bytes()


@cache
def own() -> list[bytes]:
    """narrowgate's data set file."""

    def split(events_of: int) -> events.Split:
        truth = {"m_hh": np.full(events_of, 400, np.float32)}
        return events.Split(_images()[:events_of, ..., np.newaxis], _labels()[:events_of], truth)

    dataset = events.Dataset(split(24), split(12), split(8), events.Geometry.uniform(*SHAPE), full_scale=1023)
    return [_written(lambda path: events.save(path, dataset))]


@cache
def foreign() -> list[bytes]:
    """HDF5 of other people: plain, in chunks, packed, with links, virtual."""

    def plain(path: Path, libver: str | None = None, **options: Any) -> None:
        with h5py.File(path, "w", libver=libver) as file:
            file.create_dataset("images", data=_images(), **options)
            file.create_dataset("labels", data=_labels())
            file["group"] = np.arange(EVENTS)
            file["images"].attrs["full_scale"] = 1023

    def linked(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file["there/images"], file["there/labels"] = _images(), _labels()
            file["images"], file["labels"] = h5py.SoftLink("/there/images"), file["there/labels"]
            file["elsewhere"] = h5py.ExternalLink("another.h5", "/images")

    def virtual(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file["raw"], file["labels"] = _images(), _labels()
            layout = h5py.VirtualLayout(_images().shape, _images().dtype)
            layout[:] = h5py.VirtualSource(".", "raw", _images().shape)
            file.create_virtual_dataset("images", layout)

    packed: dict[str, Any] = {"chunks": (6, *SHAPE), "compression": "gzip", "shuffle": True, "fletcher32": True}
    return [
        _written(plain),
        _written(partial(plain, **packed)),
        _written(partial(plain, chunks=(6, *SHAPE), scaleoffset=0, libver="latest")),
        _written(linked),
        _written(virtual),
    ]


@cache
def archives() -> list[bytes]:
    """NPZ, stored and packed."""
    seeds = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, images=_images(), labels=_labels(), group=np.arange(EVENTS))
        seeds.append(stream.getvalue())
    return seeds


@cache
def single() -> list[bytes]:
    """NPY."""
    seeds = []
    for array in (_images(), _images().astype(">f4"), np.asfortranarray(_images())):
        stream = io.BytesIO()
        np.save(stream, array)
        seeds.append(stream.getvalue())
    return seeds


def _read(path: Path) -> None:
    """As `narrowgate inspect` reads a file, and looks at it."""
    events.summarise(events.read(path))


def _read_images(path: Path) -> None:
    labels = path.with_name("labels.npy")
    if not labels.exists():
        np.save(labels, _labels())
    events.summarise(events.read(path, labels_path=labels))


TARGETS = {
    "own": Target("own.h5", own, _read),
    "foreign": Target("foreign.h5", foreign, _read),
    "npz": Target("events.npz", archives, _read),
    "npy": Target("images.npy", single, _read_images),
}
