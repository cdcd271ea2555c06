"""Run folders, notes, configurations and study files that somebody damaged or made.

Whatever is in them, every command gives a sentence or an answer: no traceback, nothing longer than 5 seconds, no more
than a gigabyte. `NARROWGATE_FUZZ_SECONDS` makes each of the long ones as long as one likes.
"""

from __future__ import annotations

import io
import json
import os
import random
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from narrowgate import hardware, notebook, runs
from narrowgate.errors import NarrowgateError
from narrowgate.events import Dataset, save
from narrowgate.study import Study

from ._documents import mutated

CONFIGURATION = """
name = "small φ"
[network]
filters = [2]
units = [4]
[precision]
conv = "(8,2)"
dense = "(8,2)"
batchnorm = "(12,4)"
activation = "(8,4)"
[training]
epochs = 2
steps_per_epoch = 4
batch_size = 32
"""
STUDY = """
name = "s"
measure = "near-auc"
[fixed.network]
filters = [2]
units = [4]
[space.lr]
sets = "training.learning_rate"
choices = [0.001, 0.002]
[space.width]
sets = "precision.conv"
choices = ["(8,2)", "(4,1)"]
[strategy]
kind = "grid"
smallest = 10
largest = 10
evaluate_every = 10
[ranking]
seeds = [1]
last = 1
[finalists]
count = 1
steps = 10
seeds = 1
"""
BRIEF = 4.0
"""Seconds of a fuzzing that every test run does."""
LONG = float(os.environ.get("NARROWGATE_FUZZ_SECONDS", "90"))


def drive(act: Callable[[random.Random], object], seconds: float, seed: int) -> int:
    """Let `act` work with one random generator after the other; returns how often. What fails names its number."""
    before, end, done = _peak(), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        draw, begun = random.Random(f"{seed} {done}"), time.monotonic()
        try:
            sentence_of(lambda: act(draw))  # noqa: B023 (called at once)
        except BaseException as error:
            error.add_note(f"execution {done} of seed {seed}")
            raise
        assert time.monotonic() - begun < 5, f"execution {done} of seed {seed} took long"
        done += 1
    assert _peak() - before < 2**30
    return done


