from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from narrowgate.events import Dataset, DatasetError, is_dataset_file, load, save


@pytest.fixture
def path(tmp_path: Path, dataset: Dataset) -> Path:
    save(tmp_path / "set.h5", dataset)
    return tmp_path / "set.h5"


def test_what_is_saved_is_what_is_loaded(path: Path, dataset: Dataset) -> None:
    loaded = load(path)
    for (_, before), (_, after) in zip(dataset.splits(), loaded.splits(), strict=True):
        np.testing.assert_array_equal(before.images, after.images)
        np.testing.assert_array_equal(before.labels, after.labels)
        np.testing.assert_array_equal(before.truth["m_hh"], after.truth["m_hh"])
        assert after.images.dtype == np.uint16
    assert loaded.geometry == dataset.geometry
    assert (loaded.lsb, loaded.crossing_rate, loaded.name) == (dataset.lsb, dataset.crossing_rate, dataset.name)
    assert loaded.provenance == dataset.provenance
    assert loaded.fingerprint == dataset.fingerprint


def test_equal_data_sets_give_equal_bytes_and_nothing_lies_about(path: Path, dataset: Dataset) -> None:
    other = path.with_name("again.h5")
    save(other, dataset)
    assert path.read_bytes() == other.read_bytes()
    assert sorted(file.name for file in path.parent.iterdir()) == ["again.h5", "set.h5"]


def test_a_file_knows_its_kind(path: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = np.zeros(3)
    assert is_dataset_file(path)
    assert not is_dataset_file(tmp_path / "other.h5")
    assert not is_dataset_file(tmp_path / "missing.h5")
    with pytest.raises(DatasetError, match=r"other\.h5: this HDF5 file is not a narrowgate data set"):
        load(tmp_path / "other.h5")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere\.h5: there is no such file"):
        load(tmp_path / "nowhere.h5")


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path, dataset: Dataset) -> None:
    with pytest.raises(DatasetError, match="cannot be written"):
        save(tmp_path / "nowhere" / "set.h5", dataset)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file_is_refused(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DatasetError, match=r"set\.h5"):
        load(path)


def test_no_damaged_byte_goes_unseen(path: Path, dataset: Dataset) -> None:
    content = path.read_bytes()
    refused = 0
    for place in np.linspace(0, len(content) - 1, 20).astype(int):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            loaded = load(path)
        except DatasetError:
            refused += 1
        else:  # only bytes without meaning: padding, or the name and the provenance
            assert loaded.fingerprint == dataset.fingerprint
    assert refused > 5


def test_an_altered_pixel_is_noticed(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["test/images"][0, 0, 0, 0] ^= 1
    with pytest.raises(DatasetError, match="altered or damaged"):
        load(path)


def test_a_head_without_its_numbers_is_refused(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        head = json.loads(file["head"].asstr()[()])
        del file["head"], head["lsb"]
        file["head"] = json.dumps(head)
    with pytest.raises(DatasetError, match="lsb missing"):
        load(path)


def test_a_later_layout_is_refused(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 2
    with pytest.raises(DatasetError, match=r"layout version 2; this narrowgate reads version 1"):
        load(path)


def test_a_missing_split_is_named(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["validation"]
    with pytest.raises(DatasetError, match="validation/images"):
        load(path)


def test_a_declared_size_is_not_trusted(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["train/images"]
        file.create_dataset("train/images", (10**9, 20, 12, 1), np.uint16, chunks=(1, 20, 12, 1))
    with pytest.raises(DatasetError, match=r"declares shape \(1000000000, 20, 12, 1\)"):
        load(path)


def test_numbers_must_lie_in_the_file(path: Path, tmp_path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["train/labels"]
        file["train/labels"] = h5py.ExternalLink(str(tmp_path / "elsewhere.h5"), "labels")
    with pytest.raises(DatasetError, match="link to another file"):
        load(path)
