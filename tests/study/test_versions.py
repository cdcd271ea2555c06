"""Studies of other versions, and journals that say what no narrowgate writes."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowgate.errors import NarrowgateError
from narrowgate.study import Study, StudyError, best, history, resume, show
from narrowgate.study.journal._journal import Journal

from .small_study import data

OLD = Path(__file__).parent / "of_version_0"
"""A finished search of `small_study.TEXT` by narrowgate 0.1.0 of 25 November 2026, before journals had a version."""

Table = dict[str, Any]


def test_a_study_of_before_journals_had_a_version_opens(tmp_path: Path) -> None:
    outcome = show(OLD)
    assert outcome.finished
    table = json.loads((OLD / "best.json").read_text())
    for row, then in zip(outcome.rows, table["best"], strict=True):
        now = row.as_dict()
        for name in ("configuration", "settings", "schedule", "steps", "seeds", "validation", "noise", "efficiency"):
            assert now[name] == then[name]
        assert now["full"] == then["full"]
    assert best(OLD).configuration == table["best"][0]["configuration"]
    assert history(OLD, "c001").places
    shutil.copytree(OLD, tmp_path / "small")
    assert resume(tmp_path / "small", data()) == outcome


def test_a_studys_folder_is_one_thing_to_ask(tmp_path: Path) -> None:
    opened = Study.open(OLD)
    assert opened.study == opened.outcome.study
    assert opened.best() == opened.outcome.rows[0]
    assert opened.best(2) == opened.outcome.rows[1]
    assert opened.history("c002") == history(OLD, "c002")
    with pytest.raises(StudyError, match="the places 1 to 2; found 3"):
        opened.best(3)
    with pytest.raises(StudyError, match="holds no study"):
        Study.open(tmp_path)


def chained(tables: list[Table]) -> bytes:
    """Lines with checksums as they should be, whatever they say."""
    before, lines = "", []
    for table in tables:
        body = json.dumps(table, ensure_ascii=False)
        before = hashlib.sha256(f"{before}\n{body}".encode(errors="surrogatepass")).hexdigest()
        lines.append(json.dumps(table | {"sum": before}, ensure_ascii=False) + "\n")
    return "".join(lines).encode(errors="surrogatepass")


def tables() -> list[Table]:
    """What the old journal says, line by line."""
    found = [json.loads(line) for line in (OLD / "journal.jsonl").read_text().splitlines()]
    for table in found:
        del table["sum"]
    return found


def step(lines: list[Table], ending: str) -> Table:
    return next(table for table in lines if table["step"].endswith(ending))


def change(ending: str, **changed: Any) -> Callable[[list[Table]], None]:
    return lambda lines: step(lines, ending).update(changed)


def nested(depth: int) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found


STRANGE: dict[str, Callable[[list[Table]], None]] = {
    "of a newer version": change("opened", version=2, whatever=1),
    "a version that is none": change("opened", version="1"),
    "a list for a number": change("opened", lanes=[1]),
    "an infinite rate": change("opened", crossing_rate=1e400),
    "10^300 lanes": change("opened", lanes=10**30),
    "no image": change("opened", image=[8, 4]),
    "an image without end": change("opened", image=[8, 4, 2**40]),
    "another text": change("opened", text="name = 1"),
    "not a study": change("opened", text="\ud800"),
    "a step without a name": change("unit 1", step=7),
    "a step that nobody does": change("unit 1", step="coffee"),
    "a step twice": lambda lines: lines.append(dict(lines[3])),
    "no first line": lambda lines: lines.__delitem__(0),
    "members of nobody": change("unit 1", members={"c999-s1": step(tables(), "unit 1")["members"]["c001-s1"]}),
    "a member without a name": change("unit 1", members={"../../x": step(tables(), "unit 1")["members"]["c001-s1"]}),
    "a curve of words": lambda lines: step(lines, "unit 1")["members"]["c001-s1"]["curve"].update(loss=["a", "b"]),
    "a curve with a hole": lambda lines: step(lines, "unit 1")["members"]["c001-s1"]["curve"].update(loss=[0.1]),
    "a true curve": lambda lines: step(lines, "unit 1")["members"]["c001-s1"]["curve"].update(loss=[True, False]),
    "members in a list": change("unit 1", members=[]),
    "ranked without order": change("rung 1 ranked", order={}),
    "ranked strangers": change("rung 1 ranked", promoted=["c777"]),
    "a name with a path": change("rung 1 ranked", promoted=["../c001"]),
    "a point elsewhere": lambda lines: step(lines, "drawn")["configurations"]["c001"].update(point={"x": 1}),
    "a network of nothing": lambda lines: step(lines, "drawn")["configurations"]["c001"].update(configuration={"x": 1}),
    "finalists that were not drawn": change("chosen", configurations=["c123"]),
    "judged nobody": lambda lines: step(lines, "judged")["finalists"][0].update(configuration="c123"),
    "judged without points": lambda lines: step(lines, "judged")["finalists"][0]["judgement"].update(working_points=[]),
    "judged with no seed": lambda lines: step(lines, "judged")["finalists"][0].update(efficiencies=[]),
    "finished with numbers": change("finished", fidelities=[1]),
}


@pytest.mark.parametrize("how", STRANGE)
def test_a_line_with_the_right_checksum_and_the_wrong_shape_gets_a_sentence(how: str, tmp_path: Path) -> None:
    lines = tables()
    STRANGE[how](lines)
    (tmp_path / "journal.jsonl").write_bytes(chained(lines))
    with pytest.raises(NarrowgateError) as told:
        show(tmp_path)
    sentence = str(told.value)
    assert sentence.endswith(".")
    assert "Traceback" not in sentence
    assert len(sentence) < 1000
    if "newer" in how:
        assert "was written by a newer narrowgate (its journal is version 2, this one reads up to 1)" in sentence


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 10_000 + b"]" * 10_000 + b"\n",
        b'{"step": "opened", "sum": "", "lanes": ' + b"9" * 5_000 + b"}\n",
        b'{"step": "opened", "sum": "", "lanes": NaN}\n',
        b'{"step": "opened", "sum": 1}\n',
        b'{"step": "opened"}\n',
        b'"opened"\n',
        b"null\n",
        b"\xff\xfe\n",
        b"\x00" * 100 + b"\n",
        chained([{"step": "opened", "lanes": nested(900)}]),
    ],
)
def test_what_is_no_line_is_a_damaged_end(line: bytes, tmp_path: Path) -> None:
    whole = (OLD / "journal.jsonl").read_bytes()
    (tmp_path / "journal.jsonl").write_bytes(whole + line)
    outcome = show(tmp_path)
    assert f"the last {len(line)} bytes, after 30 sound lines, are damaged" in outcome.state
    journal = Journal.open(tmp_path)
    assert len(journal.entries) == 30
    assert (tmp_path / "journal.jsonl").read_bytes() == whole
    assert (tmp_path / "journal.jsonl.damaged").read_bytes() == line
    (tmp_path / "journal.jsonl").write_bytes(line)
    with pytest.raises(StudyError, match=r"damaged from its first line on|holds no study"):
        show(tmp_path)
