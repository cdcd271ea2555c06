"""Formats against the definition in words: two's complement, `lsb = 2^-fraction`, and the range that follows."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowgate.fixedpoint import Format, FormatError, Overflow, Rounding

formats = st.builds(Format, st.integers(1, 32), st.integers(-64, 64), st.booleans())


@pytest.mark.parametrize(
    ("format", "lsb", "minimum", "maximum"),
    [
        (Format(6, 1), 1 / 16, -2.0, 1.9375),
        (Format(6, 1, signed=False), 1 / 32, 0.0, 1.96875),
        (Format(8, 8), 2.0, -256.0, 254.0),
        (Format(8, 10, signed=False), 4.0, 0.0, 1020.0),
        (Format(4, -3), 1 / 64, -0.125, 0.109375),
        (Format(1, 0), 1.0, -1.0, 0.0),
        (Format(1, 0, signed=False), 0.5, 0.0, 0.5),
        (Format(32, 0), 2.0**-31, -1.0, 1.0 - 2.0**-31),
    ],
)
def test_grid_and_range(format: Format, lsb: float, minimum: float, maximum: float) -> None:
    assert (format.lsb, format.minimum, format.maximum) == (lsb, minimum, maximum)


@given(formats)
def test_definition(format: Format) -> None:
    lsb = Fraction(2) ** (format.integer - format.width + (1 if format.signed else 0))
    assert Fraction(format.lsb) == lsb == Fraction(2) ** -format.fraction
    assert Fraction(format.maximum) == Fraction(2) ** format.integer - lsb
    assert Fraction(format.minimum) == (-(Fraction(2) ** format.integer) if format.signed else 0)
    assert format.code_max - format.code_min == 2**format.width - 1


def test_with_and_without_sign() -> None:
    weights = Format(12, 2, rounding=Rounding.TRUNCATE, overflow=Overflow.WRAP)
    assert weights.unsigned() == Format(12, 2, False, Rounding.TRUNCATE, Overflow.WRAP)
    assert weights.unsigned().as_signed() == weights


def test_numpy_integers_are_integers() -> None:
    format = Format(np.int64(12), np.int8(2))  # type: ignore[arg-type]
    assert format == Format(12, 2)
    assert type(format.width) is int


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(
        FormatError, match="'nearest' is not a mode of rounding; allowed are half-even, half-up, truncate"
    ):
        Format(8, 2, rounding="nearest")  # type: ignore[arg-type]


def test_modes_may_be_words() -> None:
    assert Format(8, 2, rounding="half-up", overflow="wrap") == Format(8, 2, True, Rounding.HALF_UP, Overflow.WRAP)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("width", "integer", "sentence"),
    [
        (0, 0, "width of 0 bits; allowed are 1 to 32"),
        (33, 2, "width of 33 bits; allowed are 1 to 32"),
        (8, 65, "65 integer bits; allowed are -64 to 64"),
        (8, -65, "-65 integer bits; allowed are -64 to 64"),
        (8.0, 2, "width must be a whole number of bits, but 8.0 was given"),
        (8, "2", "integer must be a whole number of bits, but '2' was given"),
        (True, 2, "width must be a whole number of bits, but True was given"),
    ],
)
def test_what_makes_no_sense_is_refused(width: int, integer: int, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        Format(width, integer)
