"""The quantiser whose widths are trained: values on a grid of 2^-fraction, with tangents to the widths as well.

With f bits after the point and i before it, q = clip(round(x · 2^f) / 2^f, low, high), where high = 2^i - 2^-f and
low = -2^i, or 0 without a sign. Straight through the rounding, as Sun et al., arXiv:2405.00645, and HGQ2 have it:

| where | ∂q/∂x | ∂q/∂f | ∂q/∂i |
|---|---|---|---|
| low <= x <= high | 1 | ln 2 · (x - q) | 0 |
| x > high | 0 | ln 2 · 2^-f | ln 2 · 2^i |
| x < low, signed | 0 | 0 | -ln 2 · 2^i |
| x < 0, unsigned | 0 | 0 | 0 |
| no bits, i + f <= 0: q = 0 | 1 | ln 2 · x | 0 |

The last row lets come back what was pruned; an unsigned value below 0 has no tangent there either.
"""

from __future__ import annotations

from functools import partial
from math import log

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from narrowgate.fixedpoint._modes import FormatError, Rounding

LN2 = log(2.0)

_SMALLEST = 2.0**-126
"""The smallest normal float32."""


@jax.custom_jvp
def whole(bits: Float[Array, ...]) -> Float[Array, ...]:
    """Bits as a whole number of them, halves up; straight through: the tangent is that of `bits`."""
    return _half_up(bits)


@whole.defjvp
def _whole_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return whole(*primals), tangents[0]


def power_of_two(bits: Float[Array, ...]) -> Float[Array, ...]:
    """`2^bits` of whole `bits`, exactly (`jnp.exp2` is not); without a tangent."""
    exponent = jax.lax.stop_gradient(bits).astype(jnp.int32)
    power: Array = jnp.ldexp(jnp.ones_like(exponent, jnp.float32), exponent)
    return power


def quantise_weights(x: Float[Array, ...], fraction: Float[Array, ...]) -> Float[Array, ...]:
    """Weights with `fraction` bits after the point, halves up; as many before it as they need, so none saturates.

    `fraction` broadcasts against `x` and is made `whole`.
    """
    return _unbounded(x, whole(fraction))


def weight_bits(x: Float[Array, ...], fraction: Float[Array, ...]) -> Float[Array, ...]:
    """Bits of each quantised weight without its sign: from its highest to the lowest that `fraction` allows; 0 of 0.

    The tangent to `fraction` is 1 where there are bits.
    """
    f = whole(fraction)
    codes = jax.lax.stop_gradient(_half_up(jnp.abs(x) * power_of_two(f)))
    bits = jnp.frexp(codes)[1].astype(jnp.float32)
    return jnp.where(codes > 0, bits + f - jax.lax.stop_gradient(f), 0)


def quantise_learned(
    x: Float[Array, ...],
    fraction: Float[Array, ...],
    integer: Float[Array, ...],
    *,
    signed: bool,
    rounding: Rounding = Rounding.HALF_UP,
) -> Float[Array, ...]:
    """`x` on a grid of `fraction` bits after the point and `integer` before it; saturates; see the module's formulas.

    Both widths broadcast against `x` and are made `whole`; where together they are 0 or less, the result is 0.

    **Raises** `FormatError` for a rounding other than half up and truncation.
    """
    if rounding is Rounding.HALF_EVEN:
        raise FormatError("A learned width rounds half up or truncates; half to even was asked for.")
    found: Array = _bounded(rounding is Rounding.TRUNCATE, signed, x, whole(fraction), whole(integer))
    return found


def integer_bits(largest: Float[Array, ...]) -> Float[Array, ...]:
    """The least i with `largest` < 2^i; without a tangent. Of 0 it is as of the smallest normal float32."""
    held = jnp.maximum(jax.lax.stop_gradient(largest), _SMALLEST)
    return jnp.frexp(held)[1].astype(jnp.float32)


def _half_up(x: Array) -> Array:
    """Exactly: `floor(x + 0.5)` would be 1 for the float32 below one half."""
    below = jnp.floor(x)
    return below + (x - below >= 0.5)


@jax.custom_jvp
def _unbounded(x: Array, fraction: Array) -> Array:
    return _half_up(x * power_of_two(fraction)) * power_of_two(-fraction)


@_unbounded.defjvp
def _unbounded_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    x, fraction = primals
    value = _unbounded(x, fraction)
    return value, tangents[0] + LN2 * (x - value) * tangents[1]


def _value(truncate: bool, signed: bool, x: Array, fraction: Array, integer: Array) -> Array:
    step, top = power_of_two(-fraction), power_of_two(integer)
    scaled = x * power_of_two(fraction)
    grid = (jnp.floor(scaled) if truncate else _half_up(scaled)) * step
    low = -top if signed else jnp.zeros_like(top)
    high = top - step
    clipped = jnp.where(grid > high, high, jnp.where(grid < low, low, grid))
    return jnp.where(integer + fraction > 0, clipped, 0)


def _tangent(signed: bool, primals: tuple[Array, ...], value: Array, tangents: tuple[Array, ...]) -> Array:
    x, fraction, integer = primals
    step, top = power_of_two(-fraction), power_of_two(integer)
    low = -top if signed else jnp.zeros_like(top)
    empty = integer + fraction <= 0
    above = ~empty & (x > top - step)
    below = (x < 0) if not signed else ~empty & (x < low)
    inside = ~above & ~below
    to_fraction = jnp.where(inside, LN2 * (x - value), jnp.where(above, LN2 * step, 0))
    to_integer = jnp.where(above, LN2 * top, jnp.where(below, LN2 * low, 0))
    return jnp.where(inside, tangents[0], 0) + to_fraction * tangents[1] + to_integer * tangents[2]


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _bounded(truncate: bool, signed: bool, x: Array, fraction: Array, integer: Array) -> Array:
    return _value(truncate, signed, x, fraction, integer)


@_bounded.defjvp
def _bounded_jvp(
    truncate: bool, signed: bool, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    value = _value(truncate, signed, *primals)
    return value, _tangent(signed, primals, value, tangents)
