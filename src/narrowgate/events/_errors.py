"""What goes wrong with event files, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from narrowgate.errors import NarrowgateError


class DatasetError(NarrowgateError, ValueError):
    """A data set, or a file that should hold one, is not as it must be; the message is a full sentence."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of the file before any `DatasetError` that does not hold it yet."""
    try:
        yield
    except DatasetError as error:
        if str(path) in str(error):
            raise
        raise DatasetError(f"{path}: {error}") from error
