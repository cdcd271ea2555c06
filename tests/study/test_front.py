"""Two objectives, efficiency and LUTs: who is chosen, what it costs, and what the reader is shown."""

import importlib.util
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from narrowgate.integers import cost, integer_network
from narrowgate.network import initial_statistics, initial_weights, layers
from narrowgate.study import Outcome, Study, StudyError, render, search
from narrowgate.study.journal._entries import FinalistsChosen
from narrowgate.study.journal._journal import Journal
from narrowgate.study.journal._member_id import MemberId
from narrowgate.study.journal._reading import record_of
from narrowgate.study.ranking._cost import estimated_luts, trained_luts
from narrowgate.study.ranking._pareto import fronts
from narrowgate.study.report._tables import as_csv, cells, headings

from .small_study import TEXT, data

LUTS = TEXT.replace("last = 2", 'last = 2\ncost = "luts"').replace('name = "small"', 'name = "small front"')
IMAGE = (8, 4, 1)
has_alkaid = importlib.util.find_spec("alkaid") is not None


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    root = tmp_path_factory.mktemp("front")
    text = LUTS.replace("count = 2", "count = 3").replace("seeds = 2\n", "seeds = 2\ntrace = true\n", 1)
    text = text if has_alkaid else text.replace("trace = true", "trace = false")
    return search(Study.parse(text), data(), root), root / "small-front"


def test_finalists_come_from_the_front_and_are_read_from_the_most_efficient_down(found: tuple[Outcome, Path]) -> None:
    outcome, folder = found
    journal = Journal.read(folder)
    record = record_of(outcome.study, journal)
    top = [one for budget, one in record.leaders() if budget == 160 and not one.diverged]
    assert len(top) > 1
    best = fronts([(one.value, -float(one.cost or 0)) for one in top])[0]
    chosen = journal.all(FinalistsChosen)[0].configurations
    assert set(chosen[: len(best)]) == {top[index].configuration for index in best[: len(chosen)]}
    values = [row.validation for row in outcome.rows]
    assert values == sorted(values, key=lambda value: -(value or 0))


def test_a_cost_is_that_of_the_weights_as_they_are_trained_so_far(found: tuple[Outcome, Path]) -> None:
    outcome, folder = found
    record = record_of(outcome.study, Journal.read(folder))
    member = record.known[MemberId("c001", 1)]
    assert set(member.luts) >= {40}
    assert record.standing("c001", 40).cost == member.luts[40]
    assert record.costs["c001"] == pytest.approx(estimated_luts(record.configurations["c001"], IMAGE))
    assert any(one.luts[40] != record.costs[name.configuration] for name, one in record.known.items() if one.luts)


def test_the_table_and_the_picture_show_luts(found: tuple[Outcome, Path]) -> None:
    outcome, folder = found
    assert "LUTs, estimated" in headings(outcome)
    assert "bit operations" not in headings(outcome)
    assert all(len(cells(outcome, row, 1)) == len(headings(outcome)) for row in outcome.rows)
    assert (folder / "pictures/efficiency-against-cost.png").exists()
    assert "traced_luts" in as_csv(outcome).splitlines()[0]
    console = Console(width=140, record=True, file=StringIO())
    console.print(render(outcome, 140))
    assert "LUTs," in console.export_text()


@pytest.mark.skipif(not has_alkaid, reason="the extra [rtl] is not installed")
def test_circuits_are_counted_beside_the_estimate(found: tuple[Outcome, Path]) -> None:
    outcome, _ = found
    assert "LUTs, traced" in headings(outcome)
    for row in outcome.rows:
        assert row.cost is not None
        assert row.traced_luts is not None
        assert row.traced_luts == pytest.approx(row.cost, rel=1.0)


def test_tracing_without_the_tracer_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("narrowgate.study.run._search.find_spec", lambda _: None)
    text = LUTS.replace("seeds = 2\n", "seeds = 2\ntrace = true\n", 1)
    with pytest.raises(StudyError, match=r"narrowgate\[rtl\]"):
        search(Study.parse(text), data(), tmp_path)


def test_weights_that_are_rounded_to_zero_make_a_configuration_cheaper() -> None:
    import numpy as np

    configuration = next(iter(Study.parse(LUTS).space.sequence(1))).configuration
    expected = layers(configuration.network, IMAGE)
    fresh = initial_weights(expected, 1) | initial_statistics(expected)
    weights = {name: np.asarray(values) for name, values in fresh.items()}
    whole = trained_luts(configuration, weights, IMAGE)
    pruned = weights | {"dense0.kernel": weights["dense0.kernel"] * np.float32(1e-9)}
    less = trained_luts(configuration, pruned, IMAGE)
    assert whole is not None
    assert less is not None
    assert less < whole
    assert cost(integer_network(configuration, pruned, IMAGE)).layers[2].counts.multiplications == 0
    broken = weights | {"dense0.kernel": weights["dense0.kernel"] * np.float32("nan")}
    assert trained_luts(configuration, broken, IMAGE) is None
