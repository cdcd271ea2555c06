from datetime import datetime
from pathlib import Path

import pytest

from narrowgate.notebook import NotebookError, list_runs
from narrowgate.notebook.record._ids import claim, is_id, order

from .notebook_example import run_elsewhere

MOMENT = datetime(2022, 7, 18, 15, 5, 0)


def fill(identifier: str, folder: Path) -> None:
    (folder / "run.json").write_text(identifier)


def test_an_id_is_the_moment_in_the_notebooks_style(tmp_path: Path) -> None:
    assert claim(tmp_path / "runs", MOMENT, fill) == "2022-07-18--15-05-00"
    assert (tmp_path / "runs" / "2022-07-18--15-05-00").is_dir()


def test_runs_of_one_second_are_numbered(tmp_path: Path) -> None:
    assert [claim(tmp_path, MOMENT, fill) for _ in range(3)] == [
        "2022-07-18--15-05-00",
        "2022-07-18--15-05-00-2",
        "2022-07-18--15-05-00-3",
    ]


def test_an_id_taken_by_a_file_is_not_given(tmp_path: Path) -> None:
    (tmp_path / "2022-07-18--15-05-00").write_text("in the way")
    assert claim(tmp_path, MOMENT, fill) == "2022-07-18--15-05-00-2"


CLAIM = """
from datetime import datetime
from narrowgate.notebook.record._ids import claim
def fill(identifier, folder):
    (folder / "run.json").write_text(identifier)
found = [claim(root, datetime(2022, 7, 18, 15, 5, 0), fill) for _ in range(25)]
answer.write_text("\\n".join(found))
"""


def test_processes_that_start_in_one_second_get_ids_of_their_own(tmp_path: Path) -> None:
    answers = [tmp_path / f"answer-{number}" for number in range(8)]
    others = [run_elsewhere(CLAIM, root=tmp_path / "runs", answer=answer) for answer in answers]
    for other in others:
        other.join()
    given = [line for answer in answers for line in answer.read_text().splitlines()]
    assert sorted(given, key=order) == ["2022-07-18--15-05-00"] + [f"2022-07-18--15-05-00-{n}" for n in range(2, 201)]
    assert all((tmp_path / "runs" / one / "run.json").read_text() == one for one in given)


def test_killed_while_it_is_filled_a_folder_is_no_run(tmp_path: Path) -> None:
    def killed(identifier: str, folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        claim(tmp_path, MOMENT, killed)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".new-0123").mkdir()  # what kill -9 leaves
    assert list_runs(tmp_path) == []


def test_order_counts_the_number_as_a_number() -> None:
    names = ["2022-07-18--15-05-01", "2022-07-18--15-05-00-10", "2022-07-18--15-05-00-9", "2022-07-18--15-05-00"]
    assert sorted(names, key=order) == names[::-1]


@pytest.mark.parametrize(
    "text", ["", "latest", "2022-07-18", "2022-07-18--15-05-00-1", "2022-07-18--15-05-00-02", "2022-07-18--15-05-00-x"]
)
def test_what_is_no_id(text: str) -> None:
    assert not is_id(text)
    with pytest.raises(NotebookError, match="is not a run id"):
        order(text)


def test_a_root_that_is_a_file_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(NotebookError, match=r"cannot keep runs in .*runs: .*; name a folder"):
        claim(tmp_path / "runs", MOMENT, fill)
