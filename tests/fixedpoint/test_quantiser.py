"""The JAX quantiser: its values against the exact integers, its gradients, and formats as data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowgate.fixedpoint import Format, FormatError, Grid, Outside, from_codes, grid, quantise, to_codes

formats = st.builds(Format, st.integers(1, 32), st.integers(-64, 64), st.booleans())
compiled = jax.jit(quantise)


def members(formats: list[Format | None], *, signed: bool = True) -> Grid:
    """The grids of several members, stacked along a first axis."""
    return Grid(
        *(jnp.stack(values) for values in zip(*(grid(format, signed=signed) for format in formats), strict=True))
    )


def sample(format: Format, seed: int) -> np.ndarray:
    """1 000 float32 values in and around the range, at all magnitudes, on the grid and exactly between its points."""
    draw = np.random.default_rng(seed)
    around = draw.uniform(-1.5, 1.5, 250) * 2.0**format.integer
    any_size = np.ldexp(draw.uniform(-1, 1, 250), draw.integers(-140, 127, 250))
    ties = np.ldexp(draw.integers(2 * format.code_min - 9, 2 * format.code_max + 9, 490), -format.fraction - 1)
    edges = [0.0, -0.0, np.inf, -np.inf, 1e-45, -1e-45, 3.4e38, -3.4e38, format.minimum, format.maximum]
    return np.concatenate([around, any_size, ties, edges]).astype(np.float32)


def test_the_example_of_qkeras() -> None:
    x = jnp.array([0.03125, -0.03125, 2.0, -2.5, 5.0])
    assert quantise(x, grid(Format(6, 1))).tolist() == [0.0, 0.0, 1.9375, -2.0, 1.9375]


@given(formats, st.integers(0, 2**32))
def test_values_equal_the_exact_integers(format: Format, seed: int) -> None:
    x = sample(format, seed)
    exact = from_codes(to_codes(x, format), format)
    expected = np.minimum(exact, float(grid(format).high))  # above 24 bits float32 lacks the maximum itself
    np.testing.assert_array_equal(np.asarray(compiled(x, grid(format)), np.float64), expected)


@given(formats)
def test_bounds_are_exact_or_the_largest_float_below(format: Format) -> None:
    lsb, low, high = (float(value) for value in grid(format))
    assert (lsb, low) == (format.lsb, format.minimum)
    if format.width <= (25 if format.signed else 24):
        assert high == format.maximum
    else:
        assert high <= format.maximum < float(np.nextafter(np.float32(high), np.float32(np.inf)))


def test_the_value_is_exact_where_the_usual_trick_is_not() -> None:
    x, quantised = jnp.float32(1e9), jnp.float32(1.9375)
    assert float(x + jax.lax.stop_gradient(quantised - x)) != 1.9375
    assert float(compiled(x, grid(Format(6, 1)))) == 1.9375


def test_nan_stays_and_infinities_saturate() -> None:
    x = jnp.array([jnp.nan, jnp.inf, -jnp.inf])
    np.testing.assert_array_equal(compiled(x, grid(Format(6, 1))), [np.nan, 1.9375, -2.0])
    np.testing.assert_array_equal(compiled(x, grid(None)), [np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(compiled(x, grid(None, signed=False)), [np.nan, np.inf, 0.0])


def test_float_changes_nothing_but_the_sign() -> None:
    x = jax.random.normal(jax.random.key(0), (1000,)) * 1e3
    np.testing.assert_array_equal(compiled(x, grid(None)), x)
    np.testing.assert_array_equal(compiled(x, grid(None, signed=False)), jax.nn.relu(x))


def test_float_and_fixed_members_share_one_program() -> None:
    traces = []

    @jax.jit
    def population(x: jax.Array, grids: Grid) -> jax.Array:
        traces.append(grids)
        return jax.vmap(quantise, in_axes=(None, 0))(x, grids)

    values = sample(Format(12, 2), 0)
    normal = np.abs(values) >= np.finfo(np.float32).tiny  # XLA may flush the subnormals of a float member to zero
    x = jnp.asarray(values[normal])
    together = population(x, members([Format(12, 2), None, Format(6, 1)]))
    population(x, members([None, Format(32, -5), Format(3, 7)]))
    assert len(traces) == 1
    for of_member, format in zip(together, [Format(12, 2), None, Format(6, 1)], strict=True):
        np.testing.assert_array_equal(of_member, quantise(x, grid(format)))


@pytest.mark.parametrize(("outside", "expected"), [("pass", [1, 1, 1, 1, 1, 1, 1]), ("zero", [0, 0, 1, 1, 1, 0, 0])])
@pytest.mark.parametrize("signed", [True, False])
def test_gradient_with_inclusive_bounds(outside: Outside, expected: list[int], signed: bool) -> None:
    format = Format(6, 1, signed)
    low, high = format.minimum, format.maximum
    x = jnp.array([-jnp.inf, low - 0.01, low, 0.51, high, high + 0.01, jnp.inf])
    slope = jax.vmap(jax.grad(lambda value: quantise(value, grid(format), outside=outside)))(x)
    assert slope.tolist() == expected


def test_gradient_of_float() -> None:
    x = jnp.array([-3.0, -0.1, 0.1, 3.0])
    for signed, outside, expected in [(True, "zero", [1, 1, 1, 1]), (False, "zero", [0, 0, 1, 1])]:
        slope = jax.vmap(jax.grad(lambda v, s=signed, o=outside: quantise(v, grid(None, signed=s), outside=o)))(x)
        assert slope.tolist() == expected


def test_no_gradient_with_respect_to_the_grid() -> None:
    slopes = jax.grad(lambda bounds: quantise(jnp.float32(0.3), bounds))(grid(Format(6, 1)))
    assert [float(slope) for slope in slopes] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("outside", ["pass", "zero"])
def test_gradients_survive_a_population_in_a_scan(outside: Outside) -> None:
    """The gradient of Σ q(w·x) through scan and vmap is Σ x over the inputs that count, for float members as well."""
    x = jnp.array([0.5, 1.0, 8.0])
    grids = members([Format(8, 1), None])

    def total(weight: jax.Array, bounds: Grid) -> jax.Array:
        def step(carry: jax.Array, value: jax.Array) -> tuple[jax.Array, None]:
            return carry + quantise(weight * value, bounds, outside=outside), None

        result: jax.Array = jax.lax.scan(step, jnp.float32(0), x)[0]
        return result

    slopes = jax.jit(jax.vmap(jax.grad(total)))(jnp.ones(2), grids)
    assert slopes.tolist() == [9.5 if outside == "pass" else 1.5, 9.5]


@pytest.mark.parametrize("text", ["ap_fixed<8,3,AP_TRN>", "ap_fixed<8,3,AP_RND_CONV,AP_WRAP>", "ap_ufixed<8,3,AP_RND>"])
def test_modes_that_training_lacks_are_refused(text: str) -> None:
    with pytest.raises(FormatError, match="Training rounds half to even and saturates"):
        grid(Format.parse(text))
