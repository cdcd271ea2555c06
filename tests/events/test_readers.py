from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from narrowgate.events import Dataset, DatasetError, Geometry, Kind, Split, read, register, save
from narrowgate.events import _kinds as kinds


def counted(events: int, shape: tuple[int, ...] = (18, 14)) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images that carry their own number in the first two pixels, every fourth of them signal."""
    images = np.zeros((events, *shape), np.uint8)
    images[:, 0, 0, ...] = (np.arange(events) % 256).reshape(-1, *[1] * (len(shape) - 2))
    images[:, 0, 1, ...] = (np.arange(events) // 256).reshape(-1, *[1] * (len(shape) - 2))
    return images, (np.arange(events) % 4 == 0).astype(np.int64)


def number(split: Split) -> NDArray[np.int64]:
    return split.images[:, 0, 0, 0].astype(np.int64) + 256 * split.images[:, 0, 1, 0].astype(np.int64)


def write(path: Path, **arrays: Any) -> Path:
    if path.suffix == ".npz":
        np.savez_compressed(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file.create_dataset(name, data=values)
    return path


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_drawn_splits_are_disjoint_complete_and_stratified(tmp_path: Path, suffix: str) -> None:
    images, labels = counted(1000)
    path = write(tmp_path / f"events{suffix}", CaloRegions=images, target=labels)
    dataset = read(path, images="CaloRegions", labels="target", seed=7)
    numbers = [number(split) for _, split in dataset.splits()]
    assert sorted(np.concatenate(numbers)) == list(range(1000))
    assert [len(split) for _, split in dataset.splits()] == [600, 200, 200]
    for _, split in dataset.splits():
        np.testing.assert_array_equal(split.labels, number(split) % 4 == 0)
        assert split.labels.mean() == pytest.approx(0.25)
    assert dataset.train.images.shape == (600, 18, 14, 1)
    assert dataset.geometry.shape == (18, 14, 1)


def test_the_seed_decides_the_splits(tmp_path: Path) -> None:
    images, labels = counted(100)
    path = write(tmp_path / "events.npz", images=images, labels=labels)
    assert read(path, seed=1).fingerprint == read(path, seed=1).fingerprint
    assert read(path, seed=1).fingerprint != read(path, seed=2).fingerprint
    assert [len(split) for _, split in read(path, fractions=(0.2, 0.2, 0.6)).splits()] == [20, 20, 60]


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_splits_of_the_file_are_kept(tmp_path: Path, suffix: str) -> None:
    arrays: dict[str, Any] = {}
    for name, events in (("train", 40), ("val", 12), ("test", 20)):
        arrays[f"x_{name}"], arrays[f"y_{name}"] = counted(events)
    path = write(tmp_path / f"events{suffix}", **arrays)
    dataset = read(path, images="x_{split}", labels="y_{split}", split_names=("train", "val", "test"))
    assert [len(split) for _, split in dataset.splits()] == [40, 12, 20]
    np.testing.assert_array_equal(number(dataset.validation), np.arange(12))
    with pytest.raises(DatasetError, match="either both names or none"):
        read(path, images="x_{split}", labels="y_train")


def test_npy_images_come_with_a_file_of_labels(tmp_path: Path) -> None:
    images, labels = counted(100, (20, 12, 2))
    np.save(tmp_path / "images.npy", np.asfortranarray(images))
    np.save(tmp_path / "labels.npy", labels[:, np.newaxis])
    dataset = read(tmp_path / "images.npy", labels_path=tmp_path / "labels.npy")
    assert sorted(np.concatenate([number(split) for _, split in dataset.splits()])) == list(range(100))
    assert dataset.geometry.channels == ("channel 0", "channel 1")
    with pytest.raises(DatasetError, match=r"images\.npy: an NPY file holds images only"):
        read(tmp_path / "images.npy")


def test_whole_floats_are_counts_and_large_ones_keep_their_value(tmp_path: Path) -> None:
    images, labels = counted(40)
    path = write(tmp_path / "events.npz", images=images.astype(np.float32), labels=labels.astype(bool))
    assert read(path).train.images.dtype == np.uint16
    wide = images.astype(np.uint64)
    wide[3, 5, 5] = 100_000
    dataset = read(write(tmp_path / "wide.npz", images=wide, labels=labels))
    assert max(int(split.images.max()) for _, split in dataset.splits()) == 100_000


@pytest.mark.parametrize(
    "type", ["float16", "float32", "float64", "longdouble", "int16", "int64", "uint64", ">u4", ">f2"]
)
@pytest.mark.filterwarnings("error")
def test_every_type_of_number_gives_the_same_counts(tmp_path: Path, type: str) -> None:
    images, labels = counted(40)
    dataset = read(write(tmp_path / "events.npz", images=images.astype(type), labels=labels))
    assert dataset.fingerprint == read(write(tmp_path / "plain.npz", images=images, labels=labels)).fingerprint


@pytest.mark.parametrize(
    ("type", "value"),
    [("int64", 2**32 + 3), ("uint64", 2**32 + 3), ("int8", -1), ("float16", -1), ("float16", np.inf), ("float16", 0.5)],
)
@pytest.mark.filterwarnings("error")
def test_counts_that_no_type_of_ours_holds_are_refused(tmp_path: Path, type: str, value: float) -> None:
    images, labels = counted(40)
    images = images.astype(type)
    images[7, 3, 4] = value
    with pytest.raises(DatasetError, match=f"found {value}.* in event 7"):
        read(write(tmp_path / "events.npz", images=images, labels=labels))


def test_a_stated_full_scale_is_kept(tmp_path: Path) -> None:
    images, labels = counted(40)
    path = write(tmp_path / "events.h5", images=images, labels=labels)
    assert read(path).bits == 6  # event 39 carries its number
    assert read(path, full_scale=255).bits == 8
    with h5py.File(path, "r+") as file:
        file["images"].attrs["full_scale"] = np.uint16(4095)
    assert read(path).bits == 12
    save(tmp_path / "own.h5", read(path))
    assert read(tmp_path / "own.h5").bits == 12
    with h5py.File(path, "r+") as file:
        file["images"].attrs["full_scale"] = "twelve bits"
    with pytest.raises(DatasetError, match=r"full_scale.*a whole number is needed"):
        read(path)


def test_a_file_of_our_own_is_simply_loaded(tmp_path: Path, dataset: Dataset) -> None:
    save(tmp_path / "own.h5", dataset)
    assert read(tmp_path / "own.h5").fingerprint == dataset.fingerprint


def test_images_with_phi_first_are_turned(tmp_path: Path) -> None:
    images, labels = counted(40)
    images[:, 17, 3] = 77
    path = write(tmp_path / "regions.npz", images=images, labels=labels)
    dataset = read(path, phi_first=True)
    assert dataset.geometry.shape == (14, 18, 1)
    assert np.all(dataset.train.images[:, 3, 17, 0] == 77)
    assert np.count_nonzero(dataset.train.images == 77) == len(dataset.train)


def test_what_a_count_means_can_be_given(tmp_path: Path) -> None:
    images, labels = counted(40)
    path = write(tmp_path / "events.npz", images=images, labels=labels)
    dataset = read(path, geometry=Geometry.uniform(18, 14, eta=(-3, 3)), lsb=1.0, crossing_rate=40e6)
    assert (dataset.geometry.eta_edges[0], dataset.lsb, dataset.crossing_rate) == (-3.0, 1.0, 40e6)
    with pytest.raises(DatasetError, match=r"events\.npz: the train images have shape"):
        read(path, geometry=Geometry.uniform(20, 12))


def spoiled(change: str) -> dict[str, Any]:
    images, labels = counted(40)
    values: Any = images.astype(np.float64)
    if change == "NaN":
        values[17, 2, 3] = np.nan
    elif change == "infinite":
        values[17, 2, 3] = np.inf
    elif change == "negative":
        values[17, 2, 3] = -1
    elif change == "fraction":
        values[17, 2, 3] = 0.25
    elif change == "huge":
        values[17, 2, 3] = 2.0**40
    return {"images": values, "labels": labels}


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("NaN", "found nan in event 17; finite numbers are allowed"),
        ("infinite", "found inf in event 17; finite numbers are allowed"),
        ("negative", r"found -1\.0 in event 17; counts from 0"),
        ("fraction", r"found 0\.25 in event 17; whole numbers"),
        ("huge", "found 1099511627776.0 in event 17; counts from 0 to 4294967295 are allowed"),
    ],
)
def test_bad_pixels_are_named(tmp_path: Path, suffix: str, change: str, sentence: str) -> None:
    path = write(tmp_path / f"bad{suffix}", **spoiled(change))
    with pytest.raises(DatasetError, match=rf"bad\{suffix}, images 'images': {sentence}"):
        read(path)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"images": np.zeros((9, 4, 4), np.uint8)}, "there is no array 'labels'. The file holds images"),
        ({"labels": np.zeros(9)}, "there is no array 'images'. The file holds labels"),
        ({"images": np.zeros((9, 16), np.uint8), "labels": np.arange(9) % 2}, r"found shape \(9, 16\)"),
        ({"images": np.zeros((0, 4, 4), np.uint8), "labels": np.zeros(0)}, r"found shape \(0, 4, 4, 1\)"),
        ({"images": np.zeros((9, 4, 4), np.uint8), "labels": np.arange(8) % 2}, "9 images .* but 8 labels"),
        ({"images": np.zeros((9, 4, 4), np.uint8), "labels": np.arange(9) % 3}, "found 2 in event 2; 0"),
        ({"images": np.zeros((9, 4, 4), np.uint8), "labels": np.eye(9)}, r"found shape \(9, 9\); \(events,\)"),
        ({"images": np.zeros((9, 4, 4), np.uint8), "labels": np.zeros(9)}, r"only the classes \[0(\.0)?\]"),
        ({"images": np.zeros((9, 4, 4), np.uint8), "labels": np.full(9, np.nan)}, "found nan in event 0; 0"),
        ({"images": np.zeros((9, 4, 4), np.uint8), "labels": np.arange(9) == 0}, "1 signal events .* too few"),
        ({"images": np.zeros((9, 4, 4), complex), "labels": np.arange(9) % 2}, "found type complex128"),
        ({"images": np.full((9, 4, 4), b"x"), "labels": np.arange(9) % 2}, r"found type \|S1"),
    ],
)
def test_arrays_that_are_not_events_are_refused(
    tmp_path: Path, suffix: str, arrays: dict[str, Any], sentence: str
) -> None:
    path = write(tmp_path / f"bad{suffix}", **arrays)
    with pytest.raises(DatasetError, match=rf"bad\{suffix}.*{sentence}"):
        read(path)


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.5, 0.5, 0.5), (1.0, 0.0, 0.0), (1.2, -0.1, -0.1)])
def test_fractions_must_share_all_events(tmp_path: Path, fractions: tuple[float, ...]) -> None:
    images, labels = counted(40)
    path = write(tmp_path / "events.npz", images=images, labels=labels)
    with pytest.raises(DatasetError, match="three positive numbers with the sum 1"):
        read(path, fractions=fractions)


@pytest.mark.parametrize("name", ["events.npz", "events.h5", "images.npy"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.4, 0.8, 0.999])
def test_truncated_files_are_refused(tmp_path: Path, name: str, share: float) -> None:
    images = np.random.default_rng(0).integers(0, 99, (200, 8, 8))
    labels = np.arange(200) % 2
    path = tmp_path / name
    np.save(tmp_path / "labels.npy", labels)
    if path.suffix == ".npy":
        np.save(path, images)
    else:
        write(path, images=images, labels=labels)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DatasetError, match=name):
        read(path, labels_path=tmp_path / "labels.npy")


@pytest.mark.parametrize("name", ["events.npz", "events.h5", "images.npy"])
def test_damaged_files_end_in_a_sentence_or_the_right_shape(tmp_path: Path, name: str) -> None:
    path, labels = tmp_path / name, np.arange(60) % 2
    np.save(tmp_path / "labels.npy", labels)
    if path.suffix == ".npy":
        np.save(path, np.ones((60, 4, 4), np.uint8))
    else:
        write(path, images=np.ones((60, 4, 4), np.uint8), labels=labels)
    content = path.read_bytes()
    places = 15 if path.suffix == ".h5" else 60  # each is given to another process; tests/fuzz has more
    for place in range(0, len(content), max(1, len(content) // places)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            dataset = read(path, labels_path=tmp_path / "labels.npy")
        except DatasetError as error:
            message = str(error)
        else:
            message = name if dataset.geometry.shape[0] * dataset.geometry.shape[1] == 16 else "wrong shape"
        assert name in message


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path(tmp_path / "sprung").write_text, ("x",))

    trap = np.array([Trap()], dtype=object)
    np.save(tmp_path / "images.npy", trap, allow_pickle=True)
    np.savez(tmp_path / "events.npz", images=trap, labels=np.arange(1))
    np.save(tmp_path / "labels.npy", np.arange(2))
    for name in ("images.npy", "events.npz"):
        with pytest.raises(DatasetError, match=rf"{name}.*found type object"):
            read(tmp_path / name, labels_path=tmp_path / "labels.npy")
    assert not (tmp_path / "sprung").exists()


def npy_header(shape: str) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [("(9000000000000, 4, 4)", "at most"), ("(1000000, 4, 4)", "but only"), ("(90, 4, 4)", "corrupt or incomplete")],
)
def test_declared_sizes_are_not_trusted(tmp_path: Path, shape: str, sentence: str) -> None:
    content = npy_header(shape) + bytes(64)
    (tmp_path / "images.npy").write_bytes(content)
    np.save(tmp_path / "labels.npy", np.arange(2))
    with zipfile.ZipFile(tmp_path / "events.npz", "w") as archive:
        archive.writestr("images.npy", content)
    for name in ("images.npy", "events.npz"):
        with pytest.raises(DatasetError, match=rf"{name}.*declares shape.*{sentence}"):
            read(tmp_path / name, labels_path=tmp_path / "labels.npy")


def test_declared_sizes_of_hdf5_are_not_trusted(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "events.h5", "w") as file:
        file["labels"] = np.arange(2)
        file.create_dataset("images", (10**8, 4, 4), np.uint8, chunks=(1, 4, 4))
    with pytest.raises(DatasetError, match=r"declares shape \(100000000, 4, 4\).*only 0 bytes are stored"):
        read(tmp_path / "events.h5")


def test_numbers_from_another_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(160))
    with h5py.File(tmp_path / "events.h5", "w") as file:
        file["labels"] = np.arange(10) % 2
        file.create_dataset("images", (10, 4, 4), np.uint8, external=[(str(tmp_path / "secret"), 0, 160)])
    with pytest.raises(DatasetError, match="numbers lie in other files"):
        read(tmp_path / "events.h5")


@pytest.mark.parametrize("content", [b"", b"eta,phi,et\n1,2,3\n", bytes(1000)])
def test_files_of_other_kinds_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "events.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=r"events\.csv: this is neither an HDF5, nor an NPZ, nor an NPY file"):
        read(tmp_path / "events.csv")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere\.npz: the file cannot be read"):
        read(tmp_path / "nowhere.npz")


def test_a_group_is_no_array(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "events.h5", "w") as file:
        file["images/inner"] = np.zeros(3)
    with pytest.raises(DatasetError, match=r"found a group; an array is needed. The file holds images/inner float64"):
        read(tmp_path / "events.h5")


def test_npz_is_read_like_numpy_does(tmp_path: Path) -> None:
    stream = io.BytesIO()
    images, labels = counted(40)
    np.savez(stream, images=images.astype(">u4"), labels=labels.astype(">i2"))
    (tmp_path / "events.dat").write_bytes(stream.getvalue())
    dataset = read(tmp_path / "events.dat")
    assert sorted(np.concatenate([number(split) for _, split in dataset.splits()])) == list(range(40))


def grouped(events: int, copies: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Every event `copies` times in a row: images, labels, and the number of the event."""
    images, labels = counted(events)
    return (
        np.repeat(images, copies, axis=0),
        np.repeat(labels, copies),
        np.repeat(np.arange(events, dtype=np.int64) * 7 - 3, copies),
    )


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize("name", [None, "collision"])
def test_events_of_one_group_stay_in_one_split(tmp_path: Path, suffix: str, name: str | None) -> None:
    images, labels, groups = grouped(200, 5)
    path = write(tmp_path / f"events{suffix}", images=images, labels=labels, **{name or "group": groups})
    dataset = read(path, groups=name)
    numbers = [set(number(split).tolist()) for _, split in dataset.splits()]
    assert [len(split) for _, split in dataset.splits()] == [600, 200, 200]
    assert set.union(*numbers) == set(range(200))
    assert sum(len(found) for found in numbers) == 200
    assert dataset.provenance["splits"]["groups"] == (name or "group")
    apart = read(write(tmp_path / f"apart{suffix}", images=images, labels=labels))
    assert sum(len(set(number(split).tolist())) for _, split in apart.splits()) > 200


