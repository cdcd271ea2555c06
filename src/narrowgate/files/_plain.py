"""From NumPy, paths and enumerations to what JSON and TOML hold."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from narrowgate.files._errors import FileError


def as_utf8(text: str) -> str:
    """Words from a command line or a file's name as UTF-8, also where the system made something else of their bytes.

    What is no UTF-8 becomes the replacement character.

    >>> as_utf8("\\udcce\\udcb7"), as_utf8("caf\\udce9")
    ('η', 'caf\ufffd')
    """
    return text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def plain(value: Any) -> Any:
    """Turn `value` into what JSON holds: NumPy becomes numbers and lists, and a number that is not finite becomes null.

    >>> import numpy as np
    >>> plain({"a": np.float32(0.5), "b": (1, float("inf"))})
    {'a': 0.5, 'b': [1, None]}

    Raises:
        FileError: `value` holds something that JSON does not have.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy's and JAX's arrays and numbers, without importing either
        return plain(value.tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise FileError(f"a record holds numbers, words, lists and tables, but no {type(value).__name__}")
