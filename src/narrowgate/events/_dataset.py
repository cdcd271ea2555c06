"""The data set: event images with their labels, in three splits that share no event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events._errors import DatasetError
from narrowgate.events._geometry import Geometry
from narrowgate.events._source import CHUNK

SPLITS = ("train", "validation", "test")

CROSSING_RATE = 2760 * 11246.0
"""Hz: colliding bunches × revolution frequency, the convention of the CMS Phase-2 trigger menu."""

LSB = 0.5
"""GeV of transverse energy in one count of a pixel."""


@dataclass(frozen=True, eq=False)
class Split:
    """The events of one split.

    `images` has shape (N, rows, columns, channels) and type uint8, uint16 or uint32, in counts of the data set's lsb;
    `labels` has shape (N,), 1 for signal and 0 for background; every array of `truth` has shape (N,), float32, NaN
    where it has no meaning (`m_hh`, in GeV, for background). Raises `DatasetError` when they do not fit together.
    """

    images: NDArray[np.unsignedinteger[Any]]
    labels: NDArray[np.uint8]
    truth: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype.kind != "u" or self.images.dtype.itemsize > 4:
            raise DatasetError(
                f"images must be unsigned integers (uint8, uint16 or uint32) of shape (events, rows, columns, "
                f"channels); found {self.images.dtype} of shape {self.images.shape}"
            )
        object.__setattr__(self, "images", self.images.astype(self.images.dtype.newbyteorder("="), copy=False))
        if self.labels.shape != self.images.shape[:1] or self.labels.dtype != np.uint8:
            raise DatasetError(
                f"labels must be uint8 of shape {self.images.shape[:1]}, one an image; "
                f"found {self.labels.dtype} of shape {self.labels.shape}"
            )
        if len(self.labels) and self.labels.max() > 1:
            raise DatasetError(f"labels must be 0 (background) or 1 (signal); found {self.labels.max()}")
        for name, values in self.truth.items():
            if values.shape != self.labels.shape or values.dtype != np.float32:
                raise DatasetError(
                    f"truth {name!r} must be float32 of shape {self.labels.shape}; "
                    f"found {values.dtype} of shape {values.shape}"
                )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of an image."""
        rows, columns, channels = self.images.shape[1:]
        return int(rows), int(columns), int(channels)

    @property
    def weights(self) -> None:
        """All events count alike."""
        return None

    def take(self, numbers: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
        """The images of the events of these numbers, in their order."""
        taken: NDArray[np.unsignedinteger[Any]] = self.images[numbers]
        return taken

    def chunks(self, events: int = CHUNK) -> Iterator[NDArray[np.unsignedinteger[Any]]]:
        """All images in their order, so many events at a time."""
        for start in range(0, len(self), events):
            yield self.images[start : start + events]

    def digest_parts(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Images, labels and truth with their names: what a fingerprint is made of."""
        yield "images", self.images
        yield "labels", self.labels
        for key in sorted(self.truth):
            yield f"truth/{key}", self.truth[key]

    @property
    def signal(self) -> NDArray[np.unsignedinteger[Any]]:
        """The images of the signal events, in their order."""
        chosen: NDArray[np.unsignedinteger[Any]] = self.images[self.labels == 1]
        return chosen

    @property
    def background(self) -> NDArray[np.unsignedinteger[Any]]:
        """The images of the background events, in their order."""
        chosen: NDArray[np.unsignedinteger[Any]] = self.images[self.labels == 0]
        return chosen


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three disjoint splits of event images and what their numbers mean.

    `lsb` is the transverse energy of one count in GeV; `crossing_rate` is in Hz and turns a background acceptance
    into a rate; `provenance` says, in plain JSON values, where the events come from and what was assumed.
    `full_scale` is the largest count that a pixel can have (4095 for twelve bits), `None` where nobody says.
    Raises `DatasetError` when the splits differ in image shape or type, or a number makes no sense.
    """

    train: Split
    validation: Split
    test: Split
    geometry: Geometry
    lsb: float = LSB
    crossing_rate: float = CROSSING_RATE
    provenance: Mapping[str, Any] = field(default_factory=dict)
    name: str = "unnamed"
    full_scale: int | None = None

    def __post_init__(self) -> None:
        for split_name, split in self.splits():
            if split.images.shape[1:] != self.geometry.shape:
                raise DatasetError(
                    f"the {split_name} images have shape {split.images.shape[1:]}, "
                    f"but the geometry has (rows, columns, channels) = {self.geometry.shape}"
                )
            if split.images.dtype != self.train.images.dtype or set(split.truth) != set(self.train.truth):
                raise DatasetError(
                    f"the {split_name} split holds {split.images.dtype} images with truth {sorted(split.truth)}, the "
                    f"train split {self.train.images.dtype} with {sorted(self.train.truth)}: they must be the same"
                )
        for quantity, value in (("lsb", self.lsb), ("crossing rate", self.crossing_rate)):
            if not (np.isfinite(value) and value > 0):
                raise DatasetError(f"the {quantity} of a data set must be a positive number; found {value!r}")
        if self.full_scale is not None and not self.largest_count <= self.full_scale < 2**32:
            raise DatasetError(
                f"the full scale, the largest count that a pixel can have, is said to be {self.full_scale}, but the "
                f"largest in the images is {self.largest_count}; allowed is from there to {2**32 - 1}"
            )

    def splits(self) -> Iterator[tuple[str, Split]]:
        """The three splits with their names, in the order train, validation, test."""
        for split_name in SPLITS:
            yield split_name, getattr(self, split_name)

    @cached_property
    def largest_count(self) -> int:
        """The largest count of any pixel; 0 without events."""
        return max(int(split.images.max(initial=0)) for _, split in self.splits())

    def share_above(self, count: int) -> float:
        """The share of all pixels of all splits that lie above a count, which an input format of that range cuts."""
        if count >= self.largest_count:
            return 0.0
        above = sum(int(np.count_nonzero(part > count)) for _, split in self.splits() for part in split.chunks())
        return above / sum(split.images.size for _, split in self.splits())

    @property
    def bits(self) -> int:
        """Bits of a pixel: as many as the full scale needs, or where nobody says it the largest count; at least 1.

        The largest is that of the train and validation splits: the test split chooses nothing.
        """
        if self.full_scale is not None:
            return max(1, self.full_scale.bit_length())
        return max(1, *(int(split.images.max(initial=0)).bit_length() for split in (self.train, self.validation)))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of every number in the data set: images, labels, truth, geometry, lsb, rate.

        Name, provenance, full scale and the file's layout do not enter: equal content, equal fingerprint.
        """
        digest = hashlib.sha256()
        head = {"channels": self.geometry.channels, "lsb": float(self.lsb), "crossing_rate": float(self.crossing_rate)}
        digest.update(json.dumps(head, sort_keys=True).encode())
        arrays: list[tuple[str, NDArray[Any]]] = [
            ("eta_edges", self.geometry.eta_edges),
            ("phi_edges", self.geometry.phi_edges),
        ]
        for split_name, split in self.splits():
            arrays += [(f"{split_name}/{part}", values) for part, values in split.digest_parts()]
        for array_name, values in arrays:
            little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
            digest.update(f"{array_name} {little.dtype.str} {little.shape}".encode())
            digest.update(little.data if little.size else b"")
        return digest.hexdigest()
