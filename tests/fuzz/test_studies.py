"""Mutated journals, checkpoints and states: a sentence or an answer, and nothing else."""

from __future__ import annotations

import pytest

from tests.fuzz._mutate import fuzz

SHORT = {"journal": 30, "lines": 60, "checkpoint": 200, "state": 200}
LONG = {"journal": 5_000, "lines": 15_000, "checkpoint": 30_000, "state": 30_000}


@pytest.mark.parametrize("name", SHORT)
def test_some_mutations_end_in_a_sentence(name: str) -> None:
    found = fuzz("tests.fuzz._studies", name, SHORT[name], seconds=120)
    assert found.faults == ()
    assert found.executions == SHORT[name]
    assert found.refused > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_many_mutations_end_in_a_sentence(name: str) -> None:
    found = fuzz("tests.fuzz._studies", name, LONG[name], seconds=1200, first=SHORT[name])
    print(f"{name}: {found.executions} executions, {found.refused} refused")
    assert found.faults == ()
    assert found.executions > 0
