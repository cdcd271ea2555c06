import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from narrowgate.notebook import Comparison, NotebookError, compare, create, render_comparison
from narrowgate.trigger import indistinguishable

from .notebook_example import make_run


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def three(root: Path) -> Comparison:
    runs = [
        make_run(root),
        make_run(root, name="twelve", precision="(12,2)", noise=0.01),
        make_run(root, name="eight", precision="(8,2)", noise=3.0),
    ]
    return compare(root, [run.id for run in runs])


def test_only_differences_are_shown(three: Comparison) -> None:
    assert three.differences == {"precision.conv": ("float", "(12,2)", "(8,2)")}


def test_the_best_and_those_like_it(three: Comparison) -> None:
    assert [at.rate for at in three.at_rates] == [10e3, 30e3, 100e3]
    first, second, third = (run.id for run in three.runs)
    for at in three.at_rates:
        assert at.best in (first, second)
        assert at.alike == {first, second}
        assert third not in at.alike
        best = max(three.runs, key=lambda run: next(p.efficiency for p in run.measures.points if p.rate == at.rate))
        assert at.best == best.id
    assert three.warnings == ()


def test_without_scores_intervals_decide(tmp_path: Path) -> None:
    one = make_run(tmp_path, with_scores=False)
    two = make_run(tmp_path, noise=0.4, with_scores=False)
    comparison = compare(tmp_path, [one.id, two.id])
    for at, first, second in zip(comparison.at_rates, one.measures.points, two.measures.points, strict=True):
        assert (len(at.alike) == 2) == indistinguishable(first, second)


def test_pairing_is_sharper_than_intervals(tmp_path: Path) -> None:
    one, two = make_run(tmp_path), make_run(tmp_path, noise=0.7)
    paired = compare(tmp_path, [one.id, two.id])
    first, second = one.measures.points[2], two.measures.points[2]
    assert first.efficiency > second.efficiency
    assert paired.at_rates[2].alike == {one.id}
    other = make_run(tmp_path, noise=0.7, data="other events")
    unpaired = compare(tmp_path, [one.id, other.id])
    assert [one.alike for one in unpaired.on_data[0].at_rates] == [{one.id} for one in unpaired.on_data[0].runs] * 3
    assert any("judged on different data" in warning for warning in unpaired.warnings)


def test_data_sets_are_kept_apart_each_with_its_own_cuts(tmp_path: Path) -> None:
    one, two = make_run(tmp_path), make_run(tmp_path, name="two", noise=0.3)
    harder = make_run(tmp_path, name="harder", data="beef", events_seed=5)
    found = compare(tmp_path, [one.id, harder.id, two.id])
    first, second = found.on_data
    assert [run.id for run in first.runs] == [one.id, two.id]
    assert [run.id for run in second.runs] == [harder.id]
    assert (first.name, second.name) == ("synthetic (f00d)", "synthetic (beef)")
    for group, run in ((first, one), (second, harder)):
        for at in group.at_rates:
            assert at.best in {one.id for one in group.runs}
            assert group.cuts_at_rate(at.rate) == run.measures.cuts_at_rate(at.rate)
    assert first.cuts_at_rate(10e3) != second.cuts_at_rate(10e3)
    console = Console(file=io.StringIO(), width=140)
    console.print(render_comparison(found))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.index("synthetic (f00d)") < text.index("two") < text.index("synthetic (beef)") < text.index("harder")
    assert text.count("HT cut") == 2
    assert {one["data"] for one in found.as_dict()["best"]} == {"synthetic (f00d)", "synthetic (beef)"}
    found.draw(tmp_path / "comparison.png")


def test_a_run_that_was_not_judged_is_left_out(tmp_path: Path) -> None:
    one = make_run(tmp_path)
    lost = create(tmp_path, configuration={"network": {"filters": [4]}}, environment={})
    lost.fail("the loss is NaN")
    comparison = compare(tmp_path, [lost.id, one.id])
    assert all(at.best == one.id and at.alike == {one.id} for at in comparison.at_rates)
    assert comparison.warnings == (f"Run {lost.id} is failed and was not judged.",)
    assert comparison.differences["network.filters"] == ([4], [4, 8])
    assert comparison.differences["precision.conv"] == (None, "float")


def test_what_cannot_be_compared(root: Path, three: Comparison) -> None:
    first = three.runs[0].id
    with pytest.raises(NotebookError, match="a comparison needs two runs at least"):
        compare(root, [first])
    with pytest.raises(NotebookError, match=f"run {first} is named twice"):
        compare(root, [first, first])
    with pytest.raises(NotebookError, match=r"no run in .* begins with '1999'"):
        compare(root, [first, "1999"])


def test_as_json(three: Comparison) -> None:
    content = json.loads(json.dumps(three.as_dict(), allow_nan=False))
    assert content["differences"]["precision.conv"] == ["float", "(12,2)", "(8,2)"]
    assert content["best"][0]["rate"] == 10e3
    assert content["best"][0]["alike"] == sorted(three.at_rates[0].alike)
    assert [run["name"] for run in content["runs"]] == ["float baseline", "twelve", "eight"]


def test_the_picture(three: Comparison, tmp_path: Path) -> None:
    three.draw(tmp_path / "comparison.png")
    assert (tmp_path / "comparison.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(NotebookError, match="there is no efficiency to compare"):
        three.draw(tmp_path / "none.png", rates=(1e6,))


def test_a_warning_names_the_runs_that_it_concerns(tmp_path: Path) -> None:
    point = {"rate": 1e4, "threshold": 3.0, "efficiency": 0.5, "low": 0.4, "high": 0.6, "confidence": 0.68}
    ids = []
    for number, sentences in enumerate([["few"], ["few"], ["few", "tied"]]):
        run = create(tmp_path, configuration={"name": f"run {number}"}, environment={})
        points = [{**point, "deciding": 1, "measured_rate": 5e3, "warning": sentence} for sentence in sentences]
        run.write_metrics({"working_points": points})
        run.interrupt("enough")
        ids.append(run.id)
    assert compare(tmp_path, ids).warnings == ("few", "run 2: tied")
    assert compare(tmp_path, ids[:2]).warnings == ("few",)
