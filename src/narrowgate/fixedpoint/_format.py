"""What a fixed-point format is: its grid of values, its range, and how it is written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Self

from narrowgate.fixedpoint._modes import AP_OVERFLOW, AP_ROUNDING, FormatError, Mode, Overflow, Rounding
from narrowgate.fixedpoint._notation import ALLOWED, read

WIDEST = 32
"""The largest width, in bits: products of two codes still fit 64-bit integers."""

INTEGER_LIMIT = 64
"""The largest |integer|: every lsb and bound then lies well inside float32's normal range."""


FLOAT = "float"
"""The word for no quantisation; as an entry of a precision it is read as `None`."""


@dataclass(frozen=True)
class Format:
    """A fixed-point number of `width` bits, `integer` of them integer bits not counting the sign (QKeras convention).

    Its values are `code · lsb`, with `code` an integer of `width` bits, in two's complement when `signed`:

    - signed: lsb `2^(integer - width + 1)`, range `[-2^integer, 2^integer - lsb]`;
    - unsigned: lsb `2^(integer - width)`, range `[0, 2^integer - lsb]`.

    `integer` may be negative (the leading bits after the point are then not stored) or exceed `width` (the lsb is
    then above 1).

    **Raises** `FormatError` unless `1 <= width <= 32` and `-64 <= integer <= 64`, both integers, and the modes exist.
    """

    width: int
    integer: int
    signed: bool = True
    rounding: Rounding = Rounding.HALF_EVEN
    overflow: Overflow = Overflow.SATURATE

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", _bits("width", self.width))
        object.__setattr__(self, "integer", _bits("integer", self.integer))
        if not 1 <= self.width <= WIDEST:
            raise FormatError(f"The format {self} has a width of {self.width} bits; allowed are 1 to {WIDEST}.")
        if abs(self.integer) > INTEGER_LIMIT:
            raise FormatError(
                f"The format {self} has {self.integer} integer bits; allowed are {-INTEGER_LIMIT} to {INTEGER_LIMIT}."
            )
        object.__setattr__(self, "rounding", _mode(Rounding, self.rounding))
        object.__setattr__(self, "overflow", _mode(Overflow, self.overflow))

    @classmethod
    def parse(cls, entry: object, *, signed: bool = True) -> "Format":
        """The format that `entry`, a text, a pair of integers or a `Format`, names.

        `"(12,2)"`, `"12,2"` and `[12, 2]` leave the sign open: `signed` decides it. `ap_fixed` and `ap_ufixed` state
        it themselves, as does a `Format`, which is returned as it is. Modes that an `ap_fixed` leaves out are ours,
        AP_RND_CONV and AP_SAT; **not** AP_TRN and AP_WRAP, which a synthesis tool would assume.

        **Raises** `FormatError` saying what was found and what is allowed.
        """
        if isinstance(entry, Format):
            return entry
        if isinstance(entry, str):
            width, integer, stated, rounding, overflow = read(entry)
            return cls(width, integer, signed if stated is None else stated, rounding, overflow)
        if isinstance(entry, Sequence) and len(entry) == 2:
            return cls(entry[0], entry[1], signed)
        raise FormatError(f"{entry!r} is not a fixed-point format: {ALLOWED}.")

    @property
    def fraction(self) -> int:
        """Bits after the binary point: `lsb = 2^-fraction`. Negative when the lsb is above 1."""
        return self.width - self.integer - (1 if self.signed else 0)

    @property
    def lsb(self) -> float:
        """The distance between neighbouring values, exactly."""
        return math.ldexp(1.0, -self.fraction)

    @property
    def code_min(self) -> int:
        """The lowest code."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def code_max(self) -> int:
        """The highest code."""
        return (1 << (self.width - (1 if self.signed else 0))) - 1

    @property
    def minimum(self) -> float:
        """The lowest value, exactly."""
        return math.ldexp(float(self.code_min), -self.fraction)

    @property
    def maximum(self) -> float:
        """The highest value, exactly."""
        return math.ldexp(float(self.code_max), -self.fraction)

    def unsigned(self) -> Self:
        """The same width and integer bits without a sign, as after a ReLU (QKeras `quantized_relu(W, I)`)."""
        return replace(self, signed=False)

    def as_signed(self) -> Self:
        """The same width and integer bits with a sign (QKeras `quantized_bits(W, I, alpha=1)`)."""
        return replace(self, signed=True)

    def __str__(self) -> str:
        """The notebook's form, `(12,2)`; sign, rounding and overflow are left to the context, see `ap`."""
        return f"({self.width},{self.integer})"

    def ap(self) -> str:
        """The form of high-level synthesis, nothing left out: `ap_fixed<12,3,AP_RND_CONV,AP_SAT>`.

        There the integer bits count the sign.
        """
        kind, integer = ("ap_fixed", self.integer + 1) if self.signed else ("ap_ufixed", self.integer)
        return f"{kind}<{self.width},{integer},{AP_ROUNDING[self.rounding]},{AP_OVERFLOW[self.overflow]}>"


def _bits(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise FormatError(f"A format's {name} must be a whole number of bits, but {value!r} was given.")
    return int(value)


def _mode(kind: type[Mode], word: str) -> Mode:
    if word not in list(kind):
        raise FormatError(f"{word!r} is not a mode of {kind.__name__.lower()}; allowed are {', '.join(kind)}.")
    return kind(word)


def parse_optional(entry: object, *, signed: bool = True) -> Format | None:
    """Like `Format.parse`, but the word "float" (or `None`) is allowed and gives `None`: no quantisation.

    **Raises** `FormatError` saying what was found and what is allowed.
    """
    if entry is None or (isinstance(entry, str) and entry.strip().lower() == FLOAT):
        return None
    try:
        return Format.parse(entry, signed=signed)
    except FormatError as error:
        raise FormatError(f'{str(error).rstrip(".")}; or write "{FLOAT}" for no quantisation.') from None


def spell(format: Format | None) -> str:
    """An entry of a precision in words that `parse_optional` reads: `(12,2)` or `float`."""
    return FLOAT if format is None else str(format)
