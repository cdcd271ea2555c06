import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from narrowgate.notebook import NotebookError, Run, Status, find, list_runs, load

from .notebook_example import make_run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def copied(whole: Run, tmp_path: Path) -> Path:
    shutil.copytree(whole.folder, tmp_path / whole.id)
    return tmp_path / whole.id


def cut_short(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-7])


def change(name: str) -> Callable[[Path], object]:
    def swap(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[-3] ^= 1
        (folder / name).write_bytes(content)

    return swap


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def unseal(folder: Path) -> None:
    state = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**state, "files": {}}))


DAMAGES = [
    (cut_short("run.json"), "run.json is not valid JSON"),
    (write("run.json", "[]"), "run.json is not the state of a run"),
    (write("run.json", '{"id": 1}'), "run.json is not the state of a run"),
    (remove("run.json"), "nothing was written"),
    (cut_short("weights.safetensors"), "weights.safetensors has [0-9]+ bytes, and had [0-9]+ when the run ended"),
    (cut_short("metrics.json"), "metrics.json has [0-9]+ bytes"),
    (remove("curve.json"), "curve.json is missing"),
    (write("configuration.toml", ""), "configuration.toml has 0 bytes"),
    (unseal, "it calls itself finished, but configuration.toml was never written"),
]


def running(folder: Path) -> None:
    """Make the run an interrupted one, whose files are not sealed."""
    state = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**state, "files": {}, "status": "interrupted", "reason": "x"}))


UNSEALED_DAMAGES = [
    (write("configuration.toml", "name = "), "configuration.toml is not valid TOML"),
    (write("configuration.toml", "name = 1\nname = 2"), "configuration.toml is not valid TOML"),
    (write("metrics.json", "{"), "metrics.json is not valid JSON"),
    (write("metrics.json", "3"), "metrics.json does not hold a table"),
    (
        write("metrics.json", '{"working_points": [{"rate": 1}]}'),
        "metrics.json is not a judgement of narrowgate.trigger",
    ),
    (write("metrics.json", '{"curve": 3}'), "metrics.json is not a judgement"),
    (write("curve.json", '{"loss": 3}'), "curve.json does not hold lists of numbers"),
    (write("curve.json", '{"loss": ["a"]}'), "curve.json does not hold lists of numbers"),
    (write("environment.json", "\x00"), "environment.json is not valid JSON"),
]


@pytest.mark.parametrize(("damage", "sentence"), DAMAGES)
def test_a_damaged_run_is_listed_with_a_sentence(copied: Path, damage: Callable[[Path], object], sentence: str) -> None:
    damage(copied)
    (run,) = list_runs(copied.parent)
    assert run.status is Status.DAMAGED
    with pytest.raises(NotebookError, match=f"run {run.id} is damaged: .*{sentence}"):
        load(copied.parent, run.id)


@pytest.mark.parametrize(("damage", "sentence"), UNSEALED_DAMAGES)
def test_so_is_one_that_was_not_sealed(copied: Path, damage: Callable[[Path], object], sentence: str) -> None:
    running(copied)
    assert load(copied.parent, copied.name).status is Status.INTERRUPTED
    damage(copied)
    with pytest.raises(NotebookError, match=f"is damaged: .*{sentence}"):
        load(copied.parent, copied.name)


def test_a_changed_number_is_found_when_the_run_is_loaded(copied: Path) -> None:
    change("weights.safetensors")(copied)
    with pytest.raises(NotebookError, match=r"weights\.safetensors has changed since the run ended"):
        load(copied.parent, copied.name)


def test_a_copy_under_another_id_is_not_a_run(copied: Path) -> None:
    copied.rename(copied.parent / "2022-07-18--15-05-00")
    with pytest.raises(NotebookError, match=f"the folder is a copy of run {copied.name}"):
        load(copied.parent, "2022-07-18--15-05-00")


def test_weights_and_scores_that_are_not_there(copied: Path) -> None:
    running(copied)
    remove("scores.safetensors")(copied)
    write("weights.safetensors", "not weights")(copied)
    run = load(copied.parent, copied.name)
    with pytest.raises(NotebookError, match=r"has no scores\.safetensors"):
        run.scores()
    with pytest.raises(NotebookError, match=r"weights\.safetensors cannot be read"):
        run.weights()


def test_the_latest_run_is_the_one_begun_last_wherever_its_clock_stood(whole: Run, tmp_path: Path) -> None:
    begun = {"2022-07-18--21-05-00": "2022-07-18T21:05:00+02:00", "2022-07-18--15-06-00": "2022-07-18T15:06:00-04:00"}
    for name, moment in begun.items():
        shutil.copytree(whole.folder, tmp_path / name)
        state = json.loads((tmp_path / name / "run.json").read_text())
        (tmp_path / name / "run.json").write_text(json.dumps(state | {"id": name, "started": moment, "ended": None}))
    assert find(tmp_path, "latest") == "2022-07-18--15-06-00"
    (tmp_path / "2022-99-99--99-99-99").mkdir()
    assert find(tmp_path, "latest") == "2022-07-18--15-06-00"


def test_find(tmp_path: Path) -> None:
    names = ["2022-07-18--15-05-00", "2022-07-18--15-05-00-2", "2022-07-18--15-05-00-10", "2022-07-19--09-00-00"]
    for name in [*names, "notes", "2022-07-20"]:
        (tmp_path / name).mkdir()
    (tmp_path / "2023-01-01--00-00-00").write_text("a file is no run")
    assert [run.id for run in list_runs(tmp_path)] == names
    assert find(tmp_path, "latest") == names[-1]
    assert find(tmp_path, names[0]) == names[0]
    assert find(tmp_path, "2022-07-19") == names[-1]
    assert find(tmp_path, f"{tmp_path / names[1]}/") == names[1]
    with pytest.raises(NotebookError, match=r"'2022-07-18' may mean 3 runs: 2022-07-18--15-05-00, .*; write more"):
        find(tmp_path, "2022-07-18")
    with pytest.raises(NotebookError, match=r"no run in .* begins with '2021'; the latest is 2022-07-19--09-00-00"):
        find(tmp_path, "2021")
    with pytest.raises(NotebookError, match="no run in"):
        find(tmp_path, "")
    with pytest.raises(NotebookError, match="no run in"):
        find(tmp_path, f"/elsewhere/{names[0]}")
    with pytest.raises(NotebookError, match=r"there are no runs in .*; `narrowgate train` makes one"):
        find(tmp_path / "nowhere", "latest")
    with pytest.raises(NotebookError, match="there is no run 'notes'"):
        load(tmp_path, "notes")
    assert list_runs(tmp_path / "nowhere") == []
