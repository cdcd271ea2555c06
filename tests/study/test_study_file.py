"""Study files: the shipped ones, and a sentence with file, key and what is allowed for every mistake."""

from pathlib import Path

import pytest

from narrowgate.fixedpoint import Format
from narrowgate.study._errors import StudyError
from narrowgate.study._study import Study

SHIPPED = Path(__file__).parents[2] / "examples" / "studies"

SMALL = """
name = "small"
[space.first]
sets = "network.filters.0"
choices = [1, 2, 4]
"""


def test_search_1_is_the_notebooks() -> None:
    study = Study.load(SHIPPED / "notebook-search-1.toml")
    listed = study.space.listed
    assert listed is not None
    assert len(listed) == 5 * 3 * 3 * 3
    tables = [drawn.configuration.as_table() for drawn in listed]
    for key in ("conv", "dense", "batchnorm"):
        assert {table["precision"][key] for table in tables} == {"(8,4)", "(10,4)", "(12,4)", "(14,4)", "(16,4)"}
    assert {table["precision"]["activation"] for table in tables} == {"(12,4)", "(16,6)", "(24,8)"}
    assert {tuple(table["network"]["filters"]) for table in tables} == {(a, b) for a in (2, 4, 8) for b in (4, 8, 16)}
    for table in tables:
        assert table["precision"]["conv"] == table["precision"]["dense"] == table["precision"]["batchnorm"]
        assert table["network"]["kernels"] == [3, 3]
        assert table["network"]["units"] == [64]
        assert table["network"]["activation"] == "relu"
        assert table["network"]["batch_norm"] != "off"
        assert table["network"]["dropout"] == 0
        assert table["training"]["learning_rate"] == 0.001


def test_search_2_is_the_notebooks() -> None:
    study = Study.load(SHIPPED / "notebook-search-2.toml")
    listed = study.space.listed
    assert listed is not None
    assert len(listed) == 5 * 3 * 2 * 2 * 2
    tables = [drawn.configuration.as_table() for drawn in listed]
    assert {table["network"]["batch_norm"] for table in tables} == {"off"}
    assert {table["network"]["dropout"] for table in tables} == {0.2, 0.5}
    assert {tuple(table["network"]["filters"]) for table in tables} == {(a, b) for a in (4, 8) for b in (8, 16)}
    assert study.budgets == (150, 450, 1350)


def test_the_low_search_goes_down_to_two_bits_and_never_mixes_batch_norm_and_dropout() -> None:
    study = Study.load(SHIPPED / "down-to-two-bits.toml")
    sequence = study.space.sequence(1)
    drawn = [next(sequence).configuration for _ in range(300)]
    for widths in (
        [c.precision.conv for c in drawn],
        [c.precision.dense for c in drawn],
        [c.precision.activation for c in drawn],
    ):
        assert min(found.width for found in widths if isinstance(found, Format)) == 2
    for configuration in drawn:
        off = configuration.network.batch_norm == "off"
        assert off or configuration.network.dropout == 0
        assert off == (configuration.precision.batchnorm is None)
    assert len({configuration.model_dump_json() for configuration in drawn}) == 300


def test_no_bracket_holds_more_configurations_than_the_space() -> None:
    study = Study.parse(SMALL)
    assert study.strategy.kind == "hyperband"
    assert max(bracket.rungs[0].places for bracket in study.brackets) == 3


def test_strategies() -> None:
    grid = Study.parse(SMALL + "[strategy]\nkind = 'grid'\n")
    assert [bracket.unpruned for bracket in grid.brackets] == [True]
    random = Study.parse(SMALL + "[strategy]\nkind = 'random'\nconfigurations = 2\n")
    assert [bracket.rungs[0].places for bracket in random.brackets] == [2]
    halving = Study.parse(SMALL + "[strategy]\nkind = 'successive-halving'\nunpruned = 2\n")
    assert [bracket.unpruned for bracket in halving.brackets] == [False, True]
    # Three configurations allow two rungs, the upper one with three seeds; two go to the end unasked.
    assert halving.work == 3 * 1350 + (2700 + 2 * 4050) + 2 * 3 * 4050 + 5 * 5 * 4500


