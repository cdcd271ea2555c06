"""The integers against a slow reference in rational numbers, over random networks, and against the training graph."""

from fractions import Fraction
from math import floor
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from narrowgate.fixedpoint import Format, FormatArray, grid
from narrowgate.integers import (
    FirmwareError,
    IntegerNetwork,
    disagreement,
    evaluate,
    evaluate_layers,
    integer_network,
    scores_of,
)
from narrowgate.network import Configuration, Convolution, fold, layer_formats, layers
from narrowgate.training import score

from .integers_example import Weights, configuration, random_images, random_weights

IMAGE = (6, 5, 2)


def rounded(value: Fraction, format: Format | FormatArray) -> Fraction:
    """The nearest value of the format; Python rounds a Fraction half to even."""
    code = min(max(round(value * Fraction(2) ** format.fraction), format.code_min), format.code_max)
    return code * Fraction(2) ** -format.fraction


def reference(network: Configuration, weights: Weights, image: Any) -> Fraction:
    """The logit of one image in rational numbers, pixel by pixel from the definitions."""
    precision = network.precision
    formats = layer_formats(precision, network.network)
    pixels = precision.pixel
    worth = Fraction(precision.count or pixels.lsb)
    values = {
        place: min(floor(int(pixel) * worth / Fraction(pixels.lsb)), pixels.code_max) * Fraction(pixels.lsb)
        for place, pixel in np.ndenumerate(image)
    }
    shape = image.shape

    def constants(name: str, part: str, format: Format | FormatArray | None) -> Any:
        assert format is not None
        return np.vectorize(lambda weight: rounded(Fraction(float(weight)), format), otypes=[object])(
            weights[f"{name}.{part}"]
        )

    for layer in layers(network.network, image.shape):
        own = formats[layer.name]
        kernel, bias = constants(layer.name, "kernel", own.kernel), constants(layer.name, "bias", own.bias)
        factor, term = [Fraction(1)] * len(bias), [Fraction(0)] * len(bias)
        if layer.batch_norm:
            assert own.batchnorm is not None
            arrays = [weights[f"{layer.name}.{part}"] for part in ("scale", "shift", "mean", "variance")]
            factor, term = (
                [rounded(Fraction(float(number)), own.batchnorm) for number in numbers]
                for numbers in jax.jit(fold)(*arrays, grid(own.batchnorm))
            )
        if isinstance(layer, Convolution):
            before = (layer.kernel - 1) // 2
            sums = {}
            for row, column, output in np.ndindex(shape[0], shape[1], layer.filters):
                total = bias[output]
                for up, left, channel in np.ndindex(layer.kernel, layer.kernel, shape[2]):
                    pixel = values.get((row + up - before, column + left - before, channel), Fraction(0))
                    total += pixel * kernel[up, left, channel, output]
                sums[row, column, output] = total * factor[output] + term[output]
            values = {}
            shape = layer.output_shape
            for row, column, output in np.ndindex(*shape):
                pool = [
                    sums[row * layer.pool + down, column * layer.pool + right, output]
                    for down, right in np.ndindex(layer.pool, layer.pool)
                ]
                assert own.activation is not None
                values[row, column, output] = rounded(max(pool), own.activation)
        else:
            flat = [values[place] for place in np.ndindex(*shape)]
            shape = (layer.outputs,)
            values = {}
            for output in range(layer.outputs):
                total = bias[output] + sum((x * w for x, w in zip(flat, kernel[:, output], strict=True)), Fraction(0))
                total = total * factor[output] + term[output]
                values[(output,)] = total if own.activation is None else rounded(total, own.activation)
    return values[(0,)]


formats = st.builds(lambda width, integer: f"({width},{integer})", st.integers(1, 32), st.integers(-6, 12))
narrow = st.builds(lambda width, integer: f"({width},{integer})", st.integers(2, 8), st.integers(-2, 4))
networks: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"filters": [2], "kernels": [3], "pools": [2]},
        {"filters": [2], "kernels": [5], "pools": [1]},
        {"filters": [2], "kernels": [2], "pools": [3]},
        {"filters": [2, 3, 2], "kernels": [3, 5, 3], "pools": [1, 2, 1]},
        {"filters": [], "kernels": [], "pools": []},
    ]
)


