"""Several objectives: which entries nothing beats, and a ranking made of that.

K. Deb, A. Pratap, S. Agarwal and T. Meyarivan, IEEE Transactions on Evolutionary Computation 6 (2002) 182 (NSGA-II):
non-dominated fronts, and within a front those first that stand apart from their neighbours (crowding distance).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Objectives = Sequence[float]
"""Larger is better in each."""


def dominates(first: Objectives, second: Objectives) -> bool:
    """Whether `first` is at least as good everywhere and better somewhere."""
    pairs = list(zip(first, second, strict=True))
    return all(one >= two for one, two in pairs) and any(one > two for one, two in pairs)


def fronts(entries: Sequence[Objectives]) -> list[list[int]]:
    """Indices in fronts: the first is what nothing dominates, the next what only the first dominates, and so on."""
    left, found = list(range(len(entries))), []
    while left:
        front = [index for index in left if not any(dominates(entries[other], entries[index]) for other in left)]
        found.append(front)
        left = [index for index in left if index not in set(front)]
    return found


def crowding(entries: Sequence[Objectives]) -> list[float]:
    """Each entry's crowding distance among `entries`; infinite at the ends of every objective."""
    distance = [0.0] * len(entries)
    for axis in range(len(entries[0]) if entries else 0):
        order = sorted(range(len(entries)), key=lambda index: entries[index][axis])
        span = entries[order[-1]][axis] - entries[order[0]][axis]
        distance[order[0]] = distance[order[-1]] = math.inf
        for before, index, after in zip(order, order[1:], order[2:], strict=False):
            if span > 0:
                distance[index] += (entries[after][axis] - entries[before][axis]) / span
    return distance


def pareto_order(entries: Sequence[Objectives]) -> list[int]:
    """Indices, best first: by front, within a front by falling crowding distance, equals in the order given."""
    ordered: list[int] = []
    for front in fronts(entries):
        apart = dict(zip(front, crowding([entries[index] for index in front]), strict=True))
        ordered += sorted(front, key=lambda index: -apart[index])
    return ordered
