"""Non-dominated fronts and the ranking made of them."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from narrowgate.study.ranking._pareto import crowding, dominates, fronts, pareto_order

entries = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=25)


@given(entries)
def test_fronts_divide_everyone_and_nothing_in_a_front_beats_another(points: list[tuple[int, int]]) -> None:
    found = fronts(points)
    assert sorted(index for front in found for index in front) == list(range(len(points)))
    for front in found:
        assert not any(dominates(points[one], points[two]) for one in front for two in front)
    for better, worse in pairwise(found):
        assert all(any(dominates(points[one], points[two]) for one in better) for two in worse)


@given(entries)
def test_the_order_never_puts_a_beaten_entry_before_what_beats_it(points: list[tuple[int, int]]) -> None:
    order = pareto_order(points)
    for place, index in enumerate(order):
        assert not any(dominates(points[later], points[index]) for later in order[place + 1 :])


def test_crowding_is_infinite_at_the_ends_and_the_sum_of_relative_gaps_between() -> None:
    assert crowding([(0, 10), (1, 8), (4, 0)]) == [math.inf, 4 / 4 + 10 / 10, math.inf]
    assert crowding([]) == []
