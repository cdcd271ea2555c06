from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from narrowgate.fixedpoint import Format, from_codes, to_codes
from narrowgate.network import (
    Configuration,
    Numerics,
    events_last,
    initial_statistics,
    initial_weights,
    layers,
    numerics,
    scores,
    training_scores,
)
from narrowgate.network._batch_norm import fold
from narrowgate.network._convolution import convolve_directly

IMAGE = (8, 6, 1)


def network(**tables: dict[str, Any]) -> Any:
    configuration = Configuration.parse(tables).for_counts(10)
    found = layers(configuration.network, IMAGE)
    weights = initial_weights(found, 3)
    return found, numerics(configuration.precision, configuration.network), weights, initial_statistics(found)


def event_images(events: int) -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, 1024, (events, *IMAGE)).astype(np.uint16)


def some_images(events: int = 20) -> jax.Array:
    return jnp.asarray(events_last(event_images(events)))


def on_grid(values: NDArray[Any], format: Format) -> NDArray[np.float64]:
    return from_codes(to_codes(np.asarray(values, np.float64), format), format)


@pytest.mark.parametrize("events", [20, 32])  # left to XLA, and to the room `native`
def test_scores_equal_a_plain_float64_evaluation(events: int) -> None:
    """Small formats: every sum is exact in float32, so the two must agree to the last bit."""
    weight, activation = Format(6, 1), Format(8, 3, signed=False)
    table = {"conv": "(6,1)", "dense": "(6,1)", "activation": "(8,3)", "input": "(10,4)"}
    found, data, weights, statistics = network(network={"filters": [2], "units": [5]}, precision=table)
    images = event_images(events)

    kernel, bias = on_grid(weights["conv0.kernel"], weight), on_grid(weights["conv0.bias"], weight)
    padded = np.pad(images[..., 0] * 2.0**-6, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    outputs = np.einsum("erckl,klf->ercf", windows, kernel[:, :, 0]) + bias
    pooled = outputs.reshape(len(images), 4, 2, 3, 2, 2).max(axis=(2, 4))
    values = on_grid(pooled, activation).reshape(len(images), -1)
    values = on_grid(
        values @ on_grid(weights["dense0.kernel"], weight) + on_grid(weights["dense0.bias"], weight), activation
    )
    expected = values @ on_grid(weights["output.kernel"], weight) + on_grid(weights["output.bias"], weight)

    scored = scores(found, data, weights, statistics, some_images(events))
    np.testing.assert_array_equal(scored, expected[:, 0])
    assert len(np.unique(expected)) > 5


def test_formats_are_data() -> None:
    """One compiled program serves every bit-width, dropout rate and float."""
    found, _, weights, statistics = network()
    images = some_images()
    traced = []

    @jax.jit
    def compiled(data: Numerics) -> jax.Array:
        traced.append(data)
        return scores(found, data, weights, statistics, images)

    results = []
    for conv in ("float", "(12,2)", "(4,1)"):
        configuration = Configuration.parse({"precision": {"conv": conv}, "network": {"dropout": 0.1}}).for_counts(10)
        results.append(np.asarray(compiled(numerics(configuration.precision, configuration.network))))
    assert len(traced) == 1
    assert not np.array_equal(results[0], results[2])
    np.testing.assert_allclose(results[0], results[1], atol=0.5)


def test_pixels_beyond_the_input_format_saturate() -> None:
    found, data, weights, statistics = network(precision={"input": "(4,4)"})
    images = some_images()
    np.testing.assert_array_equal(
        scores(found, data, weights, statistics, images),
        scores(found, data, weights, statistics, jnp.minimum(images, 15)),
    )


def test_a_coarser_input_drops_the_lower_bits_of_a_count() -> None:
    """A count worth 1/64 in steps of 1/4: four bits are cut off, and 63 steps are the most."""
    found, data, weights, statistics = network(precision={"input": "(6,4)", "count": 2.0**-6})
    _, fine, _, _ = network(precision={"input": "(10,4)"})
    images = some_images()
    cut = jnp.minimum(images // 16, 63) * 16
    assert not np.array_equal(images, cut)
    np.testing.assert_array_equal(
        scores(found, data, weights, statistics, images), scores(found, fine, weights, statistics, cut)
    )


def test_a_step_finer_than_a_count_changes_nothing_but_the_range() -> None:
    found, data, weights, statistics = network(precision={"input": "(10,2)", "count": 2.0**-6})
    _, usual, _, _ = network(precision={"input": "(10,4)"})
    images = some_images()
    np.testing.assert_array_equal(
        scores(found, data, weights, statistics, images // 4), scores(found, usual, weights, statistics, images // 4)
    )
    highest = scores(found, data, weights, statistics, jnp.full_like(images, 256))
    np.testing.assert_array_equal(scores(found, data, weights, statistics, jnp.full_like(images, 1023)), highest)


@pytest.mark.parametrize("batch_norm", ["off", "all"])
def test_every_tensor_has_its_own_format(batch_norm: str) -> None:
    """Changing one tensor's format is rounding that tensor alone beforehand, where all else is float."""
    table: dict[str, Any] = {"filters": [2, 3], "units": [5], "batch_norm": batch_norm, "kernels": 3, "pools": [2, 1]}
    found, plain, weights, statistics = network(network=table)
    weights = {name: values + 0.1 for name, values in weights.items()}
    images = some_images()
    for layer in ("conv0", "conv1", "dense0", "output"):
        for tensor in ("kernel", "bias"):
            _, data, _, _ = network(network=table, precision={"layers": {layer: {tensor: "(4,0)"}}})
            name = f"{layer}.{tensor}"
            rounded = weights | {name: on_grid(weights[name], Format(4, 0)).astype(np.float32)}
            np.testing.assert_array_equal(
                scores(found, data, weights, statistics, images), scores(found, plain, rounded, statistics, images)
            )
            assert not np.array_equal(rounded[name], weights[name])


def test_a_layer_may_have_its_own_activation_and_batch_norm() -> None:
    table: dict[str, Any] = {"filters": [2, 3], "units": [5], "batch_norm": "all"}
    group = {"activation": "(6,2)", "batchnorm": "(8,3)"}
    found, data, weights, statistics = network(network=table, precision=group)
    _, same, _, _ = network(network=table, precision=group | {"layers": {"conv0": group}})
    images = some_images() // 64
    weights = {name: values * 1.3 + 0.1 for name, values in weights.items()}
    base = np.asarray(scores(found, data, weights, statistics, images))
    np.testing.assert_array_equal(scores(found, same, weights, statistics, images), base)
    for layer, own in (("conv1", {"activation": "(3,2)"}), ("dense0", {"batchnorm": "(3,1)"})):
        _, other, _, _ = network(network=table, precision=group | {"layers": {layer: own}})
        assert not np.array_equal(scores(found, other, weights, statistics, images), base)


def test_linear_activation_keeps_negative_values() -> None:
    """Without a ReLU and in float the network is linear but for pooling; with pool 1 it is linear."""
    table = {"activation": "linear", "pools": 1}
    found, data, weights, statistics = network(network=table)
    images = some_images(4) // 4
    one, two = images[..., :2], images[..., 2:]
    empty = scores(found, data, weights, statistics, jnp.zeros_like(one))
    summed = scores(found, data, weights, statistics, one + two)
    apart = scores(found, data, weights, statistics, one) + scores(found, data, weights, statistics, two)
    np.testing.assert_allclose(summed, apart - empty, atol=1e-3)


@pytest.mark.parametrize("where", ["hidden", "all"])
def test_batch_norm_trains_on_the_batch_and_scores_on_moving_moments(where: str) -> None:
    found, data, weights, statistics = network(network={"filters": [2], "batch_norm": where})
    images = some_images(200)
    trained, after = training_scores(found, data, weights, statistics, images, None)
    if where == "all":
        assert abs(float(jnp.mean(trained))) < 1e-4
        assert float(jnp.std(trained)) == pytest.approx(1.0, abs=0.02)
    step = jax.jit(lambda statistics: training_scores(found, data, weights, statistics, images, None)[1])
    for _ in range(1500):
        after = step(after)
    scored = scores(found, data, weights, after, images)
    np.testing.assert_allclose(scored, trained, atol=2e-3)


def test_batch_norm_is_a_quantised_multiply_add() -> None:
    """On the output layer: score = s·x + t with s and t on the batchnorm format's grid."""
    format = Format(6, 2)
    plain = network(network={"filters": [2], "units": [3]})
    found, data, weights, statistics = network(
        network={"filters": [2], "units": [3], "batch_norm": "all"}, precision={"batchnorm": "(6,2)"}
    )
    weights = {name: plain[2].get(name, value) for name, value in weights.items()}
    statistics = dict(statistics) | {"output.mean": jnp.array([0.7]), "output.variance": jnp.array([0.4])}
    only_output = {
        name: (jnp.full_like(value, 1.0) if name.endswith("variance") else jnp.zeros_like(value))
        for name, value in statistics.items()
        if not name.startswith("output")
    }
    statistics |= only_output
    images = some_images()
    factor = on_grid(np.array([1 / np.sqrt(0.4 + 1e-3)]), format)
    term = on_grid(-0.7 * factor, format)
    # Hidden layers' batch norm with mean 0 and variance 1 is s = 1/√1.001 → 1 on the grid, t = 0: the identity.
    expected = np.asarray(scores(plain[0], plain[1], plain[2], plain[3], images), np.float64) * factor + term
    found_scores = np.asarray(scores(found, data, weights, statistics, images), np.float64)
    np.testing.assert_allclose(found_scores, expected, rtol=1e-5, atol=1e-5)


def test_pooling_before_batch_norm_is_exact_for_either_sign() -> None:
    """One convolution and the output layer: pooled first, as the member does it, or last, as one would write it."""
    found, data, weights, _ = network(
        network={"filters": [4], "units": [], "batch_norm": "hidden"}, precision={"batchnorm": "(8,2)"}
    )
    scale, shift = jnp.array([1.3, -0.8, 0.0, -1e-6]), jnp.array([0.1, -0.2, 0.3, 0.4])
    mean, variance = jnp.array([0.2, -0.3, 0.1, 0.5]), jnp.array([0.5, 0.1, 2.0, 0.3])
    weights = weights | {"conv0.scale": scale, "conv0.shift": shift, "conv0.bias": jnp.array([0.1, 0.2, -0.3, 0.0])}
    images = some_images()
    products = convolve_directly(images * data.count_worth, weights["conv0.kernel"])
    products = jnp.transpose(products, (3, 2, 1, 0)) + weights["conv0.bias"]
    factor, term = fold(scale, shift, mean, variance, data.layers["conv0"].batchnorm)
    outputs = np.asarray(jnp.maximum(products * factor + term, 0))
    values = outputs.reshape(len(outputs), 4, 2, 3, 2, 4).max(axis=(2, 4)).reshape(len(outputs), -1)
    expected = values @ np.asarray(weights["output.kernel"]) + np.asarray(weights["output.bias"])
    scored = scores(found, data, weights, {"conv0.mean": mean, "conv0.variance": variance}, images)
    np.testing.assert_allclose(np.asarray(scored), expected[:, 0], rtol=1e-5, atol=1e-5)


def test_dropout_keeps_the_mean_and_the_stated_share() -> None:
    table = {"filters": [1], "kernels": 1, "pools": 1, "units": [], "dropout": 0.25}
    found, data, weights, statistics = network(network=table)
    weights = {name: jnp.ones_like(value) if "kernel" in name else value for name, value in weights.items()}
    images = jnp.full((*IMAGE[::-1], 500), 64, jnp.uint16)
    without = scores(found, data, weights, statistics, images)
    dropped, _ = training_scores(found, data, weights, statistics, images, jax.random.key(0))
    assert float(without[0]) == 48.0
    assert float(jnp.mean(dropped)) == pytest.approx(48.0, abs=4 * 4.0 / 500**0.5)
    kept = np.asarray(dropped) * 0.75 / 48
    assert np.allclose(kept * 48, np.round(kept * 48), atol=1e-3)
    assert kept.mean() == pytest.approx(0.75, abs=0.02)


def test_initial_weights_depend_on_the_seed_alone() -> None:
    found, *_ = network()
    one, again, other = (initial_weights(found, seed) for seed in (1, 1, 2))
    for name, value in one.items():
        np.testing.assert_array_equal(value, again[name])
    assert not np.array_equal(one["conv0.kernel"], other["conv0.kernel"])
    bound = (6 / (9 * (1 + 4))) ** 0.5
    assert float(jnp.abs(one["conv0.kernel"]).max()) <= bound


def test_products_keep_every_bit_on_accelerators() -> None:
    """GPUs round the factors of a float32 product to 11 bits unless they are told not to; (12,2) needs 12."""
    found, data, weights, statistics = network(
        network={"filters": [2, 2], "kernels": [3, 5], "pools": [2, 1], "batch_norm": "hidden"}
    )

    def total(weights: Any) -> Any:
        return jnp.sum(training_scores(found, data, weights, statistics, some_images(), None)[0])

    program = str(jax.make_jaxpr(jax.grad(total))(weights))
    products = program.count("dot_general[") + program.count("conv_general_dilated[")
    assert products > 10
    assert program.count("precision=(Precision.HIGHEST, Precision.HIGHEST)") == products
