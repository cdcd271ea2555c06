"""Units of work: pure, so that they travel; stopped in the middle they go on; and an executor that runs them here."""

import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from threading import Event

import pytest

from narrowgate.study._study import Study
from narrowgate.study.journal._members import Unit, rung_member
from narrowgate.study.run._concurrency import Concurrency
from narrowgate.study.run._executor import AbandonedError, Threads
from narrowgate.study.run._states import StateFolder
from narrowgate.study.run._work import StudyData, UnitResult, work
from narrowgate.training import use_all_cores

from .small_study import TEXT, data

STUDY = Study.parse(TEXT).for_counts(data().bits)
DATA = StudyData(STUDY, data())


def units(start: int, end: int, digests: dict[str, str] | None = None) -> list[Unit]:
    """One for each of the first three configurations."""
    members = [
        rung_member(STUDY, f"c{place:03}", drawn.configuration, 1)
        for place, drawn in enumerate(islice(STUDY.space.sequence(1), 3), start=1)
    ]
    return [
        Unit(f"unit {place}", (one,), start, end, (digests[one.name],) if digests else ())
        for place, one in enumerate(members, start=1)
    ]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[UnitResult], list[UnitResult], Path]:
    """What the units give in this process: to 40 steps, and from there to 80; and where their states are."""
    states = StateFolder(tmp_path_factory.mktemp("states"))
    first = [work(unit, states, DATA) for unit in units(0, 40)]
    digests = {name: found.state for result in first for name, found in result.members.items()}
    return first, [work(unit, states, DATA) for unit in units(40, 80, digests)], states.folder


def test_units_travel_to_other_processes_and_give_the_same_bits(
    here: tuple[list[UnitResult], list[UnitResult], Path], tmp_path: Path
) -> None:
    """Whatever a unit needs and gives is pickled; the states meet in a folder."""
    first, second, _ = here
    states = StateFolder(tmp_path / "states")
    assert DATA.engines is not None  # compiled programs stay behind
    arguments = pickle.loads(pickle.dumps((states, DATA)))
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), initializer=use_all_cores) as pool:
        coming = [pool.submit(work, unit, *arguments) for unit in units(0, 40)]
        assert [one.result() for one in coming] == first
        digests = {name: found.state for result in first for name, found in result.members.items()}
        coming = [pool.submit(work, unit, *arguments) for unit in units(40, 80, digests)]
        assert [one.result() for one in coming] == second


class StoppedError(Exception):
    pass


def stop_after(epochs: int) -> Callable[[int], None]:
    left = epochs

    def advanced(_: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise StoppedError

    return advanced


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_unit_that_was_stopped_goes_on_from_there(
    epochs: int, here: tuple[list[UnitResult], list[UnitResult], Path], tmp_path: Path
) -> None:
    """Two evaluations make the unit; stopped after the first or the last, only what is left is trained."""
    first, _, _ = here
    states, unit = StateFolder(tmp_path / "states"), units(0, 40)[0]
    with pytest.raises(StoppedError):
        work(unit, states, DATA, stop_after(epochs))
    heard: list[int] = []
    assert work(unit, states, DATA, heard.append) == first[0]
    assert heard == [20] * (2 - epochs)
    assert [path.name for path in states.folder.iterdir()] == ["c001-s1-at-40.safetensors"]


@pytest.mark.parametrize("damage", ["head", "arrays", "cut"])
def test_where_a_unit_was_stopped_is_not_believed_when_it_is_damaged(
    damage: str, here: tuple[list[UnitResult], list[UnitResult], Path], tmp_path: Path
) -> None:
    first, _, _ = here
    states, unit = StateFolder(tmp_path / "states"), units(0, 40)[0]
    with pytest.raises(StoppedError):
        work(unit, states, DATA, stop_after(1))
    (path,) = states.folder.iterdir()
    content = path.read_bytes()
    place = content.index(b"accuracy") + 14
    damaged = {
        "head": content[:place] + (b"1" if content[place : place + 1] != b"1" else b"2") + content[place + 1 :],
        "arrays": content[:-2] + b"xy",
        "cut": content[:-2],
    }
    path.write_bytes(damaged[damage])
    heard: list[int] = []
    assert work(unit, states, DATA, heard.append) == first[0]
    assert heard == [20, 20]


def test_a_lost_state_is_trained_again_to_the_same_bits(
    here: tuple[list[UnitResult], list[UnitResult], Path], tmp_path: Path
) -> None:
    first, second, _ = here
    digests = {name: found.state for result in first for name, found in result.members.items()}
    found = work(units(40, 80, digests)[1], StateFolder(tmp_path / "states"), DATA)
    assert found.members == second[1].members
    assert found.notices == (
        "the state of c002-s1 at step 40 is missing or damaged; it is trained again from the beginning",
    )


def test_an_executor_that_is_left_early_abandons_what_it_has_begun(tmp_path: Path) -> None:
    begun, states = Event(), StateFolder(tmp_path / "states")
    executor = Threads(DATA, states, Concurrency(1, workers=1), lambda _: None)

    def advanced(steps: int) -> None:
        if steps:
            begun.set()

    with executor:
        coming = [executor.begin(unit, advanced) for unit in units(0, 160)]
        assert begun.wait(120)
    assert isinstance(coming[0].exception(), AbandonedError)
    assert all(one.cancelled() or isinstance(one.exception(), AbandonedError) for one in coming[1:])
    # What was done of the first is not lost.
    assert [path.name for path in states.folder.iterdir()] == ["c001-s1-to-160.safetensors"]
    with executor:
        found = executor.begin(units(0, 160)[0], lambda _: None).result()
    assert found.members == work(units(0, 160)[0], StateFolder(tmp_path / "others"), DATA).members


def test_an_executor_is_told_that_there_is_no_room_before_it_begins(tmp_path: Path) -> None:
    def full(steps: int) -> None:
        assert steps == 0
        raise StoppedError

    with Threads(DATA, StateFolder(tmp_path), Concurrency(1), lambda _: None) as executor, pytest.raises(StoppedError):
        executor.begin(units(0, 40)[0], full).result()
    assert not list(tmp_path.iterdir())
