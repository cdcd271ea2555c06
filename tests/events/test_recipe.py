from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from narrowgate.events import SPLITS, ImageKind, Recipe, Scenario, Sizes
from narrowgate.events._recipe import FRACTIONS, Slice, assumptions


def test_default_is_the_shipped_sample() -> None:
    recipe = Recipe()
    assert recipe.scenario is Scenario.TRUTH_VERTEX
    assert recipe.image is ImageKind.SUPPRESSED
    assert recipe.pileup == 200
    assert sum(recipe.signal.of(name) for name in SPLITS) == 20_000
    assert sum(recipe.background.of(name) for name in SPLITS) == 300_000
    assert recipe.background.test == 100_000


def test_slices_share_all_inelastic_collisions() -> None:
    assert sum(FRACTIONS.values()) == pytest.approx(1.0)
    assert FRACTIONS[Slice.HARD_50] == pytest.approx(0.0240 / 78.93)


def test_pools_hold_hardly_more_than_what_is_drawn() -> None:
    recipe = Recipe()
    for name in SPLITS:
        crossings = recipe.signal.of(name) + recipe.background.of(name)
        for kind in (Slice.HARD_50, Slice.HARD_100):
            draws = FRACTIONS[kind] * (200 * crossings + recipe.background.of(name))
            assert draws <= recipe.pool_size(kind, name) <= 1.1 * draws + 1
        assert recipe.pool_size(Slice.SIGNAL, name) == recipe.signal.of(name)
    assert sum(recipe.pool_size(Slice.SOFT, name) for name in SPLITS) <= recipe.minimum_bias_pool + 3
    assert sum(recipe.pool_size(Slice.HARD_20, name) for name in SPLITS) <= recipe.hard_pool + 3


def test_a_split_without_events_needs_no_pool() -> None:
    none = Sizes(train=10, validation=0, test=0)
    recipe = Recipe(signal=none, background=none)
    assert all(recipe.pool_size(kind, "test") == 0 for kind in Slice)
    alone = Recipe(signal=none, background=Sizes(train=0, validation=0, test=0), pileup=0)
    assert [alone.pool_size(kind, "train") for kind in Slice] == [10, 0, 0, 0, 0]


def test_digest_follows_every_choice() -> None:
    digests = {
        recipe.digest()
        for recipe in (
            Recipe(),
            Recipe(scenario=Scenario.RECONSTRUCTED_VERTEX),
            Recipe(image=ImageKind.CALORIMETER),
            Recipe(pileup=140),
            Recipe(heavy_masses=(300.0,)),
            Recipe(light_mass=100.0),
            Recipe(seed=2),
            Recipe(leakage=0.0),
        )
    }
    assert len(digests) == 8
    assert Recipe().digest() == Recipe().digest() != Recipe().digest("another version")


@pytest.mark.parametrize(
    "change",
    [
        {"pileup": -1},
        {"heavy_masses": ()},
        {"light_mass": 0},
        {"seed": -1},
        {"leakage": 2},
        {"scenario": "x"},
        {"y": 1},
    ],
)
def test_choices_that_make_no_sense_are_named(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        Recipe(**change)


def test_assumptions_state_the_scenario_and_the_masses() -> None:
    text = " ".join(assumptions(Recipe(heavy_masses=(300.0, 500.0), light_mass=120.0, pileup=140)))
    for words in ("300, 500 GeV", "120 GeV", "mean 140", "hard event's own", "1.5%"):
        assert words in text
    assert "largest Σ pT²" in " ".join(assumptions(Recipe(scenario=Scenario.RECONSTRUCTED_VERTEX)))
