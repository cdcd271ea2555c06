"""Networks with random weights, for the tests of the rooms `integers` and `firmware`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.integers import IntegerNetwork, integer_network
from narrowgate.network import Configuration, ImageShape, layers

Weights = dict[str, NDArray[np.float32]]


def configuration(precision: str | dict[str, Any] = "(8,2)", **network: Any) -> Configuration:
    """One format everywhere, or one for each part."""
    parts = ("conv", "dense", "batchnorm", "activation")
    formats = dict.fromkeys(parts, precision) if isinstance(precision, str) else precision
    return Configuration.parse({"network": network, "precision": formats}).for_counts(10)


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


SMALL = (4, 4, 1)
"""Images of few pixels, so that everything takes little time."""


def small_network(precision: Any = "(4,1)", seed: int = 1, image: ImageShape = SMALL, **network: Any) -> IntegerNetwork:
    """One convolution of two filters, one dense layer of three units, unless `network` says otherwise."""
    shape = {"filters": [2], "kernels": [3], "pools": [2], "units": [3]} | network
    found = configuration(precision, **shape)
    return integer_network(found, random_weights(found, image, seed), image)


CONFIGURATIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "batch norm off": ("(5,1)", {}),
    "batch norm hidden": ("(5,1)", {"batch_norm": "hidden"}),
    "batch norm all": ("(6,2)", {"batch_norm": "all"}),
    "two bits": ("(2,0)", {}),
    "sixteen bits": ({"conv": "(16,2)", "dense": "(16,2)", "activation": "(8,2)"}, {}),
    "negative integer bits": ({"conv": "(4,-1)", "dense": "(4,-2)", "activation": "(6,-1)"}, {}),
    "large integer bits": ({"conv": "(6,7)", "dense": "(3,4)", "activation": "(5,12)"}, {}),
    "activations of four bits": ({"conv": "(6,1)", "dense": "(6,1)", "activation": "(4,2)"}, {}),
    "activations of 24 bits": ({"conv": "(8,1)", "dense": "(8,1)", "activation": "(24,4)"}, {}),
    "two convolutions": ("(5,1)", {"filters": [2, 3], "kernels": [3, 3], "pools": [2, 1]}),
    "three convolutions": ("(4,1)", {"filters": [2, 2, 2], "kernels": [3, 3, 3], "pools": [1, 2, 1]}),
    "kernel of five": ("(4,1)", {"kernels": [5]}),
    "no pool": ("(4,1)", {"pools": [1]}),
    "linear": ("(5,1)", {"activation": "linear", "batch_norm": "hidden"}),
    "every tensor its own": (
        {
            "conv": "(5,1)",
            "dense": "(4,0)",
            "activation": "(6,2)",
            "batchnorm": "(8,2)",
            "layers": {
                "conv0": {"kernel": "(4,1)", "bias": "(9,1)", "batchnorm": "(6,2)", "activation": "(5,3)"},
                "dense0": {"kernel": "(6,1)", "bias": "(3,2)", "activation": "(4,1)"},
                "output": {"kernel": "(3,0)", "bias": "(12,3)"},
            },
        },
        {"batch_norm": "hidden"},
    ),
    "a bias finer than its products": (
        {
            "conv": "(4,1)",
            "dense": "(4,1)",
            "activation": "(5,10)",
            "input": "(8,8)",
            "layers": {"conv0": {"bias": "(8,0)"}, "dense0": {"bias": "(9,-2)"}},
        },
        {},
    ),
    "an input of coarse steps": (
        {"conv": "(4,1)", "dense": "(4,1)", "activation": "(5,2)", "input": "(5,3)", "count": 2.0**-6},
        {},
    ),
    "an input of finer steps than a count": (
        {"conv": "(4,1)", "dense": "(4,1)", "activation": "(5,2)", "input": "(9,2)", "count": 2.0**-4},
        {},
    ),
    "no convolution": ("(5,1)", {"filters": [], "kernels": [], "pools": []}),
}