@st.composite
def configurations(draw: st.DrawFn, format: st.SearchStrategy[str]) -> Configuration:
    table: dict[str, Any] = {
        "network": draw(networks)
        | {
            "units": draw(st.sampled_from([[], [3], [3, 2]])),
            "activation": draw(st.sampled_from(["relu", "linear"])),
            "batch_norm": draw(st.sampled_from(["off", "hidden", "all"])),
        },
        "precision": {part: draw(format) for part in ("conv", "dense", "batchnorm", "activation")},
    }
    width, integer = draw(st.integers(1, 12)), draw(st.integers(-2, 14))
    table["precision"]["input"] = f"({width},{integer})"
    if draw(st.booleans()):  # a count is worth some steps, one, or a part of one; 0 to 15 counts saturate at the least
        table["precision"]["count"] = 2.0 ** (integer - draw(st.integers(0, 15)))
    keys = st.sampled_from(["kernel", "bias", "batchnorm", "activation"])
    names = st.sampled_from([name for name in Configuration.parse(table).network.layer_names if name != "output"])
    if table["network"]["units"] or table["network"]["filters"]:
        table["precision"]["layers"] = draw(st.dictionaries(names, st.dictionaries(keys, format)))
    return Configuration.parse(table)


def as_fraction(network: IntegerNetwork, code: int) -> Fraction:
    return code * Fraction(2) ** -network.output.fraction


@settings(max_examples=30, deadline=None)
@given(configurations(st.one_of(formats, narrow)), st.integers(0, 100), st.sampled_from([0.3, 1.0, 30.0]))
def test_integers_equal_rational_arithmetic(network: Configuration, seed: int, spread: float) -> None:
    weights = random_weights(network, IMAGE, seed, spread)
    images = random_images(3, IMAGE, seed)
    integers = integer_network(network, weights, IMAGE)
    found = [as_fraction(integers, int(code)) for code in evaluate(integers, images)]
    assert found == [reference(network, weights, image) for image in images]


@settings(max_examples=30, deadline=None)
@given(configurations(formats), st.integers(0, 100))
def test_every_layer_stays_inside_its_bounds(network: Configuration, seed: int) -> None:
    integers = integer_network(network, random_weights(network, IMAGE, seed, 3.0), IMAGE)
    images = random_images(50, IMAGE, seed, highest=4095)
    images[0] = 65535
    found = evaluate_layers(integers, images)
    for layer in integers:
        values = found[layer.name]
        assert (values >= layer.outputs.low).all()
        assert (values <= layer.outputs.high).all()


def test_bounds_are_reached_by_some_image() -> None:
    network = configuration("(5,1)", filters=[], kernels=[], pools=[], units=[])
    integers = integer_network(network, random_weights(network, (2, 2, 1), spread=2.0), (2, 2, 1))
    corners = np.array(list(np.ndindex(2, 2, 2, 2)), np.uint16).reshape(-1, 2, 2, 1) * 1023
    codes = evaluate(integers, corners)
    assert (codes.min(), codes.max()) == (integers.output.lowest, integers.output.highest)


@settings(max_examples=8, deadline=None)
@given(configurations(narrow), st.integers(0, 100))
def test_the_training_graph_agrees_where_float32_is_exact(network: Configuration, seed: int) -> None:
    weights = random_weights(network, IMAGE, seed)
    images = random_images(64, IMAGE, seed)
    integers = integer_network(network, weights, IMAGE)
    assume(all(max(layer.sums.width, layer.normalised.width) <= 22 for layer in integers))
    exact = scores_of(integers, evaluate(integers, images))
    assert disagreement(score(network, weights, images), exact).differing == 0


