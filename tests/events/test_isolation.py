"""HDF5 files that would end or stop the process that reads them, and what is said of honest ones that look odd."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from narrowgate.events import Dataset, DatasetError, load, load_sample, read, sample_path, save
from narrowgate.events import _isolation as isolation

HOSTILE = Path(__file__).parent / "hostile"
"""Two bytes changed in files that were good: found by mutation."""

WAYS = ("_in_a_fork", "_in_a_process")


@pytest.fixture
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were given to another process, with a cache folder that holds nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    seen: list[Path] = []
    original: Callable[..., str] = isolation._in_a_process

    def noted(path: Path, *arguments: object) -> str:
        seen.append(path)
        return original(path, *arguments)

    monkeypatch.setattr(isolation, "_in_a_process", noted)
    return seen


@pytest.mark.parametrize("file", sorted(HOSTILE.iterdir()), ids=lambda file: file.stem)
def test_bytes_that_end_or_stop_the_hdf5_library_end_in_a_sentence(file: Path, looks: list[Path]) -> None:
    with pytest.raises(DatasetError, match=f"{file.name}: this is not an intact HDF5 file"):
        read(file)
    assert looks == [file]


def test_a_process_that_may_fork_says_the_same() -> None:
    """Without JAX, as in `narrowgate inspect`, the other process is a fork of this one."""
    program = (
        "import sys, pathlib; from narrowgate.events import read, DatasetError\n"
        "assert 'jax' not in sys.modules\n"
        "for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    try: read(file)\n"
        "    except DatasetError as error: print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", program, str(HOSTILE)], capture_output=True, text=True, check=True)
    for line, file in zip(found.stdout.splitlines(), sorted(HOSTILE.iterdir()), strict=True):
        assert f"{file.name}: this is not an intact HDF5 file (" in line


def test_a_file_that_was_read_well_is_not_looked_at_again(tmp_path: Path, looks: list[Path]) -> None:
    path = tmp_path / "events.h5"
    with h5py.File(path, "w") as file:
        file["images"], file["labels"] = np.ones((40, 4, 4), np.uint8), np.arange(40) % 2
    read(path)
    read(path)
    assert looks == [path]
    with h5py.File(path, "r+") as file:
        file["images"][3] = 7
    read(path)
    assert looks == [path, path]


def test_the_sample_and_files_of_our_own_making_need_no_look(
    tmp_path: Path, dataset: Dataset, looks: list[Path]
) -> None:
    save(tmp_path / "own.h5", dataset)
    load(tmp_path / "own.h5")
    read(sample_path())
    load_sample()
    assert looks == []


def test_what_the_other_process_says_is_what_is_said(tmp_path: Path, looks: list[Path]) -> None:
    path = tmp_path / "events.h5"
    with h5py.File(path, "w") as file:
        file["pictures"], file["labels"] = np.ones((40, 4, 4), np.uint8), np.arange(40) % 2
    with pytest.raises(DatasetError, match=r"there is no array 'images'. The file holds labels int64 \(40,\)"):
        read(path)
    assert looks == [path]


def filtered(path: Path, number: int) -> None:
    """Images that say they are packed with a filter; the bytes are none of its."""
    images = np.ones((40, 4, 4), np.uint8)
    with h5py.File(path, "w") as file:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk(images.shape)
        created.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (3,))
        space = h5py.h5s.create_simple(images.shape)
        array = h5py.h5d.create(file.id, b"images", h5py.h5t.NATIVE_UINT8, space, created)
        array.write_direct_chunk((0, 0, 0), bytes(500), filter_mask=0)
        file["labels"] = np.arange(40) % 2


@pytest.mark.parametrize(("number", "name"), [(32026, r"Blosc2 \(32026\)"), (40000, "number 40000")])
def test_a_filter_that_is_missing_is_named(tmp_path: Path, number: int, name: str) -> None:
    filtered(tmp_path / "events.h5", number)
    with pytest.raises(DatasetError, match=rf"array 'images': it is packed with the filter {name}.*hdf5plugin"):
        read(tmp_path / "events.h5")


def test_a_file_that_is_still_open_elsewhere_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "events.h5"
    program = "import h5py, sys; file = h5py.File(sys.argv[1], 'w'); file['images'] = [1]; file.flush(); input()"
    command = [sys.executable, "-c", f"{program.replace('input()', 'print(flush=True); input()')}", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(DatasetError, match="still open for writing somewhere else"):
            read(path)
        writer.communicate(b"\n")


def test_chunks_that_were_never_written_are_the_fill_value(tmp_path: Path) -> None:
    path, events = tmp_path / "events.h5", 20_000
    with h5py.File(path, "w") as file:
        images = file.create_dataset("images", (events, 4, 4), np.uint8, chunks=(100, 4, 4), fillvalue=3)
        images[:100] = 5
        file["labels"] = np.arange(events) % 2
    splits = dict(read(path).splits())
    assert sum(int((split.images == 5).sum()) for split in splits.values()) == 100 * 16
    assert sum(int((split.images == 3).sum()) for split in splits.values()) == (events - 100) * 16


def test_numbers_that_take_no_room_are_read(tmp_path: Path) -> None:
    """Sorted labels by scale and offset: HDF5 keeps a few bytes for each chunk."""
    path, events = tmp_path / "events.h5", 1_000_000
    with h5py.File(path, "w") as file:
        images = np.ones((events, 1, 1), np.uint8)
        file.create_dataset("images", data=images, chunks=(100_000, 1, 1), compression="gzip")
        labels = (np.arange(events) < events // 2).astype(np.int64)
        file.create_dataset("labels", data=labels, chunks=(100_000,), scaleoffset=0)
    assert sum(int(split.labels.sum()) for _, split in read(path).splits()) == events // 2


def test_a_virtual_array_of_the_same_file_is_read_and_one_of_another_is_not(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 9, (40, 4, 4)).astype(np.uint8)
    for name, source in (("same", "."), ("other", "source.h5")):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["raw"], file["labels"] = images, np.arange(40) % 2
            layout = h5py.VirtualLayout(images.shape, images.dtype)
            layout[:] = h5py.VirtualSource(source, "raw", images.shape)
            file.create_virtual_dataset("images", layout)
    found = read(tmp_path / "same.h5")
    assert sum(int(split.images.sum()) for _, split in found.splits()) == int(images.sum())
    with pytest.raises(DatasetError, match=r"numbers lie in other files \('source.h5'\)"):
        read(tmp_path / "other.h5")
    with h5py.File(tmp_path / "itself.h5", "w") as file:
        file["labels"] = np.arange(40) % 2
        layout = h5py.VirtualLayout(images.shape, images.dtype)
        layout[:] = h5py.VirtualSource(".", "images", images.shape)
        file.create_virtual_dataset("images", layout)
    with pytest.raises(DatasetError, match="'images', of which it is made, is no plain array"):
        read(tmp_path / "itself.h5")


def test_a_name_that_is_no_text_is_no_trouble(tmp_path: Path, looks: list[Path]) -> None:
    path = tmp_path / "caf\udce9.h5"  # latin-1, as Python has it on a system that speaks UTF-8
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["pictures"] = np.ones((40, 4, 4), np.uint8)
    (tmp_path / "plain.h5").rename(path)
    with pytest.raises(DatasetError, match="there is no array 'images'"):
        read(path)
    assert looks == [path]
