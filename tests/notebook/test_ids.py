from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from itertools import repeat
from pathlib import Path

import pytest

from narrowgate.notebook import NotebookError
from narrowgate.notebook.record._ids import claim, is_id, order

from .notebook_example import processes

MOMENT = datetime(2022, 7, 18, 15, 5, 0)


def test_an_id_is_the_moment_in_the_notebooks_style(tmp_path: Path) -> None:
    assert claim(tmp_path / "runs", MOMENT) == "2022-07-18--15-05-00"
    assert (tmp_path / "runs" / "2022-07-18--15-05-00").is_dir()


def test_runs_of_one_second_are_numbered(tmp_path: Path) -> None:
    assert [claim(tmp_path, MOMENT) for _ in range(3)] == [
        "2022-07-18--15-05-00",
        "2022-07-18--15-05-00-2",
        "2022-07-18--15-05-00-3",
    ]


def test_an_id_taken_by_a_file_is_not_given(tmp_path: Path) -> None:
    (tmp_path / "2022-07-18--15-05-00").write_text("in the way")
    assert claim(tmp_path, MOMENT) == "2022-07-18--15-05-00-2"


def test_processes_that_start_in_one_second_get_ids_of_their_own(tmp_path: Path) -> None:
    with ProcessPoolExecutor(8, mp_context=processes()) as pool:
        given = list(pool.map(claim, repeat(tmp_path, 200), repeat(MOMENT)))
    assert len(given) == 200
    assert sorted(given, key=order) == ["2022-07-18--15-05-00"] + [f"2022-07-18--15-05-00-{n}" for n in range(2, 201)]


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
        claim(tmp_path / "runs", MOMENT)
