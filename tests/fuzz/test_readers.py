"""Mutated files through the readers: a sentence or a data set, and nothing else."""

from __future__ import annotations

import pytest

from tests.fuzz._mutate import fuzz

SHORT = {"own": 40, "foreign": 40, "npz": 300, "npy": 300}
LONG = {"own": 8_000, "foreign": 16_000, "npz": 45_000, "npy": 45_000}


@pytest.mark.parametrize("name", SHORT)
def test_some_mutations_end_in_a_sentence(name: str) -> None:
    found = fuzz("tests.fuzz._readers", name, SHORT[name], seconds=120)
    assert found.faults == ()
    assert found.executions == SHORT[name]
    assert 0 < found.refused < found.executions


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_many_mutations_end_in_a_sentence(name: str) -> None:
    found = fuzz("tests.fuzz._readers", name, LONG[name], seconds=3600, first=SHORT[name])
    print(f"{name}: {found.executions} executions, {found.refused} refused")
    assert found.faults == ()
    assert found.executions == LONG[name]
