from __future__ import annotations

import numpy as np
import pytest

from narrowgate.events import CROSSING_RATE, Dataset, Recipe, load_sample, sample_path, summarise


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return load_sample()


def test_the_sample_is_made_by_the_default_recipe(sample: Dataset) -> None:
    recipe = Recipe(**sample.provenance["recipe"])
    assert recipe == Recipe()
    for name, split in sample.splits():
        assert (len(split.signal), len(split.background)) == (recipe.signal.of(name), recipe.background.of(name))


def test_the_sample_is_small() -> None:
    assert sample_path().stat().st_size <= 12_000_000


def test_the_sample_has_ten_bit_images_on_20_by_12_towers(sample: Dataset) -> None:
    summary = summarise(sample)
    assert summary.shape == (20, 12, 1)
    assert (summary.lsb, summary.crossing_rate) == (0.5, CROSSING_RATE)
    for classes in summary.splits.values():
        for numbers in classes.values():
            assert numbers.largest is not None
            assert numbers.largest <= 1023


def test_no_event_is_in_two_splits(sample: Dataset) -> None:
    assert summarise(sample).shared == 0


def test_signal_has_the_mass_of_the_recipe(sample: Dataset) -> None:
    for _, split in sample.splits():
        m_hh = split.truth["m_hh"]
        np.testing.assert_array_equal(np.isfinite(m_hh), split.labels == 1)
        assert np.nanmedian(m_hh) == pytest.approx(400.0, abs=0.5)


def test_signal_is_even_in_phi_and_symmetric_in_eta(sample: Dataset) -> None:
    images = sample.train.signal[..., 0].astype(np.float64)
    columns, sides = images.sum(axis=1), np.stack([images[:, :10].sum((1, 2)), images[:, 10:].sum((1, 2))], axis=1)
    for sums in (columns, sides):
        error = sums.std(axis=0) / np.sqrt(len(sums))
        assert np.all(np.abs(sums.mean(axis=0) - sums.mean()) < 5 * error)


def test_a_cut_on_ht_keeps_what_the_design_says(sample: Dataset) -> None:
    """0.863 of the signal at 10 kHz, where the threshold rests on 32 background events."""
    signal = sample.test.signal.sum(axis=(1, 2, 3), dtype=np.int64)
    background = np.sort(sample.test.background.sum(axis=(1, 2, 3), dtype=np.int64))[::-1]
    threshold = background[int(10e3 / CROSSING_RATE * len(background))]
    assert 0.80 < np.mean(signal > threshold) < 0.92
