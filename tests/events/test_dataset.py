from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from narrowgate.events import CROSSING_RATE, Dataset, DatasetError, Geometry, Split


def test_crossing_rate_is_that_of_the_phase_2_menu() -> None:
    assert pytest.approx(31.04e6, rel=1e-3) == CROSSING_RATE


def test_a_split_knows_its_classes(dataset: Dataset) -> None:
    split = dataset.train
    assert len(split) == 30
    assert len(split.signal) == 10
    np.testing.assert_array_equal(split.signal, split.images[::3])
    assert len(split.background) == 20


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"images": np.zeros((4, 20, 12), np.uint16)}, "shape"),
        ({"images": np.zeros((4, 20, 12, 1), np.int32)}, "unsigned"),
        ({"images": np.zeros((4, 20, 12, 1), np.float32)}, "unsigned"),
        ({"images": np.full((4, 20, 12, 1), 2**32 + 3, np.uint64)}, "uint8, uint16 or uint32.*found uint64"),
        ({"labels": np.zeros(3, np.uint8)}, "one an image"),
        ({"labels": np.zeros(4, np.int64)}, "uint8"),
        ({"labels": np.full(4, 2, np.uint8)}, r"0 \(background\) or 1 \(signal\); found 2"),
        ({"truth": {"m_hh": np.zeros(5, np.float32)}}, "m_hh"),
        ({"truth": {"m_hh": np.zeros(4)}}, "float32"),
    ],
)
def test_a_split_whose_parts_do_not_fit_is_refused(changes: dict[str, Any], sentence: str) -> None:
    good: dict[str, Any] = {"images": np.zeros((4, 20, 12, 1), np.uint16), "labels": np.zeros(4, np.uint8)}
    Split(**good)
    with pytest.raises(DatasetError, match=sentence):
        Split(**{**good, **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"geometry": Geometry.uniform(18, 14)}, "geometry"),
        ({"lsb": 0.0}, "lsb"),
        ({"lsb": float("nan")}, "lsb"),
        ({"crossing_rate": -1.0}, "crossing rate"),
        ({"full_scale": 511}, "full scale.*said to be 511, but the largest in the images is 1023"),
        ({"test": Split(np.zeros((4, 20, 12, 1), np.uint8), np.zeros(4, np.uint8))}, "must be the same"),
    ],
)
def test_a_data_set_that_makes_no_sense_is_refused(
    make_dataset: Callable[..., Dataset], changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DatasetError, match=sentence):
        make_dataset(**changes)


def test_fingerprint_is_of_the_content_alone(make_dataset: Callable[..., Dataset]) -> None:
    first = make_dataset().fingerprint
    assert len(first) == 64
    assert make_dataset(name="another", provenance={}).fingerprint == first
    assert make_dataset(lsb=1.0).fingerprint != first
    assert make_dataset(geometry=Geometry.uniform(20, 12, eta=(-3, 3))).fingerprint != first


@pytest.mark.parametrize("split_name", ["train", "validation", "test"])
@pytest.mark.parametrize("part", ["images", "labels", "truth"])
def test_fingerprint_sees_every_number(dataset: Dataset, split_name: str, part: str) -> None:
    split: Split = getattr(dataset, split_name)
    images, labels, m_hh = split.images.copy(), split.labels.copy(), split.truth["m_hh"].copy()
    if part == "images":
        images[-1, -1, -1, -1] ^= 1
    elif part == "labels":
        labels[-1] ^= 1
    else:
        m_hh[0] += 1
    changed = replace(dataset, **{split_name: Split(images, labels, {"m_hh": m_hh})})  # type: ignore[arg-type]
    assert changed.fingerprint != dataset.fingerprint


def test_splits_come_in_order(dataset: Dataset) -> None:
    assert [name for name, _ in dataset.splits()] == ["train", "validation", "test"]


def with_pixels(*counts: int, full_scale: int | None = None) -> Dataset:
    """Images of one pixel; the same ones in every split."""
    images = np.array(counts, np.uint32).reshape(-1, 1, 1, 1)
    split = Split(images, (np.arange(len(counts)) % 2).astype(np.uint8))
    return Dataset(split, split, split, Geometry.uniform(1, 1), full_scale=full_scale)


def test_bits_are_those_of_the_full_scale_or_of_the_largest_count() -> None:
    for largest, bits in ((0, 1), (1, 1), (2, 2), (1023, 10), (1024, 11), (2**32 - 1, 32)):
        assert with_pixels(0, largest).bits == bits
    assert with_pixels(0, 7, full_scale=4095).bits == 12


def test_the_test_split_does_not_choose_the_bits() -> None:
    few, many = with_pixels(0, 15), with_pixels(0, 16)
    assert Dataset(few.train, few.validation, many.test, few.geometry).bits == 4
    assert Dataset(few.train, many.validation, few.test, few.geometry).bits == 5


def test_the_share_of_pixels_above_a_count_is_counted() -> None:
    dataset = with_pixels(0, 3, 1023, 1024)
    assert [dataset.share_above(count) for count in (2, 1022, 1023, 1024)] == [0.75, 0.5, 0.25, 0.0]


def test_images_of_either_byte_order_are_the_same_data() -> None:
    images = np.arange(4, dtype=np.uint16).reshape(4, 1, 1, 1)
    little, big = (Split(images.astype(order), np.zeros(4, np.uint8)) for order in ("<u2", ">u2"))
    assert little.images.dtype == big.images.dtype == np.uint16
    np.testing.assert_array_equal(little.images, big.images)
