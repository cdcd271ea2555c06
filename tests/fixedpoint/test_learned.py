"""The learned quantiser: its values in exact arithmetic, its tangents by the formulas and by finite differences."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowgate.fixedpoint import (
    Format,
    FormatError,
    Overflow,
    Rounding,
    from_codes,
    integer_bits,
    power_of_two,
    quantise_learned,
    quantise_weights,
    to_codes,
    weight_bits,
    whole,
)

LN2 = np.log(2.0)
VALUES = np.random.default_rng(0).normal(0, 3, 4000).astype(np.float32)


def stated(x: Any, f: float, i: float, signed: bool) -> tuple[Any, Any, Any, Any]:
    """q, ∂q/∂x, ∂q/∂f and ∂q/∂i in float64, a value at a time, from the formulas as they are written."""
    rows = []
    for value in np.asarray(x, np.float64):
        low, high = (-(2.0**i) if signed else 0.0), 2.0**i - 2.0**-f
        if not signed and value < 0:
            rows.append((0.0, 0.0, 0.0, 0.0))
        elif i + f <= 0:
            rows.append((0.0, 1.0, LN2 * value, 0.0))
        elif value > high:
            rows.append((high, 0.0, LN2 * 2.0**-f, LN2 * 2.0**i))
        elif value < low:
            rows.append((low, 0.0, 0.0, -LN2 * 2.0**i))
        else:
            q = min(np.floor(value * 2.0**f + 0.5) * 2.0**-f, high)
            rows.append((q, 1.0, LN2 * (value - q), 0.0))
    found = np.array(rows).T
    return found[0], found[1], found[2], found[3]


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("f", "i"), [(3, 1), (0, 2), (-1, 3), (5, -1), (6, 8), (2, -2), (1, -3)])
def test_values_and_tangents_are_those_of_the_formulas(f: int, i: int, signed: bool) -> None:
    ends = np.array([-(2.0**i), 2.0**i - 2.0**-f, 2.0**i, 0, 2.0 ** (-f - 1), -(2.0 ** (-f - 1))], np.float32)
    x = np.concatenate([VALUES, ends])

    def quantised(x: Any, f: Any, i: Any) -> Any:
        return quantise_learned(x, f, i, signed=signed)

    arguments = jnp.asarray(x), jnp.full(len(x), float(f)), jnp.full(len(x), float(i))
    value, pull = jax.vjp(quantised, *arguments)
    expected = stated(x, f, i, signed)
    np.testing.assert_array_equal(value, expected[0])
    for found, wanted in zip(pull(jnp.ones(len(x))), expected[1:], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(-6, 8), st.booleans(), st.sampled_from([Rounding.HALF_UP, Rounding.TRUNCATE]))
def test_values_are_those_of_exact_integers(width: int, i: int, signed: bool, rounding: Rounding) -> None:
    format = Format(width + signed, i, signed, rounding, Overflow.SATURATE)
    x = np.concatenate([VALUES, np.array([0.49999997, 0.99999994, 1e30, -1e30], np.float32)])
    found = quantise_learned(
        jnp.asarray(x), jnp.float32(format.fraction), jnp.float32(i), signed=signed, rounding=rounding
    )
    np.testing.assert_array_equal(found, from_codes(to_codes(x, format), format))


def real(x: Any, f: float, i: float) -> Any:
    """The quantiser at widths that are no whole numbers, in float64."""
    return np.clip(np.floor(x * 2.0**f + 0.5) * 2.0**-f, -(2.0**i), 2.0**i - 2.0**-f)


@pytest.mark.parametrize(("fraction", "integer"), [(3, 3), (5, 1)])
def test_tangents_are_finite_differences_of_a_smoothed_loss(fraction: int, integer: int) -> None:
    """The mean of (q - x)² over many x is smooth in both widths; its derivative must be the mean of the tangents'.

    Inside, it is that of lsb²/12, the variance of rounding: the formula holds although rounding was passed through.
    """
    x, f, i = np.random.default_rng(1).normal(0, 1.5, 2_000_000), float(fraction), float(integer)

    def loss(f: float, i: float) -> float:
        return float(np.mean((real(x, f, i) - x) ** 2))

    def tangents(f: Any, i: Any) -> Any:
        return jnp.mean((quantise_learned(jnp.asarray(x, jnp.float32), f, i, signed=True) - x) ** 2)

    h = 0.02
    found = jax.grad(tangents, argnums=(0, 1))(jnp.float32(f), jnp.float32(i))
    np.testing.assert_allclose(found[0], (loss(f + h, i) - loss(f - h, i)) / (2 * h), rtol=0.02)
    np.testing.assert_allclose(found[1], (loss(f, i + h) - loss(f, i - h)) / (2 * h), rtol=0.02, atol=1e-5)
    if integer == 3:
        np.testing.assert_allclose(found[0], -2 * LN2 * 2.0 ** (-2 * f) / 12, rtol=0.02)


def test_weights_never_saturate_and_what_is_rounded_away_can_come_back() -> None:
    x = jnp.asarray(VALUES)
    f = jnp.full(len(VALUES), -2.0)
    np.testing.assert_array_equal(quantise_weights(x, f), np.floor(VALUES.astype(np.float64) / 4 + 0.5) * 4)
    _, pull = jax.vjp(quantise_weights, x, f)
    to_x, to_f = pull(jnp.ones(len(VALUES)))
    np.testing.assert_array_equal(to_x, 1)
    pruned = np.asarray(quantise_weights(x, f)) == 0
    assert 0.1 < pruned.mean() < 0.9
    np.testing.assert_allclose(to_f[pruned], LN2 * VALUES[pruned], rtol=1e-6)


def test_bits_of_weights_and_their_tangent() -> None:
    x = jnp.array([0.0, 0.25, 0.5, -0.75, 1.0, 5.0, 0.2])
    found, pull = jax.vjp(weight_bits, x, jnp.full(7, 2.0))
    np.testing.assert_array_equal(found, [0, 1, 2, 2, 3, 5, 1])  # codes 0, 1, 2, 3, 4, 20, 1
    to_x, to_f = pull(jnp.ones(7))
    np.testing.assert_array_equal(to_f, [0, 1, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(to_x, 0)


def test_widths_are_whole_with_halves_up_and_straight_through() -> None:
    bits = jnp.array([-0.5, 0.49999997, 0.5, 1.5, 2.4])
    np.testing.assert_array_equal(whole(bits), [0, 0, 1, 2, 2])
    np.testing.assert_array_equal(jax.grad(lambda bits: whole(bits).sum())(bits), 1)


def test_powers_are_exact_and_integer_bits_hold_the_largest() -> None:
    bits = np.arange(-60, 61)
    np.testing.assert_array_equal(jax.jit(power_of_two)(jnp.asarray(bits, jnp.float32)), np.ldexp(1.0, bits))
    largest = jnp.array([0.9999, 1.0, 3.999, 4.0, 0.25, 0.0])
    np.testing.assert_array_equal(integer_bits(largest), [0, 1, 2, 3, -1, -125])
    assert not jax.grad(lambda largest: integer_bits(largest).sum())(largest).any()


def test_half_to_even_is_refused() -> None:
    with pytest.raises(FormatError, match="half up or truncates"):
        quantise_learned(jnp.ones(1), jnp.ones(1), jnp.ones(1), signed=True, rounding=Rounding.HALF_EVEN)
