"""Whole searches, small: what they leave, and that nothing that happens on the way changes what they find."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from narrowgate.events import Dataset, Split
from narrowgate.study import (
    Outcome,
    Progress,
    Study,
    StudyError,
    as_csv,
    as_myst,
    best,
    draw,
    render,
    resume,
    search,
    show,
)
from narrowgate.study.journal._entries import BracketDrawn, UnitTrained
from narrowgate.study.journal._folder import held
from narrowgate.study.journal._journal import Journal
from narrowgate.study.report._outcome import outcome_of
from narrowgate.study.run import _search
from narrowgate.study.run._concurrency import Concurrency
from narrowgate.study.run._progress import Meter
from narrowgate.training import Trained

from .small_study import TEXT, data, find

STUDY = Study.parse(TEXT)
DATA = data()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """An uninterrupted search: its folder and its outcome."""
    root = tmp_path_factory.mktemp("studies")
    return root / "small", find(root)


def files(folder: Path) -> dict[str, bytes]:
    """Everything that a finished search leaves."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("lock", "journal.jsonl.damaged")
    }


def stop_after(reports: int) -> Callable[[Progress], None]:
    """A listener that presses Ctrl-C."""
    left = reports

    def report(progress: Progress) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt

    return report


@pytest.mark.parametrize("workers", [1, 5])
def test_the_number_of_workers_changes_nothing(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: tuple[Path, Outcome]
) -> None:
    monkeypatch.setattr(_search, "Concurrency", lambda count: Concurrency(count, workers))
    find(tmp_path)
    assert files(tmp_path / "small") == files(finished[0])


def test_a_search_leaves_its_record(finished: tuple[Path, Outcome]) -> None:
    folder, outcome = finished
    assert outcome.finished
    assert outcome.judged
    assert outcome.state == "finished"
    left = files(folder)
    assert {"journal.jsonl", "study.toml", "best.csv", "best.json", "best.md"} <= set(left)
    assert {"pictures/efficiency-against-bits.png", "pictures/rungs.png", "pictures/heat-map.png"} <= set(left)
    assert {f"finalists/{row.configuration}.safetensors" for row in outcome.rows} <= set(left)
    assert not [name for name in left if name.startswith("states/")]
    assert left["study.toml"].decode() == TEXT
    assert show(folder) == outcome
    assert best(folder) == outcome.rows[0]


def test_the_two_bit_networks_lose(finished: tuple[Path, Outcome]) -> None:
    _, outcome = finished
    order = [one.settings["widths"] for one in outcome.ranked]
    assert order[0] != "(2,0)"
    assert order[-1] == "(2,0)"
    first = outcome.rows[0]
    assert first.efficiency is not None
    assert first.efficiency.low <= first.efficiency.value <= first.efficiency.high
    assert first.efficiency.worst_seed <= first.efficiency.value <= first.efficiency.best_seed
    assert first.efficiency.value > 0.3
    assert first.seeds == 2


