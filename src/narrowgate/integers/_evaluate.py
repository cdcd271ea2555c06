"""The integers evaluated on images: exact whatever the formats, and as fast as the proven widths allow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from narrowgate.integers._bounds import Integers
from narrowgate.integers._errors import FirmwareError
from narrowgate.integers._network import IntegerNetwork, Weights, integer_network, is_fixed_point
from narrowgate.integers._stage import Stage, Values, cast
from narrowgate.network import Configuration

Images = NDArray[np.unsignedinteger[Any]]
Result = TypeVar("Result")

EVENTS_AT_A_TIME = 256
"""Images evaluated together: few enough to stay in a core's cache."""


def evaluate(network: IntegerNetwork, images: Images) -> Integers:
    """The logit codes of images (events, rows, columns, channels), shape (events,): int64, or Python's if wider.

    Pixels are counts, read as `input_codes` says: those above the largest code of the input's format saturate.

    Raises:
        FirmwareError: the images are not unsigned integers of the network's shape.
    """
    stages = [Stage.of(layer) for layer in network]

    def logits(batch: Images) -> Integers:
        *_, last = _through(network, stages, batch)
        codes: Integers = _integers(last)[0]
        return codes

    parts = _over_batches(logits, _checked(network, images))
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def evaluate_layers(network: IntegerNetwork, images: Images) -> dict[str, Integers]:
    """The output codes of every layer by name, shape (events, …), after pooling and activation.

    Raises:
        FirmwareError: the images are not unsigned integers of the network's shape.
    """
    stages = [Stage.of(layer) for layer in network]

    def everything(batch: Images) -> list[Integers]:
        return [np.moveaxis(_integers(values), -1, 0) for values in _through(network, stages, batch)]

    parts = _over_batches(everything, _checked(network, images))
    return {layer.name: np.concatenate([part[index] for part in parts]) for index, layer in enumerate(network)}


def scores_of(network: IntegerNetwork, codes: Integers) -> NDArray[np.float64]:
    """Logit codes as scores. Exact up to 53 bits; beyond, the nearest float64."""
    return np.ldexp(codes.astype(np.float64), -network.output.fraction)


def exact_scores(
    configuration: Configuration,
    weights: Weights,
    images: Images,
) -> NDArray[np.float64] | None:
    """Scores (events,) of images (events, rows, columns, channels) by the exact integers; `None` of a float network.

    Raises:
        FirmwareError: a weight is missing, of another shape, or NaN.
    """
    if not is_fixed_point(configuration):
        return None
    rows, columns, channels = images.shape[1:]
    network = integer_network(configuration, weights, (int(rows), int(columns), int(channels)))
    return scores_of(network, evaluate(network, images))


def input_codes(network: IntegerNetwork, images: Images) -> NDArray[np.int64]:
    """Pixels as the circuit takes them: counts without the bits below the input's lsb, saturated to its format."""
    drop, highest = network.dropped_bits, network.highest_count
    if np.iinfo(images.dtype).max > highest:
        images = np.minimum(images, images.dtype.type(highest))
    codes = images.astype(np.int64)
    return codes >> drop if drop >= 0 else np.minimum(codes << -drop, network.input_format.code_max)


def _through(network: IntegerNetwork, stages: list[Stage], batch: Images) -> Iterator[Values]:
    values: Values = np.ascontiguousarray(np.moveaxis(input_codes(network, batch), 0, -1))
    for stage in stages:
        values = stage(values)
        yield values


def _integers(values: Values) -> Integers:
    return values if values.dtype == object else cast(values, np.int64)


def _over_batches(function: Callable[[Images], Result], images: Images) -> list[Result]:
    """A function of every batch of images, one thread a core; NumPy lets them run side by side."""
    batches = [images[start : start + EVENTS_AT_A_TIME] for start in range(0, len(images), EVENTS_AT_A_TIME)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(function, batches))


def _checked(network: IntegerNetwork, images: Images) -> Images:
    if images.dtype.kind != "u" or images.shape[1:] != network.image:
        raise FirmwareError(
            f"The images have type {images.dtype} and shape {images.shape}; "
            f"needed are unsigned integers of shape (events, {', '.join(map(str, network.image))})."
        )
    return images