def test_groups_that_cannot_be_shared_out_are_refused(tmp_path: Path) -> None:
    images, labels, groups = grouped(40, 2)
    path = write(tmp_path / "events.npz", images=images, labels=labels, group=np.minimum(groups, 1))
    with pytest.raises(DatasetError, match="too few or too uneven"):
        read(path)
    path = write(tmp_path / "events.npz", images=images, labels=labels, group=groups[1:])
    with pytest.raises(DatasetError, match=r"groups 'group': found int64 of shape \(79,\)"):
        read(path)
    with pytest.raises(DatasetError, match="there is no array 'collision'"):
        read(path, groups="collision")


def test_npz_members_of_another_compression_are_refused(tmp_path: Path) -> None:
    images, labels = counted(40)
    for method in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        with zipfile.ZipFile(tmp_path / "events.npz", "w", method) as archive:
            for key, values in (("images", images), ("labels", labels)):
                stream = io.BytesIO()
                np.save(stream, values)
                archive.writestr(f"{key}.npy", stream.getvalue())
        with pytest.raises(DatasetError, match=f"packed by method {method}"):
            read(tmp_path / "events.npz")


def test_another_kind_of_file_can_be_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers as text, one event a line, its label first."""
    monkeypatch.setattr(kinds, "KINDS", list(kinds.KINDS))

    def recognises(path: Path) -> bool:
        return path.read_bytes().startswith(b"# events\n")

    def array(path: Path, key: str) -> NDArray[Any]:
        table = np.loadtxt(path, dtype=np.int64)
        return table[:, 0] if key == "labels" else table[:, 1:].reshape(len(table), 2, 2)

    register(Kind("text", recognises, array))
    lines = "".join(f"{event % 2} {event} 0 0 1\n" for event in range(40))
    (tmp_path / "events.txt").write_text(f"# events\n{lines}")
    dataset = read(tmp_path / "events.txt")
    assert sorted(np.concatenate([split.images[:, 0, 0, 0] for _, split in dataset.splits()])) == list(range(40))
