"""Files that are whole or not there: everything is written aside, flushed to the disk, and renamed."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from narrowgate.files._errors import FileError
from narrowgate.files._plain import plain

ASIDE = ".part"
"""How the hidden name ends under which a file is written before it is renamed."""


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """Give a path to write to in place of `path`; on leaving without an error it is renamed to `path`.

    Killed at any instant, `path` holds what it held before or all of the new content, never a part. What a killed
    process leaves is a hidden file whose name ends in `.part`, which no reader looks at and `sweep` removes.

    Raises:
        FileError: the file cannot be written (a full disk, a folder that is not ours).
    """
    temporary = path.with_name(f".{path.stem[:40]}-{uuid4().hex[:12]}{ASIDE}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    except FileError:
        raise
    except OSError as error:
        why = error.strerror or str(error)
        raise FileError(f"{path} cannot be written ({why}); what was there before is kept.") from error
    finally:
        with_no_error(temporary.unlink)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, flush it to the disk, and rename it: `path` is whole or as it was.

    Raises:
        FileError: the file cannot be written.
    """
    with aside(path) as temporary:
        write(temporary)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all; raises `FileError`."""
    with aside(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, whole or not at all; raises `FileError`.

    A lone surrogate, as Python makes of file names in other encodings, is written as `\\\\udcXX`: to JSON and TOML that
    is the same character.
    """
    write_bytes(path, content.encode("utf-8", errors="backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as standard JSON (see `plain`), whole or not at all; raises `FileError`."""
    write_text(path, json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sweep(folder: Path) -> None:
    """Remove what killed processes left half written in `folder` and below."""
    for left in folder.rglob(f".*{ASIDE}"):
        with_no_error(left.unlink)


def flush_folder(folder: Path) -> None:
    """See to it that the names in a folder are on the disk, where the file system can do that for folders."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def with_no_error(act: Callable[[], object]) -> None:
    """Do what is welcome and not needed, such as removing what is left; the system's refusal is no error."""
    try:
        act()
    except OSError:
        return
