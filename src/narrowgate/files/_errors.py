"""What the files say when they cannot be written or read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from narrowgate.errors import NarrowgateError


class FileError(NarrowgateError, OSError):
    """A file cannot be written or read; the sentence says which, why, and what became of it."""


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Make a sentence about `path` of any `OSError` inside; one that names another file is told with that name.

    Raises:
        FileError: the system refused something.
    """
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{error.filename or path}: {error.strerror or error}") from error
