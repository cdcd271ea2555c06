from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")
pytest.importorskip("pythia8mc")

from narrowgate.events import Dataset, DatasetError, Recipe, Scenario, Sizes, load, simulate
from narrowgate.events._generator import Particles
from narrowgate.events._pools import all_chunks, pool_chunks
from narrowgate.events._recipe import Slice

RECIPE = Recipe(
    pileup=5,
    heavy_masses=(300.0, 500.0),
    signal=Sizes(train=6, validation=4, test=5),
    background=Sizes(train=40, validation=20, test=30),
    minimum_bias_pool=60,
    hard_pool=30,
    seed=3,
)


def particles(events: int, seed: int, heavy_mass: float) -> Particles:
    """Random particles with the shape of a pool chunk: what is done with them is tested here, not what they are."""
    generator = np.random.default_rng(seed)
    counts = generator.poisson(30, events).astype(np.int32)
    total = int(counts.sum())
    pt, eta = generator.exponential(3.0, total), generator.uniform(-4, 4, total)
    momentum = np.stack([pt, eta, generator.uniform(-np.pi, np.pi, total), pt * np.cosh(eta)], axis=1)
    species = generator.choice([0, 3, 4], total).astype(np.int8)
    charge = np.where(species == 3, generator.choice([-1, 1], total), 0).astype(np.int8)
    return Particles(counts, momentum.astype(np.float32), species, charge, np.full(events, heavy_mass, np.float32))


@pytest.fixture
def pools(tmp_path: Path) -> Path:
    folder = tmp_path / "pools"
    folder.mkdir()
    for chunk in all_chunks(RECIPE):
        np.savez(chunk.path(folder), **particles(chunk.events, chunk.seed, chunk.heavy_mass)._asdict())
    return folder


def make(pools: Path, output: Path, recipe: Recipe = RECIPE, workers: int = 1) -> Dataset:
    return simulate(recipe, output, pools=pools, workers=workers)