def test_live_weights_are_looked_at_where_something_reads_them(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    folder, _ = finished
    old = TEXT.replace('measure = "efficiency"', 'kind = "best-epoch"').replace("seeds = [1, 1, 2]\n", "")
    search(Study.parse(old.replace("last = 2\n", "")), DATA, tmp_path)
    for journal, on_rungs in ((folder, False), (tmp_path / "small", True)):
        entries = [json.loads(line) for line in (journal / "journal.jsonl").read_text().splitlines()]
        members = {name: found for entry in entries for name, found in entry.get("members", {}).items()}
        finalists = [found for name, found in members.items() if "-cosine-" in name]
        rungs = [found for name, found in members.items() if "-cosine-" not in name]
        assert finalists
        assert all(value is not None for found in finalists for value in found["curve"]["raw_loss"])
        assert {value is not None for found in rungs for value in found["curve"]["raw_loss"]} == {on_rungs}


def test_the_plan_was_kept(finished: tuple[Path, Outcome]) -> None:
    """Six, three, one; two more that nobody asked; two seeds on the top rung; nobody is trained twice."""
    folder, _ = finished
    entries = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    ranked = {entry["step"]: entry for entry in entries if entry["step"].endswith("ranked")}
    assert [len(ranked[f"bracket 1 rung {rung} ranked"]["order"]) for rung in (1, 2)] == [6, 3 + len(ties(ranked, 1))]
    assert len(ranked["bracket 2 rung 1 ranked"]["order"]) == 2
    trained: dict[str, list[int]] = {}
    for entry in entries:
        for member, found in entry.get("members", {}).items():
            trained.setdefault(member, []).extend(found["curve"]["step"])
    assert len(trained) > 6
    for steps in trained.values():
        assert steps == list(range(20, steps[-1] + 1, 20))
    top = {name.split("-")[0] for name, steps in trained.items() if steps[-1] == 160}
    assert {f"{name}-s{seed}" for name in top for seed in (1, 2)} <= set(trained)


def ties(ranked: dict[str, dict[str, list[str]]], rung: int) -> list[str]:
    return ranked[f"bracket 1 rung {rung} ranked"]["tied"]


def test_stopped_from_the_keyboard_again_and_again_it_ends_the_same(
    finished: tuple[Path, Outcome], tmp_path: Path
) -> None:
    folder, wanted = finished
    stops = 0
    for patience in (5, 19, 12, 25, 16) * 10:
        outcome = search(STUDY, DATA, tmp_path, report=stop_after(patience))
        if outcome.finished:
            break
        stops += 1
        assert outcome.state == "stopped from the keyboard; resume goes on"
        assert render(outcome) is not None
        assert (tmp_path / "small" / "best.csv").exists()
    assert stops >= 4
    assert outcome == wanted
    assert files(tmp_path / "small") == files(folder)


def test_lost_states_and_a_torn_journal_cost_time_only(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    folder, _ = finished
    search(STUDY, DATA, tmp_path, report=stop_after(22))
    states = sorted((tmp_path / "small" / "states").glob("*.safetensors"))
    assert states
    for number, path in enumerate(states):
        if number % 2:
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-3] + b"xyz")
    journal = tmp_path / "small" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-40])
    notices = set()
    resume(tmp_path / "small", DATA, report=lambda progress: notices.add(progress.notice))
    assert any("sound lines, are damaged" in notice for notice in notices)
    assert any("is missing or damaged; it is trained again" in notice for notice in notices)
    assert not any("came out otherwise" in notice for notice in notices)
    assert files(tmp_path / "small") == files(folder)


def test_the_time_budget_ends_it_with_what_there_is(tmp_path: Path) -> None:
    outcome = search(STUDY, DATA, tmp_path / "none", time_budget=0.0)
    assert outcome.finished
    assert outcome.state == "finished early, before bracket 1 rung 1, unit 1: the time budget was used up"
    assert outcome.rows == ()
    assert as_csv(outcome).count("\n") == 1
    with pytest.raises(StudyError, match="nothing is ranked yet"):
        best(tmp_path / "none" / "small")


