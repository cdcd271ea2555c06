"""Holding a folder for a moment, against other processes that also ask."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from narrowgate.files._errors import FileError
from narrowgate.files._write import with_no_error

NAME = ".lock"
"""The file that stands for the lock where the file system has none."""

PATIENCE = 30.0
"""Seconds after which such a file was left by a process that is gone: nobody holds a folder for longer than a write."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` against other processes that also ask; the lock goes with the process, however it ends.

    Some file systems (Lustre and NFS as they are often mounted, FUSE) have no locks of this kind. There a file stands
    for the lock; one that a killed process left is taken away after `PATIENCE` seconds.

    Raises:
        FileError: the folder cannot be opened, or not be written.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise FileError(f"{folder} cannot be opened: {error.strerror}") from error
    try:
        if _flock(descriptor):
            yield
        else:
            with _file(folder / NAME):
                yield
    finally:
        os.close(descriptor)


def _flock(descriptor: int) -> bool:
    """Wait for the lock; False where the file system knows none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


@contextmanager
def _file(path: Path) -> Iterator[None]:
    since = time.monotonic()
    while True:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            break
        except FileExistsError:
            if time.monotonic() - since > PATIENCE:
                with_no_error(path.unlink)
                since = time.monotonic()
            time.sleep(0.01)
        except OSError as error:
            raise FileError(f"{path.parent} cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        with_no_error(path.unlink)
