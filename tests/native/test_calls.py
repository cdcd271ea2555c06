"""The room's functions against what XLA makes of the same arrays: whole numbers, so that every sum is exact.

All of it once for every instruction set that the processor has: each has other vectors and other groups of filters.
"""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.extend.random import threefry_2x32

from narrowgate import native
from narrowgate.native import _build, _calls
from narrowgate.network import Convolution
from narrowgate.network._convolution import convolve, largest

pytestmark = pytest.mark.skipif(not native.available(), reason=native.why_not() or "available")

Result = tuple[jax.Array, jax.Array]

LEVELS = ["", "x86-64-v3", *(pytest.param(level, marks=pytest.mark.slow) for level in ("x86-64-v2", "x86-64-v4"))]
"""As `NARROWGATE_MARCH` calls them; the first is all that this processor has."""


@pytest.fixture(scope="module", params=LEVELS, autouse=True)
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    """The room's functions, compiled for this one: in the user's cache, so that it is done once."""
    level: str = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(native.CHOICE, level)
        try:
            compiled = _build.library()
        except native.BuildError as error:
            pytest.skip(str(error))
        lanes = _calls.register(compiled, f" {level}")
        patch.setattr(_calls, "ENDING", f" {level}")
        patch.setattr(native, "events_at_a_time", lambda: lanes)
        yield level


def test_as_many_events_at_a_time_as_a_register_holds(instruction_set: str) -> None:
    """Registers of 128, 256 and 512 bits hold 4, 8 and 16 float32."""
    expected = {"x86-64-v2": 4, "x86-64-v3": 8, "x86-64-v4": 16, "arm64": 4, "arm64 SVE": 4}
    assert native.events_at_a_time() == expected[native.instruction_set()]


def by_xla(layer: Convolution, shift: jax.Array) -> Callable[[jax.Array, jax.Array], Result]:
    def pooled_with_sums(images: jax.Array, kernel: jax.Array) -> Result:
        outputs = convolve(images, kernel, layer)
        away = outputs - shift[:, None, None, None]
        return largest(outputs), jnp.stack([shift, *(jnp.sum(power, axis=(0, 2, 3, 4)) for power in (away, away**2))])

    return pooled_with_sums


def whole_numbers(generator: np.random.Generator, shape: tuple[int, ...], most: int) -> jax.Array:
    return jnp.asarray(generator.integers(-most, most + 1, shape).astype(np.float32))


sizes = st.tuples(
    st.integers(1, 5), st.sampled_from([2, 4, 6, 12]), st.sampled_from([2, 4, 10]), st.integers(1, 9)
)  # channels, columns, rows, filters: all the ways in which filters are taken together


@settings(max_examples=5)
@given(size=sizes, tiles=st.integers(1, 3), seed=st.integers(0, 2**32 - 1), most=st.sampled_from([1, 3]))
def test_outputs_sums_and_gradients_are_those_of_xla(
    size: tuple[int, int, int, int], tiles: int, seed: int, most: int
) -> None:
    """Small numbers, so that many outputs of a pool are equal: the gradient goes to the first of them in both."""
    channels, columns, rows, filters = size
    generator = np.random.default_rng(seed)
    images = whole_numbers(generator, (channels, columns, rows, tiles * native.events_at_a_time()), most)
    kernel = whole_numbers(generator, (3, 3, channels, filters), most)
    layer = Convolution("conv0", rows, columns, channels, filters, kernel=3, pool=2, batch_norm=True)
    found, backward = jax.vjp(lambda images, kernel: native.pooled_with_sums(images, kernel, False), images, kernel)
    shift = found[1][0]
    expected, expected_backward = jax.vjp(by_xla(layer, shift), images, kernel)
    outputs = np.asarray(convolve(images, kernel, layer))
    assert all(shift[filter] in outputs[:, filter] for filter in range(filters))
    alone, alone_backward = jax.vjp(lambda images, kernel: native.pooled(images, kernel, False), images, kernel)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(alone, expected[0])
    np.testing.assert_array_equal(native.pooled(images, kernel, False), expected[0])  # nothing kept for a gradient
    of_pooled = whole_numbers(generator, expected[0].shape, 3)
    for of_sums in (jnp.zeros((3, filters)), whole_numbers(generator, (3, filters), 1)):
        for one, other in zip(backward((of_pooled, of_sums)), expected_backward((of_pooled, of_sums)), strict=True):
            np.testing.assert_array_equal(one, other)
    for one, other in zip(
        alone_backward(of_pooled), expected_backward((of_pooled, jnp.zeros((3, filters)))), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def case(filters: int = 3) -> tuple[jax.Array, jax.Array]:
    generator = np.random.default_rng(3)
    return whole_numbers(generator, (2, 6, 4, 32), 5), whole_numbers(generator, (3, 3, 2, filters), 5)


def test_the_first_layer_spares_itself_its_images_gradient() -> None:
    images, kernel = case()

    def total(images: jax.Array, kernel: jax.Array, first: bool) -> jax.Array:
        found, sums = native.pooled_with_sums(images, kernel, first)
        return jnp.sum(found**2) + jnp.sum(sums)

    of_images, of_kernel = jax.grad(total, (0, 1))(images, kernel, True)
    _, expected = jax.grad(total, (0, 1))(images, kernel, False)
    np.testing.assert_array_equal(of_images, jnp.zeros_like(images))
    np.testing.assert_array_equal(of_kernel, expected)


def test_members_side_by_side_equal_each_alone() -> None:
    images, kernel = case()
    kernels = jnp.stack([kernel, -kernel, 2 * kernel])

    gradient = jax.grad(lambda kernel: jnp.sum(native.pooled(images, kernel, True) ** 2))
    np.testing.assert_array_equal(jax.vmap(gradient)(kernels), jnp.stack([gradient(one) for one in kernels]))


def test_what_is_not_a_number_stays_one() -> None:
    """A member that diverged must not look as if it had not."""
    images, kernel = case(filters=2)
    found = np.asarray(native.pooled(images, kernel.at[1, 1, 0, 1].set(jnp.nan), False))
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize("pixel", [np.uint8, np.uint16, np.uint32])
def test_gathered_images_have_events_last(pixel: type[np.unsignedinteger]) -> None:
    generator = np.random.default_rng(5)
    images = generator.integers(0, min(np.iinfo(pixel).max, 2**24), (40, 4, 6, 3)).astype(pixel)
    numbers = generator.integers(0, 40, 32).astype(np.int32)
    found = native.gathered(jnp.asarray(images), jnp.asarray(numbers))
    np.testing.assert_array_equal(found, images[numbers].transpose(3, 2, 1, 0).astype(np.float32))


@pytest.mark.parametrize("count", [32, 64, 9600])
def test_random_words_are_those_of_jax(count: int) -> None:
    for seed in (0, 1, 2**31 - 1):
        key = jax.random.key_data(jax.random.key(seed))
        expected = threefry_2x32(key, jnp.arange(count, dtype=jnp.uint32))
        np.testing.assert_array_equal(native.random_words(key, count), expected)