def test_the_time_budget_ends_it_in_the_middle_of_a_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes on by a second with every report; budgets end everywhere between the first unit and the last."""
    states = []
    for budget in (5, 16, 34, 42):
        seconds = 0

        def report(_: Progress) -> None:
            nonlocal seconds
            seconds += 1

        meter = partial(Meter, clock=lambda: float(seconds))  # noqa: B023
        monkeypatch.setattr("narrowgate.study.run._search.Meter", meter)
        root = tmp_path / str(budget)
        outcome = search(STUDY, DATA, root, time_budget=float(budget), report=report)
        assert outcome.finished
        assert outcome.state.endswith("the time budget was used up")
        states.append(outcome.state)
        unit = outcome.state.removeprefix("finished early, before ").partition(":")[0]
        steps = [json.loads(line)["step"] for line in (root / "small" / "journal.jsonl").read_text().splitlines()]
        assert unit not in steps
        assert resume(root / "small", DATA) == outcome
    assert len(set(states)) == len(states)


def test_another_study_other_data_and_a_held_folder_are_refused(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    folder, _ = finished
    with pytest.raises(StudyError, match="holds another study of this name"):
        search(Study.parse(TEXT.replace("0.02", "0.03")), DATA, folder.parent)
    with pytest.raises(StudyError, match="begun on the data set 'small images'"):
        resume(folder, data(seed=6))
    with pytest.raises(StudyError, match="holds no study"):
        resume(tmp_path, DATA)
    with pytest.raises(StudyError, match="holds no study"):
        show(tmp_path)
    with held(tmp_path / "small"), pytest.raises(StudyError, match="is at work"):
        find(tmp_path)


def test_a_journal_about_other_members_is_refused(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    shutil.copytree(finished[0], tmp_path / "small")
    file = tmp_path / "small" / "journal.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    unit = next(place for place, line in enumerate(lines) if "unit 1" in json.loads(line)["step"])
    file.write_text("".join(lines[:unit]))
    table = json.loads(lines[unit])
    del table["sum"]
    strangers = {f"c006-s9{name[-1]}": found for name, found in table["members"].items()}
    line = UnitTrained.model_validate(table | {"members": strangers})
    Journal.open(tmp_path / "small").step(line.step, lambda: line)
    with pytest.raises(StudyError, match=r"bracket 1 rung 1, unit 1 is about other members .* another version"):
        find(tmp_path)


def test_a_rate_that_the_data_do_not_have_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"ranking\.rate is 40 MHz, but the crossings of small images come at 31"):
        search(Study.parse(TEXT.replace("3e6", "4e7")), DATA, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_network_that_does_not_fit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """One of a space that is listed, and one that a space of real numbers draws only in a later bracket."""
    space = '[space.pools]\nsets = "network.pools"\nchoices = [[1, 2], [8, 2], [2, 2]]\n'
    listed = Study.parse(TEXT.replace("[fixed.precision]", f"{space}[fixed.precision]"))
    with pytest.raises(StudyError, match=r"space\.pools = \[8, 2\].*pool 8 of convolution 1 leaves nothing of 8 × 4"):
        search(listed, data(), tmp_path)
    drawn = TEXT.replace("choices = [0.01, 0.02]", "range = [0.01, 0.02]").replace(
        "[fixed.precision]", f"{space}[fixed.precision]"
    )
    drawn = drawn.replace('kind = "successive-halving"', 'kind = "hyperband"').replace("unpruned = 2\n", "")
    with pytest.raises(StudyError, match=r"space\.pools = \[8, 2\]"):
        search(Study.parse(drawn), data(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_everything_that_is_wrong_with_the_data_is_said_at_once(tmp_path: Path) -> None:
    given = data()
    background = Split(given.test.images, np.zeros(len(given.test), np.uint8))
    bad = Dataset(given.train, given.validation, background, given.geometry, crossing_rate=2e6, name="bad")
    with pytest.raises(StudyError) as caught:
        search(Study.parse(TEXT), bad, tmp_path)
    assert str(caught.value).splitlines() == [
        "ranking.rate is 3 MHz, but the crossings of bad come at 2 MHz; a rate below that is needed.",
        "The test split of bad has no signal events; both classes are needed.",
    ]


def test_finalists_are_judged_only_at_rates_that_the_crossings_can_have(tmp_path: Path) -> None:
    given = data()
    slow = Dataset(given.train, given.validation, given.test, given.geometry, crossing_rate=50e3, name="slow")
    heard: list[str] = []
    outcome = search(
        Study.parse(TEXT.replace("rate = 3e6", "rate = 5e3")),
        slow,
        tmp_path,
        report=lambda one: heard.append(one.notice),
    )
    assert outcome.finished
    assert "100 kHz left out: the crossings come at 50 kHz" in heard


def test_a_run_that_cannot_be_written_is_told_and_made_later(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    folder, wanted = finished

    def full(_: Trained) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(
        StudyError, match=r"the run of c\d+ cannot be written .*No space left.* resume when there is room"
    ):
        search(STUDY, DATA, tmp_path, keep=full)
    kept: list[Trained] = []
    assert resume(tmp_path / "small", DATA, keep=kept.append) == wanted
    assert len(kept) == len(wanted.rows)
    assert files(tmp_path / "small") == files(folder)


def test_what_diverges_is_last_and_starves_nobody(tmp_path: Path) -> None:
    # Without formats that saturate, a learning rate near the largest float32 overflows within a few steps.
    text = TEXT.replace('["(2,0)", "(4,1)", "(12,2)"]', '["float", "(12,2)"]').replace("0.02]", "1e38]")
    outcome = search(Study.parse(text), DATA, tmp_path)
    assert outcome.finished
    assert len(outcome.ranked) == 4
    dead = [dict(one.settings) for one in outcome.ranked if one.value is None]
    assert {"widths": "float", "learning_rate": 1e38} in dead
    assert all(one.value is None for one in outcome.ranked[-len(dead) :])
    assert outcome.rows[0].settings["learning_rate"] == 0.01
    assert {"widths": "float", "learning_rate": 1e38} not in [dict(row.settings) for row in outcome.rows]


def test_the_test_split_chooses_nothing(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    """With its labels scrambled every efficiency is another, and the same networks are exported, in the same order."""
    folder, wanted = finished
    test = replace(DATA.test, labels=np.random.default_rng(1).permutation(DATA.test.labels))
    found = search(STUDY, replace(DATA, test=test), tmp_path)
    assert [row.full for row in found.rows] == [row.full for row in wanted.rows]
    assert [row.efficiency for row in found.rows] != [row.efficiency for row in wanted.rows]
    for row in wanted.rows:
        name = f"finalists/{row.configuration}.safetensors"
        assert (tmp_path / "small" / name).read_bytes() == (folder / name).read_bytes()


def test_rank_fidelity_takes_for_uncut_only_who_no_rung_had_a_say_in(finished: tuple[Path, Outcome]) -> None:
    """Before the unpruned bracket is through, those of it that are at the top got there in the other, by surviving."""
    _, wanted = finished
    journal = Journal.read(finished[0])
    drawn = set(journal.all(BracketDrawn)[1].configurations)
    assert {one.configuration for one in wanted.ranked if one.unpruned} == drawn
    last = list(journal.entries).index("bracket 2 drawn")
    for name in list(journal.entries)[last + 1 :]:
        del journal.entries[name]
    begun = outcome_of(STUDY, journal)
    assert not any(one.unpruned for one in begun.ranked)
    assert all(one.selected for one in begun.fidelities if one.configurations)


@pytest.mark.parametrize(("measure", "cost"), [("loss", "none"), ("near-auc", "luts")])
def test_a_network_that_separates_nothing_goes_on_only_where_places_are_left(
    tmp_path: Path, measure: str, cost: str
) -> None:
    # All weights of (2,-20) are rounded to zero: the loss is ln 2 at once, and the circuit costs next to nothing.
    text = TEXT.replace('["(2,0)", "(4,1)", "(12,2)"]', '["(2,-20)", "(4,1)", "(12,2)"]').replace("0.02]", "0.0001]")
    text = text.replace(
        'measure = "efficiency"', f'measure = "{measure}"\nearly_measure = "{measure}"\ncost = "{cost}"'
    )
    outcome = search(Study.parse(text.replace("unpruned = 2", "unpruned = 0")), DATA, tmp_path)
    dead = [one.settings["widths"] == "(2,-20)" for one in outcome.ranked]
    assert sum(dead) == 2
    assert dead == sorted(dead)
    assert not any(one.on_front for one in outcome.ranked if one.settings["widths"] == "(2,-20)")
    assert all(row.settings["widths"] != "(2,-20)" for row in outcome.rows)


def test_a_rung_says_on_how_many_events_it_rests(finished: tuple[Path, Outcome]) -> None:
    folder, outcome = finished
    background = int((DATA.validation.labels == 0).sum())
    share = 3e6 / DATA.crossing_rate
    for one in outcome.measures:
        assert (one.signal, one.background) == (len(DATA.validation) - background, background)
        assert one.deciding == int(background * (share if one.measure == "efficiency" else 1.0))  # 30 × 3 MHz is all
    assert [one.measure for one in outcome.measures] == ["near-auc", "near-auc", "efficiency"]
    assert f"rests on the {outcome.measures[-1].deciding} highest of {background} background" in as_myst(outcome)
    # The whole split is looked at where a rung takes the median, and nowhere else.
    entries = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    curves = [found["curve"] for entry in entries for name, found in entry.get("members", {}).items() if "-s1" in name]
    looked = {
        (step, value is not None)
        for curve in curves
        for step, value in zip(curve["step"], curve["near-auc"], strict=True)
        if len(curve["step"]) < 6  # finalists are trained in one go
    }
    assert looked == {
        (20, True),
        (40, True),
        (60, True),
        (80, True),
        (100, False),
        (120, False),
        (140, True),
        (160, True),
    }


def test_the_notebook_hears_of_every_finalist(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    _, wanted = finished
    kept: list[Trained] = []
    search(STUDY, DATA, tmp_path, keep=kept.append)
    assert [trained.configuration.name.split("-")[0] for trained in kept] == [row.configuration for row in wanted.rows]
    for trained in kept:
        assert trained.configuration.training.steps == 120
        assert trained.curve["step"] == [20, 40, 60, 80, 100, 120]
        assert len({len(column) for column in trained.curve.values()}) == 1
        assert trained.stopped is None


def test_two_formats_get_a_heat_map_of_their_own(finished: tuple[Path, Outcome], tmp_path: Path) -> None:
    _, outcome = finished
    assert "widths.png" not in [path.name for path in draw(tmp_path, outcome)]
    second = '[space.activations]\nsets = "precision.activation"\nchoices = ["(10,2)", "(8,2)"]\n[fixed.precision]\n'
    study = Study.parse(TEXT.replace('[fixed.precision]\nactivation = "(10,2)"\n', second))
    ranked = tuple(
        replace(one, settings={**one.settings, "activations": ("(10,2)", "(8,2)")[index % 2]})
        for index, one in enumerate(outcome.ranked)
    )
    drawn = draw(tmp_path, replace(outcome, study=study, ranked=ranked))
    assert [path.name for path in drawn][-2:] == ["heat-map.png", "widths.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_the_cheapest_is_taken_among_those_alike_on_validation(finished: tuple[Path, Outcome]) -> None:
    first = replace(finished[1].rows[0], validation=0.93, noise=0.003, steps=200, bit_operations=9.0)
    rows = (
        first,
        replace(first, validation=0.924, bit_operations=5.0),  # 1.4 standard deviations of the difference away
        replace(first, validation=0.92, bit_operations=2.0),  # 2.4
        replace(first, validation=None, bit_operations=1.0),
        replace(first, steps=100, bit_operations=1.0),
    )
    assert replace(finished[1], rows=rows).cheapest == 2
    assert replace(finished[1], rows=rows[:1]).cheapest == 1
    assert replace(finished[1], rows=(replace(first, validation=None), first)).cheapest == 1
    assert replace(finished[1], rows=()).cheapest == 1


def test_tables(finished: tuple[Path, Outcome]) -> None:
    folder, outcome = finished
    rows = list(csv.DictReader(io.StringIO((folder / "best.csv").read_text())))
    assert [row["configuration"] for row in rows] == [row.configuration for row in outcome.rows]
    assert [row["widths"] for row in rows] == [row.settings["widths"] for row in outcome.rows]
    assert float(rows[0]["efficiency_value"]) == outcome.rows[0].efficiency.value  # type: ignore[union-attr]
    table = json.loads((folder / "best.json").read_text())
    assert [row["configuration"] for row in table["best"]] == [row.configuration for row in outcome.rows]
    assert len(table["fidelity"]) == 3
    page = as_myst(outcome)
    assert page.count("* -") == 1 + len(outcome.rows)
    cells = page.split("\n\n")[1].splitlines()[:-1]  # the last line closes the table
    assert len(cells) % (1 + len(outcome.rows)) == 0
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(render(outcome))
    shown = console.export_text()
    assert outcome.rows[0].configuration in shown
    assert "in the order of the validation split" in shown.lower()
    other = Study.parse(TEXT.replace("unpruned = 2", "unpruned = 1"))
    assert as_myst(outcome).splitlines()[1] != as_myst(Outcome(**{**vars(outcome), "study": other})).splitlines()[1]
