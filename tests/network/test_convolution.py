import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d

from narrowgate.network import Convolution
from narrowgate.network._convolution import (
    convolve,
    convolve_directly,
    group_pools,
    largest,
    seen_by_pools,
)

EVENTS = 3


def random_case(
    seed: int, rows: int, columns: int, channels: int, filters: int, size: int
) -> tuple[jax.Array, jax.Array]:
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(channels, columns, rows, EVENTS)).astype(np.float32)
    kernel = generator.normal(size=(size, size, channels, filters)).astype(np.float32)
    return jnp.asarray(images), jnp.asarray(kernel)


def general(images: jax.Array, kernel: jax.Array, pool: int) -> jax.Array:
    """Convolved, pooled, as images; written down as plainly as can be."""
    outputs = convolve_directly(images, kernel)
    filters, columns, rows, events = outputs.shape
    return outputs.reshape(filters, columns // pool, pool, rows // pool, pool, events).max(axis=(2, 4))


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.sampled_from([2, 4, 10, 20]),
    columns=st.sampled_from([2, 6, 12, 36]),
    channels=st.integers(1, 9),
    filters=st.integers(1, 5),
)
def test_the_product_equals_the_general_path(seed: int, rows: int, columns: int, channels: int, filters: int) -> None:
    images, kernel = random_case(seed, rows, columns, channels, filters, 3)
    layer = Convolution("conv0", rows, columns, channels, filters, kernel=3, pool=2, batch_norm=False)
    assert layer.as_product
    found = convolve(images, kernel, layer)
    outputs = group_pools(convolve_directly(images, kernel), 2)
    np.testing.assert_allclose(found, outputs, rtol=0, atol=1e-5 * channels)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_general_path_is_a_same_correlation(size: int) -> None:
    images, kernel = random_case(size, 7, 5, 2, 3, size)
    found = convolve_directly(images, kernel)
    for event, output in np.ndindex(EVENTS, 3):
        expected = sum(
            correlate2d(np.asarray(images[c, :, :, event]).T, np.asarray(kernel[:, :, c, output]), mode="same")
            for c in range(2)
        )
        np.testing.assert_allclose(found[output, :, :, event].T, expected, atol=1e-5)


def test_pooling_drops_what_fills_no_pool() -> None:
    outputs = jnp.arange(3 * 7 * 5 * 2, dtype=jnp.float32).reshape(3, 7, 5, 2)
    found = largest(group_pools(outputs, 2))
    expected = np.asarray(outputs)[:, :6, :4].reshape(3, 3, 2, 2, 2, 2).max(axis=(2, 4))
    np.testing.assert_array_equal(found, expected)


def test_gradients_agree() -> None:
    images, kernel = random_case(1, 6, 12, 5, 3, 3)
    layer = Convolution("conv0", 6, 12, 5, 3, kernel=3, pool=2, batch_norm=False)
    for argument in (0, 1):
        fast = jax.grad(lambda one, two: jnp.sum(largest(convolve(one, two, layer)) ** 2), argument)(images, kernel)
        plain = jax.grad(lambda one, two: jnp.sum(general(one, two, 2) ** 2), argument)(images, kernel)
        np.testing.assert_allclose(fast, plain, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_pool_sees_its_own_and_one_on_either_side(axis: int) -> None:
    values = jnp.arange(1.0, 1 + 4 * 6).reshape(4, 6)
    found = np.moveaxis(np.asarray(seen_by_pools(values, axis)), axis + 1, 1)
    padded = np.pad(np.moveaxis(np.asarray(values), axis, 0), ((1, 1), (0, 0)))
    for pool in range(found.shape[1]):
        np.testing.assert_array_equal(found[:, pool], padded[2 * pool : 2 * pool + 4])
    weights = np.random.default_rng(1).integers(-9, 9, seen_by_pools(values, axis).shape)
    _, backward = jax.vjp(lambda values: seen_by_pools(values, axis), values)
    one_hot = jnp.eye(values.size).reshape(-1, *values.shape)
    by_hand = [jnp.sum(weights * seen_by_pools(one, axis)) for one in one_hot]
    np.testing.assert_array_equal(backward(jnp.asarray(weights, jnp.float32))[0].ravel(), by_hand)


def test_the_gradient_of_a_tie_goes_to_the_first() -> None:
    tie = jax.grad(lambda pool: largest(pool)[0])(jnp.zeros((4, 1)))
    np.testing.assert_array_equal(tie.ravel(), [1, 0, 0, 0])
