import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d

from narrowgate.network import Convolution
from narrowgate.network._convolution import (
    bands_of,
    convolve,
    convolve_directly,
    group_pools,
    largest,
    over_filters,
    over_lanes,
    side_by_side,
)


def random_case(
    seed: int, rows: int, columns: int, channels: int, filters: int, size: int
) -> tuple[jax.Array, jax.Array]:
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(3, rows, columns, channels)).astype(np.float32)
    kernel = generator.normal(size=(size, size, channels, filters)).astype(np.float32)
    return jnp.asarray(images), jnp.asarray(kernel)


def general(images: jax.Array, kernel: jax.Array, pool: int) -> jax.Array:
    """Convolved, pooled, as images; written down as plainly as can be."""
    outputs = convolve_directly(images, kernel)
    events, rows, columns, filters = outputs.shape
    return outputs.reshape(events, rows // pool, pool, columns // pool, pool, filters).max(axis=(2, 4))


def pooled(images: jax.Array, kernel: jax.Array, layer: Convolution) -> jax.Array:
    return side_by_side([largest(band) for band in convolve(images, kernel, layer)], layer)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.sampled_from([2, 4, 10, 20]),
    columns=st.sampled_from([2, 6, 12, 36]),
    channels=st.integers(1, 9),
    filters=st.integers(1, 5),
)
def test_bands_equal_the_general_path(seed: int, rows: int, columns: int, channels: int, filters: int) -> None:
    images, kernel = random_case(seed, rows, columns, channels, filters, 3)
    layer = Convolution("conv0", rows, columns, channels, filters, kernel=3, pool=2, batch_norm=False)
    assert layer.as_bands
    found = pooled(images, kernel, layer)
    np.testing.assert_allclose(found, general(images, kernel, 2), rtol=0, atol=1e-5 * channels)
    products = convolve(images, kernel, layer)
    both = group_pools(convolve_directly(images, kernel), 2)
    assert sum(band.size for band in products) == both.size
    np.testing.assert_allclose(sum(jnp.sum(jnp.square(band)) for band in products), jnp.sum(both**2), rtol=1e-4)


@given(columns=st.integers(1, 40), channels=st.integers(1, 32))
def test_bands_cover_every_pooled_column_once(columns: int, channels: int) -> None:
    layer = Convolution("conv0", 20, 2 * columns, channels, 4, kernel=3, pool=2, batch_norm=False)
    covered = [column for first, last in bands_of(layer) for column in range(first, last)]
    assert covered == list(range(columns))


@pytest.mark.parametrize("size", [1, 3, 5])
def test_general_path_is_a_same_correlation(size: int) -> None:
    images, kernel = random_case(size, 7, 5, 2, 3, size)
    found = convolve_directly(images, kernel)
    for event, output in np.ndindex(3, 3):
        expected = sum(
            correlate2d(np.asarray(images[event, :, :, c]), np.asarray(kernel[:, :, c, output]), mode="same")
            for c in range(2)
        )
        np.testing.assert_allclose(found[event, :, :, output], expected, atol=1e-5)


def test_pooling_drops_what_fills_no_pool() -> None:
    outputs = jnp.arange(2 * 5 * 7 * 3, dtype=jnp.float32).reshape(2, 5, 7, 3)
    found = largest(group_pools(outputs, 2)).reshape(2, 2, 3, 3)
    expected = np.asarray(outputs)[:, :4, :6].reshape(2, 2, 2, 3, 2, 3).max(axis=(2, 4))
    np.testing.assert_array_equal(found, expected)


def test_gradients_agree_and_ties_are_not_split() -> None:
    images, kernel = random_case(1, 6, 12, 5, 3, 3)
    layer = Convolution("conv0", 6, 12, 5, 3, kernel=3, pool=2, batch_norm=False)
    for argument in (0, 1):
        fast = jax.grad(lambda one, two: jnp.sum(pooled(one, two, layer) ** 2), argument)(images, kernel)
        plain = jax.grad(lambda one, two: jnp.sum(general(one, two, 2) ** 2), argument)(images, kernel)
        np.testing.assert_allclose(fast, plain, rtol=1e-3, atol=1e-3)
    tie = jax.grad(lambda pool: largest(pool)[0, 0])(jnp.zeros((1, 4, 1)))
    np.testing.assert_array_equal(tie.ravel(), [1, 0, 0, 0])


def test_lanes_repeat_and_sum_filters() -> None:
    vector = jnp.asarray([1.5, -(2.0**-20), 3e7])
    np.testing.assert_array_equal(over_lanes(vector, 6), np.tile(vector, 2))
    np.testing.assert_array_equal(over_filters(jnp.arange(6.0), 3), [3, 5, 7])
