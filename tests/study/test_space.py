"""The space: choices, ranges, ties, conditions, and a sentence for every mistake."""

from itertools import islice
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowgate.study._errors import StudyError
from narrowgate.study.space._parameter import Parameter
from narrowgate.study.space._space import Space


def space(fixed: dict[str, Any] | None = None, **parameters: Any) -> Space:
    return Space.parse(fixed or {}, {name: Parameter.model_validate(table) for name, table in parameters.items()})


WIDTHS = {"sets": ["precision.conv", "precision.dense", "precision.batchnorm"], "choices": ["(8,4)", [12, 4]]}
FIRST = {"sets": "network.filters.0", "choices": [2, 4, 8]}
BATCH_NORM = {"sets": "network.batch_norm", "choices": ["off", "hidden"]}
DROPOUT = {"sets": "network.dropout", "choices": [0.2, 0.5], "when": {"network.batch_norm": "off"}}


def test_tied_widths_move_together() -> None:
    listed = space(widths=WIDTHS, first=FIRST).listed
    assert listed is not None
    assert len(listed) == 6
    for drawn in listed:
        table = drawn.configuration.as_table()
        assert table["precision"]["conv"] == table["precision"]["dense"] == table["precision"]["batchnorm"]
        assert table["network"]["filters"] == [drawn.point["first"], 8]
        assert table["precision"]["conv"] == drawn.point["widths"]


def test_dropout_only_where_batch_norm_is_off() -> None:
    # The condition comes before what it speaks of; the order of the file does not matter.
    listed = space(dropout=DROPOUT, batch_norm=BATCH_NORM).listed
    assert listed is not None
    found = [(drawn.configuration.network.batch_norm, drawn.configuration.network.dropout) for drawn in listed]
    assert found == [("off", 0.2), ("off", 0.5), ("hidden", 0.0)]
    assert "dropout" not in listed[2].point


def test_otherwise_is_what_is_set_elsewhere() -> None:
    listed = space(dropout=DROPOUT | {"otherwise": 0.1}, batch_norm=BATCH_NORM).listed
    assert listed is not None
    assert [drawn.configuration.network.dropout for drawn in listed] == [0.2, 0.5, 0.1]


def test_whole_lists_bring_kernels_and_pools_along() -> None:
    listed = space(filters={"sets": "network.filters", "choices": [[4], [4, 8], [2, 4, 8]]}).listed
    assert listed is not None
    assert [drawn.configuration.network.kernels for drawn in listed] == [(3,), (3, 3), (3, 3, 3)]


def test_a_listed_space_is_drawn_whole_before_anything_comes_twice() -> None:
    small = space(widths=WIDTHS, first=FIRST)
    drawn = [repr(found.point) for found in islice(small.sequence(3), 12)]
    assert len(set(drawn[:6])) == len(set(drawn[6:])) == 6
    assert drawn == [repr(found.point) for found in islice(small.sequence(3), 12)]
    assert drawn != [repr(found.point) for found in islice(small.sequence(4), 12)]


def test_ranges_are_even_in_the_value_or_its_logarithm() -> None:
    rate = Parameter.model_validate({"sets": "training.learning_rate", "range": [1e-4, 1e-2], "scale": "logarithmic"})
    units = Parameter.model_validate({"sets": "network.units.0", "range": [3, 5]})
    generator = np.random.default_rng(1)
    rates = np.log([rate.draw(generator) for _ in range(4000)])
    assert log(1e-4) <= rates.min() <= rates.max() <= log(1e-2)
    assert np.mean(rates < log(1e-3)) == pytest.approx(0.5, abs=0.03)
    counts = np.bincount([units.draw(generator) for _ in range(3000)])[3:]
    assert counts.tolist() == pytest.approx([1000] * 3, abs=100)
    assert units.values == range(3, 6)
    assert space(rate=rate.model_dump()).listed is None


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["linear", "logarithmic"]), st.integers(0, 99))
def test_drawn_whole_numbers_lie_in_their_range(low: int, more: int, scale: str, seed: int) -> None:
    parameter = Parameter.model_validate({"sets": "network.units.0", "range": [low, low + more], "scale": scale})
    assert low <= parameter.draw(np.random.default_rng(seed)) <= low + more


