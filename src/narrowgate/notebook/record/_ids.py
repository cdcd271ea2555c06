"""Run ids: the moment a run began, in the notebook's own style, never given twice under one root."""

import errno
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from uuid import uuid4

from narrowgate.files import FileError
from narrowgate.notebook._errors import NotebookError

STYLE = "%Y-%m-%d--%H-%M-%S"
_PATTERN = re.compile(r"(\d{4}-\d{2}-\d{2}--\d{2}-\d{2}-\d{2})(?:-([2-9]|[1-9]\d+))?")


def claim(root: Path, moment: datetime, fill: Callable[[str, Path], None]) -> str:
    """Take the id of a run that begins at `moment` and make its folder `root/<id>`, for this caller alone.

    The id is `2022-07-18--15-05-00`, in the clock of the one who runs it. When that second is taken, the next runs get
    `2022-07-18--15-05-00-2`, `…-3`: the time stays true, where taking the next free second would be a lie about it.

    The folder is filled aside, by `fill(id, folder)`, and gets its name when everything is in it: whoever is killed
    leaves a whole run or none. A folder with something in it is never renamed over another, so no two callers, on one
    machine or many, ever hold one id, and an id stays taken for as long as its folder is kept.

    Raises:
        NotebookError: the folder cannot be made.
    """
    stamp, aside = moment.strftime(STYLE), root / f".new-{uuid4().hex[:12]}"
    try:
        aside.mkdir(parents=True)
        for number in count(1):
            identifier = stamp if number == 1 else f"{stamp}-{number}"
            if (root / identifier).exists():
                continue
            fill(identifier, aside)
            with suppress(FileExistsError, NotADirectoryError):
                if _renamed(aside, root / identifier):
                    return identifier
    except FileError:
        raise
    except OSError as error:
        raise NotebookError(
            f"cannot keep runs in {root}: {error.strerror or error}; name a folder that can be written"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    raise AssertionError("count() has no end")


def _renamed(aside: Path, folder: Path) -> bool:
    """Give the folder its name; False if somebody else was faster."""
    try:
        aside.rename(folder)
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            return False
        raise
    return True


def free(root: Path, moment: datetime) -> str:
    """An id for a run that begins at `moment`, which nobody has taken until now."""
    stamp = moment.strftime(STYLE)
    names = (stamp if number == 1 else f"{stamp}-{number}" for number in count(1))
    return next(name for name in names if not (root / name).exists())


def is_id(text: str) -> bool:
    """Whether `text` has the form of a run id."""
    return _PATTERN.fullmatch(text) is not None


def order(identifier: str) -> tuple[str, int]:
    """Sorting key of an id: its moment, then its number among those of the same second (…-10 after …-9)."""
    match = _PATTERN.fullmatch(identifier)
    if match is None:
        raise NotebookError(
            f"'{identifier}' is not a run id; ids look like 2022-07-18--15-05-00 or 2022-07-18--15-05-00-2"
        )
    return match[1], int(match[2] or 1)


def moment(identifier: str) -> datetime:
    """The moment of an id, in the clock of the one who ran it; the year 1 for digits that are no time."""
    try:
        return datetime.strptime(order(identifier)[0], STYLE)
    except ValueError:
        return datetime.min
