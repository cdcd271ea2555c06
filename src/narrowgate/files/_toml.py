"""Writing a configuration as TOML; Python reads the format and has no writer of its own."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from narrowgate.files._errors import FileError
from narrowgate.files._plain import plain

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(table: Mapping[str, Any]) -> str:
    """Write a table of numbers, words, truth values, lists and further tables as TOML 1.0.

    A key whose value is None is left out, since TOML has no such value. `tomllib.loads(to_toml(t)) == t` otherwise.

    Raises:
        FileError: the table holds a value that TOML does not have.
    """
    return "\n".join(_lines(table, ())).lstrip("\n") + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    present = {str(key): value for key, value in table.items() if value is not None}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in present.items() if not isinstance(value, Mapping)]
    if path and (lines or not present):
        lines = ["", f"[{'.'.join(map(_key, path))}]", *lines]
    for key, value in present.items():
        if isinstance(value, Mapping):
            lines += _lines(value, (*path, key))
    return lines


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else f"{value:+}"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(str(key))} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    value = plain(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return _value(value)
    raise FileError("a configuration cannot hold an empty value inside a list")
