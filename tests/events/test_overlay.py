from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")
pytest.importorskip("pythia8mc")

from narrowgate.events import ImageKind, Recipe, Scenario
from narrowgate.events._detector import Deposits
from narrowgate.events._overlay import Crossings, draw, hard_collisions, hard_slices, overlay, track_window
from narrowgate.events._recipe import FRACTIONS

SIZES = dict(zip(FRACTIONS, (50, 20, 10, 5), strict=True))


def test_hard_collisions_come_from_the_slices_by_cross_section() -> None:
    slices = hard_slices(2_000_000, np.random.default_rng(1))
    for place, fraction in enumerate(FRACTIONS.values()):
        expected = 2_000_000 * fraction
        assert abs(np.count_nonzero(slices == place) - expected) < 5 * np.sqrt(expected)


def test_no_hard_collision_comes_twice_before_all_have_come() -> None:
    slices = np.repeat([0, 1, 2, 3], [50, 15, 20, 5])
    chosen = hard_collisions(slices, SIZES, np.random.default_rng(2))
    assert sorted(chosen[slices == 0]) == list(range(50))
    assert len(set(chosen[slices == 1])) == 15
    assert set(chosen[slices == 1]) <= set(range(50, 70))
    assert sorted(chosen[slices == 2]) == sorted([*range(70, 80)] * 2)
    assert sorted(chosen[slices == 3]) == list(range(80, 85))


def test_pileup_is_poisson_and_drawn_by_cross_section() -> None:
    hard = np.arange(85).repeat(100)
    crossings = draw(hard, 140.0, SIZES, np.random.default_rng(3))
    others = np.diff(crossings.starts) - 1
    assert others.mean() == pytest.approx(140.0, abs=5 * np.sqrt(140 / len(hard)))
    assert others.var() == pytest.approx(140.0, rel=5 * np.sqrt(2 / len(hard)))
    np.testing.assert_array_equal(crossings.collision[crossings.starts[:-1]], hard)
    drawn = np.delete(crossings.collision, crossings.starts[:-1])
    for (low, high), fraction in zip(((0, 50), (50, 70), (70, 80), (80, 85)), FRACTIONS.values(), strict=True):
        expected = fraction * len(drawn)
        assert abs(np.count_nonzero((drawn >= low) & (drawn < high)) - expected) < 5 * np.sqrt(expected) + 1
    assert set(crossings.roll) == set(range(72))
    assert crossings.flip.mean() == pytest.approx(0.5, abs=5 / np.sqrt(len(crossings.flip)))


def pool(*events: tuple[int, int, float, float]) -> Deposits:
    """One deposit an event: row, column, energy in GeV, track pT in GeV."""
    row, column, energy, track = (np.array(values) for values in zip(*events, strict=True))
    return Deposits(
        np.arange(len(events) + 1),
        row.astype(np.uint8),
        column.astype(np.uint8),
        energy.astype(np.float32),
        np.zeros(len(events), np.float32),
        track.astype(np.float32),
    )


def test_collisions_are_rolled_and_flipped() -> None:
    generator = np.random.default_rng(4)
    crossings = draw(np.zeros(200, np.int64), 0.0, SIZES, generator)
    recipe = Recipe(image=ImageKind.CALORIMETER, pileup=0)
    images = overlay(pool((52, 70, 50.0, 0.0)), crossings, recipe, generator)
    assert images.shape == (200, 20, 12, 1)
    assert images.dtype == np.uint16
    for image, roll, flip in zip(images[..., 0], crossings.roll, crossings.flip, strict=True):
        place = ((99 - 52 if flip else 52) // 5, (70 + roll) % 72 // 6)
        assert np.count_nonzero(image) == 1
        assert 0.5 * image[place] == pytest.approx(50 / np.cosh(0.25), abs=6.0)
    assert len({tuple(np.argwhere(image)[0]) for image in images}) == 24  # both sides, all round


def two_collisions() -> Crossings:
    """One crossing: collision 0 is the hard one, collision 1 the pile-up."""
    return Crossings(np.array([0, 2]), np.array([0, 1]), np.zeros(2, np.int64), np.zeros(2, np.bool_))


@pytest.mark.parametrize(
    ("scenario", "leakage", "kept"),
    [
        (Scenario.TRUTH_VERTEX, 0.0, [5.0, 0.0]),
        (Scenario.RECONSTRUCTED_VERTEX, 0.0, [0.0, 9.0]),
        (Scenario.TRUTH_VERTEX, 1.0, [5.0, 9.0]),
    ],
)
def test_the_scenario_decides_whose_tracks_are_kept(scenario: Scenario, leakage: float, kept: list[float]) -> None:
    tracks = pool((50, 0, 1e-6, 5.0), (60, 30, 1e-6, 9.0))  # nothing in the calorimeter
    recipe = Recipe(scenario=scenario, leakage=leakage, pileup=1)
    image = overlay(tracks, two_collisions(), recipe, np.random.default_rng(5))[0, ..., 0]
    assert [0.5 * image[10, 0], 0.5 * image[12, 5]] == kept
    assert image.sum() == 2 * sum(kept)


def test_without_any_track_the_hard_collision_is_the_vertex() -> None:
    quiet = pool((50, 0, 30.0, 0.0), (60, 30, 30.0, 0.0))
    recipe = Recipe(scenario=Scenario.RECONSTRUCTED_VERTEX, pileup=1)
    assert not overlay(quiet, two_collisions(), recipe, np.random.default_rng(6)).any()


def test_the_same_generator_gives_the_same_images() -> None:
    collisions = pool((40, 3, 20.0, 4.0), (70, 33, 9.0, 3.0))
    recipe = Recipe(pileup=30)
    sizes = dict(zip(FRACTIONS, (2, 0, 0, 0), strict=True))

    def images(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
        generator = np.random.default_rng(seed)
        crossings = draw(np.zeros(20, np.int64), 30, {kind: max(1, size) for kind, size in sizes.items()}, generator)
        return overlay(collisions, crossings._replace(collision=crossings.collision % 2), recipe, generator)

    np.testing.assert_array_equal(images(1), images(1))
    assert not np.array_equal(images(1), images(2))


def test_the_stated_share_of_pileup_tracks_leaks_and_a_vertex_leaks_together() -> None:
    tracks = pool(*[(50, 0, 1e-6, 2.5), *[(60, 30, 1e-6, 3.0)] * 4])
    many = tracks._replace(starts=np.array([0, 1, 5]))  # the pile-up collision has four tracks of 3 GeV
    crossings = Crossings(
        np.arange(0, 12_001, 2), np.tile([0, 1], 6_000), np.zeros(12_000, np.int64), np.zeros(12_000, np.bool_)
    )
    leaked = {}
    for resolution in (0.0, 50.0):
        recipe = Recipe(leakage=0.1, track_resolution=resolution, pileup=1)
        images = overlay(many, crossings, recipe, np.random.default_rng(7))
        leaked[resolution] = images[:, 12, 5, 0] / 6
        assert leaked[resolution].mean() / 4 == pytest.approx(0.1, abs=0.015)
    assert set(np.unique(leaked[0.0])) == {0.0, 4.0}
    assert set(np.unique(leaked[50.0])) >= {0.0, 1.0, 2.0}


def test_window_of_the_default_recipe() -> None:
    assert track_window(Recipe()) == pytest.approx(0.015 * np.sqrt(np.pi) * 53.0, rel=1e-3)
    assert track_window(Recipe(leakage=0.0)) == 0.0
