import json
import time
from pathlib import Path

import numpy as np
import pytest

from narrowgate.files import FileError, aside, plain, read_json, sweep, write_json, write_text, write_whole

from ..notebook.notebook_example import run_elsewhere

WRITE_FOR_EVER = """
from itertools import count
from narrowgate.files import write_json
for number in count():
    write_json(path, {"number": number, "filling": [number] * 20000})
"""


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "before")

    def write_half() -> None:
        with aside(path) as temporary:
            temporary.write_text("half of it")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_killed_while_writing_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    for wait in (0.01, 0.05, 0.13, 0.21):
        path.unlink(missing_ok=True)
        process = run_elsewhere(WRITE_FOR_EVER, path=path)
        while not path.exists():
            time.sleep(0.002)
        time.sleep(wait)
        process.kill()
        process.join()
        content = read_json(path)
        assert content["filling"] == [content["number"]] * 20000


def test_json_is_standard_json(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(
        path, {"a": np.float32(0.5), "b": np.arange(3), "c": float("nan"), "d": [np.inf], "e": (True, None, "φ")}
    )
    assert read_json(path) == {"a": 0.5, "b": [0, 1, 2], "c": None, "d": [None], "e": [True, None, "φ"]}
    assert "NaN" not in path.read_text()
    assert "φ" in path.read_text()


def test_what_is_no_plain_data_gets_a_sentence() -> None:
    with pytest.raises(FileError, match="a record holds numbers, words, lists and tables, but no complex"):
        plain({"a": [1j]})


def test_reading_what_is_not_there_or_not_json(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"file\.json is missing"):
        read_json(tmp_path / "file.json")
    (tmp_path / "file.json").write_text('{"a": 1')
    with pytest.raises(FileError, match=r"file\.json is not valid JSON"):
        read_json(tmp_path / "file.json")
    (tmp_path / "file.json").write_bytes(json.dumps({"a": "é"}, ensure_ascii=False).encode("latin-1"))
    with pytest.raises(FileError, match=r"file\.json is not UTF-8 text"):
        read_json(tmp_path / "file.json")


def test_files_are_whole_or_as_they_were(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "best.json"
    write_text(target, json.dumps({"a": 1}))

    def broken(aside: Path) -> None:
        aside.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(FileError, match="No space left"):
        write_whole(target, broken)
    assert json.loads(target.read_text()) == {"a": 1}
    assert [path.name for path in target.parent.iterdir()] == ["best.json"]
    left = target.parent / ".best-0123.part"
    left.write_text("half")
    sweep(tmp_path)
    assert not left.exists()