def test_measures_by_rung() -> None:
    study = Study.parse(SMALL)
    assert [study.measure_at(budget) for budget in study.budgets] == ["near-auc"] * 3 + ["efficiency"]
    old = Study.parse(SMALL + "[ranking]\nkind = 'best-epoch'\n")
    assert {old.measure_at(budget) for budget in old.budgets} == {"loss"}
    assert [study.seeds_at(budget) for budget in study.budgets] == [1, 3, 3, 3]
    assert {old.seeds_at(budget) for budget in old.budgets} == {1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", ["f.toml is not valid TOML"]),
        ("name = 'x'", ["f.toml: space", "missing"]),
        ("name = 'x'\n[space]", ["f.toml: space", "at least one"]),
        (SMALL + "[strategie]\n", ["f.toml: strategie", "no such key", "strategy, ranking"]),
        (SMALL + "[strategy]\nlargst = 3", ["f.toml: strategy.largst", "largest"]),
        (
            SMALL + "[ranking]\ncost = 'luts'",
            ["f.toml: ranking.cost", "has a float format", "(12,2)", "bit-operations"],
        ),
        (SMALL + "choises = [3]", ["f.toml: space.first.choises", "allowed are sets, choices"]),
        ("name='x'\n[space.a]\nsets='network.dropout'\nchoices=[]", ["f.toml: space.a", "choices is empty"]),
        ("name='x'\n[space.a]\nsets='network.dropout'", ["f.toml: space.a", "found neither"]),
        ("name='x'\n[space.a]\nsets='network.dropout'\nrange=[0.5,0.1]", ["space.a", "[0.5, 0.1]"]),
        (
            "name='x'\n[space.a]\nsets='training.learning_rate'\nrange=[0.0,0.1]\nscale='logarithmic'",
            ["starts above 0"],
        ),
        (SMALL + "[strategy]\nlargest = 1000\nsmallest = 300", ["strategy", "whole multiple of smallest", "1000"]),
        (SMALL + "[strategy]\nevaluate_every = 40", ["strategy", "whole multiple of evaluate_every"]),
        (SMALL + "[strategy]\nreduction = 1", ["strategy.reduction", "greater than or equal to 2", "found 1"]),
        (SMALL + "[ranking]\nkind = 'luck'", ["ranking.kind", "'robust' or 'best-epoch'", "luck"]),
        (SMALL + "[ranking]\nseeds = [3, 1]", ["ranking", "seeds grow", "[3, 1]"]),
        (SMALL + "[ranking]\nkind = 'best-epoch'\nseeds = [1, 3]", ["one seed"]),
        (SMALL + "[finalists]\nsteps = 4510", ["finalists.steps", "4510", "50"]),
        (SMALL + "[fixed.network]\nfilterz = [4]", ["f.toml: fixed: network.filterz", "filters"]),
        ("name='x'\n[space.a]\nsets=[]\nchoices=[1]", ["f.toml: space.a.sets: give at least one (found [])"]),
        (
            "name='x'\n[space.a]\nsets='network.dropout'\nchoices=[0.1]\nwhen={'network.batch_norm'=[]}",
            ["f.toml: space.a", "when.network.batch_norm lists no value"],
        ),
        (
            "name='x'\n[space.a]\nsets='training.schedule'\nchoices=['cosine','constant']",
            ["f.toml: space.a.sets", "makes no difference on the rungs", "finalists.schedules"],
        ),
        (
            "name='x'\n[space.a]\nsets='network.filters'\nchoices=[[4],[4,8]]\n"
            "[space.b]\nsets='network.kernels'\nchoices=[[3,3]]",
            ["f.toml: these do not go together: space.a = [4], space.b = [3, 3]", "kernels has 2 entries"],
        ),
        (
            "name='x'\n[space.a]\nsets='network.filters'\nchoices=[[4],[4,8]]\n[space.b]\nsets='network.kernels'\n"
            "choices=[[3,3]]\n[space.c]\nsets='network.dropout'\nrange=[0.1,0.2]",
            ["f.toml: these do not go together: space.a = [4], space.b = [3, 3]"],
        ),
        (
            "name='x'\n[space.a]\nsets='training.learning_rate'\nrange=[0.1,0.2]\n[strategy]\nkind='grid'",
            ["strategy.configurations", "cannot be listed"],
        ),
    ],
)
def test_mistakes_are_sentences(text: str, words: list[str]) -> None:
    with pytest.raises(StudyError) as caught:
        Study.parse(text, where="f.toml")
    for word in words:
        assert word in str(caught.value)


def test_a_mistake_gets_one_sentence() -> None:
    for text, mistakes in (
        ("[finalists]\nschedules = ['linear']", 1),
        ("[space.b]\nsets = 'network.dropout'\nrange = ['a', 'b']", 2),
    ):
        with pytest.raises(StudyError) as caught:
            Study.parse(SMALL + text, where="f.toml")
        assert str(caught.value).count("f.toml") == mistakes


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no such file"):
        Study.load(tmp_path / "none.toml")
    with pytest.raises(StudyError, match="cannot be read"):
        Study.load(tmp_path)
