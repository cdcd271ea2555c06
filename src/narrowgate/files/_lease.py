"""Holding a folder for hours, on any file system and across machines: a lease that is renewed while its holder lives.

A batch system may kill a process at any instant and start its successor on another machine. A lock goes with the
process, but not every file system has locks, and none tells who is gone. So whoever works on a folder keeps a small
file in it, `lease.json`, and touches it every `RENEWED` seconds. A holder that this machine can see is asked after by
its number. Any other counts as gone when the file was not touched for `EXPIRES` seconds, or when somebody who knows
better takes over; the old holder, should it live after all, notices at its next step and writes nothing more.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from narrowgate.errors import NarrowgateError
from narrowgate.files._errors import FileError, explaining
from narrowgate.files._lock import locked
from narrowgate.files._process import Process
from narrowgate.files._read import read_text
from narrowgate.files._write import with_no_error, write_json

LEASE = "lease.json"
RENEWED = 20.0
"""Seconds between two signs of life."""
EXPIRES = 300.0
"""Seconds without a sign of life after which a holder on another machine counts as gone; clocks may differ by less."""


class HeldError(NarrowgateError):
    """Another process holds the folder; the sentence says which, and what can be done."""


class LostError(NarrowgateError):
    """The folder was taken over by another process; this one must not write into it any more."""


@dataclass(frozen=True)
class Holder:
    """What a lease says: the process (None where the file is damaged), its token, and seconds since a sign of life."""

    process: Process | None
    token: str
    age: float

    @property
    def is_gone(self) -> bool:
        """Whether it no longer works on the folder, as far as can be known."""
        if self.process is None or not self.process.is_here():
            return self.age > EXPIRES
        return self.process.has_ended()

    @property
    def is_seen_alive(self) -> bool:
        """Whether it is a living process of this machine."""
        return self.process is not None and self.process.is_alive_here()

    def __str__(self) -> str:
        return str(self.process or "another process")


class Lease:
    """A folder held by this process; made by `take`, given back by `release` or on leaving the context."""

    def __init__(self, folder: Path, token: str) -> None:
        self.folder = folder
        self._token = token
        _renewer.add(self)

    @classmethod
    def take(cls, folder: Path, *, what: str, take_over: bool = False) -> Self:
        """Hold `folder`, which is there, if nobody else does.

        Args:
            folder: what to hold.
            what: how to call it in a sentence, e.g. `run 2022-07-18--15-05-00`.
            take_over: also from a process on another machine that gave a sign of life lately.

        Raises:
            HeldError: a living process holds it.
            FileError: the folder cannot be written.
        """
        token = uuid4().hex
        with locked(folder):
            holder = holder_of(folder)
            if holder is not None and not holder.is_gone and (holder.is_seen_alive or not take_over):
                raise HeldError(_refusal(what, holder))
            write_json(folder / LEASE, {"version": 1, "token": token, "process": asdict(Process.current())})
        return cls(folder, token)

    @property
    def is_ours(self) -> bool:
        """Whether no other process has taken over; True too where the file system does not answer just now."""
        try:
            holder = holder_of(self.folder)
        except OSError:
            return True
        return holder is not None and holder.token == self._token

    def check(self) -> None:
        """Make sure that the folder is still ours, before anything is written into it.

        Raises:
            LostError: another process has taken over.
        """
        if not self.is_ours:
            raise LostError(f"{self.folder} was taken over by {holder_of(self.folder) or 'another process'}; stopped.")

    def renew(self) -> None:
        """Give a sign of life."""
        if self.is_ours:
            with_no_error((self.folder / LEASE).touch)

    def release(self) -> None:
        """Give the folder back; nothing happens when it was given back or lost before."""
        _renewer.remove(self)
        if self.is_ours:
            with_no_error((self.folder / LEASE).unlink)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def holder_of(folder: Path) -> Holder | None:
    """Who holds `folder`, gone or not; None when nobody does.

    Raises:
        FileError: the folder cannot be read.
    """
    path = folder / LEASE
    try:
        with explaining(path):
            age = time.time() - path.stat().st_mtime
        text = read_text(path)
    except FileError:
        if path.exists():
            raise
        return None
    return Holder(*_parsed(text), age)


def _parsed(text: str) -> tuple[Process | None, str]:
    """Process and token of a lease; one that is damaged, or of another version, is somebody's all the same."""
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None, ""
    about = content.get("process") if isinstance(content, dict) else None
    if not isinstance(about, dict) or not isinstance(content.get("token"), str):
        return None, ""
    words = [about.get(name) for name in ("host", "ticks", "kernel")]
    number = about.get("number")
    if type(number) is not int or number <= 0 or not all(isinstance(word, str) for word in words):
        return None, content["token"]
    return Process(str(words[0]), number, str(words[1]), str(words[2])), content["token"]


def _refusal(what: str, holder: Holder) -> str:
    if holder.is_seen_alive:
        return f"{what} is held by {holder}, which is at work; wait for it, or stop it"
    return (
        f"{what} is held by {holder}, whose last sign of life was {max(0.0, holder.age):.0f} s ago; if that machine is "
        f"gone, --take-over goes on (without it, that is possible {EXPIRES / 60:.0f} minutes after the last sign)"
    )


class _Renewer:
    """One thread of this process that renews all its leases."""

    def __init__(self) -> None:
        self._leases: set[Lease] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, lease: Lease) -> None:
        with self._lock:
            self._leases.add(lease)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._renew, name="narrowgate leases", daemon=True)
                self._thread.start()

    def remove(self, lease: Lease) -> None:
        with self._lock:
            self._leases.discard(lease)

    def _renew(self) -> None:
        while True:
            time.sleep(RENEWED)
            with self._lock:
                leases = list(self._leases)
                if not leases:
                    self._thread = None
                    return
            for lease in leases:
                lease.renew()


_renewer = _Renewer()
