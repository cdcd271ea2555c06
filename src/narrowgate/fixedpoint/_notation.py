"""Reading formats as people write them: `(12,2)`, `12,2`, `ap_fixed<12,3>`, `ap_ufixed<12,2,AP_TRN,AP_WRAP>`."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from narrowgate.fixedpoint._modes import AP_OVERFLOW, AP_ROUNDING, FormatError, Mode, Overflow, Rounding

ALLOWED = 'write "(12,2)", "12,2", [12, 2], "ap_fixed<12,3>" or "ap_ufixed<12,2>", the last two with modes if need be'

_PAIR = re.compile(r"\s*([+-]?\d+)\s*,\s*([+-]?\d+)\s*")
_AP = re.compile(r"ap_(u?)fixed\s*<\s*([+-]?\d+)\s*,\s*([+-]?\d+)\s*(?:,\s*(\w+)\s*)?(?:,\s*(\w+)\s*)?>")


class Notation(NamedTuple):
    """What a text says about a format; `signed` is `None` where it leaves the sign open."""

    width: int
    integer: int
    signed: bool | None
    rounding: Rounding
    overflow: Overflow


def read(text: str) -> Notation:
    """The parts of a format written in either convention; the integer bits of `ap_fixed` lose the sign they count.

    **Raises** `FormatError` when the text is neither, or names a mode we do not have.
    """
    word = text.strip()
    if ap := _AP.fullmatch(word):
        signed = not ap[1]
        rounding = _mode(text, ap[4] or "AP_RND_CONV", AP_ROUNDING, "rounding")
        overflow = _mode(text, ap[5] or "AP_SAT", AP_OVERFLOW, "overflow")
        return Notation(int(ap[2]), int(ap[3]) - (1 if signed else 0), signed, rounding, overflow)
    inside = word[1:-1] if word.startswith("(") and word.endswith(")") else word
    if pair := _PAIR.fullmatch(inside):
        return Notation(int(pair[1]), int(pair[2]), None, Rounding.HALF_EVEN, Overflow.SATURATE)
    raise FormatError(f'"{text}" is not a fixed-point format: {ALLOWED}.')


def _mode(text: str, word: str, words: Mapping[Mode, str], what: str) -> Mode:
    for mode, name in words.items():
        if name == word:
            return mode
    raise FormatError(f'"{text}" asks for the {what} mode {word}; allowed are {", ".join(words.values())}.')