@pytest.mark.parametrize(
    ("fixed", "parameters", "words"),
    [
        (
            {},
            {"a": {"sets": "network.filter", "choices": [1]}},
            ["study: space.a.sets", "'network.filter'", "network.filters"],
        ),
        ({}, {"a": {"sets": "network.filters.2", "choices": [1]}}, ["'network.filters.2'", "network.filters.1"]),
        ({}, {"a": {"sets": "training.seed", "choices": [1]}}, ["decided by the study itself"]),
        ({"training": {"epochs": 3}}, {"a": FIRST}, ["study: fixed", "'training.epochs'", "itself"]),
        ({"network": {"dropout": 0.1}}, {"a": DROPOUT}, ["network.dropout is also in [fixed]", "not both"]),
        ({"network": {"filters": [2, 4]}}, {"a": FIRST, "b": FIRST}, ["already set by space.a"]),
        ({}, {"a": FIRST, "b": {"sets": "network.filters", "choices": [[2, 4]]}}, ["already set by space.a"]),
        (
            {},
            {"a": {"sets": ["precision.conv", "network.dropout"], "choices": ["(8,4)"]}},
            ["space.a.choices", "dropout"],
        ),
        ({}, {"a": {"sets": "network.dropout", "choices": [0.2, 1.5]}}, ["space.a.choices", "1.5", "less than 1"]),
        ({}, {"a": {"sets": "network.filters.0", "range": [0, 4]}}, ["space.a.range", "greater than or equal to 1"]),
        ({}, {"a": {"sets": "precision.conv", "choices": ["(8,4)", [8, 4]]}}, ["space.a.choices", "twice"]),
        (
            {},
            {"a": DROPOUT | {"when": {"network.batch_norm": "all"}}, "b": BATCH_NORM},
            ["never 'all'", "'off' or 'hidden'"],
        ),
        ({}, {"a": DROPOUT | {"when": {"network.batch_norm": "perhaps"}}}, ["space.a.when", "perhaps"]),
        (
            {},
            {"a": DROPOUT, "b": BATCH_NORM | {"when": {"network.dropout": 0.2}}},
            ["space.a, space.b", "circle"],
        ),
        (
            {},
            {"a": {"sets": "training.ema", "range": [0.0, 0.9]}, "b": DROPOUT | {"when": {"training.ema": 0.5}}},
            ["training.ema is a range of real numbers"],
        ),
    ],
)
def test_mistakes_are_sentences(fixed: dict[str, Any], parameters: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(StudyError) as caught:
        space(fixed, **parameters)
    for word in words:
        assert word in str(caught.value)


def test_a_space_may_set_formats_of_layers_and_of_the_input() -> None:
    fixed = {"precision": {"count": 2.0**-6, "layers": {"dense0": {"bias": "(9,2)"}}}}
    parameters = {
        "first": Parameter(sets=("precision.layers.conv0.kernel",), choices=("4,1", "float")),
        "input": Parameter(sets=("precision.input",), choices=("(10,4)", "(6,4)")),
    }
    listed = Space.parse(fixed, parameters).listed
    assert listed is not None
    found = [drawn.configuration.as_table()["precision"] for drawn in listed]
    assert [(one["layers"]["conv0"]["kernel"], one["input"]) for one in found] == [
        ("(4,1)", "(10,4)"),
        ("(4,1)", "(6,4)"),
        ("float", "(10,4)"),
        ("float", "(6,4)"),
    ]
    assert all(one["layers"]["dense0"] == {"bias": "(9,2)"} for one in found)


@pytest.mark.parametrize(
    ("fixed", "sets", "choices", "said"),
    [
        ({}, "precision.layers.conv5.kernel", ["(4,1)"], "there is no setting 'precision.layers.conv5.kernel'"),
        ({}, "precision.layers.conv0.weights", ["(4,1)"], "precision.layers.conv0.kernel, precision.layers.conv0.bias"),
        ({}, "precision.layers.conv0.kernel", ["(0,1)"], "1 to 32"),
        ({"precision": {"layers": {"conv0": {"kernel": "(4,1)"}}}}, "precision.layers.conv0.kernel", ["(4,1)"], "both"),
        ({}, "precision.input", ["(10,4)", "(6,4)", "data"], "precision.count = 0.015625"),
        (
            {"precision": {"activation": "(8,3)", "dense": "(4,1)"}},
            "precision.conv",
            ["learned"],
            "trained by `narrowgate train`",
        ),
    ],
)
def test_mistakes_about_formats_get_a_sentence(fixed: dict[str, Any], sets: str, choices: list[str], said: str) -> None:
    with pytest.raises(StudyError) as caught:
        Space.parse(fixed, {"one": Parameter(sets=(sets,), choices=tuple(choices))})
    assert said in str(caught.value)


def test_a_space_is_counted_before_it_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large one a few configurations are drawn when it is read, however many it has."""
    made = 0
    at = Space.at

    def counted(self: Space, values: Any) -> Any:
        nonlocal made
        made += 1
        return at(self, values)

    monkeypatch.setattr(Space, "at", counted)
    found = space(
        patience={"sets": "training.patience", "range": [1, 2**62]},
        units={"sets": "network.units.0", "range": [1, 2**40]},
    )
    assert found.combinations == 2**62 * 2**40
    assert found.listed is None
    assert made == 300
    made = 0
    middling = space(patience={"sets": "training.patience", "range": [1, 10_000]})
    assert made == 300
    assert middling.combinations == 10_000
    with pytest.raises(ValueError, match="an end beyond 64 bits"):
        space(patience={"sets": "training.patience", "range": [1, 10**300]})
