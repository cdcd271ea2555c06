"""Brackets against the paper's own tables and formulas, and as properties."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowgate.study.ranking._brackets import (
    Bracket,
    Rung,
    hyperband,
    in_steps,
    successive_halving,
    unpruned,
    whole_logarithm,
)


def pairs(bracket: Bracket) -> list[tuple[int, int]]:
    return [(rung.places, rung.budget) for rung in bracket.rungs]


def test_the_papers_example_of_81_and_3() -> None:
    # Algorithm 1 of Li et al. with R = 81, η = 3.
    assert [pairs(bracket) for bracket in hyperband(81, 3)] == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


def test_243_and_3_keeps_the_bracket_that_floats_lose() -> None:
    assert math.floor(math.log(243, 3)) == 4
    brackets = hyperband(243, 3)
    assert len(brackets) == 6
    assert pairs(brackets[0]) == [(243, 1), (81, 3), (27, 9), (9, 27), (3, 81), (1, 243)]
    assert [bracket.rungs[0].places for bracket in brackets] == [243, 98, 41, 18, 9, 6]


def test_1000_and_10() -> None:
    assert math.floor(math.log(1000, 10)) == 2
    assert [pairs(bracket) for bracket in hyperband(1000, 10)] == [
        [(1000, 1), (100, 10), (10, 100), (1, 1000)],
        [(134, 10), (13, 100), (1, 1000)],
        [(20, 100), (2, 1000)],
        [(4, 1000)],
    ]


@given(st.integers(1, 10**12), st.integers(2, 50))
def test_whole_logarithm_brackets_its_value(value: int, base: int) -> None:
    exponent = whole_logarithm(value, base)
    assert base**exponent <= value < base ** (exponent + 1)


@given(st.integers(0, 60), st.integers(2, 30))
def test_whole_logarithm_of_a_power_is_exact(exponent: int, base: int) -> None:
    assert whole_logarithm(base**exponent, base) == exponent


@given(st.integers(1, 3000), st.integers(2, 12))
def test_hyperband_is_the_papers_formulas_in_exact_fractions(largest: int, reduction: int) -> None:
    brackets = hyperband(largest, reduction)
    most = len(brackets) - 1
    assert reduction**most <= largest < reduction ** (most + 1)
    for halvings, bracket in zip(range(most, -1, -1), brackets, strict=True):
        start = math.ceil(Fraction(most + 1, halvings + 1) * reduction**halvings)
        for index, rung in enumerate(bracket.rungs):
            assert rung.places == math.floor(Fraction(start, reduction**index))
            assert rung.budget == math.floor(Fraction(largest) * Fraction(reduction) ** (index - halvings))
            assert rung.places >= 1
            assert rung.budget >= 1
    assert brackets[-1].unpruned
    assert [bracket.unpruned for bracket in brackets[:-1]] == [False] * most


@given(st.integers(1, 500), st.integers(1, 500), st.integers(2, 6))
def test_halving_ends_at_the_largest_budget_with_somebody_there(count: int, largest: int, reduction: int) -> None:
    bracket = successive_halving(count, largest, reduction)
    assert bracket.rungs[0].places == count
    assert bracket.rungs[-1].budget == largest
    assert bracket.rungs[-1].places >= 1
    budgets = [rung.budget for rung in bracket.rungs]
    assert budgets == sorted(set(budgets))


def test_work_counts_what_is_trained_anew_only() -> None:
    bracket = Bracket((Rung(9, 10), Rung(3, 30), Rung(1, 90)))
    assert bracket.work() == 9 * 10 + 3 * 20 + 1 * 60
    # On the second rung two further seeds start from nothing: 3 × (20 + 2·30); then 1 × 3 × 60.
    assert bracket.work([1, 3, 3]) == 90 + 3 * (20 + 60) + 3 * 60


@given(st.integers(1, 400), st.integers(1, 400), st.integers(2, 5), st.lists(st.integers(1, 5), min_size=9, max_size=9))
def test_the_work_of_a_bracket_is_what_its_members_train(
    count: int, largest: int, reduction: int, seeds: list[int]
) -> None:
    """Budget identity: counted member by member, step by step, each going on from where it stood."""
    bracket = successive_halving(count, largest, reduction)
    growing = sorted(seeds)[: len(bracket.rungs)]
    stands: dict[tuple[int, int], int] = {}
    trained = 0
    for rung, here in zip(bracket.rungs, growing, strict=True):
        for member in ((place, seed) for place in range(rung.places) for seed in range(here)):
            trained += rung.budget - stands.get(member, 0)
            stands[member] = rung.budget
    assert bracket.work(growing) == trained


@given(st.integers(0, 7), st.integers(2, 6))
def test_every_bracket_of_hyperband_spends_the_same(power: int, reduction: int) -> None:
    """The paper's budget: each bracket has (s_max + 1)·R to spend, trained afresh on every rung, but for rounding.

    Rounding the number of configurations up adds less than one to a rung, rounding it down takes less than one away.
    """
    for largest in {reduction**power, 243, 1000}:
        brackets = hyperband(largest, reduction)
        budget = len(brackets) * largest
        for bracket in brackets:
            spent = sum(rung.places * rung.budget for rung in bracket.rungs)
            halvings = len(bracket.rungs) - 1
            assert spent <= budget + Fraction((halvings + 1) * largest, reduction**halvings)
            if largest == reduction**power:
                assert spent > budget - sum(rung.budget for rung in bracket.rungs)


@pytest.mark.parametrize(("largest", "reduction", "brackets"), [(243, 3, 6), (1000, 10, 4)])
def test_budgets_that_floats_get_wrong_are_whole_and_exact(largest: int, reduction: int, brackets: int) -> None:
    found = hyperband(largest, reduction)
    assert len(found) == brackets
    for bracket in found:
        budgets = [rung.budget for rung in bracket.rungs]
        assert budgets == [largest // reduction ** (len(budgets) - 1 - index) for index in range(len(budgets))]
        assert all(later == reduction * earlier for earlier, later in pairwise(budgets))
        assert all(isinstance(number, int) for rung in bracket.rungs for number in (rung.places, rung.budget))
        assert budgets[-1] == largest


def test_an_unpruned_bracket_is_one_rung() -> None:
    assert unpruned(7, 81).unpruned
    assert unpruned(7, 81).work([3]) == 7 * 3 * 81
    assert pairs(in_steps(unpruned(7, 81), 50)) == [(7, 4050)]


@pytest.mark.parametrize(("value", "base"), [(0, 3), (5, 1), (-2, 2)])
def test_nonsense_is_refused_in_a_sentence(value: int, base: int) -> None:
    with pytest.raises(ValueError, match="needs a value from 1 and a base from 2"):
        hyperband(value, base)
