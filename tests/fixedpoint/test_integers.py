"""The exact integers against rational arithmetic (`fractions`), which knows no rounding of its own."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from narrowgate.fixedpoint import Format, FormatError, Overflow, Rounding, from_codes, requantise, to_codes

formats = st.builds(
    Format,
    st.integers(1, 32),
    st.integers(-64, 64),
    st.booleans(),
    st.sampled_from(Rounding),
    st.sampled_from(Overflow),
)
reals = st.floats(allow_nan=False, allow_infinity=False)


def reference(value: Fraction, format: Format) -> int:
    """The code of an exact value, from the definition of each mode."""
    scaled = value * Fraction(2) ** format.fraction
    match format.rounding:
        case Rounding.HALF_EVEN:
            code = round(scaled)  # Python rounds a Fraction half to even
        case Rounding.HALF_UP:
            code = math.floor(scaled + Fraction(1, 2))
        case Rounding.TRUNCATE:
            code = math.floor(scaled)
    match format.overflow:
        case Overflow.SATURATE:
            return min(max(code, format.code_min), format.code_max)
        case Overflow.WRAP:
            return (code - format.code_min) % (1 << format.width) + format.code_min


def near_the_grid(format: Format) -> st.SearchStrategy[float]:
    """Values in and somewhat beyond the range, many of them ties: multiples of a quarter of the lsb."""
    quarters = st.integers(8 * format.code_min - 8, 8 * format.code_max + 8)
    return quarters.map(lambda count: math.ldexp(count, -format.fraction - 2))


@given(st.data(), formats)
def test_codes_of_values_near_the_grid(data: st.DataObject, format: Format) -> None:
    values = data.draw(st.lists(near_the_grid(format), min_size=1, max_size=20))
    assert to_codes(values, format).tolist() == [reference(Fraction(value), format) for value in values]


@given(reals, formats)
@example(0.49999999999999994, Format(8, 7, rounding=Rounding.HALF_UP))  # adding 1/2 in float64 would round it to 1
@example(-5e-324, Format(1, 64, rounding=Rounding.TRUNCATE))  # scaling would underflow to zero, but the floor is -1
@example(1.7976931348623157e308, Format(32, -64, overflow=Overflow.WRAP))
@example(-1e300, Format(32, -64))
def test_codes_of_any_value(value: float, format: Format) -> None:
    assert int(to_codes(value, format)) == reference(Fraction(value), format)


@given(st.data(), formats)
def test_values_of_codes_are_exact(data: st.DataObject, format: Format) -> None:
    code = data.draw(st.integers(format.code_min, format.code_max))
    assert Fraction(float(from_codes(code, format))) == code * Fraction(2) ** -format.fraction
    assert int(to_codes(from_codes(code, format), format)) == code


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20), st.integers(-100, 160), formats)
def test_requantising_64_bit_integers(codes: list[int], fraction: int, format: Format) -> None:
    expected = [reference(code * Fraction(2) ** -fraction, format) for code in codes]
    assert requantise(np.array(codes, np.int64), fraction, format).tolist() == expected


@given(st.data(), formats, st.integers(1, 40))
def test_requantising_ties(data: st.DataObject, format: Format, drop: int) -> None:
    code = data.draw(st.integers(2 * format.code_min, 2 * format.code_max))
    tie = (code << drop) + (1 << (drop - 1))
    fraction = format.fraction + drop
    assert int(requantise(tie, fraction, format)) == reference(tie * Fraction(2) ** -fraction, format)


@given(st.lists(st.integers(-(2**90), 2**90), min_size=1, max_size=20), st.integers(-100, 160), formats)
def test_requantising_python_integers_of_any_size(codes: list[int], fraction: int, format: Format) -> None:
    expected = [reference(code * Fraction(2) ** -fraction, format) for code in codes]
    result = requantise(np.array(codes, object), fraction, format)
    assert result.dtype == np.int64
    assert result.tolist() == expected


@given(formats, formats)
def test_requantising_is_quantising_the_value(source: Format, target: Format) -> None:
    codes = np.linspace(source.code_min, source.code_max, 33).astype(np.int64)
    assert requantise(codes, source.fraction, target).tolist() == to_codes(from_codes(codes, source), target).tolist()


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.uint64, np.int32])
def test_every_integer_type(kind: type) -> None:
    limits = np.iinfo(kind)
    codes: np.ndarray = np.array([limits.min, 0, 3, limits.max], kind)
    format = Format(6, 3, rounding=Rounding.TRUNCATE, overflow=Overflow.WRAP)
    assert requantise(codes, 3, format).tolist() == [reference(Fraction(int(code), 8), format) for code in codes]


def test_shapes_are_kept() -> None:
    format = Format(8, 3)
    for shape in [(), (0,), (2, 3), (2, 0)]:
        assert to_codes(np.zeros(shape), format).shape == shape
        assert from_codes(np.zeros(shape, int), format).shape == shape
        assert requantise(np.zeros(shape, int), 5, format).shape == shape


def test_infinities_saturate() -> None:
    assert to_codes([-np.inf, np.inf], Format(8, 3)).tolist() == [-128, 127]
    with pytest.raises(FormatError, match="infinities, which have no code"):
        to_codes(np.inf, Format(8, 3, overflow=Overflow.WRAP))


def test_nan_has_no_code() -> None:
    with pytest.raises(FormatError, match=r"NaN, which has no code in ap_fixed<8,4,AP_RND_CONV,AP_SAT>"):
        to_codes([0.0, np.nan], Format(8, 3))


def test_codes_out_of_range_are_refused() -> None:
    with pytest.raises(FormatError, match=r"code 128 is outside ap_fixed<8,4,.*>; allowed are -128 to 127"):
        from_codes([0, 128], Format(8, 3))


@pytest.mark.parametrize("codes", [[1.5], np.array([True]), ["1"], np.array([1, 2.5], object)])
def test_codes_must_be_integers(codes: object) -> None:
    for call in (lambda: from_codes(codes, Format(8, 3)), lambda: requantise(codes, 3, Format(8, 3))):  # type: ignore[arg-type]
        with pytest.raises(FormatError, match="Codes must be integers"):
            call()
