"""Formats of elements: every element as its own format has it, in a common unit."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowgate.fixedpoint import (
    Format,
    FormatArray,
    FormatError,
    Rounding,
    array_of_weights,
    quantise_weights,
    requantise,
    to_codes,
)

widths = st.lists(st.tuples(st.integers(0, 10), st.integers(-6, 8)), min_size=1, max_size=6)


def made(pairs: list[tuple[int, int]], signed: bool, rounding: Rounding = Rounding.HALF_UP) -> FormatArray:
    return FormatArray(np.array([f for _, f in pairs]), np.array([w for w, _ in pairs]), signed, rounding)


@settings(max_examples=100, deadline=None)
@given(widths, st.booleans(), st.sampled_from(list(Rounding)), st.integers(0, 12))
def test_each_element_is_as_in_its_own_format(
    pairs: list[tuple[int, int]], signed: bool, rounding: Rounding, fraction: int
) -> None:
    format = made(pairs, signed, rounding)
    sums = np.random.default_rng(0).integers(-(2**14), 2**14, (50, len(pairs)))
    found = requantise(sums, fraction, format)
    np.testing.assert_array_equal(found, to_codes(np.ldexp(sums.astype(float), -fraction), format))
    for index, (width, own) in enumerate(pairs):
        if width == 0:
            assert format.at(index) is None
            assert not found[:, index].any()
            continue
        alone = Format(width, width - own - signed, signed, rounding)
        assert format.at(index) == alone
        expected = requantise(sums[:, index], fraction, alone) << (format.fraction - own)
        np.testing.assert_array_equal(found[:, index], expected)
    assert found.min() >= format.code_min
    assert found.max() <= format.code_max
    assert len(pairs) > 1 or format.uniform() == format.at(0)
    ends = [code for _, own in format.groups() if own for code in (own.minimum, own.maximum)]
    assert [min(ends, default=0), max(ends, default=0)] == [
        format.code_min * format.lsb if signed else 0,
        format.code_max * format.lsb,
    ] or min(ends) > 0
    common = format.common()
    assert common.code_min <= format.code_min
    assert format.code_max <= common.code_max


def test_weights_have_the_bits_they_need() -> None:
    values = np.array([[0.0, 0.3, -0.3, 5.0], [0.06, 0.0624, -0.0625, 1.0]], np.float32)
    fraction = np.array([[2, 2, 2, 0], [3, 3, 3, -1]])
    format = array_of_weights(values, fraction)
    np.testing.assert_array_equal(format.widths, [[0, 2, 2, 4], [0, 0, 0, 2]])  # -0.5 steps are rounded up, to 0
    expected = np.asarray(quantise_weights(jnp.asarray(values), jnp.asarray(fraction, jnp.float32)), np.float64)
    np.testing.assert_array_equal(to_codes(values, format) * format.lsb, expected)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(FormatError, match="allowed are 0 to 32"):
        made([(33, 1)], signed=True)
    with pytest.raises(FormatError, match="do not share a unit"):
        made([(20, -30), (20, 30)], signed=True)
