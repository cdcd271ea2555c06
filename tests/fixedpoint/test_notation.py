"""Formats read and written in the notebook's form and in that of high-level synthesis."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowgate.fixedpoint import Format, FormatError, Overflow, Rounding, parse_optional, spell

formats = st.builds(
    Format,
    st.integers(1, 32),
    st.integers(-64, 64),
    st.booleans(),
    st.sampled_from(Rounding),
    st.sampled_from(Overflow),
)


@pytest.mark.parametrize(
    "entry",
    ["(12,2)", "12,2", " ( 12 , 2 ) ", [12, 2], (12, 2), "ap_fixed<12,3>", "ap_fixed< 12 , 3 >", Format(12, 2)],
)
def test_every_way_to_write_a_format(entry: object) -> None:
    assert Format.parse(entry) == Format(12, 2)


def test_the_sign() -> None:
    assert Format.parse("(12,2)", signed=False) == Format(12, 2, signed=False)
    assert Format.parse("ap_ufixed<12,2>") == Format(12, 2, signed=False)
    assert Format.parse("ap_fixed<12,3>", signed=False) == Format(12, 2)


def test_negative_integer_bits() -> None:
    assert Format.parse("(6,-2)") == Format(6, -2)
    assert Format.parse("ap_fixed<6,-1>") == Format(6, -2)
    assert Format.parse("ap_ufixed<6,-2>") == Format(6, -2, signed=False)


def test_modes() -> None:
    assert Format.parse("ap_fixed<8,3,AP_TRN,AP_WRAP>") == Format(8, 2, True, Rounding.TRUNCATE, Overflow.WRAP)
    assert Format.parse("ap_ufixed<8,3,AP_RND>") == Format(8, 3, False, Rounding.HALF_UP)
    assert Format.parse("ap_fixed<8,3,AP_RND_CONV,AP_SAT>") == Format(8, 2)


def test_both_printed_conventions() -> None:
    assert str(Format(12, 2)) == str(Format(12, 2, signed=False)) == "(12,2)"
    assert Format(12, 2).ap() == "ap_fixed<12,3,AP_RND_CONV,AP_SAT>"
    assert Format(12, 2).unsigned().ap() == "ap_ufixed<12,2,AP_RND_CONV,AP_SAT>"
    assert Format(8, -1, rounding=Rounding.TRUNCATE, overflow=Overflow.WRAP).ap() == "ap_fixed<8,0,AP_TRN,AP_WRAP>"


@given(formats)
def test_what_is_printed_is_read_back(format: Format) -> None:
    assert Format.parse(format.ap()) == format
    assert Format.parse(str(format), signed=format.signed) == Format(format.width, format.integer, format.signed)


@pytest.mark.parametrize(
    "nonsense",
    ["", "12", "(12,2", "12,2)", "[12,2]", "(12;2)", "(1.5,2)", "ap_fixed<12>", "ap_fixed(12,3)", "fixed", "int8"],
)
def test_nonsense_gets_a_sentence(nonsense: str) -> None:
    with pytest.raises(FormatError) as caught:
        Format.parse(nonsense)
    message = str(caught.value)
    assert f'"{nonsense}"' in message
    assert '"(12,2)"' in message
    assert message.endswith(".")


@pytest.mark.parametrize("entry", [[12], [1, 2, 3], 12, {"width": 12}, None])
def test_what_is_no_pair_gets_a_sentence(entry: object) -> None:
    with pytest.raises(FormatError, match="is not a fixed-point format"):
        Format.parse(entry)


def test_pairs_must_hold_integers() -> None:
    with pytest.raises(FormatError, match=r"width must be a whole number of bits, but 12\.5 was given"):
        Format.parse([12.5, 2])


def test_modes_we_lack_are_refused_by_name() -> None:
    with pytest.raises(FormatError, match="rounding mode AP_RND_ZERO; allowed are AP_RND_CONV, AP_RND, AP_TRN"):
        Format.parse("ap_fixed<8,3,AP_RND_ZERO>")
    with pytest.raises(FormatError, match="overflow mode AP_SAT_SYM; allowed are AP_SAT, AP_WRAP"):
        Format.parse("ap_fixed<8,3,AP_TRN,AP_SAT_SYM>")


def test_float_is_a_word_too() -> None:
    assert parse_optional("float") is None
    assert parse_optional(" Float ") is None
    assert parse_optional(None) is None
    assert parse_optional("(12,2)", signed=False) == Format(12, 2, signed=False)
    with pytest.raises(FormatError, match='or write "float" for no quantisation'):
        parse_optional("double")


@pytest.mark.parametrize("word", ["float", "(12,2)", "(6,-2)"])
def test_spelling_is_read_back(word: str) -> None:
    assert spell(parse_optional(word)) == word
