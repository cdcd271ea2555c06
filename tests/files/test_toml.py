import tomllib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowgate.files import FileError, to_toml

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), TEXT)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4), max_leaves=8)
TABLES = st.recursive(
    st.dictionaries(TEXT, VALUES, max_size=4),
    lambda inner: st.dictionaries(TEXT, inner | VALUES, max_size=4),
    max_leaves=6,
)


@given(TABLES)
def test_python_reads_back_what_was_written(table: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(table)) == table


def test_a_configuration_reads_like_one() -> None:
    table = {
        "name": "twelve bits",
        "network": {"filters": (4, 8), "dropout": np.float64(0.2)},
        "precision": {"conv": "(12,2)", "dense": None},
        "empty": {},
    }
    assert to_toml(table).split("\n\n") == [
        'name = "twelve bits"',
        "[network]\nfilters = [4, 8]\ndropout = 0.2",
        '[precision]\nconv = "(12,2)"',
        "[empty]\n",
    ]


def test_what_toml_does_not_have_gets_a_sentence() -> None:
    with pytest.raises(FileError, match="cannot hold an empty value inside a list"):
        to_toml({"a": [1, None]})
    with pytest.raises(FileError, match="holds numbers, words, lists and tables, but no complex"):
        to_toml({"a": 1j})
