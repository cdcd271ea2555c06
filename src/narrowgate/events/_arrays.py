"""From the arrays of somebody else's file to counts, classes and groups: every value is looked at, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events._errors import DatasetError

PART = 2**20
"""Numbers looked at in one go, so that no large array is copied as a whole."""

LARGEST_COUNT = np.iinfo(np.uint32).max


def as_images(values: NDArray[Any], where: str) -> NDArray[Any]:
    """Counts of shape (N, rows, columns, channels), in the smaller of uint16 and uint32 that holds them."""
    if values.ndim == 3:
        values = values[..., np.newaxis]
    if values.ndim != 4 or 0 in values.shape:
        raise DatasetError(
            f"{where}: found shape {values.shape}; (events, rows, columns) or (events, rows, columns, channels) is "
            f"allowed, none of them zero"
        )
    largest = 0
    for start, part in _parts(values):
        largest = max(largest, int(_checked_counts(part, start, where).max()))
    counts = np.empty(values.shape, np.uint16 if largest <= np.iinfo(np.uint16).max else np.uint32)
    for start, part in _parts(values):
        counts[start : start + len(part)] = part
    return counts


def as_labels(values: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Classes of shape (N,), 0 and 1, both of them there."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DatasetError(f"{where}: found shape {values.shape}; (events,) is allowed")
    found: set[int] = set()
    for start, part in _parts(values):
        bad = (part != 0) & (part != 1)
        if bad.any():
            raise DatasetError(f"{where}: found {_first(part, bad, start)}; 0 (background) and 1 (signal) are allowed")
        found |= {int(part.min()), int(part.max())}
    if found != {0, 1}:
        raise DatasetError(f"{where}: found only the classes {sorted(found)}; both 0 and 1 are needed")
    return values.astype(np.uint8)


def as_groups(values: NDArray[Any], events: int, key: str) -> NDArray[np.int64]:
    """Numbers of shape (N,): events with the same one belong together."""
    if values.shape not in ((events,), (events, 1)) or values.dtype.kind not in "iu":
        raise DatasetError(
            f"groups {key!r}: found {values.dtype} of shape {values.shape}; whole numbers of shape ({events},), one an "
            f"image, are allowed"
        )
    return values.reshape(events).astype(np.int64)


def _checked_counts(part: NDArray[Any], start: int, where: str) -> NDArray[Any]:
    """Part of the images as numbers that are whole and can be counts."""
    if part.dtype.kind == "f":
        part = part.astype(np.promote_types(part.dtype, np.float64))  # float16 has no 4294967295
        bad = ~np.isfinite(part)
        if bad.any():
            raise DatasetError(f"{where}: found {_first(part, bad, start)}; finite numbers are allowed")
        bad = part != np.trunc(part)
        if bad.any():
            raise DatasetError(
                f"{where}: found {_first(part, bad, start)}; whole numbers (counts of the lsb) are allowed"
            )
    bad = (part < 0) | (part > LARGEST_COUNT)
    if bad.any():
        raise DatasetError(f"{where}: found {_first(part, bad, start)}; counts from 0 to {LARGEST_COUNT} are allowed")
    return part


def _parts(values: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Stretches of events with the number of their first."""
    step = max(1, PART // max(1, values[:1].size))
    for start in range(0, len(values), step):
        yield start, values[start : start + step]


def _first(part: NDArray[Any], bad: NDArray[np.bool_], start: int) -> str:
    place = tuple(int(index) for index in np.unravel_index(int(np.argmax(bad)), bad.shape))
    return f"{part[place]} in event {start + place[0]}"
