import pytest

from narrowgate.notebook import NotebookError
from narrowgate.notebook._filter import Row, arrange, choose, flatten, resolve

ROWS: list[Row] = [
    {"id": "a", "name": "float baseline", "precision.conv": "float", "network.filters": [4, 8], "accuracy": 0.981},
    {"id": "b", "name": "twelve", "precision.conv": "(12,2)", "network.filters": [4, 8], "accuracy": 0.979},
    {"id": "c", "name": "eight", "precision.conv": "(8,2)", "network.filters": [8, 16], "accuracy": None},
    {"id": "d", "name": "failed", "precision.conv": "(8,2)", "batch.conv": "x", "note": "NaN in step 12"},
]


def ids(*conditions: str) -> str:
    return "".join(row["id"] for row in choose(ROWS, conditions))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("precision.conv=(8,2)", "cd"),
        ("precision.conv = 8,2", "cd"),
        ("precision.conv!=(8,2)", "ab"),
        ("filters=4,8", "ab"),
        ("filters!=[4, 8]", "cd"),
        ("accuracy>0.98", "a"),
        ("accuracy>=0.979", "ab"),
        ("accuracy<0.98", "b"),
        ("accuracy<=0.979", "b"),
        ("accuracy=0.981", "a"),
        ("accuracy!=0.981", "bcd"),
        ("FLOAT", "a"),
        ("nan", "d"),
        ("nothing like it", ""),
    ],
)
def test_conditions(condition: str, expected: str) -> None:
    assert ids(condition) == expected


def test_every_condition_counts() -> None:
    assert ids("precision.conv=(8,2)", "eight") == "c"
    assert ids() == "abcd"


def test_order_puts_what_is_missing_last_either_way() -> None:
    assert "".join(row["id"] for row in arrange(ROWS, "accuracy")) == "bacd"
    assert "".join(row["id"] for row in arrange(ROWS, "accuracy", descending=True)) == "abcd"
    assert "".join(row["id"] for row in arrange(ROWS, "name")) == "cdab"


def test_a_key_that_nobody_has_gets_a_hint() -> None:
    with pytest.raises(NotebookError, match="no run has 'acuracy'; did you mean accuracy"):
        choose(ROWS, ["acuracy>0.9"])
    with pytest.raises(NotebookError, match=r"'conv' may mean precision\.conv, batch\.conv; write the one you mean"):
        resolve("conv", ROWS)
    with pytest.raises(NotebookError, match=r"'name>a': name is 'float baseline', and > compares numbers"):
        choose(ROWS, ["name>a"])


def test_no_runs_no_complaint() -> None:
    assert choose([], ["accuracy>0.9"]) == []
    assert arrange([], "accuracy") == []


def test_flatten() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": [2]}, "e": None}) == {"a.b.c": 1, "a.d": [2], "e": None}
