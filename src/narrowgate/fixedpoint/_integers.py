"""Exact fixed-point arithmetic on integer codes, in NumPy: what the firmware computes, to the last bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from narrowgate.fixedpoint._array import FormatArray
from narrowgate.fixedpoint._format import Format
from narrowgate.fixedpoint._modes import FormatError, Overflow, Rounding

Codes = npt.NDArray[np.int64]
"""Integer codes of a format."""

_Integers = npt.NDArray[Any]
"""Integers of 64 bits, or, where those do not suffice, Python's own (`dtype=object`)."""

_INT64_BITS = 63
_NEXT_TO_NOTHING = 2.0**-200
"""Far below half of the smallest lsb, so that only the sign of what is smaller still matters."""


def to_codes(x: npt.ArrayLike, format: Format | FormatArray) -> Codes:
    """The codes of real values: `x / lsb` rounded, and then saturated or wrapped, as the format says.

    `x` is read as float64, of any shape; everything after that is exact. Infinities saturate.

    **Raises** `FormatError` when a value is NaN, or infinite while the format wraps: there is no code for those.
    """
    values = np.asarray(x, np.float64)
    if isinstance(format, FormatArray):
        return _by_groups(format, values, to_codes)
    if np.isnan(values).any():
        raise FormatError(f"The values hold NaN, which has no code in {format.ap()}.")
    if format.overflow is Overflow.SATURATE:
        near = np.clip(values, format.minimum - format.lsb, format.maximum + format.lsb)
    elif np.isinf(values).any():
        raise FormatError(f"The values hold infinities, which have no code in {format.ap()}, as it wraps.")
    else:
        near = np.fmod(values, np.ldexp(format.lsb, format.width))
    scalable = np.where((near != 0) & (np.abs(near) < _NEXT_TO_NOTHING), np.copysign(_NEXT_TO_NOTHING, near), near)
    return _fit(_round(np.ldexp(scalable, format.fraction), format.rounding).astype(np.int64), format)


def from_codes(codes: npt.ArrayLike, format: Format) -> npt.NDArray[np.float64]:
    """The values `code · lsb`, exact in float64.

    **Raises** `FormatError` when the codes are not integers, or one lies outside the format's range.
    """
    integers = _as_integers(codes)
    outside = integers[(integers < format.code_min) | (integers > format.code_max)]
    if outside.size:
        raise FormatError(
            f"The code {outside[0]} is outside {format.ap()}; allowed are {format.code_min} to {format.code_max}."
        )
    return np.ldexp(integers.astype(np.float64), -format.fraction)


def requantise(codes: npt.ArrayLike, from_fraction: int, format: Format | FormatArray) -> Codes:
    """Codes of `format` for the values `codes · 2^-from_fraction`, e.g. of a sum of products: shift, round, fit.

    `codes` are integers of any shape: any NumPy integer type, or Python integers of any size (`dtype=object`) where a
    sum outgrows 64 bits. Exact throughout: what would not fit 64 bits is computed with Python integers.

    **Raises** `FormatError` when the codes are not integers.
    """
    integers = _as_integers(codes)
    if isinstance(format, FormatArray):
        return _by_groups(format, integers, lambda part, own: requantise(part, from_fraction, own))
    shape, integers = integers.shape, integers.reshape(-1)
    drop = from_fraction - format.fraction
    bits = max(int(code).bit_length() for code in (integers.min(), integers.max())) if integers.size else 0
    integers = integers.astype(object if max(bits - min(drop, 0), drop + 2) > _INT64_BITS else np.int64)
    shifted = integers << -drop if drop <= 0 else _drop_bits(integers, drop, format.rounding)
    return _fit(shifted, format).reshape(shape)


def _by_groups(
    format: FormatArray, values: npt.NDArray[Any], code: Callable[[npt.NDArray[Any], Format], Codes]
) -> Codes:
    """Each element's codes in its own format, in the unit of all."""
    found = np.zeros(values.shape, np.int64)
    for mask, own in format.groups():
        if own is not None:
            here = np.broadcast_to(mask, values.shape)
            found[here] = code(values[here], own) << (format.fraction - own.fraction)
    return found


def _as_integers(codes: npt.ArrayLike) -> _Integers:
    integers = np.asarray(codes)
    if not integers.size:
        return integers.astype(np.int64)
    whole = all(isinstance(code, int) for code in integers.flat) if integers.dtype == object else False
    if integers.dtype.kind not in "iu" and not whole:
        raise FormatError(f"Codes must be integers, but an array of {integers.dtype} was given.")
    return integers


def _round(scaled: npt.NDArray[np.float64], rounding: Rounding) -> npt.NDArray[np.float64]:
    if rounding is Rounding.HALF_EVEN:
        return np.rint(scaled)
    floor = np.floor(scaled)
    return floor if rounding is Rounding.TRUNCATE else floor + (scaled - floor >= 0.5)


def _drop_bits(codes: _Integers, count: int, rounding: Rounding) -> _Integers:
    """`codes / 2^count` rounded, for `count > 0`."""
    floor: _Integers = codes >> count
    if rounding is Rounding.TRUNCATE:
        return floor
    remainder, half = codes & ((1 << count) - 1), 1 << (count - 1)
    up: _Integers = remainder >= half if rounding is Rounding.HALF_UP else remainder + (floor & 1) > half
    return floor + up


def _fit(codes: _Integers, format: Format) -> Codes:
    """Whole codes brought into the format's range."""
    if format.overflow is Overflow.SATURATE:
        return np.clip(codes, format.code_min, format.code_max).astype(np.int64, copy=False)
    lower_bits: Codes = (codes & ((1 << format.width) - 1)).astype(np.int64, copy=False)
    return lower_bits - ((lower_bits > format.code_max).astype(np.int64) << format.width)
