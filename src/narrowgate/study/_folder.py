"""The folder of a study: held by one process at a time."""

from __future__ import annotations

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from narrowgate.study._errors import StudyError

LOCK = "lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the study in `folder` for this process; the lock goes with the process, however it ends.

    Raises:
        StudyError: another process holds it, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StudyError(
            f"{folder}: a study cannot be kept here ({error}); name a folder that can be written."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            raise StudyError(
                f"{folder}: {holder} is working on this study; wait for it, or stop it and resume."
            ) from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
