"""Scores of a trained network on any number of images."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from narrowgate.machine import own_arithmetic
from narrowgate.network import Architecture, Configuration, ImageShape, layers, numerics, settled_shapes
from narrowgate.training._errors import TrainingError
from narrowgate.training._population import batch_scores, in_batches

EVENTS_AT_A_TIME = 65_536
"""Images on the device at a time, so that memory does not grow with their number."""


@own_arithmetic()
def score(
    configuration: Configuration,
    weights: Mapping[str, NDArray[np.float32]],
    images: NDArray[np.unsignedinteger[Any]],
) -> NDArray[np.float32]:
    """The network's output for every image, shape (events,); larger is more signal-like.

    `weights` holds the arrays of `Trained.weights`; `images` has shape (events, rows, columns, channels).

    Raises:
        ValueError: when a weight is missing or has another shape than the configuration says.
    """
    rows, columns, channels = images.shape[1:]
    shape = (int(rows), int(columns), int(channels))
    expected = layers(configuration.network, shape)
    wanted = expected.weight_shapes() | expected.statistics_shapes() | settled_shapes(configuration, expected)
    for name, size in wanted.items():
        found = weights[name].shape if name in weights else None
        if found != size:
            raise TrainingError(
                f"The weight {name} has shape {found}; the configuration needs {size} on images {shape}."
            )
    given = {name: jnp.asarray(weights[name]) for name in wanted}
    compiled = _compiled(configuration.network, shape)
    data = numerics(configuration.precision, configuration.network)
    parts = []
    for start in range(0, len(images), EVENTS_AT_A_TIME):
        part = images[start : start + EVENTS_AT_A_TIME]
        parts.append(np.asarray(compiled(data, given, in_batches(part))).reshape(-1)[: len(part)])
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


@lru_cache(maxsize=16)
def _compiled(architecture: Architecture, shape: ImageShape) -> Any:
    network = layers(architecture, shape)
    return jax.jit(lambda data, weights, batches: batch_scores(network, data, weights, weights, batches))
