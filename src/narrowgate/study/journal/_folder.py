"""The folder of a study: held by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from narrowgate.files import HeldError, Lease
from narrowgate.study._errors import StudyError


@contextmanager
def held(folder: Path, *, take_over: bool = False) -> Iterator[Lease]:
    """Hold the study in `folder` for this process; gives the lease, whose `check` tells whether it is still ours.

    With `take_over` also from a process on another machine that has not been silent for long enough to count as gone.

    Raises:
        StudyError: another process holds it, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lease = Lease.take(folder, what=f"the study in {folder}", take_over=take_over)
    except HeldError as error:
        raise StudyError(f"{error}.") from error
    except OSError as error:
        raise StudyError(
            f"{folder}: a study cannot be kept here ({error}); name a folder that can be written."
        ) from error
    with lease:
        yield lease
