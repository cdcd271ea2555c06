"""How large an array from a file may be: a declared size is checked before a byte of memory is given to it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from narrowgate.events._errors import DatasetError

MAXIMUM_BYTES = 16 * 2**30
"""An array that would need more memory than this is refused."""

MAXIMUM_COMPRESSION = 1032
"""Deflate never packs better than 1032 to 1 (zlib's technical notes), so a smaller source cannot be honest."""


def check_size(shape: Sequence[int], itemsize: int, stored: int, where: str) -> None:
    """Refuse an array of `shape` and `itemsize` bytes that cannot come from `stored` bytes, or is too large.

    Raises `DatasetError` naming `where`.
    """
    declared = math.prod(int(length) for length in shape) * itemsize
    if declared > MAXIMUM_BYTES:
        raise DatasetError(
            f"{where} declares shape {tuple(shape)}, {declared} bytes; at most {MAXIMUM_BYTES} bytes are allowed"
        )
    if declared > stored * MAXIMUM_COMPRESSION:
        raise DatasetError(
            f"{where} declares shape {tuple(shape)}, {declared} bytes, but only {stored} bytes are stored: "
            f"the file is corrupt or incomplete"
        )
