"""Random tiny networks whose formats lie anywhere: negative integer bits, integer bits beyond the width, few bits."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from narrowgate.firmware import adversarial_images
from narrowgate.fixedpoint import Format
from narrowgate.integers import IntegerNetwork, evaluate, integer_network
from narrowgate.network import Configuration, ImageShape, layers

from ..integers.integers_example import Weights


def odd_network(seed: int) -> tuple[IntegerNetwork, NDArray[np.uint64]]:
    """A network whose logit depends on the image, and images: random, saturating, adversarial."""
    random = np.random.default_rng(seed)
    while True:
        configuration, image = _configuration(random)
        network = integer_network(configuration, _weights(random, configuration, image), image)
        highest = network.input_format.code_max
        pixels = random.integers(0, highest + 2, (60, *image)) * (random.random((60, *image)) < 0.7)
        images = np.concatenate([pixels.astype(np.uint64), adversarial_images(network, 40)])
        if len(np.unique(evaluate(network, images))) > 2:
            return network, images


def _configuration(random: np.random.Generator) -> tuple[Configuration, ImageShape]:
    """Integer bits of pixels, activations and batch norm lie anywhere; those of weights lead from one to the other."""

    def pick(*choices: int) -> int:
        return int(choices[random.integers(len(choices))])

    def format(integer: int, widest: int = 6) -> str:
        return f"({random.integers(1, widest + 1)},{integer})"

    rows, columns, channels = pick(1, 2, 3, 4), pick(1, 2, 3, 4), pick(1, 1, 2)
    pixel, activation = int(random.integers(-10, 14)), int(random.integers(-10, 14))
    normalisation, gain = int(random.integers(-4, 5)), int(random.integers(-2, 2))
    inner, first = gain - normalisation, gain - normalisation + activation - pixel
    pools: list[int] = []
    for _ in range(pick(0, 1, 1, 2)):
        pools.append(pick(1, 2) if min(rows, columns) // prod(pools) >= 2 else 1)
    convolutions = len(pools)
    network = {
        "filters": [pick(1, 2) for _ in pools],
        "kernels": [pick(1, 2, 3) for _ in pools],
        "pools": pools,
        "units": [pick(1, 2, 3) for _ in range(pick(0, 1, 1, 2))],
        "batch_norm": ("off", "hidden", "all")[pick(0, 1, 2)],
        "activation": ("relu", "linear")[pick(0, 1)],
    }
    precision = {
        "conv": format(first),
        "dense": format(inner if convolutions else first),
        "batchnorm": format(normalisation),
        "activation": format(activation),
        "input": format(pixel, 5),
    }
    return Configuration.parse({"network": network, "precision": precision}), (rows, columns, channels)


def _weights(random: np.random.Generator, configuration: Configuration, image: ImageShape) -> Weights:
    precision = configuration.precision
    assert isinstance(precision.activation, Format)
    assert precision.batchnorm is not None
    expected = layers(configuration.network, image)
    weights: Weights = {}
    for name, shape in (expected.weight_shapes() | expected.statistics_shapes()).items():
        kind, part = name.split(".")
        format = precision.conv if kind.startswith("conv") else precision.dense
        assert isinstance(format, Format)
        spread = {
            "kernel": 2.0**format.integer,
            "bias": 2.0**format.integer,
            "mean": 2.0**format.integer,
            "scale": 2.0**precision.batchnorm.integer,
            "shift": 2.0**precision.activation.integer,
            "variance": 1.0,
        }
        values = random.normal(size=shape)
        values = 0.2 + values**2 if part == "variance" else 0.6 * spread[part] * values
        weights[name] = values.astype(np.float32)
    return weights
