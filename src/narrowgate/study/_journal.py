"""The journal of a study: what was found, one line after the other, never changed.

A line is a JSON object; its last key, `sum`, is the SHA-256 of the line before and of everything else in this one, so
that a damaged line is noticed and so is everything after it. Every line is flushed to the disk before the study goes on
to what follows from it. Nothing in it depends on the clock: a study that was killed and resumed has the same journal,
byte for byte, as one that was not.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from narrowgate.files import flush_folder
from narrowgate.study._errors import StudyError

JOURNAL = "journal.jsonl"

Entry = dict[str, Any]
"""What a line says: plain JSON, with `step`, the name of what was done."""


class Journal:
    """The lines of a study's journal, and the means to add one.

    `warning` is a sentence when the end of the file was damaged; that end is set aside and its work done again.
    """

    def __init__(self, folder: Path, before_writing: Callable[[], None] = lambda: None) -> None:
        self._path = folder / JOURNAL
        self._before_writing = before_writing
        self.entries: dict[str, Entry] = {}
        self.warning = ""
        self._last = ""

    @classmethod
    def read(cls, folder: Path) -> Journal:
        """The journal as far as it is sound, and nothing touched; empty when there is none.

        Raises:
            StudyError: the file cannot be read.
        """
        journal = cls(folder)
        journal._read()
        return journal

    @classmethod
    def open(cls, folder: Path, *, before_writing: Callable[[], None] = lambda: None) -> Journal:
        """The journal, ready to be added to; what is damaged at its end is moved to `journal.jsonl.damaged`.

        `before_writing` is called before every line, and may refuse with an error.

        Raises:
            StudyError: the file cannot be read or mended.
        """
        journal = cls(folder, before_writing)
        sound = journal._read()
        if journal.warning:
            journal._set_aside(sound)
        return journal

    def step(self, name: str, work: Callable[[], Entry]) -> Entry:
        """What the step called `name` found: from the journal if it was done before, else by doing it now.

        Raises:
            StudyError: the line cannot be written (a full disk); everything before it stays.
        """
        if name not in self.entries:
            # Through JSON and back, so that a step gives the same whether it was done now or long ago.
            line = _line({"step": name} | work(), self._last)
            self._before_writing()
            self._append(line)
            self._take(json.loads(line))
        return self.entries[name]

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def _take(self, entry: Entry) -> None:
        self._last = entry.pop("sum")
        self.entries[entry["step"]] = entry

    def _append(self, line: str) -> None:
        size = self._path.stat().st_size if self._path.exists() else 0
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                content = line.encode()
                if os.write(descriptor, content) != len(content):
                    raise OSError("only a part of the line could be written; is the disk full?")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if not size:
                flush_folder(self._path.parent)
        except OSError as error:
            if self._path.exists():
                os.truncate(self._path, size)
            raise StudyError(
                f"{self._path}: the journal cannot be written ({error}); everything up to here is kept, resume when "
                f"there is room."
            ) from error

    def _read(self) -> int:
        """Take every sound line; returns how many bytes they are."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise StudyError(f"{self._path}: the journal cannot be read ({error}).") from error
        sound = 0
        for line in content.splitlines(keepends=True):
            entry = _checked(line, self._last)
            if entry is None:
                break
            self._take(entry)
            sound += len(line)
        if sound < len(content):
            self.warning = (
                f"{self._path}: the last {len(content) - sound} bytes, after {len(self.entries)} sound lines, are "
                f"damaged; that part of the work will be done again."
            )
        return sound

    def _set_aside(self, sound: int) -> None:
        try:
            content = self._path.read_bytes()
            with self._path.with_name(f"{JOURNAL}.damaged").open("ab") as damaged:
                damaged.write(content[sound:])
                damaged.flush()
                os.fsync(damaged.fileno())
            os.truncate(self._path, sound)
        except OSError as error:
            raise StudyError(f"{self._path}: the damaged end of the journal cannot be set aside ({error}).") from error


def _sum(before: str, body: str) -> str:
    return hashlib.sha256(f"{before}\n{body}".encode()).hexdigest()


def _body(entry: Entry) -> str:
    return json.dumps(entry, ensure_ascii=False, allow_nan=False)


def _line(entry: Entry, before: str) -> str:
    return _body(entry | {"sum": _sum(before, _body(entry))}) + "\n"


def _checked(line: bytes, before: str) -> Entry | None:
    """The entry of a line, with its `sum`; `None` if it is not whole or does not follow the line before."""
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
        body = {key: value for key, value in entry.items() if key != "sum"}
        return entry if entry["sum"] == _sum(before, _body(body)) and "step" in entry else None
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
