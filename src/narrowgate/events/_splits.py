"""Sharing events out among the three splits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from narrowgate.events._errors import DatasetError

CLASSES = ((0, "background"), (1, "signal"))

FRACTIONS = (0.6, 0.2, 0.2)
"""Shares of train, validation and test when the splits are drawn."""


def draw_splits(
    labels: NDArray[np.uint8], fractions: Sequence[float], seed: int, groups: NDArray[np.int64] | None = None
) -> list[NDArray[np.int64]]:
    """Three disjoint sets of event places that together hold every event, each class shared by `fractions`.

    Events with the same number in `groups` stay together: a group of both classes is dealt out as signal, and the
    shares are those of the events as nearly as whole groups allow.

    Raises `DatasetError` when the fractions are not three positive numbers with the sum 1, or a class has too few
    events (or groups) to be in every split.
    """
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.shape != (3,) or not np.all(shares > 0) or not np.isclose(shares.sum(), 1.0):
        raise DatasetError(f"split fractions must be three positive numbers with the sum 1; found {list(fractions)}")
    generator = np.random.default_rng(seed)
    chosen: list[list[NDArray[np.int64]]] = [[], [], []]
    if groups is not None:
        return _draw_groups(labels, shares, generator, groups)
    for label, name in CLASSES:
        places = generator.permutation(np.flatnonzero(labels == label))
        pieces = np.split(places, np.round(np.cumsum(shares)[:2] * len(places)).astype(np.int64))
        if not all(len(piece) for piece in pieces):
            raise DatasetError(f"{len(places)} {name} events (label {label}) are too few to share among three splits")
        for split, piece in zip(chosen, pieces, strict=True):
            split.append(piece)
    return [generator.permutation(np.concatenate(split)) for split in chosen]


def _draw_groups(
    labels: NDArray[np.uint8], shares: NDArray[np.float64], generator: np.random.Generator, groups: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    _, of_event, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    of_event = of_event.ravel()
    has_signal = np.bincount(of_event, weights=labels) > 0
    split_of_group = np.zeros(len(sizes), np.int64)
    for label, _ in CLASSES:
        order = generator.permutation(np.flatnonzero(has_signal == label))
        middles = np.cumsum(sizes[order]) - sizes[order] / 2  # a group goes where the middle of its events falls
        ends = np.cumsum(shares)[:2] * sizes[order].sum()
        split_of_group[order] = np.searchsorted(ends, middles, side="right")
    split = split_of_group[of_event]
    for label, name in CLASSES:
        if len(np.unique(split[labels == label])) < 3:
            raise DatasetError(
                f"the {int((labels == label).sum())} {name} events (label {label}) are in "
                f"{len(np.unique(of_event[labels == label]))} groups, too few or too uneven to share among three splits"
            )
    return [generator.permutation(np.flatnonzero(split == place)) for place in range(3)]
