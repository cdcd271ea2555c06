"""Batch norm's moments and their gradients against float64, on values that lie far from zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from narrowgate import native
from narrowgate.network import Convolution
from narrowgate.network._batch_norm import batch_moments
from narrowgate.network._convolution import pooled_with_moments

PEDESTALS = [(0.0, 1.0), (9.0, 0.03), (-900.0, 2.0), (900.0, 0.3), (4000.0, 0.4), (60000.0, 8.0), (1e-3, 1e-7)]
"""Mean and spread: up to 10 000 spreads from zero."""

ways = pytest.mark.parametrize(
    "is_native",
    [False, pytest.param(True, marks=pytest.mark.skipif(not native.available(), reason=native.why_not() or "none"))],
    ids=["xla", "native"],
)


def gradients(values: NDArray[np.float64], of_mean: float, of_variance: float) -> NDArray[np.float64]:
    """Of a × mean + b × variance, for values of one channel: a / n + 2 b (x − mean) / n."""
    return np.asarray((of_mean + 2 * of_variance * (values - values.mean())) / values.size)


@pytest.mark.parametrize(("mean", "spread"), PEDESTALS)
@pytest.mark.parametrize("places", [(), (4, 5, 3)])
def test_moments_of_any_layer(mean: float, spread: float, places: tuple[int, ...]) -> None:
    generator = np.random.default_rng(4)
    values = (mean + spread * generator.standard_normal((2, *places, 256))).astype(np.float32)
    values[1] *= 0.5
    (means, variances), backward = jax.vjp(lambda values: batch_moments(values, 0), jnp.asarray(values))
    exact = values.astype(np.float64).reshape(2, -1)
    np.testing.assert_allclose(means, exact.mean(1), rtol=1e-6, atol=1e-2 * spread)
    np.testing.assert_allclose(variances, exact.var(1), rtol=1e-3)
    (found,) = backward((jnp.asarray([1.0, -3.0]) / spread, jnp.asarray([2.0, 5.0]) / spread**2))
    for channel, (of_mean, of_variance) in enumerate([(1.0, 2.0), (-3.0, 5.0)]):
        expected = gradients(exact[channel], of_mean / spread, of_variance / spread**2)
        np.testing.assert_allclose(found[channel].ravel(), expected, rtol=0, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize("outlier", [1e3, 1e6])
def test_one_value_far_from_all_others(outlier: float) -> None:
    """Wherever it is, at the place that gives the shift or elsewhere."""
    for place in range(6):
        values = np.full((1, 6, 256), 0.25, np.float32)
        values[0, place, 0] = outlier
        exact = values.astype(np.float64)
        mean, variance = batch_moments(jnp.asarray(values), 0)
        np.testing.assert_allclose(mean[0], exact.mean(), rtol=1e-3)
        np.testing.assert_allclose(variance[0], exact.var(), rtol=1e-3)


def test_values_that_are_all_equal_have_no_variance() -> None:
    for value in (0.0, 0.1, 12345.678):
        mean, variance = batch_moments(jnp.full((1, 30, 256), value, jnp.float32), 0)
        np.testing.assert_allclose(mean[0], np.float32(value), rtol=1e-6)
        assert 0 <= float(variance[0]) <= (1e-6 * value) ** 2


@ways
@pytest.mark.parametrize(("mean", "spread"), PEDESTALS)
def test_moments_of_a_convolution(mean: float, spread: float, is_native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels that look at one pixel, so that the border of zeros adds no spread of its own; the image's is 8 × 6."""
    if not is_native:
        monkeypatch.setattr(native, "available", lambda: False)
    generator = np.random.default_rng(5)
    images = (mean + spread * generator.standard_normal((1, 8, 6, 256))).astype(np.float32)
    kernel = np.zeros((3, 3, 1, 2), np.float32)
    kernel[1, 1, 0] = 1.0, 0.5
    layer = Convolution("conv0", 6, 8, 1, 2, kernel=3, pool=2, batch_norm=True)

    def moments(images: jax.Array, kernel: jax.Array) -> tuple[jax.Array, jax.Array]:
        return pooled_with_moments(images, kernel, layer)[1]

    (means, variances), backward = jax.vjp(moments, jnp.asarray(images), jnp.asarray(kernel))
    exact = images[0].astype(np.float64)
    np.testing.assert_allclose(means, [exact.mean(), 0.5 * exact.mean()], rtol=1e-6, atol=1e-2 * spread)
    np.testing.assert_allclose(variances, [exact.var(), 0.25 * exact.var()], rtol=1e-3)
    of_images, of_kernel = backward((jnp.asarray([0.25, -3.0]) / spread, jnp.asarray([2.0, 5.0]) / spread**2))
    shares = [
        gradients(exact, 0.25 / spread, 2 / spread**2),
        gradients(0.5 * exact, -3 / spread, 5 / spread**2),
    ]
    expected = shares[0] + 0.5 * shares[1]
    np.testing.assert_allclose(of_images[0], expected, rtol=0, atol=2e-3 * np.abs(expected).max())
    padded = np.pad(exact, ((1, 1), (1, 1), (0, 0)))
    for filter, share in enumerate(shares):
        taps = [[(share * padded[right : right + 8, down : down + 6]).sum() for right in range(3)] for down in range(3)]
        np.testing.assert_allclose(of_kernel[:, :, 0, filter], taps, rtol=5e-3, atol=1e-4 * np.abs(taps).max())
