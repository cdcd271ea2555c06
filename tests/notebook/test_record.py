import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from narrowgate.files import FileError
from narrowgate.notebook import NotebookError, RunFolder, Status, create, environment, find, list_runs, load, reopen

from .notebook_example import CONFIGURATION, GIVEN, curve, make_run, metrics, run_elsewhere, weights

WRITE_RUNS = """
from narrowgate.notebook import create, environment
while True:
    with create(root, configuration={"name": "killed"}, environment=environment(), given="") as run:
        run.write_curve({"epoch": [1], "loss": [0.5]})
        run.write_weights(weights)
        run.write_metrics({"accuracy": 0.98})
        run.write_scores([0.5] * 10000, [1] * 10000)
"""
CREATE_AND_WAIT = """
import time
from narrowgate.notebook import create
create(root, configuration={"name": "waiting"}, environment={"complete": True})
time.sleep(600)
"""


def begin(root: Path) -> RunFolder:
    return create(root, configuration=CONFIGURATION, environment={}, given=GIVEN)


def fill(run: RunFolder) -> None:
    run.write_curve(curve())
    run.write_metrics({"accuracy": 0.98})
    run.write_weights(weights())


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert run.status is Status.FINISHED
    assert run.name == "float baseline"
    assert run.configuration == CONFIGURATION
    assert (run.folder / "configuration-as-given.toml").read_text() == GIVEN
    assert run.environment["seeds"] == [1]
    assert run.environment["versions"]["numpy"] == np.__version__
    assert {name: list(values) for name, values in run.curve.items()} == curve()
    for name, value in weights().items():
        np.testing.assert_array_equal(run.weights()[name], value)
    scores, labels = run.scores()
    expected = metrics(scores, None)
    assert labels.dtype == np.uint8
    assert run.metrics["working_points"] == expected["working_points"]
    assert run.measures.verdict == "smooth"
    assert run.started is not None
    assert run.ended is not None
    assert run.started.utcoffset() is not None
    assert run.ended >= run.started
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "configuration-as-given.toml",
        "configuration.toml",
        "curve.json",
        "environment.json",
        "metrics.json",
        "run.json",
        "run.md",
        "scores.safetensors",
        "weights.safetensors",
    ]


def test_weights_keep_their_shapes(tmp_path: Path) -> None:
    run = begin(tmp_path)
    strided = np.arange(24, dtype=np.float64).reshape(2, 3, 4).transpose(2, 0, 1)
    run.write_weights({"strided": strided, "scalar": np.float32(0.5), "empty": np.zeros((0, 3), np.float32)})
    back = load(tmp_path, run.id).weights()
    np.testing.assert_array_equal(back["strided"], strided.astype(np.float32))
    assert back["scalar"].shape == ()
    assert back["scalar"] == 0.5
    assert back["empty"].shape == (0, 3)
    assert {value.dtype for value in back.values()} == {np.dtype(np.float32)}


def test_what_is_no_record_gets_a_sentence(tmp_path: Path) -> None:
    run = begin(tmp_path)
    with pytest.raises(NotebookError, match=r"'conv' holds object; weights and scores are arrays of real numbers"):
        run.write_weights({"conv": np.array([None])})
    with pytest.raises(NotebookError, match=r"one entry an event each; found shapes \(3,\) and \(2,\)"):
        run.write_scores(np.zeros(3), np.zeros(2))
    with pytest.raises(NotebookError, match=r"lists of a curve are equally long; found \{'epoch': 2, 'loss': 1\}"):
        run.write_curve({"epoch": [1, 2], "loss": [0.5]})
    with pytest.raises(FileError, match="but no complex"):
        create(tmp_path, configuration={}, environment={"device": 1j})


