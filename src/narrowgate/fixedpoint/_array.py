"""A format for each element of a tensor, as learned widths are once they are settled."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from narrowgate.fixedpoint._format import WIDEST, Format
from narrowgate.fixedpoint._modes import FormatError, Overflow, Rounding

Whole = npt.NDArray[np.int64]

_WIDEST_CODE = 62


@dataclass(frozen=True, eq=False)
class FormatArray:
    """Formats that differ between a tensor's elements; codes of all of them are in one unit, `2^-fraction`.

    `fractions` (bits after the point) and `widths` (all bits, the sign's included) have one shape, which broadcasts
    against the tensor's. A width of 0 stands for an element that is always 0. All saturate.

    **Raises** `FormatError` when a width is not 0 to 32, or codes in one unit would need more than 62 bits.
    """

    fractions: Whole
    widths: Whole
    signed: bool
    rounding: Rounding = Rounding.HALF_UP

    def __post_init__(self) -> None:
        if self.fractions.shape != self.widths.shape or not self.widths.size:
            raise FormatError(f"Fractions of shape {self.fractions.shape} go with widths of the same shape.")
        if self.widths.min() < 0 or self.widths.max() > WIDEST:
            raise FormatError(
                f"Widths from {self.widths.min()} to {self.widths.max()} bits were given; allowed are 0 to {WIDEST}."
            )
        for _, format in self.groups():
            if format is not None and format.width + self.fraction - format.fraction > _WIDEST_CODE:
                raise FormatError(
                    f"Formats with {format.fraction} and {self.fraction} bits after the point do not share a unit: "
                    f"codes would have more than {_WIDEST_CODE} bits."
                )

    @property
    def fraction(self) -> int:
        """Bits after the point of the finest element: codes are in units of `2^-fraction`."""
        alive = self.widths > 0
        return int(self.fractions[alive].max()) if alive.any() else 0

    @property
    def lsb(self) -> float:
        """What a code of 1 is worth."""
        return math.ldexp(1.0, -self.fraction)

    @property
    def spare(self) -> Whole:
        """How many low bits of each element's codes are always 0; 0 for an element that is always 0."""
        return np.where(self.widths > 0, self.fraction - self.fractions, 0)

    @property
    def code_min(self) -> int:
        """The lowest code of all elements."""
        return int((-(1 << np.maximum(self.widths - 1, 0)) << self.spare)[self._alive].min(initial=0)) * self.signed

    @property
    def code_max(self) -> int:
        """The highest code of all elements."""
        magnitude = np.maximum(self.widths - self.signed, 0)
        return int((((1 << magnitude) - 1) << self.spare)[self._alive].max(initial=0))

    @property
    def width(self) -> int:
        """Bits that hold every element's codes, the sign's included; at least one."""
        return max(self.code_max.bit_length(), (-self.code_min - 1).bit_length() if self.code_min else 0) + max(
            int(self.signed), int(self.code_max == 0 and not self.signed)
        )

    @property
    def integer(self) -> int:
        """Bits before the point of the format that holds every element's values."""
        return self.width - self.fraction - int(self.signed)

    @property
    def _alive(self) -> npt.NDArray[np.bool_]:
        return self.widths > 0

    def uniform(self) -> Format | None:
        """The format that all elements have; `None` where they differ, or are always 0."""
        formats = [format for _, format in self.groups()]
        return formats[0] if len(formats) == 1 else None

    def common(self) -> Format:
        """The one format that holds the values of every element."""
        return Format(self.width, self.integer, self.signed, self.rounding)

    def at(self, index: int) -> Format | None:
        """The format of one element of a flat array (or of all, where there is one); `None` if it is always 0."""
        place = index if self.widths.size > 1 else 0
        return self._format(int(self.fractions.flat[place]), int(self.widths.flat[place]))

    def groups(self) -> Iterator[tuple[npt.NDArray[np.bool_], Format | None]]:
        """The different formats, each with the mask of the elements that have it."""
        pairs = np.stack([np.where(self.widths > 0, self.fractions, 0), self.widths], axis=-1)
        for fraction, width in np.unique(pairs.reshape(-1, 2), axis=0):
            yield (pairs == (fraction, width)).all(axis=-1), self._format(int(fraction), int(width))

    def with_axis(self) -> FormatArray:
        """The same for tensors with one more axis, of events, at the end."""
        return replace(self, fractions=self.fractions[..., None], widths=self.widths[..., None])

    def _format(self, fraction: int, width: int) -> Format | None:
        if width == 0:
            return None
        return Format(width, width - fraction - int(self.signed), self.signed, self.rounding, Overflow.SATURATE)

    def ap(self) -> str:
        """In words, as `Format.ap` has it for one: `1 to 6 bits, -1 to 4 of them after the point`."""
        alive = self._alive
        if not alive.any():
            return "no bits"
        return (
            f"{self.widths.min()} to {self.widths.max()} bits, {self.fractions[alive].min()} to "
            f"{self.fractions[alive].max()} of them after the point"
        )


def array_of_weights(values: npt.ArrayLike, fractions: npt.ArrayLike) -> FormatArray:
    """The formats of weights with so many bits after the point each, and as many before it as their values need.

    `fractions` broadcasts against `values`; halves are rounded up, as in training.

    **Raises** `FormatError` when a weight needs more than 32 bits.
    """
    x = np.asarray(values, np.float64)
    after = np.broadcast_to(np.asarray(fractions, np.int64), x.shape)
    codes = np.abs(np.floor(np.ldexp(x, after) + 0.5))
    widths = np.where(codes > 0, np.frexp(codes)[1] + 1, 0).astype(np.int64)
    return FormatArray(after, widths, signed=True)
