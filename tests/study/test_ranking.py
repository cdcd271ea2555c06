"""Values, standings, promotion: what diverged, what ties, what jumps."""

import math
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowgate.study import Study
from narrowgate.study.journal._entries import MemberTrained
from narrowgate.study.journal._findings import Findings
from narrowgate.study.journal._member_id import MemberId
from narrowgate.study.ranking._brackets import hyperband
from narrowgate.study.ranking._ranking import (
    WORST,
    Standing,
    Worth,
    best_value,
    promote,
    rank,
    robust_value,
    sampling_noise,
    separates,
    standing,
    within_noise,
)
from narrowgate.trigger import near_auc

from .small_study import TEXT

values = st.one_of(st.just(WORST), st.floats(0, 1))


@st.composite
def standings(draw: st.DrawFn) -> list[Standing]:
    found = draw(st.lists(st.tuples(values, st.floats(0, 0.1)), min_size=1, max_size=60))
    return [Standing(f"c{index}", value, noise) for index, (value, noise) in enumerate(found)]


def test_a_lucky_epoch_counts_for_the_best_epoch_and_not_for_the_median() -> None:
    steady, jumpy = [0.85] * 10, [0.7, 0.8, 0.7, 0.95, 0.7, 0.8, 0.7, 0.8, 0.7, 0.8]
    assert best_value(jumpy) > best_value(steady)
    assert robust_value(steady, 5) == (0.85, 0.0)
    assert robust_value(jumpy, 5)[0] == 0.8
    assert robust_value(jumpy, 5)[1] > 0


def test_noise_of_the_median_is_its_standard_error() -> None:
    generator = np.random.default_rng(1)
    curves = 3.0 + generator.normal(0, 0.2, (4000, 9))
    found = np.array([robust_value(list(curve), 9) for curve in curves])
    # √(π/2)/√n is the asymptotic error of a median; at n = 9 the exact one is within a few per cent of it.
    assert np.mean(found[:, 1]) == pytest.approx(np.std(found[:, 0]), rel=0.05)


def test_what_is_not_finite_at_the_end_is_worst_whatever_came_before() -> None:
    assert robust_value([0.9, 0.9, math.nan], 2) == (WORST, 0.0)
    assert robust_value([], 3) == (WORST, 0.0)
    assert best_value([0.9, math.nan]) == (0.9, 0.0)
    assert best_value([math.nan]) == (WORST, 0.0)


def test_seeds_are_taken_by_their_median_and_half_diverged_is_worst() -> None:
    assert standing("a", [(0.5, 0.1), (0.7, 0.1), (0.9, 0.1)]).value == 0.7
    assert standing("a", [(WORST, 0.0), (0.7, 0.1), (0.9, 0.1)]).value == 0.7
    assert standing("a", [(WORST, 0.0), (0.9, 0.1)]).diverged
    assert standing("a", [(0.5, 0.03)]).noise == pytest.approx(0.03)
    spread = standing("a", [(0.5, 0.0), (0.7, 0.0), (0.9, 0.0)]).noise
    assert spread == pytest.approx(0.2 * math.sqrt(math.pi / 2 / 3))


def test_ties_go_on_up_to_the_cap() -> None:
    entries = [
        Standing(name, value, 0.01) for name, value in zip("abcdef", (0.9, 0.8, 0.79, 0.79, 0.79, 0.5), strict=True)
    ]
    assert promote(entries, 2, tie_factor=1).promoted == ("a", "b")
    assert promote(entries, 2, tie_factor=1).tied == ()
    assert promote(entries, 2, tie_factor=1.5).tied == ("c",)
    assert promote(entries, 2, tie_factor=9).tied == ("c", "d", "e")


@given(standings(), st.integers(1, 30), st.floats(1, 3))
def test_promotion(entries: list[Standing], places: int, tie_factor: float) -> None:
    decision = promote(entries, places, tie_factor=tie_factor)
    named = {entry.configuration: entry for entry in entries}
    alive = [entry for entry in entries if not entry.diverged]
    # Nobody is missing, and what diverged is last.
    assert sorted(decision.order) == sorted(named)
    assert all(named[name].diverged for name in decision.order[len(alive) :])
    # No starvation: every place is taken that somebody alive can take; the rest are reported.
    assert len(decision.promoted) == min(places, len(alive))
    assert decision.left == places - len(decision.promoted)
    assert not any(named[name].diverged for name in decision.promoted + decision.tied)
    # Budget: ties stay below the cap, and each of them is within noise of the last place.
    assert len(decision.promoted + decision.tied) <= max(len(decision.promoted), math.floor(tie_factor * places))
    assert all(within_noise(named[decision.promoted[-1]], named[name]) for name in decision.tied)
    # Nobody who stays behind is better than somebody who goes on.
    behind = [entry.value for entry in alive if entry.configuration not in decision.promoted]
    assert all(named[name].value >= max(behind, default=WORST) for name in decision.promoted)


