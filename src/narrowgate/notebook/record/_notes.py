"""Notes: dated words kept with a run, only ever added to.

`notes.txt` is a list that is pleasant to read and to edit by hand:

    - **2022-07-18 15:40:12+02:00** very smooth, try (8,4) next
"""

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from narrowgate.files import locked
from narrowgate.notebook._errors import NotebookError
from narrowgate.notebook.record._layout import NOTES

LARGEST = 2**20
"""Bytes of notes that are read: a thick book."""

_BEGINNING = re.compile(r"- \*\*(\d{4}-\d{2}-\d{2} [\d:]{8}[+-][\d:]{5,8})\*\* (.*)")


@dataclass(frozen=True)
class Note:
    """Words and when they were written; `when` knows its time zone."""

    when: datetime
    text: str


def append_note(folder: Path, text: str, when: datetime) -> Note:
    """Add a note to the run in `folder`; the line breaks of `text` are kept.

    Raises:
        NotebookError: the note is empty, or the folder cannot be written.
    """
    note = Note(when.replace(microsecond=0), "\n".join(line.rstrip() for line in text.strip().splitlines()))
    if not note.text:
        raise NotebookError("the note is empty; say what you saw")
    entry = f"- **{note.when.isoformat(sep=' ')}** {note.text}".replace("\n", "\n  ") + "\n"
    try:
        with locked(folder), (folder / NOTES).open("a", encoding="utf-8", errors="backslashreplace") as file:
            if file.tell() and not _ends_a_line(folder / NOTES):
                file.write("\n")
            file.write(entry)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise NotebookError(f"cannot keep a note in {folder}: {error.strerror}") from error
    return note


def read_notes(folder: Path) -> tuple[Note, ...]:
    """The notes of the run in `folder`, oldest first; words that no dated line introduces belong to the note above."""
    try:
        if not (folder / NOTES).is_file():
            return ()
        with (folder / NOTES).open("rb") as file:
            lines = file.read(LARGEST).decode("utf-8", errors="replace").splitlines()
    except OSError as error:
        raise NotebookError(f"{NOTES} cannot be read: {error.strerror}") from error
    notes: list[Note] = []
    for line in lines:
        if begun := _begun(line):
            notes.append(begun)
        elif notes:
            last = notes.pop()
            notes.append(Note(last.when, f"{last.text}\n{line.removeprefix('  ')}"))
    return tuple(Note(note.when, note.text.rstrip()) for note in notes)


def _begun(line: str) -> Note | None:
    """The note that begins with this line; None where there is none, or its time is no time (minute 75)."""
    match = _BEGINNING.fullmatch(line)
    if match is None:
        return None
    try:
        return Note(datetime.fromisoformat(match[1]), match[2])
    except ValueError:
        return None


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
