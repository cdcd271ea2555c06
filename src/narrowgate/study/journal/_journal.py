"""The journal of a study: what was found, one line after the other, never changed.

A line is a JSON object; its last key, `sum`, is the SHA-256 of the line before and of everything else in this one, so
that a damaged line is noticed and so is everything after it. A line that is whole is read into the class that belongs
to its step (`_entries`), strictly: a checksum is no reason to trust its shape, the line may be another version's. Every
line is flushed to the disk before the study goes on to what follows from it. Nothing in it depends on the clock: one
that was killed and resumed has the same journal, byte for byte, as a study that was not.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from narrowgate.files import FileError, flush_folder, parse_json
from narrowgate.study._errors import StudyError
from narrowgate.study.journal._entries import VERSION, Entry, kind_of

JOURNAL = "journal.jsonl"

LARGEST = 2**31
"""Bytes beyond which a journal is none: a search of 10 000 members has a hundredth of it."""

Line = TypeVar("Line", bound=Entry)
Table = dict[str, Any]


class Journal:
    """The lines of a study's journal by the names of their steps, and the means to add one.

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
            StudyError: the file cannot be read, or it is another version's.
        """
        journal = cls(folder)
        journal._read()
        return journal

    @classmethod
    def open(cls, folder: Path, *, before_writing: Callable[[], None] = lambda: None) -> Journal:
        """The journal, ready to be added to; what is damaged at its end is moved to `journal.jsonl.damaged`.

        `before_writing` is called before every line, and may refuse with an error.

        Raises:
            StudyError: the file cannot be read or mended, or it is another version's.
        """
        journal = cls(folder, before_writing)
        sound = journal._read()
        if journal.warning:
            journal._set_aside(sound)
        return journal

    def step(self, name: str, work: Callable[[], Line]) -> Line:
        """What the step called `name` found: from the journal if it was done before, else by doing it now.

        Raises:
            StudyError: the line cannot be written (a full disk); everything before it stays.
        """
        if name not in self.entries:
            entry = work()
            assert entry.step == name
            line = _line(entry.as_json(), self._last)
            self._before_writing()
            self._append(line)
            # Through JSON and back, so that a step gives the same whether it was done now or long ago.
            self._take(json.loads(line))
        return cast(Line, self.entries[name])  # the name of a step says of which class its line is

    def find(self, kind: type[Line], name: str) -> Line | None:
        """The line of a step, if it was done."""
        found = self.entries.get(name)
        return found if isinstance(found, kind) else None

    def all(self, kind: type[Line]) -> list[Line]:
        """All lines of a kind, in their order."""
        return [entry for entry in self.entries.values() if isinstance(entry, kind)]

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def _take(self, table: Table) -> None:
        self._last = table.pop("sum")
        entry = self._entry(table)
        self.entries[entry.step] = entry

    def _entry(self, table: Table) -> Entry:
        """The line in the class of its step.

        Raises:
            StudyError: it does not say what this version writes there.
        """
        number, name = len(self.entries) + 1, table["step"]
        version = table.get("version", 0) if name == "opened" else 0
        if isinstance(version, int) and version > VERSION:
            raise StudyError(
                f"{self._path} was written by a newer narrowgate (its journal is version {version}, this one reads up "
                f"to {VERSION}); look at it and go on with that one."
            )
        kind = kind_of(name) if isinstance(name, str) else None
        if kind is None or name in self.entries:
            raise StudyError(
                f"{self._path}: line {number} is a step {str(name)[:60]!r}, which this narrowgate does not have there; "
                f"the journal is another version's, or was changed."
            )
        try:
            return kind.model_validate(table)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = ".".join(str(part)[:60] for part in first["loc"])
            raise StudyError(
                f"{self._path}: line {number} ({name[:60]}) does not say what this narrowgate writes there "
                f"({where}: {first['msg'][:200]}); the journal is another version's, or was changed."
            ) from None

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
            if self._path.exists() and self._path.stat().st_size > LARGEST:
                raise StudyError(f"{self._path}: the journal has more than {LARGEST} bytes; no study writes so many.")
            content = self._path.read_bytes()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise StudyError(f"{self._path}: the journal cannot be read ({error}).") from error
        sound = 0
        for line in content.splitlines(keepends=True):
            table = _checked(line, self._last)
            if table is None:
                break
            self._take(table)
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


def _body(table: Table) -> str:
    return json.dumps(table, ensure_ascii=False, allow_nan=False)


def _line(table: Table, before: str) -> str:
    return _body(table | {"sum": _sum(before, _body(table))}) + "\n"


def _checked(line: bytes, before: str) -> Table | None:
    """What a line says, with its `sum`; `None` if it is not whole or does not follow the line before."""
    if not line.endswith(b"\n"):
        return None
    try:
        table = parse_json(line.decode("utf-8"), JOURNAL)
        if not isinstance(table, dict) or not isinstance(table.get("sum"), str) or "step" not in table:
            return None
        body = _body({key: value for key, value in table.items() if key != "sum"})
        return table if table["sum"] == _sum(before, body) else None
    except (FileError, UnicodeError):
        return None
