"""The pile-up overlay: which collisions meet in a crossing, and the image that they leave together."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfinv

from narrowgate.events._compiled import compiled
from narrowgate.events._dataset import LSB
from narrowgate.events._detector import COLUMNS, FINE_COLUMNS, FINE_ROWS, ROWS, Deposits, measure, pixels
from narrowgate.events._recipe import FRACTIONS, ImageKind, Recipe, Scenario, Slice
from narrowgate.events._suppression import suppress

BEAM_SPOT = 53.0
"""mm: σ of the collisions' places along the beam, as in the Delphes CMS Phase-2 card."""


class Crossings(NamedTuple):
    """The collisions of many crossings: `starts` (crossings + 1,) bounds each one's share of the rest.

    A crossing's first collision is the hard one. `collision` is a place in the pool; each collision is rolled by
    `roll` fine columns in φ and, where `flip` is true, mirrored in η.
    """

    starts: NDArray[np.int64]
    collision: NDArray[np.int64]
    roll: NDArray[np.int64]
    flip: NDArray[np.bool_]


def hard_slices(events: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """For each of `events` background crossings, which slice (by its place in `FRACTIONS`) the hard collision is of."""
    return generator.choice(len(FRACTIONS), size=events, p=list(FRACTIONS.values())).astype(np.int64)


def hard_collisions(
    slices: NDArray[np.int64], pool_sizes: Mapping[Slice, int], generator: np.random.Generator
) -> NDArray[np.int64]:
    """The pool place of each background crossing's hard collision; none is used again before all have been used.

    The pool holds the slices one after the other in the order of `FRACTIONS`.
    """
    chosen = np.empty(len(slices), np.int64)
    start = 0
    for place, kind in enumerate(FRACTIONS):
        wanted = np.flatnonzero(slices == place)
        order = generator.permutation(pool_sizes[kind])
        chosen[wanted] = start + order[np.arange(len(wanted)) % max(1, len(order))]
        start += pool_sizes[kind]
    return chosen


def draw(
    hard: NDArray[np.int64], pileup: float, pool_sizes: Mapping[Slice, int], generator: np.random.Generator
) -> Crossings:
    """Give every hard collision its Poisson(`pileup`) others, drawn from the slices by their cross sections."""
    others = generator.poisson(pileup, len(hard))
    starts = np.concatenate([[0], np.cumsum(others + 1)]).astype(np.int64)
    sizes = np.array([pool_sizes[kind] for kind in FRACTIONS])
    places = generator.choice(len(FRACTIONS), size=starts[-1], p=list(FRACTIONS.values()))
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    collision = offsets[places] + (generator.random(starts[-1]) * sizes[places]).astype(np.int64)
    collision[starts[:-1]] = hard
    roll = generator.integers(FINE_COLUMNS, size=starts[-1])
    return Crossings(starts, collision, roll, generator.random(starts[-1]) < 0.5)


def overlay(pool: Deposits, crossings: Crossings, recipe: Recipe, generator: np.random.Generator) -> NDArray[np.uint16]:
    """The images of the crossings, shape (crossings, rows, columns, 1), in counts of `LSB` GeV."""
    images = np.zeros((len(crossings.starts) - 1, ROWS, COLUMNS), np.uint16)
    _images(
        *pool,
        *crossings,
        recipe.scenario is Scenario.RECONSTRUCTED_VERTEX,
        recipe.image is ImageKind.SUPPRESSED,
        recipe.pileup,
        track_window(recipe),
        recipe.track_resolution,
        BEAM_SPOT,
        LSB,
        generator,
        images,
    )
    return images[..., np.newaxis]


def track_window(recipe: Recipe) -> float:
    """How near the vertex, in mm along the beam, a track must start to count as the vertex's.

    Such that the share `recipe.leakage` of pile-up tracks does: the distance of two collisions, measured, is normal
    with the variance 2 σ² of the beam spot plus that of the track. The vertex's own tracks are taken to count always.
    """
    spread = sqrt(2.0 * BEAM_SPOT**2 + recipe.track_resolution**2)
    return float(sqrt(2.0) * erfinv(recipe.leakage) * spread)


@compiled
def _hardest(bounds: NDArray[np.int64], track: NDArray[np.float32], collision: NDArray[np.int64]) -> int:
    """The place among `collision` of the vertex with the largest Σ pT² of tracks; the first when none has any."""
    best, largest = 0, 0.0
    for place in range(len(collision)):
        total = 0.0
        for particle in range(bounds[collision[place]], bounds[collision[place] + 1]):
            total += track[particle] ** 2
        if total > largest:
            best, largest = place, total
    return best


@compiled
def _images(
    bounds: NDArray[np.int64],
    row: NDArray[np.uint8],
    column: NDArray[np.uint8],
    electromagnetic: NDArray[np.float32],
    hadronic: NDArray[np.float32],
    track: NDArray[np.float32],
    starts: NDArray[np.int64],
    collision: NDArray[np.int64],
    roll: NDArray[np.int64],
    flip: NDArray[np.bool_],
    find_vertex: bool,
    suppressed: bool,
    pileup: float,
    window: float,
    resolution: float,
    beam_spot: float,
    lsb: float,
    generator: np.random.Generator,
    images: NDArray[np.uint16],
) -> None:
    photons, hadrons = np.zeros((FINE_ROWS, FINE_COLUMNS)), np.zeros((FINE_ROWS, FINE_COLUMNS))
    vertex_track, pileup_track = np.zeros((FINE_ROWS, FINE_COLUMNS)), np.zeros((FINE_ROWS, FINE_COLUMNS))
    for crossing in range(len(starts) - 1):
        first, last = starts[crossing], starts[crossing + 1]
        for tower in (photons, hadrons, vertex_track, pileup_track):
            tower[:] = 0.0
        vertex = first + (_hardest(bounds, track, collision[first:last]) if find_vertex else 0)
        for place in range(first, last):
            distance = 0.0 if place == vertex else sqrt(2.0) * beam_spot * generator.standard_normal()
            for particle in range(bounds[collision[place]], bounds[collision[place] + 1]):
                i = FINE_ROWS - 1 - int(row[particle]) if flip[place] else int(row[particle])
                j = (int(column[particle]) + roll[place]) % FINE_COLUMNS
                photons[i, j] += electromagnetic[particle]
                hadrons[i, j] += hadronic[particle]
                if track[particle] > 0.0:
                    if place == vertex or abs(distance + resolution * generator.standard_normal()) < window:
                        vertex_track[i, j] += track[particle]
                    else:
                        pileup_track[i, j] += track[particle]
        energy = measure(photons, hadrons, generator)
        if suppressed:
            energy = suppress(energy, vertex_track, pileup_track, pileup)
        pixels(energy, lsb, images[crossing])