@pytest.mark.parametrize("seed", range(8))
def test_batch_norm_is_the_training_graphs_to_the_last_bit(seed: int) -> None:
    """With a kernel of zeros the score is `bias · factor + term`, so the graph itself tells both."""
    network = configuration("(25,2)", filters=[], kernels=[], pools=[], units=[], batch_norm="all")
    image = (1, 1, 1)
    weights = random_weights(network, image, seed)
    weights["output.kernel"] *= 0
    weights["output.bias"] *= 0
    nothing = np.zeros((1, *image), np.uint16)
    integers = integer_network(network, weights, image)
    assert scores_of(integers, evaluate(integers, nothing))[0] == score(network, weights, nothing)[0]
    weights |= {"output.bias": np.ones(1, np.float32), "output.shift": np.zeros(1, np.float32)}
    weights["output.mean"] *= 0
    integers = integer_network(network, weights, image)
    assert scores_of(integers, evaluate(integers, nothing))[0] == score(network, weights, nothing)[0]


@pytest.mark.parametrize("type", [np.uint8, np.uint16, np.uint32, np.uint64])
def test_pixels_saturate_whatever_their_type(type: Any) -> None:
    network = configuration({"conv": "(6,1)", "dense": "(6,1)", "activation": "(6,2)", "input": "(6,2)"})
    integers = integer_network(network, random_weights(network, (8, 8, 1)), (8, 8, 1))
    images = random_images(20, (8, 8, 1), highest=100).astype(type)
    saturated = np.minimum(images, type(63))
    assert (images != saturated).any()
    assert evaluate(integers, images).tolist() == evaluate(integers, saturated).tolist()


def test_thresholds_in_integers_decide_as_the_scores_do() -> None:
    network = configuration("(6,1)")
    integers = integer_network(network, random_weights(network, (8, 8, 1)), (8, 8, 1))
    codes = evaluate(integers, random_images(300, (8, 8, 1)))
    scores = scores_of(integers, codes)
    for threshold in [*scores[:50], *(scores[:50] + integers.lsb / 3), -1e-9, 0.1]:
        assert ((codes > integers.threshold_code(threshold)) == (scores > threshold)).all()


def test_no_images_are_no_logits() -> None:
    network = configuration()
    integers = integer_network(network, random_weights(network, IMAGE), IMAGE)
    assert evaluate(integers, np.zeros((0, *IMAGE), np.uint8)).shape == (0,)


@pytest.mark.parametrize("part", ["conv", "dense", "batchnorm", "activation"])
def test_float_is_refused(part: str) -> None:
    network = configuration(batch_norm="hidden").with_settings({f"precision.{part}": "float"})
    with pytest.raises(FirmwareError, match=rf"precision\.{part} is float"):
        integer_network(network, random_weights(network, IMAGE), IMAGE)


def test_float_is_allowed_where_nothing_uses_it() -> None:
    network = configuration(filters=[], kernels=[], pools=[]).with_settings(
        {"precision.conv": "float", "precision.batchnorm": "float"}
    )
    integer_network(network, random_weights(network, IMAGE), IMAGE)


def test_missing_misshapen_and_diverged_weights_are_refused() -> None:
    network = configuration()
    weights = random_weights(network, IMAGE)
    kernel = weights["conv0.kernel"]
    for broken, words in [(kernel[..., :1], "shape"), (np.full_like(kernel, np.nan), "diverged")]:
        with pytest.raises(FirmwareError, match=words):
            integer_network(network, weights | {"conv0.kernel": broken}, IMAGE)
    del weights["output.bias"]
    with pytest.raises(FirmwareError, match=r"output\.bias has shape None"):
        integer_network(network, weights, IMAGE)


def test_images_of_another_kind_are_refused() -> None:
    network = configuration()
    integers = integer_network(network, random_weights(network, IMAGE), IMAGE)
    for images in (np.zeros((2, 5, 6, 2), np.uint16), np.zeros((2, *IMAGE), np.int16)):
        with pytest.raises(FirmwareError, match="needed are unsigned integers"):
            evaluate(integers, images)  # type: ignore[arg-type]


def test_disagreement_counts_scores_and_decisions() -> None:
    graph, exact = np.array([0.5, 1.0, -0.25], np.float32), np.array([0.5, 0.75, -0.25])
    found = disagreement(graph, exact, [0.0, 0.8])
    assert (found.events, found.differing, found.largest, found.changed) == (3, 1, 0.25, (0, 1))
