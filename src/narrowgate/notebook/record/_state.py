"""Where a run stands: its status, the process that writes it, and the small file that says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

from narrowgate.files import Process, as_utf8, holder_of, write_json
from narrowgate.notebook._errors import NotebookError
from narrowgate.notebook.record._layout import STATE
from narrowgate.notebook.record._schema import RECORD, parse_state


class Status(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class State:
    """What `run.json` holds. `files` maps the name of every sealed file to its size in bytes and its SHA-256."""

    id: str
    name: str
    started: datetime
    process: Process
    status: Status = Status.RUNNING
    reason: str = ""
    ended: datetime | None = None
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Put the state into the run's folder, whole or not at all."""
        write_json(
            folder / STATE,
            {
                "version": RECORD,
                "id": self.id,
                "name": as_utf8(self.name),
                "status": self.status,
                "reason": as_utf8(self.reason),
                "started": self.started.isoformat(),
                "ended": self.ended.isoformat() if self.ended else None,
                "process": vars(self.process),
                "files": {name: {"bytes": size, "sha256": digest} for name, (size, digest) in self.files.items()},
            },
        )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the state, and find out whether a run that calls itself running still does.

        Raises:
            NotebookError: the file is missing, is not JSON, or lacks something.
        """
        if not (folder / STATE).exists():
            raise NotebookError("nothing was written: the run ended as it began, or begins just now")
        found = parse_state(folder)
        state = cls(
            id=found.id,
            name=found.name,
            started=found.started,
            process=Process(**found.process.model_dump()),
            status=Status(found.status),
            reason=found.reason,
            ended=found.ended,
            files={name: (file.bytes, file.sha256) for name, file in found.files.items()},
        )
        if state.status is not Status.RUNNING:
            return state
        holder = holder_of(folder)
        if (holder is None and state.process.has_ended()) or (holder is not None and holder.is_gone):
            seen = holder is None or (holder.process is not None and holder.process.is_here())
            how = "ended without saying so" if seen else "has given no sign of life for some minutes"
            return replace(state, status=Status.INTERRUPTED, reason=f"{state.process} {how}")
        return state
