import re
from datetime import datetime
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from narrowgate.notebook import (
    Status,
    add_note,
    compare,
    create,
    draw,
    load,
    render_comparison,
    write_page,
    write_pages,
)
from narrowgate.notebook._verdict import verdict_sentence, verdict_words
from narrowgate.notebook.pages._markdown import escape, escape_lines
from narrowgate.trigger import ht

from .notebook_example import CONFIGURATION, LABELS, LSB, curve, events, make_run, metrics, weights


def test_the_page_has_the_notebooks_layout(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    scores, images = events()
    draw(run.folder, curve=curve(), scores=scores, labels=LABELS, cuts={"HT": ht(images, LSB)}, title=run.id)
    text = write_page(run.folder).read_text()
    assert text.startswith(f"(run-{run.id})=\n\n# `{run.id}`\n\n*float baseline*\n\n**Verdict.** At 10 kHz")
    assert re.findall(r"^## (.*)", text, re.M) == ["Configuration", "Training", "Performance", "Environment"]
    assert "| precision | conv | float |" in text
    assert "| training | learning rate | 0.002 |" in text
    for picture in re.findall(r"!\[.+\]\((.+)\)", text):
        assert (run.folder / picture).is_file()
    assert len(re.findall(r"!\[", text)) == 4
    point = run.measures.points[0]
    assert f"{point.efficiency:.3f} ({point.low:.3f}–{point.high:.3f})" in text
    rejection = run.measures.rejections[0]
    assert f"| {rejection.signal_efficiency:.3f} |" in text
    assert "Trained in 42 s." in text


def test_the_verdict_compares_with_the_cuts(tmp_path: Path) -> None:
    run = make_run(tmp_path, noise=2.5, jumps=0.5)
    sentence = verdict_sentence(run)
    cuts = run.measures.cuts_at_rate(10e3)
    assert f"less than the HT cut ({cuts['HT'].efficiency:.3f})" in sentence
    assert "The validation loss is volatile (volatility 0." in sentence


def test_where_a_cut_beats_the_network_the_first_word_says_so(tmp_path: Path) -> None:
    lost, good = make_run(tmp_path, noise=2.5, jumps=0.5), make_run(tmp_path)
    assert verdict_sentence(lost).startswith("Worse than the HT")
    assert verdict_words(lost).startswith("worse than HT")
    assert verdict_words(lost).endswith("; volatile")
    assert verdict_sentence(good).startswith("At 10 kHz")
    assert verdict_words(good) == good.measures.verdict
    console = Console(width=200, record=True, file=StringIO())
    console.print(render_comparison(compare(tmp_path, [lost.id, good.id])))
    assert "worse than HT" in console.export_text()


def test_a_training_that_stopped_early_says_why(tmp_path: Path) -> None:
    scores, images = events()
    with create(tmp_path, configuration=CONFIGURATION, environment={}) as run:
        run.write_curve(curve())
        run.write_weights(weights())
        run.write_metrics({**metrics(scores, images), "stopped": "the loss is NaN at step 12"})
    assert "The training stopped early: the loss is NaN at step 12." in verdict_sentence(load(tmp_path, run.id))


def test_a_run_judged_by_exact_integers_tells_how_far_the_graph_is(tmp_path: Path) -> None:
    scores, images = events()
    judged = metrics(scores, images)

    def page(differing: int, changed: tuple[int, ...]) -> str:
        decisions = [{"threshold": 0.0, "events": count} for count in changed]
        found = {"events": 12000, "differing": differing, "largest_difference": 2e-6, "decisions_changed": decisions}
        with create(tmp_path, configuration=CONFIGURATION, environment={}) as run:
            run.write_curve(curve())
            run.write_weights(weights())
            run.write_scores(scores.astype(np.float64), LABELS)
            run.write_metrics({**judged, "disagreement": found})
        assert load(tmp_path, run.id).scores()[0].dtype == np.float64
        return (run.path / "run.md").read_text()

    assert "gives the same score for all 12\u202f000 events." in page(0, (0, 0, 0))
    assert (
        "gives another score for 1\u202f204 of 12\u202f000 events, by 2e-06 at most; decisions that differ: "
        "1 at 10 kHz, 0 at 30 kHz, 2 at 100 kHz." in page(1204, (1, 0, 2))
    )


def test_a_run_that_failed_says_why(tmp_path: Path) -> None:
    run = create(tmp_path, configuration=CONFIGURATION, environment={})
    run.fail("the loss is NaN at step 12")
    text = (run.path / "run.md").read_text()
    assert "**Verdict.** The run is failed: the loss is NaN at step 12." in text
    assert "## Performance" not in text


def test_a_warning_is_shown(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "```{warning}" not in (run.folder / "run.md").read_text()
    few = {"rate": 100.0, "threshold": 3.0, "efficiency": 0.5, "low": 0.4, "high": 0.6, "confidence": 0.68}
    second = create(tmp_path, configuration={}, environment={})
    point = {**few, "deciding": 1, "measured_rate": 50.0, "warning": "Only 1 background event decides."}
    second.write_metrics({"working_points": [point]})
    second.interrupt("enough")
    assert "```{warning}\nOnly 1 background event decides.\n```" in (second.path / "run.md").read_text()


def test_notes_are_kept_with_the_run_and_on_its_page(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    before = datetime.now().astimezone().replace(microsecond=0)
    note = add_note(tmp_path, "latest", "very *smooth*\n# not a heading\n- conv\n- dense")
    assert before <= note.when <= datetime.now().astimezone()
    again = load(tmp_path, run.id)
    assert again.notes == (note,)
    assert again.status is Status.FINISHED
    text = (run.folder / "run.md").read_text()
    assert f"## Notes\n\n**{note.when:%Y-%m-%d %H:%M}** very \\*smooth\\*\n\\# not a heading\n- conv\n- dense\n" in text


def test_the_index_lists_the_newest_first(tmp_path: Path) -> None:
    first, second = make_run(tmp_path), make_run(tmp_path, name="a | b")
    (tmp_path / "2020-01-01--00-00-00").mkdir()
    text = write_pages(tmp_path).read_text()
    rows = re.findall(r"^\| \[`(.+?)`\]\((.+?)\) \| (.+?) \| (\w+)", text, re.M)
    assert [row[0] for row in rows] == [second.id, first.id, "2020-01-01--00-00-00"]
    assert rows[0][2] == r"a \| b"
    assert rows[2][3] == "damaged"
    for _, page, *_ in rows:
        assert (tmp_path / page).is_file()
    assert f"```{{toctree}}\n:hidden:\n{second.id}/run\n{first.id}/run\n" in text


def test_an_empty_notebook_has_an_index_too(tmp_path: Path) -> None:
    assert write_pages(tmp_path).read_text() == "# Runs\n\nThere are no runs yet.\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("(12,2) everywhere", "(12,2) everywhere"),
        ("batch_norm and _this_", "batch_norm and \\_this\\_"),
        ("`code` *x* <b> [a](b) {ref} $y$", "\\`code\\` \\*x\\* \\<b> \\[a](b) \\{ref} \\$y\\$"),
    ],
)
def test_words_stay_words(words: str, expected: str) -> None:
    assert escape(words) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("- a\n- b", "- a\n- b"),
        ("# a\n  > b\n---\n+++\n(label)=", "\\# a\n  \\> b\n\\---\n\\+++\n\\(label)="),
        ("% comment\n:::{note}", "\\% comment\n\\:::\\{note}"),
    ],
)
def test_lines_of_words_stay_words(lines: str, expected: str) -> None:
    assert escape_lines(lines) == expected
