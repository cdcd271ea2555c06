from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from narrowgate.notebook import (
    add_note,
    compare,
    create,
    load,
    render_comparison,
    render_run,
    render_runs,
    runs_table,
)

from .notebook_example import make_run


def text(renderable: RenderableType, width: int = 160) -> str:
    output = StringIO()
    Console(width=width, file=output).print(renderable)
    return output.getvalue()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder)
    make_run(folder, name="[red]twelve", precision="(12,2)", noise=0.01)
    create(folder, configuration={}, environment={}, name="lost").fail("the loss is NaN at step 12")
    return folder


def test_the_table_of_runs(root: Path) -> None:
    table = runs_table(root)
    shown = text(render_runs(table))
    for run in table.runs:
        assert run.id in shown
    point = table.runs[0].measures.points[0]
    assert f"{point.efficiency:.3f} ({point.low:.3f}–{point.high:.3f})" in shown
    assert "efficiency at 10 kHz" in shown
    assert "[red]twelve" in shown
    assert "failed: the loss is NaN at step 12" in shown
    assert "precision" not in shown
    assert "conv" in text(render_runs(runs_table(root, ["conv=12,2"])))
    assert text(render_runs(runs_table(root, ["no such words"]))).strip() == "No run meets the conditions."


def test_one_run(root: Path) -> None:
    run = runs_table(root).runs[0]
    add_note(root, run.id, "very smooth\n[bold]and cheap")
    shown = text(render_run(load(root, run.id)))
    assert "At 10 kHz the network keeps" in shown
    assert "fourth pixel" in shown
    assert "[bold]and cheap" in shown
    assert str(run.folder) in shown
    for rejection in run.measures.rejections:
        assert f"{rejection.rejection:.3g}" in shown


def test_a_run_that_failed(root: Path) -> None:
    shown = text(render_run(runs_table(root).runs[2]))
    assert "The run is failed: the loss is NaN at step 12." in shown
    assert "threshold" not in shown


def test_a_comparison(root: Path) -> None:
    runs = runs_table(root, ["status=finished"]).runs
    comparison = compare(root, [run.id for run in runs])
    shown = text(render_comparison(comparison))
    at = comparison.at_rates[0]
    for run in runs:
        point = run.measures.points[0]
        mark = "" if run.id == at.best else "≈ "
        assert f"{mark}{point.efficiency:.3f} ({point.low:.3f}–{point.high:.3f})" in shown
    assert "HT cut" in shown
    assert "efficiency at 30 kHz" not in shown
    assert "efficiency at 30 kHz" in text(render_comparison(comparison, rates=(30e3,)))
    assert "precision.conv  float " in shown


def test_equal_configurations(tmp_path: Path) -> None:
    one, two = make_run(tmp_path), make_run(tmp_path)
    shown = text(render_comparison(compare(tmp_path, [one.id, two.id])))
    assert "The configurations do not differ." in shown
    assert f"float baseline ({one.id})" in shown


@pytest.mark.parametrize("width", [60, 80, 100])
def test_narrow_terminals_lose_no_digits(root: Path, width: int) -> None:
    runs = runs_table(root, ["status=finished"]).runs
    shown = text(render_comparison(compare(root, [run.id for run in runs])), width)
    assert max(map(len, shown.splitlines())) <= width
    if width >= 80:
        point = runs[0].measures.points[0]
        assert f"({point.low:.3f}–{point.high:.3f})" in shown