def sentence_of(act: Callable[[], object]) -> str:
    """Do it; what it says when it cannot, which must be something."""
    try:
        act()
    except NarrowgateError as error:
        return str(error) or pytest.fail("a sentence without a word")
    return ""


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.fixture(scope="module")
def root(small_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two whole runs, one of them with notes."""
    home = tmp_path_factory.mktemp("fuzz")
    save(home / "small.h5", small_dataset)
    (home / "small.toml").write_text(CONFIGURATION, encoding="utf-8")
    given = runs.read_configuration(home / "small.toml")
    runs.run([given, given], home / "runs", data=home / "small.h5")
    notebook.add_note(home / "runs", "latest", "very smooth, η too\nand a second line")
    return home / "runs"


def look_at_everything(root: Path, name: str, *, writing: bool) -> None:
    """What `runs`, `show`, `compare` and `cost` do, and `note` if `writing`, each to its own sentence or answer."""
    console = Console(file=io.StringIO(), width=140)
    listed = notebook.list_runs(root)
    assert len(listed) == 2  # the damaged run is one row, the other is shown
    table = notebook.runs_table(root, ["accuracy>0.1"] if listed[0].measures.accuracy else [], sort="id")
    console.print(notebook.render_runs(table))
    json.dumps(table.as_list())
    acts: list[Callable[[], object]] = [
        lambda: console.print(notebook.render_run(notebook.load(root, name))),
        lambda: json.dumps(notebook.run_as_dict(notebook.load(root, name), curve=True)),
        lambda: notebook.load(root, name).weights(),
        lambda: notebook.load(root, name).scores(),
        lambda: hardware.trained_network(root, name).integers(),
        lambda: _compare(root, console),
    ]
    if writing:
        acts += [lambda: notebook.add_note(root, name, "seen"), lambda: notebook.write_pages(root)]
    for act in acts:
        sentence_of(act)


def _compare(root: Path, console: Console) -> None:
    comparison = notebook.compare(root, [run.id for run in notebook.list_runs(root)])
    console.print(notebook.render_comparison(comparison))
    json.dumps(comparison.as_dict())


FILES = (
    *("run.json", "metrics.json", "environment.json", "curve.json", "configuration.toml", "notes.txt"),
    *("weights.safetensors", "scores.safetensors", "lease.json"),
)


Look = Callable[[Path, str, random.Random], object]


def everything(root: Path, name: str, draw: random.Random) -> None:
    look_at_everything(root, name, writing=draw.random() < 0.1)


def only_read(root: Path, name: str, draw: random.Random) -> None:
    table = notebook.runs_table(root)
    assert len(table.runs) == 2
    json.dumps(table.as_list())
    notebook.load(root, name)


def damage_a_run(root: Path, aside: Path, look: Look) -> Callable[[random.Random], None]:
    """Each time one file, or two, of the latest run is mutated, most times such that its seal does not tell."""
    name = notebook.find(root, "latest")
    shutil.copytree(root, aside)
    state = json.loads((root / name / "run.json").read_text())
    unsealed = {**state, "files": {}, "status": "interrupted", "reason": "x"}
    original = {file: (root / name / file).read_bytes() for file in FILES if (root / name / file).exists()}
    original["lease.json"] = json.dumps({"version": 1, "token": "a", "process": state["process"]}).encode()

    def act(draw: random.Random) -> None:
        for file, content in original.items():
            (aside / name / file).write_bytes(content)
        if draw.random() < 0.9:
            status = draw.choice(("interrupted", "running", "failed"))
            original["run.json"] = json.dumps(unsealed | {"status": status}).encode()
            (aside / name / "run.json").write_bytes(original["run.json"])
        for file in draw.sample(sorted(original), draw.choice((1, 1, 2))):
            (aside / name / file).write_bytes(mutated(original[file], draw))
        look(aside, name, draw)

    return act


def read_a_configuration(folder: Path) -> Callable[[random.Random], None]:
    content, path = CONFIGURATION.encode(), folder / "c.toml"

    def act(draw: random.Random) -> None:
        path.write_bytes(mutated(content, draw))
        given = runs.read_configuration(path)
        (folder / "again.toml").write_text(notebook.to_toml(given.configuration.as_table()), encoding="utf-8")
        assert runs.read_configuration(folder / "again.toml").configuration == given.configuration

    return act


def read_a_study(folder: Path) -> Callable[[random.Random], None]:
    content, path = STUDY.encode(), folder / "s.toml"

    def act(draw: random.Random) -> None:
        path.write_bytes(mutated(content, draw))
        Study.load(path)

    return act


def write_notes(root: Path, aside: Path) -> Callable[[random.Random], None]:
    name = notebook.find(root, "latest")
    shutil.copytree(root, aside)
    content = (root / name / "notes.txt").read_bytes()

    def act(draw: random.Random) -> None:
        (aside / name / "notes.txt").write_bytes(mutated(content, draw))
        words = mutated("η, see plot".encode(), draw).decode("utf-8", errors="surrogateescape")
        before = len(notebook.load(aside, name).notes)
        notebook.add_note(aside, name, words)
        assert len(notebook.load(aside, name).notes) >= min(before + 1, before)

    return act


@pytest.mark.parametrize("seconds", [BRIEF, pytest.param(LONG, marks=pytest.mark.slow)])
@pytest.mark.parametrize("look", [everything, only_read])
def test_damaged_runs(root: Path, tmp_path: Path, look: Look, seconds: float) -> None:
    done = drive(damage_a_run(root, tmp_path / "runs", look), seconds, int(seconds))
    print(f"{done} damaged runs")
    assert done > 0


@pytest.mark.parametrize("seconds", [BRIEF / 2, pytest.param(LONG, marks=pytest.mark.slow)])
def test_damaged_notes(root: Path, tmp_path: Path, seconds: float) -> None:
    assert drive(write_notes(root, tmp_path / "runs"), seconds, int(seconds)) > 0


@pytest.mark.parametrize("seconds", [BRIEF / 2, pytest.param(LONG, marks=pytest.mark.slow)])
def test_configurations(tmp_path: Path, seconds: float) -> None:
    assert drive(read_a_configuration(tmp_path), seconds, int(seconds)) > 0


@pytest.mark.parametrize("seconds", [BRIEF / 2, pytest.param(LONG, marks=pytest.mark.slow)])
def test_study_files(tmp_path: Path, seconds: float) -> None:
    assert drive(read_a_study(tmp_path), seconds, int(seconds)) > 0


def test_the_mutations_reach_every_file(root: Path) -> None:
    """The fuzzing is worth something: most mutations of a field are noticed, and some files stay readable."""
    name = notebook.find(root, "latest")
    content = (root / name / "metrics.json").read_bytes()
    changed = [mutated(content, random.Random(number)) for number in range(200)]
    assert len(set(changed)) > 190
    readable = sum(_is_json(one) for one in changed)
    assert 80 < readable < 180
    assert np.mean([one != content for one in changed]) > 0.95


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True
