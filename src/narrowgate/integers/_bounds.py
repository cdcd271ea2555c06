"""Interval arithmetic on integers: how wide a value can get, so that nothing ever overflows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from narrowgate.fixedpoint import Format, FormatArray, requantise

Integers = NDArray[Any]
"""Python's own integers (`dtype=object`): bounds never overflow themselves."""


def exact(values: Any) -> Integers:
    """The same integers without a limit to their size."""
    return np.asarray(values).astype(object)


@dataclass(frozen=True)
class Bounds:
    """The lowest and highest code that each channel can take, in units of `2^-fraction`.

    `low` and `high` have shape (channels,) and hold Python's integers.
    """

    low: Integers
    high: Integers
    fraction: int
    spare: Integers | None = None
    """How many low bits of each channel are always 0, (channels,); `None` where none is known to be."""

    @classmethod
    def of(cls, format: Format, channels: int) -> Self:
        """All codes of a format, in every channel."""
        return cls(
            np.full(channels, format.code_min, object), np.full(channels, format.code_max, object), format.fraction
        )

    @property
    def lowest(self) -> int:
        """Over all channels."""
        return int(min(self.low))

    @property
    def highest(self) -> int:
        """Over all channels."""
        return int(max(self.high))

    @property
    def magnitude(self) -> int:
        """The largest absolute value over all channels."""
        return max(abs(self.lowest), abs(self.highest))

    @property
    def signed(self) -> bool:
        """Whether a channel can be negative."""
        return self.lowest < 0

    @property
    def width(self) -> int:
        """Bits that hold every channel, in two's complement when `signed`; at least one."""
        return width_of(self.lowest, self.highest)

    @property
    def widths(self) -> list[int]:
        """Bits that each channel takes on its own, without low ones that are always 0; 0 for one that is only zero."""
        return [0 if not (low or high) else width_of(low, high) for low, high in zip(*self.significant, strict=True)]

    @property
    def significant(self) -> tuple[Integers, Integers]:
        """The lowest and highest codes without the low bits that are always 0."""
        return (self.low, self.high) if self.spare is None else (self.low >> self.spare, self.high >> self.spare)

    def with_zero(self) -> Self:
        """The same, and zero: what a convolution sees where its kernel reaches over the edge."""
        return type(self)(np.minimum(self.low, 0), np.maximum(self.high, 0), self.fraction, self.spare)

    def repeated(self, times: int) -> Self:
        """The channels over and over, as when pixels are laid side by side."""
        spare = None if self.spare is None else np.tile(self.spare, times)
        return type(self)(np.tile(self.low, times), np.tile(self.high, times), self.fraction, spare)

    def through(self, kernel: Integers, constant: Integers, fraction: int) -> Self:
        """After `inputs @ kernel + constant`, for a kernel (..., channels, outputs); `fraction` is the result's."""
        matrix = kernel.reshape(-1, kernel.shape[-1])
        times = len(matrix) // len(self.low)
        low, high = np.tile(self.low, times)[:, None], np.tile(self.high, times)[:, None]
        products = matrix * low, matrix * high
        return type(self)(
            np.minimum(*products).sum(axis=0) + constant, np.maximum(*products).sum(axis=0) + constant, fraction
        )

    def scaled(self, factor: Integers, term: Integers, fraction: int) -> Self:
        """After `value · factor + term`, each of shape (channels,); `fraction` is the result's."""
        ends = self.low * factor, self.high * factor
        return type(self)(np.minimum(*ends) + term, np.maximum(*ends) + term, fraction)

    def requantised(self, format: Format | FormatArray) -> Self:
        """After rounding and saturation, both of which keep the order."""
        low, high = (exact(requantise(end, self.fraction, format)) for end in (self.low, self.high))
        spare = exact(np.broadcast_to(format.spare, low.shape)) if isinstance(format, FormatArray) else None
        return type(self)(low, high, format.fraction, spare)


def width_of(low: int, high: int) -> int:
    """Bits for every integer from `low` to `high`, in two's complement when `low` is negative; at least one."""
    if low < 0:
        return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1
    return max(high.bit_length(), 1)


def widest(bounds: Iterable[Bounds]) -> int:
    """The largest width."""
    return max(bound.width for bound in bounds)
