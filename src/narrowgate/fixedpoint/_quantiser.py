"""The straight-through quantiser of training: a format as three traced numbers, applied in a few element-wise steps."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from narrowgate.fixedpoint._format import Format
from narrowgate.fixedpoint._modes import FormatError, Overflow, Rounding

Outside = Literal["pass", "zero"]


class Grid(NamedTuple):
    """A format as data: float32 scalars that one compiled program takes as arguments.

    `lsb == 0` stands for float: nothing is rounded and only the clip to `[low, high]` applies. A population holds
    grids of shape `(members,)` and maps over them.
    """

    lsb: Float[Array, ""]
    low: Float[Array, ""]
    high: Float[Array, ""]


def grid(format: Format | None, *, signed: bool = True) -> Grid:
    """The grid of a format, or for `None` that of float: no bounds when `signed`, else `[0, inf)`, i.e. a ReLU.

    `signed` only concerns float; a format brings its own sign. All three numbers are exact in float32, except `high`
    of formats with more than 24 bits beside the sign: there it is the largest float32 not above the format's maximum.

    **Raises** `FormatError` when the format does not round half to even and saturate, as training does.
    """
    if format is None:
        return _as_grid(0.0, -np.inf if signed else 0.0, np.inf)
    if (format.rounding, format.overflow) != (Rounding.HALF_EVEN, Overflow.SATURATE):
        raise FormatError(
            f"Training rounds half to even and saturates, but the format {format.ap()} asks for "
            f"{format.rounding} and {format.overflow}; use AP_RND_CONV and AP_SAT."
        )
    high = np.float32(format.maximum)
    if float(high) > format.maximum:
        high = np.nextafter(high, np.float32(0))
    return _as_grid(format.lsb, format.minimum, float(high))


def _as_grid(lsb: float, low: float, high: float) -> Grid:
    return Grid(*(jnp.asarray(value, jnp.float32) for value in (lsb, low, high)))


def quantise(x: Float[Array, "..."], grid: Grid, *, outside: Outside = "pass") -> Float[Array, "..."]:
    """`x` (float32, any shape) on the grid: rounded half to even, saturated, exactly; NaN stays NaN.

    What rounds to zero from below is -0.0; the subnormal values of a float member XLA may flush to zero.

    The gradient with respect to `x` is 1 inside `[low, high]`, both ends included; outside it is 1 for
    `outside="pass"` (as in QKeras' `quantized_bits`) and 0 for `"zero"` (as in `quantized_relu`, which however counts
    exactly 0 as outside). There is no gradient with respect to the grid.
    """
    return _pass(x, grid) if outside == "pass" else _zero(x, grid)


def _value(x: Array, grid: Grid) -> Array:
    lsb, low, high = grid
    clipped = jnp.where(x > high, high, jnp.where(x < low, low, x))
    return jnp.where(lsb == 0, clipped, jnp.round(clipped * (1 / lsb)) * lsb)


@jax.custom_jvp
def _pass(x: Array, grid: Grid) -> Array:
    return _value(x, grid)


@_pass.defjvp
def _pass_jvp(primals: tuple[Array, Grid], tangents: tuple[Array, Grid]) -> tuple[Array, Array]:
    return _pass(*primals), tangents[0]


@jax.custom_jvp
def _zero(x: Array, grid: Grid) -> Array:
    return _value(x, grid)


@_zero.defjvp
def _zero_jvp(primals: tuple[Array, Grid], tangents: tuple[Array, Grid]) -> tuple[Array, Array]:
    x, bounds = primals
    inside = (x >= bounds.low) & (x <= bounds.high)
    return _zero(*primals), jnp.where(inside, tangents[0], 0)