@given(st.integers(1, 243), st.integers(2, 5), st.data())
def test_a_bracket_ends_with_a_winner_whenever_anyone_lives(largest: int, reduction: int, data: st.DataObject) -> None:
    for bracket in hyperband(largest, reduction):
        alive_at_start = data.draw(st.integers(1, bracket.rungs[0].places))
        here = [f"c{index}" for index in range(bracket.rungs[0].places)]
        for following in bracket.rungs[1:]:
            ranked = [Standing(name, 0.5 if int(name[1:]) < alive_at_start else WORST, 0.0) for name in here]
            decision = promote(ranked, following.places)
            here = [*decision.promoted, *decision.tied]
        assert here


@given(st.integers(1, 243), st.integers(2, 5), st.floats(1, 2), st.floats(0, 0.2), st.randoms(use_true_random=False))
def test_members_that_diverge_on_any_rung_starve_nobody(
    largest: int, reduction: int, tie_factor: float, noise: float, dice: Random
) -> None:
    """Every rung of a whole bracket: who lives takes the places there are, ties stay below the cap, nobody is lost."""
    for bracket in hyperband(largest, reduction):
        here = [f"c{index}" for index in range(bracket.rungs[0].places)]
        dying = dice.random()
        for rung, following in pairwise(bracket.rungs):
            assert len(here) <= max(rung.places, math.floor(tie_factor * rung.places))
            entries = [
                Standing(name, WORST if dice.random() < dying else dice.choice([0.5, dice.random()]), noise)
                for name in here
            ]
            alive = [entry.configuration for entry in entries if not entry.diverged]
            decision = promote(entries, following.places, tie_factor=tie_factor)
            assert sorted(decision.order) == sorted(here)
            assert len(decision.promoted) == min(following.places, len(alive))
            assert decision.left == following.places - len(decision.promoted)
            here = [*decision.promoted, *decision.tied]
            assert set(here) <= set(alive)
            assert bool(here) == bool(alive)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(1, 4))
def test_when_all_are_equal_the_cap_decides(count: int, places: int, tie_factor: float) -> None:
    decision = promote([Standing(f"c{index}", 0.5, 0.0) for index in range(count)], places, tie_factor=tie_factor)
    assert len(decision.promoted) == min(count, places)
    assert len(decision.promoted + decision.tied) == min(count, math.floor(tie_factor * places))


def test_two_objectives_rank_by_fronts() -> None:
    entries = [
        Standing("good and dear", 0.9, 0.0, 100.0),
        Standing("beaten", 0.7, 0.0, 60.0),
        Standing("fair and cheap", 0.8, 0.0, 10.0),
        Standing("dead", WORST, 0.0, 1.0),
    ]
    assert [entry.configuration for entry in rank(entries)] == ["good and dear", "fair and cheap", "beaten", "dead"]
    assert promote(entries, 2).promoted == ("good and dear", "fair and cheap")


def test_no_places_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one place"):
        promote([Standing("a", 0.5, 0.0)], 0)
    with pytest.raises(ValueError, match="no seed"):
        standing("a", [])


def test_with_costs_what_keeps_no_signal_at_all_comes_behind_the_fronts() -> None:
    dead, cheap, good = (
        Standing("dead", 0.0, 0.0, 0.0),
        Standing("cheap", 0.4, 0.1, 10.0),
        Standing("good", 0.9, 0.1, 50.0),
    )
    lost = Standing("lost", WORST, 0.0, 0.0)
    assert [entry.configuration for entry in rank([lost, dead, good, cheap])] == ["good", "cheap", "dead", "lost"]


