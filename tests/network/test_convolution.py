from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d

from narrowgate.network import Convolution
from narrowgate.network._convolution import convolve, convolve_directly, group_pools, largest


def random_case(
    seed: int, rows: int, columns: int, channels: int, filters: int, size: int
) -> tuple[jax.Array, jax.Array]:
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(3, rows, columns, channels)).astype(np.float32)
    kernel = generator.normal(size=(size, size, channels, filters)).astype(np.float32)
    return jnp.asarray(images), jnp.asarray(kernel)


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.sampled_from([2, 4, 10, 20]),
    columns=st.sampled_from([2, 6, 12]),
    channels=st.integers(1, 4),
    filters=st.integers(1, 5),
)
def test_patches_equal_the_general_path(seed: int, rows: int, columns: int, channels: int, filters: int) -> None:
    images, kernel = random_case(seed, rows, columns, channels, filters, 3)
    layer = Convolution("conv0", rows, columns, channels, filters, kernel=3, pool=2, batch_norm=False)
    assert layer.as_patches
    fast = convolve(images, kernel, layer)
    general = group_pools(convolve_directly(images, kernel), 2).reshape(fast.shape)
    np.testing.assert_allclose(fast, general, rtol=0, atol=1e-5 * channels)


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
    outputs = jnp.arange(2 * 5 * 7 * 1, dtype=jnp.float32).reshape(2, 5, 7, 1)
    found = largest(group_pools(outputs, 2).reshape(2, 2, 3, 4, 1))
    expected = np.asarray(outputs)[:, :4, :6].reshape(2, 2, 2, 3, 2, 1).max(axis=(2, 4))
    np.testing.assert_array_equal(found, expected)


def test_gradients_agree_and_ties_are_not_split() -> None:
    images, kernel = random_case(1, 6, 4, 2, 3, 3)
    layer = Convolution("conv0", 6, 4, 2, 3, kernel=3, pool=2, batch_norm=False)
    general = replace(layer, kernel=3, pool=2)

    def fast_sum(kernel: jax.Array) -> jax.Array:
        return jnp.sum(largest(convolve(images, kernel, layer)) ** 2)

    def general_sum(kernel: jax.Array) -> jax.Array:
        grouped = group_pools(convolve_directly(images, kernel), general.pool)
        return jnp.sum(largest(grouped.reshape(3, 3, 2, 4, 3)) ** 2)

    np.testing.assert_allclose(jax.grad(fast_sum)(kernel), jax.grad(general_sum)(kernel), rtol=1e-4)
    tie = jax.grad(lambda pool: largest(pool)[0, 0, 0, 0])(jnp.zeros((1, 1, 1, 4, 1)))
    np.testing.assert_array_equal(tie.ravel(), [1, 0, 0, 0])
