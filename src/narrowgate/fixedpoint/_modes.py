"""What becomes of a value off a format's grid, or out of its range."""

from enum import StrEnum
from typing import TypeVar

from narrowgate.errors import NarrowgateError


class FormatError(NarrowgateError, ValueError):
    """A format, or a value offered to one, that makes no sense; the message is a full sentence."""


class Rounding(StrEnum):
    """What becomes of a value between two neighbours on the grid."""

    HALF_EVEN = "half-even"
    """To the nearest; a tie to the even code (`AP_RND_CONV`)."""
    HALF_UP = "half-up"
    """To the nearest; a tie towards plus infinity (`AP_RND`)."""
    TRUNCATE = "truncate"
    """Towards minus infinity: the lower bits are dropped (`AP_TRN`)."""


class Overflow(StrEnum):
    """What becomes of a value outside the range."""

    SATURATE = "saturate"
    """The nearest bound (`AP_SAT`)."""
    WRAP = "wrap"
    """The upper bits are dropped: the code modulo `2^width` (`AP_WRAP`)."""


Mode = TypeVar("Mode", Rounding, Overflow)

AP_ROUNDING = {Rounding.HALF_EVEN: "AP_RND_CONV", Rounding.HALF_UP: "AP_RND", Rounding.TRUNCATE: "AP_TRN"}
AP_OVERFLOW = {Overflow.SATURATE: "AP_SAT", Overflow.WRAP: "AP_WRAP"}
