"""A forward pass in NumPy that follows `docs/network.md` and nothing else, against narrowgate's scores."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from narrowgate.firmware import exact_scores
from narrowgate.network import Configuration, initial_statistics, initial_weights, layers
from narrowgate.training import score

Values = NDArray[np.float64]
Bits = tuple[int, int] | None


def on_grid(values: Values, bits: Bits, *, signed: bool) -> Values:
    if bits is None:
        return values
    width, integer = bits
    lsb = 2.0 ** (integer - width + (1 if signed else 0))
    low = -(2.0**integer) if signed else 0.0
    return np.clip(np.round(values / lsb) * lsb, low, 2.0**integer - lsb)  # NumPy rounds halves to even


def padded_correlation(images: Values, kernel: Values) -> Values:
    size, rows, columns = kernel.shape[0], images.shape[1], images.shape[2]
    before, after = (size - 1) // 2, size // 2
    wide = np.pad(images, ((0, 0), (before, after), (before, after), (0, 0)))
    total = np.zeros((*images.shape[:3], kernel.shape[3]))
    for row in range(size):
        for column in range(size):
            total += wide[:, row : row + rows, column : column + columns] @ kernel[row, column]
    return total


def batch_norm(values: Values, weights: dict[str, Values], name: str, bits: Bits) -> Values:
    factor = on_grid(weights[f"{name}.scale"] / np.sqrt(weights[f"{name}.variance"] + 1e-3), bits, signed=True)
    term = on_grid(weights[f"{name}.shift"] - weights[f"{name}.mean"] * factor, bits, signed=True)
    return values * factor + term


def pool(values: Values, size: int) -> Values:
    events, rows, columns, filters = values.shape
    rows, columns = rows // size, columns // size
    squares = values[:, : rows * size, : columns * size].reshape(events, rows, size, columns, size, filters)
    return np.asarray(squares.max(axis=(2, 4)), np.float64)


def forward(formats: dict[str, Bits], shape: dict[str, Any], weights: dict[str, Values], images: Values) -> Values:
    """Scores, from the formats, the architecture's words, the arrays by name, and counts."""
    width, integer = formats["input"] or (0, 0)
    lsb = 2.0 ** (integer - width)
    values = np.minimum(images * lsb, 2.0**integer - lsb)
    relu, norm = shape["activation"] == "relu", shape["batch_norm"]

    def activation(values: Values) -> Values:
        rounded = on_grid(values, formats["activation"], signed=not relu)
        return np.maximum(rounded, 0.0) if relu else rounded

    for index, size in enumerate(shape["pools"]):
        name = f"conv{index}"
        kernel, bias = (on_grid(weights[f"{name}.{part}"], formats["conv"], signed=True) for part in ("kernel", "bias"))
        values = padded_correlation(values, kernel) + bias
        if norm in ("hidden", "all"):
            values = batch_norm(values, weights, name, formats["batchnorm"])
        values = activation(pool(values, size))
    values = values.reshape(len(values), -1)
    for name in [*(f"dense{index}" for index in range(len(shape["units"]))), "output"]:
        kernel = on_grid(weights[f"{name}.kernel"], formats["dense"], signed=True)
        bias = on_grid(weights[f"{name}.bias"], formats["dense"], signed=True)
        values = values @ kernel + bias
        if norm == "all" or (norm == "hidden" and name != "output"):
            values = batch_norm(values, weights, name, formats["batchnorm"])
        if name != "output":
            values = activation(values)
    return values[:, 0]


NARROW = {"conv": (6, 1), "dense": (5, 1), "batchnorm": (8, 3), "activation": (7, 3), "input": (10, 4)}
FLOAT: dict[str, Bits] = {"conv": None, "dense": None, "batchnorm": None, "activation": None, "input": (10, 4)}
NETWORKS: dict[str, dict[str, Any]] = {
    "the usual": {"filters": [2, 3], "kernels": [3, 3], "pools": [2, 2], "units": [5]},
    "even kernels": {"filters": [2, 3], "kernels": [4, 2], "pools": [2, 1], "units": [5, 4]},
    "pools that leave a rest": {"filters": [3], "kernels": [3], "pools": [3], "units": [4]},
    "large kernels, no hidden layer": {"filters": [2], "kernels": [5], "pools": [2], "units": []},
    "linear": {"filters": [2, 3], "kernels": [3, 1], "pools": [2, 1], "units": [5], "activation": "linear"},
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("norm", ["off", "hidden", "all"])
@pytest.mark.parametrize("formats", [NARROW, FLOAT], ids=["fixed point", "float"])
def test_a_pass_of_ones_own_gives_the_same_scores(name: str, norm: str, formats: dict[str, Bits]) -> None:
    generator = np.random.default_rng(3)
    shape = {"activation": "relu", "batch_norm": norm, **NETWORKS[name]}
    table = {key: "float" if bits is None else f"({bits[0]},{bits[1]})" for key, bits in formats.items()}
    configuration = Configuration.parse({"network": shape, "precision": table})
    found = layers(configuration.network, (8, 7, 2))
    weights = initial_weights(found, 1) | initial_statistics(found)
    for array in weights:  # as of a trained network: biases and shifts, factors of both signs, moments
        if not array.endswith(".kernel"):
            weights[array] = generator.normal(0.0, 1.0, weights[array].shape).astype(np.float32)
        if array.endswith(".variance"):
            weights[array] = np.square(weights[array]) + np.float32(0.1)
    images = generator.poisson(40.0, (64, 8, 7, 2)).astype(np.uint16)
    images[:4] *= 30  # some pixels beyond the largest count

    own = forward(
        formats, shape, {key: values.astype(np.float64) for key, values in weights.items()}, images.astype(np.float64)
    )
    if formats is NARROW:
        exact = exact_scores(configuration, weights, images)
        assert exact is not None
        np.testing.assert_array_equal(exact, own)
    np.testing.assert_allclose(score(configuration, weights, images), own, rtol=2e-5, atol=2e-5)
