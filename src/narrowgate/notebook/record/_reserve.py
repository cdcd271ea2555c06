"""An id that is written down before its run is begun, so that whoever is killed in between begins no second run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from narrowgate.files import FileError, read_json, write_json
from narrowgate.notebook.record import _ids
from narrowgate.notebook.record._layout import STATE


class _Reserved(BaseModel):
    """What the file says: ids by what they were reserved for."""

    model_config = ConfigDict(strict=True, extra="ignore")

    version: Annotated[int, Field(ge=1)] = 1
    runs: dict[str, str] = Field(default_factory=dict)


def reserve(file: Path, root: Path, key: str) -> str:
    """The id under `root` that `file` has reserved for `key`; if there is none, a free one, reserved from now on.

    Raises:
        FileError: the file cannot be written.
    """
    held, where = _read(file), f"{key} in {root.resolve()}"
    if where not in held.runs or not _ids.is_id(held.runs[where]):
        held.runs[where] = _ids.free(root, datetime.now().astimezone())
        write_json(file, held.model_dump())
    return held.runs[where]


def give_up(file: Path, root: Path, key: str) -> None:
    """Let go of the id reserved for `key`, which somebody else has taken or which has another's run.

    Raises:
        FileError: the file cannot be written.
    """
    held = _read(file)
    held.runs.pop(f"{key} in {root.resolve()}", None)
    write_json(file, held.model_dump())


def is_begun(root: Path, identifier: str) -> bool:
    """Whether a run of this id says something of itself; a folder alone may have been made by whoever was killed."""
    return (root / identifier / STATE).exists()


def _read(file: Path) -> _Reserved:
    """What is reserved; nothing where the file is missing or damaged: a run more is then the worst that happens."""
    try:
        return _Reserved.model_validate(read_json(file))
    except (FileError, ValidationError):
        return _Reserved()
