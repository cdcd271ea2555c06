"""How large an array from a file may be: a declared size is checked before a byte of memory is given to it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from narrowgate.events._errors import DatasetError

MAXIMUM_BYTES = 16 * 2**30
"""An array that would need more memory than this is refused."""

MAXIMUM_COMPRESSION = 1032
"""Deflate never packs better than 1032 to 1 (zlib's technical notes), so a smaller source cannot be honest."""

FILLED_BYTES = 64 * 2**20
"""HDF5 alone may declare more: what was never written is the fill value, and constant numbers need no bits. Up to so
many bytes that is believed."""


def check_size(shape: Sequence[int], itemsize: int, stored: int, where: str, *, filled: bool = False) -> None:
    """Refuse an array of `shape` and `itemsize` bytes that cannot come from `stored` bytes, or is too large.

    With `filled` (HDF5), up to `FILLED_BYTES` may come from nothing.

    Raises `DatasetError` naming `where`.
    """
    declared = math.prod(int(length) for length in shape) * itemsize
    if declared > MAXIMUM_BYTES:
        raise DatasetError(
            f"{where} declares shape {tuple(shape)}, {declared} bytes; at most {MAXIMUM_BYTES} bytes are allowed"
        )
    if declared <= stored * MAXIMUM_COMPRESSION or (filled and declared <= FILLED_BYTES):
        return
    why = "the file is corrupt or incomplete"
    if filled:
        why = (
            f"chunks that were never written are read as the fill value, but only up to {FILLED_BYTES} bytes; write "
            f"them, or choose an ordinary compression"
        )
    raise DatasetError(
        f"{where} declares shape {tuple(shape)}, {declared} bytes, but only {stored} bytes are stored: {why}"
    )
