"""The same event in two splits: what is measured on one was then trained on in the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from narrowgate.events._dataset import Dataset
from narrowgate.events._source import EventSource

TELLING_PIXELS = 8
"""Two collisions rarely leave equal images with this many occupied pixels; with fewer, and in empty images, they do."""


@dataclass(frozen=True)
class Overlap:
    """What the splits of a data set share.

    `images` counts the different images with `TELLING_PIXELS` or more occupied pixels that are in more than one split,
    `events` the events of each split that have one of them.
    """

    images: int
    events: Mapping[str, int]


def overlap(dataset: Dataset) -> Overlap:
    """Find the images that are in more than one split, pixel for pixel the same.

    They are compared by digests of 128 bits: two different ones among 10⁹ are equal with a probability of 10⁻²¹.
    """
    counts: dict[str, dict[bytes, int]] = {}
    for name, split in dataset.splits():
        here = counts.setdefault(name, {})
        for digest in _digests(split):
            here[digest] = here.get(digest, 0) + 1
    found: set[bytes] = set()
    seen: set[bytes] = set()
    for here in counts.values():
        found |= here.keys() & seen
        seen |= here.keys()
    return Overlap(len(found), {name: sum(here.get(digest, 0) for digest in found) for name, here in counts.items()})


def _digests(events: EventSource) -> Iterator[bytes]:
    for images in events.chunks():
        flat = images.reshape(len(images), -1)
        for image in np.ascontiguousarray(flat[np.count_nonzero(flat, axis=1) >= TELLING_PIXELS]):
            yield blake2b(image.data, digest_size=16).digest()
