import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from narrowgate import notebook, runs
from narrowgate.events import Dataset, save
from narrowgate.files import LostError
from narrowgate.integers import disagreement, exact_scores
from narrowgate.network import Configuration, ConfigurationError
from narrowgate.training import Progress, score
from narrowgate.trigger import judge

TEXT = """
name = "{name}"
[network]
filters = [2]
units = [4]
[precision]
conv = "{conv}"
[training]
epochs = 4
steps_per_epoch = 10
batch_size = 32
"""


@pytest.fixture
def data(small_dataset: Dataset, tmp_path: Path) -> Path:
    path = tmp_path / "small.h5"
    save(path, small_dataset)
    return path


@pytest.fixture
def given(tmp_path: Path) -> list[runs.Given]:
    files = []
    for name, conv in (("one", "float"), ("two", "(8,2)")):
        (tmp_path / f"{name}.toml").write_text(TEXT.format(name=name, conv=conv))
        files.append(tmp_path / f"{name}.toml")
    return [runs.read_configuration(file) for file in files]


def test_a_run_leaves_a_whole_record(
    given: list[runs.Given], data: Path, small_dataset: Dataset, tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    ids = runs.run(given, root, data=data)
    found = [notebook.load(root, one) for one in ids]
    assert [run.name for run in found] == ["one", "two"]
    assert all(run.status is notebook.Status.FINISHED for run in found)
    assert not list(root.rglob("checkpoint"))
    for run, one in zip(found, given, strict=True):
        assert run.configuration == one.configuration.for_counts(small_dataset.bits).as_table()
        assert run.environment["data"]["fingerprint"] == small_dataset.fingerprint
        assert run.environment["seeds"] == [one.configuration.training.seed]
        assert len(run.curve["loss"]) == 4
        assert {file.name for file in (run.folder / "plots").iterdir()} == {
            "training.png",
            "scores.png",
            "roc.png",
            "efficiency.png",
        }
        # The numbers are those of the weights that were kept, on the test split.
        scores = score(one.configuration.for_counts(small_dataset.bits), run.weights(), small_dataset.test.images)
        np.testing.assert_array_equal(scores, run.scores()[0])
        judged = judge(scores, small_dataset.test.labels, crossing_rate=small_dataset.crossing_rate)
        assert run.metrics["accuracy"] == judged.accuracy
        assert run.measures.points == judged.working_points
        assert set(run.metrics["cuts"]) == {"ht", "fourth_pixel"}
        # A float format anywhere: no integers to judge by.
        assert exact_scores(one.configuration, run.weights(), small_dataset.test.images) is None
        assert run.scores()[0].dtype == np.float32
        assert run.measures.disagreement is None
        assert "exact integers" not in (run.folder / "run.md").read_text()


def test_pixels_that_saturate_are_told_before_training(
    given: list[runs.Given], data: Path, small_dataset: Dataset, tmp_path: Path
) -> None:
    heard: list[str] = []
    narrow = replace(given[0], configuration=given[0].configuration.with_settings({"precision.input": "(4,4)"}))
    found = runs.run([narrow], tmp_path / "runs", data=data, tell=heard.append)
    above = np.concatenate([split.images.ravel() for _, split in small_dataset.splits()]) > 15
    assert f"{100 * above.mean():.3g} % of the pixels are above 15" in heard[0]
    assert notebook.load(tmp_path / "runs", found[0]).configuration["precision"]["input"] == "(4,4)"


def test_an_interrupted_run_goes_on_with_the_same_bits(given: list[runs.Given], data: Path, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.epochs == 2:
            raise KeyboardInterrupt

    whole = runs.run(given, tmp_path / "whole", data=data)
    root = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        runs.run(given, root, data=data, report=interrupt)
    broken = notebook.list_runs(root)
    assert [run.status for run in broken] == [notebook.Status.INTERRUPTED] * 2
    # Asking for the second resumes the first as well: they train together.
    ids = runs.resume(root, broken[1].id)
    assert ids == [run.id for run in broken]
    for one, other in zip(whole, ids, strict=True):
        uninterrupted, resumed = notebook.load(tmp_path / "whole", one), notebook.load(root, other)
        assert resumed.status is notebook.Status.FINISHED
        assert resumed.curve == uninterrupted.curve
        for name, weight in uninterrupted.weights().items():
            np.testing.assert_array_equal(resumed.weights()[name], weight)
    state = (root / ids[0] / "run.json").read_bytes()
    assert runs.resume(root, ids[0]) == ids
    assert (root / ids[0] / "run.json").read_bytes() == state


def test_a_file_whose_name_is_not_utf8_gives_a_name_that_is(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.toml")
    path.write_text("[training]\nepochs = 2\n")
    assert runs.read_configuration(path).configuration.name == "caf\ufffd"


def test_other_data_are_not_resumed_on(
    given: list[runs.Given], data: Path, small_dataset: Dataset, tmp_path: Path
) -> None:
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run(given, tmp_path / "runs", data=data, report=interrupt)
    changed = Dataset(small_dataset.test, small_dataset.validation, small_dataset.train, small_dataset.geometry)
    save(data, changed)
    with pytest.raises(notebook.NotebookError, match="is not the data"):
        runs.resume(tmp_path / "runs", "latest")


def stop(progress: Progress) -> None:
    raise KeyboardInterrupt


def test_data_that_were_moved_are_resumed_on_and_their_place_is_kept(
    given: list[runs.Given], data: Path, tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    with pytest.raises(KeyboardInterrupt):
        runs.run(given, root, data=data, report=stop)
    moved = data.rename(tmp_path / "moved.h5")
    with pytest.raises(notebook.NotebookError, match=r"small\.h5: the data of run .* are not there any more; --data"):
        runs.resume(root, "latest")
    ids = runs.resume(root, "latest", data=moved)
    for one in ids:
        assert notebook.load(root, one).environment["data"]["path"] == str(moved)


def test_a_run_of_a_machine_that_is_gone_is_taken_over(given: list[runs.Given], data: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    with pytest.raises(KeyboardInterrupt):
        runs.run(given, root, data=data, report=stop)
    for name in [run.id for run in notebook.list_runs(root)]:
        path = root / name / "run.json"
        state = json.loads(path.read_text())
        about = state["process"] | {"host": "node-a.cluster"}
        path.write_text(json.dumps(state | {"status": "running", "ended": None, "files": {}, "process": about}))
        (root / name / "lease.json").write_text(json.dumps({"version": 1, "token": "a", "process": about}))
    assert [run.status for run in notebook.list_runs(root)] == [notebook.Status.RUNNING] * 2
    with pytest.raises(notebook.NotebookError, match=r"on node-a\.cluster, .* --take-over"):
        runs.resume(root, "latest")
    ids = runs.resume(root, "latest", take_over=True)
    assert [notebook.load(root, one).status for one in ids] == [notebook.Status.FINISHED] * 2


def test_who_was_taken_over_stops_and_writes_nothing_more(given: list[runs.Given], data: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    kept: dict[str, str] = {}

    def take(progress: Progress) -> None:
        for name in [run.id for run in notebook.list_runs(root)]:
            (root / name / "lease.json").write_text(json.dumps({"version": 1, "token": "another's"}))
            kept[name] = (root / name / "run.json").read_text()

    with pytest.raises(LostError, match="was taken over by another process"):
        runs.run(given, root, data=data, report=take)
    assert len(kept) == 2
    for name, state in kept.items():
        assert (root / name / "run.json").read_text() == state


def test_runs_whose_checkpoint_is_gone_begin_anew_under_their_own_ids(
    given: list[runs.Given], data: Path, tmp_path: Path
) -> None:
    whole = runs.run(given, tmp_path / "whole", data=data)
    root = tmp_path / "runs"
    with pytest.raises(KeyboardInterrupt):
        runs.run(given, root, data=data, report=stop)
    broken = [run.id for run in notebook.list_runs(root)]
    shutil.rmtree(root / broken[0] / "checkpoint")
    assert runs.resume(root, "latest") == broken
    for one, other in zip(whole, broken, strict=True):
        resumed = notebook.load(root, other)
        assert resumed.status is notebook.Status.FINISHED
        for name, weight in notebook.load(tmp_path / "whole", one).weights().items():
            np.testing.assert_array_equal(resumed.weights()[name], weight)


def test_the_last_of_those_that_train_together_may_be_finished_before_the_others(
    given: list[runs.Given], data: Path, tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    ids = runs.run(given, root, data=data)
    path = root / ids[0] / "run.json"
    state = json.loads(path.read_text())
    path.write_text(json.dumps(state | {"status": "interrupted", "ended": None, "files": {}}))
    assert runs.resume(root, "latest") == ids[:1]
    assert all(run.status is notebook.Status.FINISHED for run in notebook.list_runs(root))
    assert runs.resume(root, "latest") == ids


def test_a_fixed_point_run_is_judged_by_exact_integers(data: Path, small_dataset: Dataset, tmp_path: Path) -> None:
    """28-bit weights and activations: the graph's float32 sums round, the integers do not."""
    (tmp_path / "wide.toml").write_text(
        TEXT.format(name="wide", conv='(28,2)"\ndense = "(28,2)"\nactivation = "(28,6)"\ninput = "(10,4)')
    )
    given = runs.read_configuration(tmp_path / "wide.toml")
    run = notebook.load(tmp_path / "runs", runs.run([given], tmp_path / "runs", data=data)[0])
    test = small_dataset.test
    configuration = Configuration.parse(run.configuration)
    exact = exact_scores(configuration, run.weights(), test.images)
    assert exact is not None
    kept, labels = run.scores()
    assert kept.dtype == np.float64
    np.testing.assert_array_equal(kept, exact)
    judged = judge(exact, labels, crossing_rate=small_dataset.crossing_rate)
    assert run.measures.points == judged.working_points
    graph = score(configuration, run.weights(), test.images)
    thresholds = [point.threshold for point in judged.working_points]
    assert run.metrics["disagreement"] == disagreement(graph, exact, thresholds).as_dict()
    found = run.measures.disagreement
    assert found is not None
    assert (found.events, len(found.changed)) == (600, 3)
    assert found.differing > 0
    assert 0 < found.largest < 1e-3
    assert f"another score for {found.differing} of 600 events" in (run.folder / "run.md").read_text()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"[network\n", "is not valid TOML"), (b"\xff\xfe", "is not UTF-8 text"), (None, "there is no such file")],
)
def test_configuration_files_that_cannot_be_read(content: bytes | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        runs.read_configuration(file)
