"""The commands `search` and `study`: a whole small search by command line, what is shown of it, and every mistake."""

import csv
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from narrowgate import cli, notebook, runs
from narrowgate.cli import app
from narrowgate.events import save
from narrowgate.network import Configuration
from narrowgate.study import find, show
from narrowgate.study.journal._folder import held
from narrowgate.training import Placement, Trained

from .small_study import TEXT, data


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """The sentence with which a command ends that cannot be carried out."""
    monkeypatch.setattr(sys, "argv", ["narrowgate", *(str(one) for one in arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    assert "Traceback" not in said.err
    return re.sub(r"[\s│]+", " ", said.err)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `narrowgate search` has searched: data, study file, studies, runs, and what it printed."""
    home = tmp_path_factory.mktemp("study-cli")
    save(home / "small.h5", data())
    (home / "small.toml").write_text(TEXT)
    places = ("--data", home / "small.h5", "--studies", home / "studies", "--runs", home / "runs")
    (home / "printed.txt").write_text(invoke("search", home / "small.toml", *places))
    return home


def places(home: Path) -> tuple[object, ...]:
    return ("--studies", home / "studies", "--runs", home / "runs")


def test_search_prints_the_table_and_where_everything_is(home: Path) -> None:
    printed = (home / "printed.txt").read_text()
    outcome = show(home / "studies" / "small")
    assert outcome.finished
    for row in outcome.rows:
        assert row.configuration in printed
    assert re.search(r"efficiency\s+at\s+3 MHz", printed)
    assert "The search is finished." in printed
    assert "predicted" in printed
    for name in ("heat-map.png", "rungs.png", "value-against-cost.png", "efficiency-against-bits.png", "best.csv"):
        assert name in printed
        assert list((home / "studies" / "small").rglob(name))


def test_finalists_are_runs(home: Path) -> None:
    outcome = show(home / "studies" / "small")
    found = notebook.list_runs(home / "runs")
    assert [run.name for run in found] == [f"small, {row.configuration}" for row in outcome.rows]
    for run, row in zip(found, outcome.rows, strict=True):
        assert run.status is notebook.Status.FINISHED
        assert Configuration.parse(run.configuration) == row.full
        assert run.environment["study"]["name"] == "small"
        assert run.measures.seconds is None
        assert row.accuracy == pytest.approx(run.measures.accuracy, abs=0.02)  # runs are judged by exact integers
        assert run.id in (home / "printed.txt").read_text()


def test_a_finalist_becomes_a_run_once(home: Path, tmp_path: Path) -> None:
    run, folder = notebook.list_runs(home / "runs")[0], home / "studies" / "small"
    trained = Trained(
        configuration=Configuration.parse(dict(run.configuration) | {"name": run.environment["study"]["network"]}),
        curve={name: list(values) for name, values in run.curve.items()},
        weights=run.weights(),
        last_weights=run.weights(),
        stopped=None,
        seconds=None,
        member_events=0,
        placement=Placement(1, 1),
    )
    doubled = replace(trained, weights={name: 2 * value for name, value in trained.weights.items()})
    assert runs.keep_finalist(trained, data(), home / "runs", study="small", folder=folder) == run.id
    first, second, other = (
        runs.keep_finalist(one, data(), tmp_path, study="small", folder=folder) for one in (trained, trained, doubled)
    )
    assert first == second
    assert notebook.load(tmp_path, first).measures == run.measures
    assert [one.id for one in notebook.list_runs(tmp_path)] == [first, other]


def typical_network(home: Path) -> Trained:
    """The first finalist as `search` hands it to the notebook."""
    run = notebook.list_runs(home / "runs")[0]
    return Trained(
        configuration=Configuration.parse(dict(run.configuration) | {"name": run.environment["study"]["network"]}),
        curve={name: list(values) for name, values in run.curve.items()},
        weights=run.weights(),
        last_weights=run.weights(),
        stopped=None,
        seconds=None,
        member_events=0,
        placement=Placement(1, 1),
    )


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "a run in its middle", "a failed run"])
def test_a_run_that_a_killed_search_began_is_finished_under_its_id(left: str, home: Path, tmp_path: Path) -> None:
    trained, folder, root = typical_network(home), tmp_path / "study", tmp_path / "runs"
    folder.mkdir()
    identifier = notebook.reserve(folder / "runs.json", root, trained.configuration.name)
    about = {"study": {"name": "small", "folder": str(folder.resolve()), "network": trained.configuration.name}}
    if left == "an empty folder":
        (root / identifier).mkdir(parents=True)
    elif left != "nothing":
        run = notebook.create(root, configuration={"name": "half"}, environment=about, reserved=identifier)
        run.write_curve({"epoch": [1.0]})
        (run.path / ".weights-0123456789ab.part").write_text("half")
        if left == "a failed run":
            run.fail("its scores are not finite")
        else:
            run.lease.release()
            state = json.loads((run.path / "run.json").read_text())
            state["process"]["number"] = 2**22 + 1  # no process has this number
            (run.path / "run.json").write_text(json.dumps(state))
    assert runs.keep_finalist(trained, data(), root, study="small", folder=folder) == identifier
    (found,) = notebook.list_runs(root)
    assert found.status is notebook.Status.FINISHED
    assert found.measures == notebook.list_runs(home / "runs")[0].measures
    assert not list(found.folder.glob(".*part"))
    assert runs.keep_finalist(trained, data(), root, study="small", folder=folder) == identifier


def test_an_id_that_somebody_else_took_meanwhile_is_not_written_into(home: Path, tmp_path: Path) -> None:
    trained, folder, root = typical_network(home), tmp_path / "study", tmp_path / "runs"
    identifier = notebook.reserve(folder / "runs.json", root, trained.configuration.name)
    about = {"device": "theirs"}
    notebook.create(root, configuration={"name": "theirs"}, environment=about, reserved=identifier).interrupt("lunch")
    ours = runs.keep_finalist(trained, data(), root, study="small", folder=folder)
    assert ours != identifier
    assert [run.name for run in notebook.list_runs(root)] == ["theirs", f"small, {trained.configuration.name[:4]}"]


@pytest.mark.parametrize("content", ["", "[]", '{"runs": {"a": 1}}', '{"version": 1, "runs": []}', "[" * 10_000])
def test_a_damaged_list_of_reserved_ids_is_begun_anew(content: str, tmp_path: Path) -> None:
    (tmp_path / "runs.json").write_text(content)
    identifier = notebook.reserve(tmp_path / "runs.json", tmp_path, "c001")
    assert notebook.reserve(tmp_path / "runs.json", tmp_path, "c001") == identifier
    assert notebook.reserve(tmp_path / "runs.json", tmp_path / "elsewhere", "c001")


def test_show_in_every_form(home: Path) -> None:
    outcome = show(home / "studies" / "small")
    assert outcome.rows[0].configuration in invoke("study", "show", "small", *places(home))
    assert invoke("study", "show", home / "small.toml", *places(home)) == invoke(
        "study", "show", home / "studies" / "small", *places(home)
    )
    assert json.loads(invoke("study", "show", "Small", "--json", *places(home))) == outcome.as_dict()
    rows = list(csv.DictReader(io.StringIO(invoke("study", "show", "small", "--csv", *places(home)))))
    assert [row["configuration"] for row in rows] == [row.configuration for row in outcome.rows]
    page = invoke("study", "show", "small", "--myst", *places(home))
    assert page == (home / "studies" / "small" / "best.md").read_text()


def test_every_configuration_has_its_record(home: Path) -> None:
    entries = [json.loads(line) for line in (home / "studies" / "small" / "journal.jsonl").read_text().splitlines()]
    outcome = show(home / "studies" / "small")
    for one in outcome.ranked:
        asked = ("study", "show", "small", "--configuration", one.configuration, *places(home))
        found = json.loads(invoke(*asked, "--json"))
        assert found["settings"] == one.settings
        ranked = [entry for entry in entries if entry["step"].endswith("ranked")]
        here = [
            (entry["steps"], place, len(entry["order"]))
            for entry in ranked
            for place, other in enumerate(entry["order"], start=1)
            if other["configuration"] == one.configuration
        ]
        assert [(place["steps"], place["place"], place["among"]) for place in found["places"]] == here
        assert any(place["fate"] == "at the end" for place in found["places"]) == (one.budget == 160)
        for bracket in {place["bracket"] for place in found["places"]}:
            *before, last = (place["fate"] for place in found["places"] if place["bracket"] == bracket)
            assert set(before) <= {"promoted", "tied"}
            assert last in ("cut", "at the end")
        rows = list(csv.DictReader(io.StringIO(invoke(*asked, "--csv"))))
        assert len(rows) == sum(len(curve["step"]) for curve in found["curves"].values())
        assert {row["member"] for row in rows} == set(found["curves"])
        shown = invoke(*asked)
        assert all(member in shown for member in found["curves"])
    first = outcome.rows[0]
    assert f"{first.configuration}-cosine-s1001" in invoke(
        "study", "show", "small", "--configuration", first.configuration, *places(home)
    )


def test_a_narrow_terminal_cuts_no_number(home: Path) -> None:
    shown = CliRunner().invoke(app, ["study", "show", "small", *map(str, places(home))], env={"COLUMNS": "80"}).stdout
    first = show(home / "studies" / "small").rows[0].efficiency
    assert first is not None
    assert f"({first.low:.3f}–{first.high:.3f})" in shown
    assert "…" not in shown


def test_the_best_can_be_trained_again(home: Path) -> None:
    printed = invoke("study", "best", "small", *places(home)[:2])
    first = show(home / "studies" / "small").rows[0]
    assert Configuration.parse(tomllib.loads(printed)) == first.full
    assert first.full.training.steps == first.steps == 120
    assert printed.startswith(f"# place 1 of the study small ({first.configuration}), signal efficiency ")
    invoke("study", "best", "small", *places(home)[:2], "--output", home / "best.toml")
    assert (home / "best.toml").read_text() == printed
    shown = invoke("train", home / "best.toml", "--data", home / "small.h5", "--runs", home / "again")
    assert f"small, {first.configuration}" in shown
    [again] = notebook.list_runs(home / "again")
    kept = next(run for run in notebook.list_runs(home / "runs") if run.name == again.name)
    assert again.curve["step"] == kept.curve["step"]
    assert again.curve["loss"] == pytest.approx(kept.curve["loss"], rel=1e-3)
    second = invoke("study", "best", "small", "--place", 2, *places(home)[:2])
    assert tomllib.loads(second)["name"] != tomllib.loads(printed)["name"]
    outcome = show(home / "studies" / "small")
    cheapest = invoke("study", "best", "small", "--cheapest", *places(home)[:2])
    assert f"place {outcome.cheapest} of the study small" in cheapest


def test_resuming_what_is_finished_shows_it_again(home: Path) -> None:
    again = invoke("study", "resume", "small", "--data", home / "small.h5", *places(home))
    assert again == (home / "printed.txt").read_text()
    assert len(notebook.list_runs(home / "runs")) == 2


def test_control_c_leaves_a_table_and_says_how_to_go_on(home: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.toml"
    long.write_text(TEXT.replace("steps = 120", "steps = 120000"))
    command = [sys.executable, "-m", "narrowgate", "search", str(long), "--data", str(home / "small.h5")]
    pipe = subprocess.PIPE
    process = subprocess.Popen([*command, "--studies", "found"], cwd=tmp_path, stdout=pipe, stderr=pipe, text=True)
    journal = tmp_path / "found" / "small" / "journal.jsonl"
    deadline = time.monotonic() + 120
    while not (journal.exists() and "rung 1 ranked" in journal.read_text()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert f"narrowgate study resume found/small --data {home / 'small.h5'}" in said
    assert "The search was stopped from the keyboard" in printed
    assert (tmp_path / "found" / "small" / "best.csv").exists()
    best = invoke("study", "best", "small", "--studies", tmp_path / "found")
    assert "not judged on the test split yet" in best
    assert Configuration.parse(tomllib.loads(best)).training.steps == 120000
    assert "narrowgate study resume" in invoke("study", "show", tmp_path / "found" / "small")


def test_a_time_budget_ends_the_search(home: Path, tmp_path: Path) -> None:
    where = ("--data", home / "small.h5", "--studies", tmp_path / "studies", "--runs", tmp_path / "runs")
    found = json.loads(invoke("search", home / "small.toml", "--time-budget", "0s", "--json", *where))
    assert found["finished"]
    assert "the time budget was used up" in found["state"]
    assert found["best"] == []


@pytest.mark.parametrize("damage", ["tail", "all"])
def test_a_damaged_journal_is_told(
    home: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(home / "studies", tmp_path / "studies")
    journal = tmp_path / "studies" / "small" / "journal.jsonl"
    content = journal.read_bytes()
    journal.write_bytes(content[:-40] if damage == "tail" else b"x" + content)
    if damage == "tail":
        shown = invoke("study", "show", "small", "--studies", tmp_path / "studies")
        assert "not finished" in shown
        assert "damaged" in shown
    else:
        said = refused(capsys, monkeypatch, "study", "show", "small", "--studies", tmp_path / "studies")
        assert "is damaged from its first line on" in said


def test_mistakes_end_in_a_sentence(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    studies = ("--studies", home / "studies")
    bad = tmp_path / "bad.toml"
    bad.write_text(TEXT.replace("[ranking]", "[rankings]"))
    other = tmp_path / "other.h5"
    save(other, data(seed=6))
    for arguments, said in (
        (("search", "missing.toml"), "missing.toml: there is no such file"),
        (("search", bad), "rankings: there is no such key; allowed are name, fixed, space"),
        (("search", home / "small.toml", "--time-budget", "soon"), "'soon' is not a time"),
        (("search", home / "small.toml", "--data", "missing.h5"), "missing.h5"),
        (("search", home / "small.toml", "--data", other, *studies), "which is not what was given now"),
        (("study", "show", "large", *studies), "there is no study 'large' in"),
        (("study", "show", "large", *studies), "there is small."),
        (("study", "best", "large", "--studies", tmp_path), "nor any other in"),
        (("study", "resume", "large", *studies), "there is no study 'large'"),
        (("study", "show", "small", "--json", "--csv", *studies), "Choose one of"),
        (
            ("study", "show", "small", "--configuration", "c999", *studies),
            "has no configuration 'c999'; there are c001 to",
        ),
        (("study", "show", "small", "--configuration", "c001", "--myst", *studies), "not with --myst"),
        (("study", "best", "small", "--place", 9, *studies), "has the places 1 to 2; found 9"),
        (("study", "best", "small", "--place", 2, "--cheapest", *studies), "--cheapest and --place exclude each other"),
    ):
        assert said in refused(capsys, monkeypatch, *arguments)
    with held(home / "studies" / "small"):
        said = refused(capsys, monkeypatch, "study", "resume", "small", "--data", home / "small.h5", *studies)
    assert "is at work" in said


def test_a_study_is_found_by_name_folder_and_file(home: Path) -> None:
    studies = home / "studies"
    for name in ("small", "Small", " small ", studies / "small", home / "small.toml"):
        assert find(studies, name) == studies / "small"
