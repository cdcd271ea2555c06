from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from narrowgate.events import Dataset, Geometry, Split, overlap, picture, summarise


def test_summary_of_a_hand_made_split() -> None:
    images = np.zeros((3, 20, 12, 1), np.uint16)
    images[0, 0, 0, 0], images[0, 1, 0, 0] = 10, 1023
    images[1, 5, 5, 0] = 4
    split = Split(images, np.array([1, 0, 0], np.uint8))
    empty = Split(images[:0], np.zeros(0, np.uint8))
    summary = summarise(Dataset(split, empty, empty, Geometry.uniform(20, 12)))
    signal, background = summary.splits["train"]["signal"], summary.splits["train"]["background"]
    assert (signal.events, background.events) == (1, 2)
    assert signal.occupancy == pytest.approx(2 / 240)
    assert background.occupancy == pytest.approx(0.5 / 240)
    assert (signal.largest, background.largest) == (1023, 4)
    assert (signal.saturated, background.saturated) == (1, 0)
    assert (signal.mean_ht, background.mean_ht) == (1033 * 0.5, 1.0)
    assert (signal.empty, background.empty) == (0, 1)
    assert summary.splits["test"]["signal"].events == 0
    assert summary.splits["test"]["signal"].mean_ht is None
    assert json.loads(json.dumps(summary.as_dict()))["splits"]["train"]["signal"]["largest"] == 1023


def test_an_event_in_two_splits_is_found(dataset: Dataset) -> None:
    assert summarise(dataset).shared == 0
    images = dataset.test.images.copy()
    images[4], images[7] = dataset.train.images[11], dataset.validation.images[2]
    leaking = replace(dataset, test=Split(images, dataset.test.labels, dataset.test.truth))
    assert summarise(leaking).shared == 2
    assert summarise(leaking).shared_events == {"train": 1, "validation": 1, "test": 2}


def test_nearly_empty_images_are_no_sign_of_shared_events() -> None:
    images = np.zeros((2, 20, 12, 1), np.uint16)
    images[1, :7, 0, 0] = 3
    split = Split(images, np.zeros(2, np.uint8))
    dataset = Dataset(split, split, split, Geometry.uniform(20, 12))
    assert overlap(dataset).images == 0
    images[1, 7, 0, 0] = 3
    assert overlap(dataset).images == 1
    assert overlap(dataset).events == {"train": 1, "validation": 1, "test": 1}


def test_picture_shows_mean_images_in_gev_on_the_towers(dataset: Dataset, tmp_path: Path) -> None:
    figure = picture(dataset)
    panels = [axes for axes in figure.axes if axes.get_xlabel() == "φ [rad]"]
    assert [axes.get_title() for axes in panels] == [
        "signal, mean of 10 events",
        "background, mean of 20 events",
        "signal, one event",
        "background, one event",
    ]
    mean = dataset.train.signal.mean(axis=0)[..., 0] * dataset.lsb
    np.testing.assert_allclose(np.asarray(panels[0].collections[0].get_array()).reshape(20, 12), mean)
    np.testing.assert_allclose(panels[0].get_xlim(), (-np.pi, np.pi))
    np.testing.assert_allclose(panels[0].get_ylim(), (-5, 5))
    figure.savefig(tmp_path / "images.png")
    assert (tmp_path / "images.png").read_bytes().startswith(b"\x89PNG")