LN_2 = math.log(2.0)
MEMBERS = {
    # measure: a dead network, a working one by the same measure, and the value of a coin
    "efficiency": (0.0, 0.3, 3.2e-4),
    "efficiency, crowded top": (0.0, 0.0, 3.2e-4),
    "near-auc": (0.0048, 0.02, 0.0048),
    "near-auc, background on top": (0.0048, 0.001, 0.0048),
    "auc": (0.5, 0.51, 0.5),
    "loss": (-LN_2, -0.4, WORST),
    "loss, young": (-LN_2, -1.9, WORST),
}


@pytest.mark.parametrize("measure", MEMBERS)
@pytest.mark.parametrize("cost", [None, 10.0])
def test_what_separates_nothing_stands_behind_what_does(measure: str, cost: float | None) -> None:
    dead, working, coin = MEMBERS[measure]
    entries = [
        Standing("diverged", WORST, 0.0, cost),
        Standing("dead", dead, 0.5, None if cost is None else 0.0, False, coin),
        Standing("working", working, 0.5, cost, True, coin),
    ]
    for order in (entries, entries[::-1]):
        assert [one.configuration for one in rank(order)] == ["working", "dead", "diverged"]
        assert promote(order, 1, tie_factor=3).promoted == ("working",)
        assert promote(order, 1, tie_factor=3).tied == ()  # although the noise would have it so
        assert promote(order, 3).promoted == ("working", "dead")  # longer training may wake it
        assert not within_noise(entries[1], entries[2])
    assert not entries[1].useful


def test_on_a_front_stands_only_what_is_worth_more_than_a_coin() -> None:
    cheap = Standing("cheap", 0.0048, 0.0, 0.0, True, 0.0048)
    dear = [Standing(f"dear {index}", 0.1 * index, 0.0, 100.0 * index, True, 0.0048) for index in (1, 2, 3)]
    assert rank([cheap, *dear])[-1] is cheap


def test_a_dead_seed_is_below_those_that_separate_whatever_its_loss() -> None:
    found = standing("a", [Worth(-LN_2, 0.0, False), Worth(-0.8, 0.0), Worth(-0.75, 0.0)])
    assert (found.value, found.separates) == (-0.8, True)
    assert not standing("a", [Worth(-LN_2, 0.0, False), Worth(-LN_2, 0.0, False), Worth(-0.75, 0.0)]).separates


def test_separating_is_an_area_above_a_half_at_the_end() -> None:
    assert not separates([0.9, 0.5, 0.5, 0.5], 3)
    assert separates([0.5, 0.5, 0.51, 0.52], 2)
    assert not separates([0.4, 0.45], 2)
    assert separates([], 3)


def test_a_single_evaluation_is_as_uncertain_as_the_events_it_saw() -> None:
    """Against the scatter of the measures themselves over samples: a share, an area, and a loss."""
    generator = np.random.default_rng(3)
    signal, background = generator.normal(1.5, 1.0, (2000, 200)), generator.normal(0.0, 1.0, 4000)
    labels = np.repeat(np.array([1, 0], np.uint8), [200, 4000])
    samples = [np.concatenate([row, background]) for row in signal]
    share = [float((row > 1.0).mean()) for row in signal]
    assert sampling_noise(float(np.mean(share)), "efficiency", 200) == pytest.approx(np.std(share), rel=0.1)
    near = [near_auc(row, labels, 0.1) for row in samples]
    assert np.std(near) < sampling_noise(float(np.mean(near)), "near-auc", 200) < 3 * np.std(near)  # the most it can be
    losses = [float(np.logaddexp(0.0, -row).mean()) for row in signal]
    assert np.std(losses) < sampling_noise(-float(np.mean(losses)), "loss", 200) < 3 * np.std(losses)


def test_with_one_evaluation_and_one_seed_a_rung_still_has_ties() -> None:
    text = (
        TEXT.replace("smallest = 40", "smallest = 20")
        .replace("largest = 160", "largest = 80")
        .replace("last = 2", "last = 3")
    )
    study = Study.parse(text)
    record = Findings(study, signal_events=100)
    for name, value in (("c001", 0.50), ("c002", 0.48), ("c003", 0.20)):
        curve: dict[str, list[float | None]] = {"step": [20], "near-auc": [value], "auc": [0.9]}
        record.known[MemberId(name, 1)].extend(MemberTrained(step=20, diverged_at=None, state="", curve=curve))
    standings = [record.standing(name, 20) for name in ("c001", "c002", "c003")]
    assert standings[0].noise == pytest.approx(math.sqrt(0.5 * 0.5 / 100))
    assert promote(standings, 1, tie_factor=3).tied == ("c002",)
