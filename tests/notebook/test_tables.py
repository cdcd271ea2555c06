import json
from pathlib import Path

import pytest

from narrowgate.notebook import NotebookError, Run, Status, add_note, create, run_as_dict, runs_table

from .notebook_example import CONFIGURATION, make_run


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three finished runs (float, (12,2), (8,2) and much worse), a failed one and a damaged one."""
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder)
    make_run(folder, name="twelve", precision="(12,2)", noise=0.3)
    worst = make_run(folder, name="eight", precision="(8,2)", noise=3.0, jumps=0.4)
    add_note(folder, worst.id, "jumps like a flea")
    create(folder, configuration=CONFIGURATION, environment={}, name="lost").fail("the loss is NaN at step 12")
    (folder / "2020-01-01--00-00-00").mkdir()
    return folder


def names(root: Path, *conditions: str, sort: str = "id", descending: bool = False) -> list[str]:
    table = runs_table(root, conditions, sort=sort, descending=descending)
    assert [row["id"] for row in table.rows] == [run.id for run in table.runs]
    return [run.name for run in table.runs]


def test_all_runs_oldest_first(root: Path) -> None:
    assert names(root) == ["", "float baseline", "twelve", "eight", "lost"]
    assert names(root, descending=True) == ["lost", "eight", "twelve", "float baseline", ""]


def test_runs_are_sorted_by_any_column(root: Path) -> None:
    assert names(root, sort="accuracy")[:3] == ["eight", "twelve", "float baseline"]
    assert names(root, sort="efficiency.30kHz", descending=True)[2] == "eight"
    assert names(root, sort="precision.conv")[:2] == ["twelve", "eight"]


def test_runs_are_chosen_by_conditions(root: Path) -> None:
    assert names(root, "precision.conv=(8,2)") == ["eight"]
    assert names(root, "conv=12,2") == ["twelve"]
    assert names(root, "accuracy>0.95") == ["float baseline", "twelve"]
    assert names(root, "status=finished", "efficiency.10kHz<0.4") == ["eight"]
    assert names(root, "verdict=volatile") == ["eight"]
    assert names(root, "filters=4,8", "status!=finished") == ["lost"]
    assert names(root, "flea") == ["eight"]
    assert names(root, "NaN at step") == ["lost"]


def test_columns_hold_what_there_is_and_what_was_asked_for(root: Path) -> None:
    usual = [
        "id",
        "name",
        "status",
        "accuracy",
        "efficiency.10kHz",
        "efficiency.100kHz",
        "volatility",
        "verdict",
        "seconds",
    ]
    assert list(runs_table(root).columns) == usual
    assert list(runs_table(root, ["conv=12,2"], sort="dropout").columns) == [
        *usual,
        "precision.conv",
        "network.dropout",
    ]
    assert list(runs_table(root, ["lost"]).columns) == usual[:3]


def test_data_sets_are_a_column_where_there_are_several(tmp_path: Path) -> None:
    make_run(tmp_path)
    make_run(tmp_path, data="beef")
    table = runs_table(tmp_path)
    assert table.columns[-1] == "data"
    assert [row["data"] for row in table.rows] == ["synthetic (f00d)", "synthetic (beef)"]
    (one,) = runs_table(tmp_path, ["data=synthetic (beef)"]).rows
    assert one == table.rows[1]


def test_bad_questions_get_a_sentence(root: Path) -> None:
    with pytest.raises(NotebookError, match=r"no run has 'precision\.con'; did you mean precision\.conv"):
        runs_table(root, ["precision.con=float"])
    with pytest.raises(NotebookError, match=r"'activation' may mean network\.activation, precision\.activation"):
        runs_table(root, sort="activation")


def test_no_runs(tmp_path: Path) -> None:
    assert runs_table(tmp_path, ["accuracy>0.9"], sort="accuracy").runs == ()


def test_runs_as_json(root: Path) -> None:
    content = json.loads(json.dumps(runs_table(root).as_list(), allow_nan=False))
    assert [run["status"] for run in content] == ["damaged", "finished", "finished", "finished", "failed"]
    assert content[2]["configuration"]["precision"]["conv"] == "(12,2)"
    assert content[3]["notes"][0]["text"] == "jumps like a flea"
    assert "curve" not in content[1]


def test_one_run_as_json(root: Path) -> None:
    run: Run = runs_table(root, ["twelve"]).runs[0]
    content = json.loads(json.dumps(run_as_dict(run, curve=True), allow_nan=False))
    assert run.status is Status.FINISHED
    assert content["curve"]["epoch"] == list(range(1, 31))
    assert content["metrics"] == run.metrics
    assert content["folder"] == str(run.folder)
