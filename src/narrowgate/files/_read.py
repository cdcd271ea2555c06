"""Reading small files, with a sentence for whatever is wrong with one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from narrowgate.files._errors import FileError


def read_text(path: Path) -> str:
    """The text of a UTF-8 file.

    Raises:
        FileError: it is missing, cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileError(f"{path.name} is missing") from None
    except OSError as error:
        raise FileError(f"{path.name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path.name} is not UTF-8 text ({error.reason} at byte {error.start})") from error


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        FileError: it is missing, cannot be read, is not JSON, or is nested too deeply to be read.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise FileError(f"{path.name} is not valid JSON ({error})") from error
    except RecursionError:
        raise FileError(f"{path.name} is nested too deeply") from None


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
