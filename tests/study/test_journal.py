"""The journal: append-only, checked, mended at its end; and the folder that one process holds."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowgate.study._errors import StudyError
from narrowgate.study.journal._entries import (
    BracketDrawn,
    DrawnConfiguration,
    MemberTrained,
    RankedConfiguration,
    RungPlan,
    RungRanked,
    UnitTrained,
)
from narrowgate.study.journal._folder import held
from narrowgate.study.journal._journal import JOURNAL, Journal


def fill(folder: Path, count: int) -> Journal:
    journal = Journal.open(folder)
    for number in range(count):
        journal.step(f"ρ, unit {number}", partial(found, number))
    return journal


def found(number: int) -> UnitTrained:
    curve: dict[str, list[float | None]] = {"step": [10, 20], "loss": [number / 3, None]}
    members = {"c001-s1": MemberTrained(step=20, diverged_at=None, state="ρ", curve=curve)}
    return UnitTrained(step=f"ρ, unit {number}", start=number, end=20, lanes=1, members=members)


def never() -> UnitTrained:
    raise AssertionError("done before")


def test_a_step_is_done_once_and_gives_the_same_afterwards(tmp_path: Path) -> None:
    first = fill(tmp_path, 3)
    again = Journal.open(tmp_path)
    assert again.entries == first.entries
    assert again.step("ρ, unit 1", never) == found(1)
    assert "ρ, unit 3" not in again
    assert again.warning == ""


def test_floats_come_back_to_the_last_bit(tmp_path: Path) -> None:
    values = [0.1 + 0.2, 5e-324, 1 / 3]
    order = [RankedConfiguration(configuration="c001", value=one, noise=one, cost=None) for one in values]
    name = "bracket 1 rung 1 ranked"
    line = RungRanked(step=name, steps=1, measure="loss", order=order, promoted=[], tied=[], places_left=0)
    Journal.open(tmp_path).step(name, lambda: line)
    read = Journal.read(tmp_path).find(RungRanked, name)
    assert read is not None
    assert [one.value for one in read.order] == values
    assert [one.noise for one in read.order] == values


def test_a_journal_that_goes_on_is_the_same_file_as_one_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    fill(tmp_path / "one", 6)
    fill(tmp_path / "two", 2)
    fill(tmp_path / "two", 6)
    assert (tmp_path / "one" / JOURNAL).read_bytes() == (tmp_path / "two" / JOURNAL).read_bytes()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_cut_or_damaged_anywhere_nothing_earlier_is_lost(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    fill(folder, 5)
    path = folder / JOURNAL
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:place])
        untouched = whole[:place].count(b"\n")
        clean = whole[:place].endswith(b"\n") or place == 0
    else:
        damaged = bytearray(whole)
        damaged[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(damaged)
        untouched, clean = whole[:place].count(b"\n"), False
    journal = Journal.open(folder)
    assert list(journal.entries) == [f"ρ, unit {number}" for number in range(untouched)]
    assert (journal.warning == "") == clean
    if not clean:
        assert f"after {untouched} sound lines" in journal.warning
    # Mended and gone on with, it is what it would have been.
    fill(folder, 5)
    assert path.read_bytes() == whole


def test_reading_alone_mends_nothing(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"step": "unit 2"')
    before = (tmp_path / JOURNAL).read_bytes()
    journal = Journal.read(tmp_path)
    assert len(journal.entries) == 2
    assert "damaged" in journal.warning
    assert (tmp_path / JOURNAL).read_bytes() == before
    Journal.open(tmp_path)
    assert (tmp_path / f"{JOURNAL}.damaged").read_bytes() == b'{"step": "unit 2"'


def test_lines_that_changed_places_are_noticed(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    first, second, third = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    (tmp_path / JOURNAL).write_bytes(first + third + second)
    assert list(Journal.read(tmp_path).entries) == ["ρ, unit 0"]


def test_a_line_holds_standard_json_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="finite number"):
        RankedConfiguration(configuration="c001", value=float("nan"), noise=0.0, cost=None)
    name = "bracket 1 drawn"
    drawn = DrawnConfiguration(point={"a": float("nan")}, configuration={}, cost=None)
    line = BracketDrawn(step=name, rungs=[RungPlan(places=1, budget=1)], unpruned=False, configurations={"c001": drawn})
    with pytest.raises(ValueError, match="not JSON compliant"):
        Journal.open(tmp_path).step(name, lambda: line)
    assert Journal.read(tmp_path).entries == {}


def test_a_full_disk_is_a_sentence_and_keeps_what_there_was(tmp_path: Path) -> None:
    # A limit on the size of files stands for a disk that fills up in the middle of a line.
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from narrowgate.study.journal._entries import UnitTrained\n"
        "from narrowgate.study.journal._journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "journal = Journal.open(Path(sys.argv[1]))\n"
        "for number in range(99):\n"
        "    try:\n"
        "        name = f'{\"x\" * 60}, unit {number}'\n"
        "        journal.step(name, lambda: UnitTrained(step=name, start=0, end=1, lanes=1, members={}))\n"
        "    except ValueError as error:\n"
        "        print(number, error)\n"
        "        break\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    ).stdout
    assert "the journal cannot be written" in printed
    assert "everything up to here is kept" in printed
    journal = Journal.open(tmp_path)
    assert journal.warning == ""
    assert len(journal.entries) == int(printed.split()[0]) > 0


def test_the_second_process_is_refused_and_told_who_holds_the_study(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom narrowgate.study.journal._folder import held\n"
        "with held(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StudyError, match=f"process {other.pid} on .* at work"), held(tmp_path):
            pass
        other.kill()
    with held(tmp_path):
        assert str(os.getpid()) in (tmp_path / "lease.json").read_text()
