"""The folder of a study: held by one process at a time, its files whole or not there."""

from __future__ import annotations

import fcntl
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from narrowgate.study._errors import StudyError
from narrowgate.study._journal import flush_folder

LOCK = "lock"
ASIDE = ".part"


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


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, flush it to the disk, and rename it: `path` is whole or as it was.

    Raises:
        StudyError: the file cannot be written (a full disk).
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}{ASIDE}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(aside)
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        raise StudyError(f"{path} cannot be written ({error}); what was there before is kept.") from error
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_whole(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for left in folder.rglob(f".*{ASIDE}"):
        left.unlink(missing_ok=True)
