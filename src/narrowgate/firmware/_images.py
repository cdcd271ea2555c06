"""Images that are hard on a circuit: empty, saturating, extreme, random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from narrowgate.integers import IntegerNetwork
from narrowgate.network import Convolution


def adversarial_images(network: IntegerNetwork, count: int = 256, seed: int = 1) -> NDArray[np.uint64]:
    """At least `count` images (events, rows, columns, channels) that real collisions never give.

    Empty; every pixel at its maximum, and beyond it; one pixel alone; chess boards; for every output of the first layer
    the image that drives it furthest up, and down; the rest random: sparse, dense and saturating.
    """
    random = np.random.default_rng(seed)
    highest = network.highest_count
    rows, columns, channels = network.image
    even = np.indices((rows, columns)).sum(axis=0)[..., None] % 2 * np.ones(channels, int)
    found = [np.zeros(network.image), np.full(network.image, highest), np.full(network.image, 2 * highest + 1)]
    found += [even * highest, (1 - even) * highest]
    for place in ((0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1), (rows // 2, columns // 2)):
        found.append(np.zeros(network.image))
        found[-1][place] = highest
    found += [pattern * highest for pattern in _driving(network)]
    while len(found) < count:
        filling = random.choice([0.02, 0.2, 1.0])
        scale = random.choice([4, highest // 4 + 1, highest + 1, 2 * highest + 2])
        found.append(random.integers(0, scale, network.image) * (random.random(network.image) < filling))
    return np.array(found).astype(np.uint64)


def _driving(network: IntegerNetwork) -> list[NDArray[np.int64]]:
    """Images of 0 and 1 that are 1 where a first-layer weight is positive, and where it is negative."""
    first = network.layers[0]
    patterns = []
    for output in range(first.kernel.shape[-1]):
        weights = first.kernel[..., output]
        if isinstance(first.layer, Convolution):
            repeats = [-(-size // first.layer.kernel) for size in network.image[:2]]
            tiled = np.tile(weights, (*repeats, 1))[: network.image[0], : network.image[1]]
        else:
            tiled = weights.reshape(network.image)
        patterns += [(tiled > 0).astype(np.int64), (tiled < 0).astype(np.int64)]
    return patterns
