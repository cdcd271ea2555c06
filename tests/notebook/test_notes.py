from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta, timezone
from itertools import repeat
from pathlib import Path

import pytest

from narrowgate.notebook import Note, NotebookError
from narrowgate.notebook.record._notes import append_note, read_notes

from .notebook_example import processes

WHEN = datetime(2022, 7, 18, 15, 40, 12, 345, tzinfo=timezone(timedelta(hours=2)))


def test_notes_come_back_dated_and_in_order(tmp_path: Path) -> None:
    append_note(tmp_path, "very smooth", WHEN)
    append_note(tmp_path, "  try (8,4) next:\n\n- conv\n- dense  \n", WHEN + timedelta(minutes=3))
    assert read_notes(tmp_path) == (
        Note(WHEN.replace(microsecond=0), "very smooth"),
        Note(WHEN.replace(microsecond=0) + timedelta(minutes=3), "try (8,4) next:\n\n- conv\n- dense"),
    )
    assert (tmp_path / "notes.txt").read_text().startswith("- **2022-07-18 15:40:12+02:00** very smooth\n- **")


def test_a_note_that_looks_like_a_note_stays_one(tmp_path: Path) -> None:
    text = "the list said\n- **2022-07-18 15:40:12+02:00** very smooth"
    append_note(tmp_path, text, WHEN)
    assert [note.text for note in read_notes(tmp_path)] == [text]


def test_words_added_by_hand_are_kept(tmp_path: Path) -> None:
    append_note(tmp_path, "very smooth", WHEN)
    with (tmp_path / "notes.txt").open("a") as file:
        file.write("and cheap")
    append_note(tmp_path, "next", WHEN)
    assert [note.text for note in read_notes(tmp_path)] == ["very smooth\nand cheap", "next"]


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    words = [f"note {number}\nand more" for number in range(80)]
    with ProcessPoolExecutor(4, mp_context=processes()) as pool:
        list(pool.map(append_note, repeat(tmp_path), words, repeat(WHEN)))
    texts = [note.text for note in read_notes(tmp_path)]
    assert len(texts) == 80
    assert set(texts) == set(words)


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_note_gets_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotebookError, match="the note is empty"):
        append_note(tmp_path, text, WHEN)
    assert read_notes(tmp_path) == ()


def test_a_run_without_notes(tmp_path: Path) -> None:
    assert read_notes(tmp_path) == ()
