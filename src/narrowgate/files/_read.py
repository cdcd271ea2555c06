"""Reading small files that somebody may have damaged or made, with a sentence for whatever is wrong with one."""

from __future__ import annotations

import hashlib
import json
import math
import stat
import tomllib
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import Any, NoReturn

from narrowgate.files._errors import FileError

LARGEST = 64 * 2**20
"""Bytes beyond which a file is no record: a curve of a million epochs has less."""
LARGEST_TOML = 2**18
"""The same for what people write by hand."""
DEEPEST = 32
"""Lists and tables inside one another; ours have six at most."""
WHOLE = 2**63
"""Whole numbers below this, in size, are read."""


def read_text(path: Path, largest: int = LARGEST) -> str:
    """The text of a UTF-8 file.

    Raises:
        FileError: it is missing, no plain file, larger than a record can be, cannot be read, or is not UTF-8.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise FileError(f"{path.name} is not a file")
        if about.st_size > largest:
            raise FileError(f"{path.name} has {about.st_size} bytes; at most {largest} are read")
        return path.read_text(encoding="utf-8")
    except FileError:
        raise
    except FileNotFoundError:
        raise FileError(f"{path.name} is missing") from None
    except OSError as error:
        raise FileError(f"{path.name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path.name} is not UTF-8 text ({error.reason} at byte {error.start})") from error


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        FileError: it cannot be read (see `read_text`), is not standard JSON, or holds what no record of ours does:
            more than `DEEPEST` lists and tables inside one another, or whole numbers beyond 64 bits.
    """
    return parse_json(read_text(path), path.name)


def parse_json(text: str, where: str) -> Any:
    """What a text in JSON holds; raises `FileError` as `read_json`, with `where` as the file's name.

    >>> parse_json('{"a": [1, 2.5, null]}', "x.json")
    {'a': [1, 2.5, None]}
    """

    def refuse(word: str) -> NoReturn:
        raise ValueError(f"{word} is no number of JSON")

    return _parsed(lambda: json.loads(text, parse_constant=refuse), where, "JSON")


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file holds; raises `FileError` as `read_json`, and for dates and times, which no file of ours has."""
    return parse_toml(read_text(path, LARGEST_TOML), path.name)


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """What a text in TOML holds; raises `FileError` as `read_toml`, with `where` as the file's name.

    >>> parse_toml("[network]\\nfilters = [4, 8]", "x.toml")
    {'network': {'filters': [4, 8]}}
    """
    found: dict[str, Any] = _parsed(lambda: tomllib.loads(text), where, "TOML")
    return found


def _parsed(parse: Callable[[], Any], where: str, language: str) -> Any:
    try:
        found = parse()
        what = _unfit(found, 0)
    except ValueError as error:
        raise FileError(f"{where} is not valid {language} ({_first_line(error)})") from error
    except RecursionError:
        found, what = None, "is nested too deeply"
    if what:
        raise FileError(f"{where} {what}")
    return found


def _unfit(value: Any, depth: int) -> str:
    """What is in `value` that no record of ours holds, as the rest of a sentence; empty if nothing is."""
    if depth > DEEPEST:
        return "is nested too deeply"
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return next(filter(None, (_unfit(part, depth + 1) for part in parts)), "")
    if isinstance(value, int) and not -WHOLE < value < WHOLE:
        return "holds a whole number beyond 64 bits"
    if isinstance(value, date | time):
        return "holds a date or a time; those are written in quotes"
    if isinstance(value, float) and math.isinf(value):
        return "holds a number that is not finite"
    return ""


def _first_line(error: Exception) -> str:
    """The reason, short: Python names digits and its own settings where a number is too long."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "a whole number of thousands of digits" if "integer string conversion" in reason else reason


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