def test_a_run_says_how_it_ended(tmp_path: Path) -> None:
    with begin(tmp_path) as finished:
        fill(finished)
    with pytest.raises(KeyboardInterrupt), begin(tmp_path) as interrupted:
        raise KeyboardInterrupt
    with pytest.raises(FloatingPointError), begin(tmp_path) as failed:
        raise FloatingPointError("the loss is NaN at step 12")
    with pytest.raises(NotebookError, match=r"without curve\.json, metrics\.json, weights"), begin(tmp_path) as empty:
        pass
    with begin(tmp_path) as hopeless:
        hopeless.fail("its scores are not finite")
    found = {run.id: (run.status, run.reason) for run in list_runs(tmp_path)}
    assert found[finished.id] == (Status.FINISHED, "")
    assert found[interrupted.id] == (Status.INTERRUPTED, "stopped from the keyboard")
    assert found[failed.id] == (Status.FAILED, "FloatingPointError: the loss is NaN at step 12")
    assert found[empty.id][0] is Status.FAILED
    assert found[hopeless.id] == (Status.FAILED, "its scores are not finite")


def test_a_killed_process_is_found_out(tmp_path: Path) -> None:
    process = run_elsewhere(CREATE_AND_WAIT, root=tmp_path)
    while not (list_runs(tmp_path) and list_runs(tmp_path)[0].environment):
        time.sleep(0.002)
    identifier = find(tmp_path, "latest")
    assert load(tmp_path, identifier).status is Status.RUNNING
    with pytest.raises(NotebookError, match=f"is held by process {process.pid} on .*, which is at work"):
        reopen(tmp_path, identifier)
    process.kill()
    process.join()
    run = load(tmp_path, identifier)
    assert run.status is Status.INTERRUPTED
    assert run.reason.startswith(f"process {process.pid} on ")
    assert run.configuration == {"name": "waiting"}


def test_killed_at_any_instant_a_record_is_whole_or_says_that_it_is_not(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    for wait in (0.0, 0.02, 0.2, 0.5):
        before = len(list_runs(root))
        process = run_elsewhere(WRITE_RUNS, root=root, weights=weights())
        while len(list_runs(root)) == before:
            time.sleep(0.002)
        time.sleep(wait)
        process.kill()
        process.join()
    assert len(list_runs(root)) >= 4
    for run in list_runs(root):
        if run.status is Status.FINISHED:
            whole = load(root, run.id)
            assert set(whole.weights()) == set(weights())
            assert whole.measures.accuracy == 0.98
            assert len(whole.scores()[0]) == 10000
        else:
            assert run.status is Status.INTERRUPTED
            assert "ended without saying so" in run.reason


def test_an_interrupted_run_goes_on_under_its_own_id(tmp_path: Path) -> None:
    first = begin(tmp_path)
    first.write_curve(curve(3))
    first.interrupt("stopped from the keyboard")
    (first.path / ".curve-0123456789ab.part").write_text("left by a killed process")
    with reopen(tmp_path, first.id) as second:
        assert second.id == first.id
        assert load(tmp_path, first.id).status is Status.RUNNING
        assert len(load(tmp_path, first.id).curve["epoch"]) == 3
        fill(second)
    assert load(tmp_path, first.id).status is Status.FINISHED
    assert not list(first.path.glob(".*"))
    with pytest.raises(NotebookError, match="is finished; a finished run is never written again"):
        reopen(tmp_path, first.id)
    with pytest.raises(NotebookError, match="there is no run '2022"):
        reopen(tmp_path, "2022-07-18--15-05-00")


def test_the_state_seals_every_file(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    state = json.loads((run.folder / "run.json").read_text())
    assert set(state["files"]) == {
        "configuration.toml",
        "configuration-as-given.toml",
        "environment.json",
        "curve.json",
        "metrics.json",
        "weights.safetensors",
        "scores.safetensors",
    }
    for name, file in state["files"].items():
        assert file["bytes"] == (run.folder / name).stat().st_size


def test_the_environment_describes_this_process() -> None:
    found = environment(device="cpu")
    assert found["device"] == "cpu"
    assert found["command"] == sys.argv
    assert 1 <= found["cores"] <= (os.cpu_count() or 1)
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
