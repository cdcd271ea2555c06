"""Networks with random weights, for the tests of the room `firmware`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.network import Configuration, ImageShape, layers

Weights = dict[str, NDArray[np.float32]]


def configuration(precision: str | dict[str, str] = "(8,2)", **network: Any) -> Configuration:
    """One format everywhere, or one for each part."""
    parts = ("conv", "dense", "batchnorm", "activation")
    formats = dict.fromkeys(parts, precision) if isinstance(precision, str) else precision
    return Configuration.parse({"network": network, "precision": formats})


def random_weights(configuration: Configuration, image: ImageShape, seed: int = 1, spread: float = 1.0) -> Weights:
    """As after training: kernels of a width that keeps activations near 1, varied batch-norm statistics."""
    random = np.random.default_rng(seed)
    expected = layers(configuration.network, image)
    weights: Weights = {}
    for name, shape in (expected.weight_shapes() | expected.statistics_shapes()).items():
        values = random.normal(size=shape)
        match name.split(".")[1]:
            case "kernel":
                values *= spread * (2 / np.prod(shape[:-1])) ** 0.5
            case "scale":
                values = 1 + 0.3 * values
            case "variance":
                values = 0.1 + values**2
            case _:
                values *= 0.3
        weights[name] = values.astype(np.float32)
    return weights


def random_images(count: int, image: ImageShape, seed: int = 1, highest: int = 1023) -> NDArray[np.uint16]:
    """Mostly empty pixels, some low, a few near or beyond the highest."""
    random = np.random.default_rng(seed)
    pixels = random.exponential(highest / 8, size=(count, *image)) * (random.random((count, *image)) < 0.4)
    return np.minimum(pixels, 2 * highest).astype(np.uint16)