def test_the_data_set_is_what_the_recipe_says(pools: Path, tmp_path: Path) -> None:
    dataset = make(pools, tmp_path / "set.h5")
    assert load(tmp_path / "set.h5").fingerprint == dataset.fingerprint
    for name, split in dataset.splits():
        assert (len(split.signal), len(split.background)) == (RECIPE.signal.of(name), RECIPE.background.of(name))
        np.testing.assert_array_equal(np.isfinite(split.truth["m_hh"]), split.labels == 1)
        masses, counts = np.unique(split.truth["m_hh"][split.labels == 1], return_counts=True)
        assert set(masses) == {300.0, 500.0}
        assert abs(counts[0] - counts[1]) <= 1
        assert split.images.any(axis=(1, 2, 3)).mean() > 0.5
    assert Recipe(**dataset.provenance["recipe"]) == RECIPE
    assert dataset.provenance["assumptions"]
    assert dataset.provenance["versions"]["pythia8mc"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pools", "set.h5"]


def test_classes_are_mixed_within_a_split(pools: Path, tmp_path: Path) -> None:
    labels = make(pools, tmp_path / "set.h5").train.labels
    assert 0 < np.flatnonzero(labels).mean() / len(labels) < 0.9
    assert not np.array_equal(np.sort(labels)[::-1], labels)


def test_the_number_of_workers_changes_nothing(pools: Path, tmp_path: Path) -> None:
    make(pools, tmp_path / "one.h5")
    make(pools, tmp_path / "two.h5", workers=2)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_seed_and_scenario_change_the_images(pools: Path, tmp_path: Path) -> None:
    first = make(pools, tmp_path / "first.h5").fingerprint
    assert make(pools, tmp_path / "second.h5").fingerprint == first
    other = RECIPE.model_copy(update={"scenario": Scenario.RECONSTRUCTED_VERTEX})
    assert make(pools, tmp_path / "third.h5", other).fingerprint != first


def test_signal_alone_without_pileup_needs_signal_alone(pools: Path, tmp_path: Path) -> None:
    nothing = Sizes(train=0, validation=0, test=0)
    recipe = RECIPE.model_copy(
        update={"background": nothing, "pileup": 0.0, "signal": Sizes(train=6, validation=4, test=0)}
    )
    dataset = make(pools, tmp_path / "set.h5", recipe)
    assert [len(split) for _, split in dataset.splits()] == [6, 4, 0]
    assert dataset.train.images.any(axis=(1, 2, 3)).all()
    assert len(list(pools.iterdir())) == len(all_chunks(RECIPE))


class Interrupted(BaseException):
    pass


@pytest.mark.parametrize("after", [1, 3, 5])
def test_interrupted_and_continued_equals_uninterrupted(pools: Path, tmp_path: Path, after: int) -> None:
    whole, broken = tmp_path / "whole.h5", tmp_path / "broken.h5"
    make(pools, whole)
    told: list[tuple[str, int, int]] = []

    def interrupt(what: str, done: int, total: int) -> None:
        told.append((what, done, total))
        if sum(entry[0] == "crossings" for entry in told) > after:
            raise Interrupted

    with pytest.raises(Interrupted):
        simulate(RECIPE, broken, pools=pools, workers=1, progress=interrupt)
    assert told[-1][2] == 105
    assert not broken.exists()
    parts = {path: path.stat().st_mtime_ns for path in tmp_path.glob("broken.h5.parts/*/*.npy")}
    assert len(parts) == after
    kept = next(iter(parts))
    np.save(kept, np.load(kept) * 0)  # a finished chunk is not made again: what is in it comes out
    spoiled = make(pools, broken)
    assert spoiled.fingerprint != load(whole).fingerprint
    assert make(pools, broken).fingerprint == load(whole).fingerprint


def test_chunks_of_different_splits_share_no_seed_and_no_file(tmp_path: Path) -> None:
    chunks = all_chunks(Recipe())
    assert len({(chunk.kind, chunk.seed) for chunk in chunks}) == len(chunks)
    assert len({chunk.path(tmp_path) for chunk in chunks}) == len(chunks)
    for name in ("train", "validation", "test"):
        for kind in Slice:
            parts = pool_chunks(Recipe(), kind, name)
            assert sum(part.events for part in parts) == Recipe().pool_size(kind, name)


def test_recipes_that_need_the_same_collisions_share_them(tmp_path: Path) -> None:
    paths = {chunk.path(tmp_path) for chunk in all_chunks(Recipe())}
    other = Recipe(scenario=Scenario.RECONSTRUCTED_VERTEX, leakage=0.0)
    assert {chunk.path(tmp_path) for chunk in all_chunks(other)} == paths
    assert not {chunk.path(tmp_path) for chunk in all_chunks(Recipe(seed=2))} & paths


def test_a_damaged_pool_is_named_by_the_worker_that_meets_it(pools: Path, tmp_path: Path) -> None:
    chunk = pool_chunks(RECIPE, Slice.SOFT, "validation")[0].path(pools)
    chunk.write_bytes(chunk.read_bytes()[:1000])
    with pytest.raises(DatasetError, match=f"{chunk.name}: this pool chunk is damaged"):
        make(pools, tmp_path / "set.h5", workers=2)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="folders for the simulation cannot be made"):
        simulate(RECIPE, tmp_path / "file" / "set.h5")


def test_without_numba_the_extra_is_named(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['numba'] = None\n"
        "from narrowgate.events import DatasetError, Recipe, simulate\n"
        "try:\n    simulate(Recipe(), 'set.h5')\n"
        "except DatasetError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "narrowgate[pythia]" in done.stdout


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(pools: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.h5", tmp_path / "killed.h5"
    make(pools, whole)
    arguments = [sys.executable, __file__, str(pools), str(killed)]
    generator = np.random.default_rng(int(time.time()))
    for _ in range(4):
        process = subprocess.Popen(arguments, start_new_session=True)
        time.sleep(generator.uniform(0.5, 6.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(arguments, check=True)
    assert killed.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_from_pythia_to_the_file(tmp_path: Path) -> None:
    recipe = Recipe(
        pileup=2,
        signal=Sizes(train=20, validation=20, test=20),
        background=Sizes(train=30, validation=30, test=30),
        minimum_bias_pool=60,
        hard_pool=30,
    )
    dataset = simulate(recipe, tmp_path / "set.h5", workers=1)
    again = simulate(recipe, tmp_path / "again.h5", pools=tmp_path / "other", workers=2)
    assert again.fingerprint == dataset.fingerprint
    ht = [float(np.mean(images.sum(axis=(1, 2, 3)))) for images in (dataset.test.signal, dataset.test.background)]
    assert ht[0] > 3 * ht[1]


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]), workers=2)
