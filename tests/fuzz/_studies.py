"""Targets of the fuzzer: what a study's folder and a training's checkpoint hold, damaged or made by somebody."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from narrowgate.errors import NarrowgateError
from narrowgate.network import Configuration
from narrowgate.study import as_csv, as_json, as_myst, history, render, show
from narrowgate.study.journal._journal import JOURNAL, Journal
from narrowgate.study.run._partial import Partial
from narrowgate.study.run._states import StateFolder
from narrowgate.training import Placement, State, initial_state, program_of, stack
from narrowgate.training._checkpoint import Checkpoint
from tests.fuzz._mutate import Target

OLD = Path(__file__).parents[1] / "study" / "of_version_0" / JOURNAL
CURVE: dict[str, list[float | None]] = {"step": [20, 40], "loss": [0.5, None]}


@lru_cache(maxsize=1)
def journals() -> Sequence[bytes]:
    """A finished study, and one that has just begun."""
    whole = OLD.read_bytes()
    return whole, b"".join(whole.splitlines(keepends=True)[:4])


def look_at(folder: Path) -> None:
    """Everything that is done with a study's folder without training."""
    outcome = show(folder)
    as_csv(outcome), as_json(outcome), as_myst(outcome)
    Console(file=io.StringIO(), width=140).print(render(outcome))
    for one in outcome.ranked[:2]:
        found = history(folder, one.configuration)
        found.as_csv(), found.as_json()
        Console(file=io.StringIO(), width=140).print(found.render())


def read_journal(path: Path) -> None:
    """Look at a study with this journal, then mend it and look again."""
    with TemporaryDirectory() as folder:
        shutil.copy(path, Path(folder) / JOURNAL)
        try:
            look_at(Path(folder))
        finally:
            Journal.open(Path(folder))
        look_at(Path(folder))


def read_with_right_checksums(path: Path) -> None:
    """Look at a study whose journal says what the file does, line by line, with checksums as they should be."""
    before, lines = "", []
    for line in path.read_bytes().split(b"\n"):
        try:
            table = json.loads(line)
            del table["sum"]
            body = json.dumps(table, ensure_ascii=False)
            before = hashlib.sha256(f"{before}\n{body}".encode()).hexdigest()
            lines.append(json.dumps(table | {"sum": before}, ensure_ascii=False).encode() + b"\n")
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    with TemporaryDirectory() as folder:
        (Path(folder) / JOURNAL).write_bytes(b"".join(lines))
        look_at(Path(folder))


@lru_cache(maxsize=1)
def like() -> State:
    """A state of a small network."""
    return initial_state(program_of(Configuration.parse({"network": {"filters": [1], "units": [2]}}), (4, 4, 1)), 1)


@lru_cache(maxsize=1)
def checkpoints() -> Sequence[bytes]:
    """One of two epochs."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "one"
        Checkpoint("who", 2, Placement(1, 1), "XLA", 0.5, [{"loss": [0.5, 0.25]}], stack([like()])).save(path)
        return (path.read_bytes(),)


def read_checkpoint(path: Path) -> None:
    """Load it as `train` does."""
    Checkpoint.load(path, "who", stack([like()]))


@lru_cache(maxsize=1)
def partials() -> Sequence[bytes]:
    """A member in the middle of a unit, and one at its end."""
    with TemporaryDirectory() as name:
        states = StateFolder(Path(name))
        states.keep_partial("c001-s1", 80, Partial(40, like(), CURVE))
        states.keep("c001-s1", 80, like())
        return tuple(path.read_bytes() for path in sorted(Path(name).iterdir()))


def read_states(path: Path) -> None:
    """Find it as a unit of work does: what was kept, or nothing."""
    with TemporaryDirectory() as name:
        states = StateFolder(Path(name))
        shutil.copy(path, Path(name) / "c001-s1-to-80.safetensors")
        shutil.copy(path, Path(name) / "c001-s1-at-80.safetensors")
        found = states.find_partial("c001-s1", 80, like())
        whole = states.find("c001-s1", 80, "0" * 64, like())
    assert whole is None
    if found is None:
        raise NarrowgateError("there is nothing to go on from.")
    assert found.curve == CURVE


TARGETS = {
    "journal": Target(JOURNAL, journals, read_journal, text=True),
    "lines": Target(JOURNAL, journals, read_with_right_checksums, text=True),
    "checkpoint": Target("population-0.safetensors", checkpoints, read_checkpoint, text=True),
    "state": Target("c001-s1-to-80.safetensors", partials, read_states, text=True),
}
"""By name."""
