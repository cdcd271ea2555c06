"""Opening HDF5 files that somebody else made: errors as sentences, nothing outside the file, no trusted sizes."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
from numpy.typing import NDArray

from narrowgate.events._errors import DatasetError
from narrowgate.events._limits import check_size

SIGNATURE = b"\x89HDF\r\n\x1a\n"

BROKEN = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, OverflowError, NotImplementedError)
"""What h5py raises, at any call, for damaged files."""

FILTERS = {
    305: "LZO",
    307: "bzip2",
    32000: "LZF",
    32001: "Blosc",
    32004: "LZ4",
    32008: "Bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32017: "SZ",
    32026: "Blosc2",
}
"""By their numbers in the HDF Group's register of filter plugins."""

WALKED_BYTES = 2**24
"""An array that is looked at, and not kept, is read in parts of about so many bytes."""


def is_hdf5(path: Path) -> bool:
    """Whether a file has HDF5's signature, at its start or at 512, 1024, 2048 … bytes. Asks not the HDF5 library.

    Raises `OSError` when the file cannot be read.
    """
    with path.open("rb") as stream:
        end, place = path.stat().st_size, 0
        while place < end:
            stream.seek(place)
            if stream.read(len(SIGNATURE)) == SIGNATURE:
                return True
            place = max(512, 2 * place)
    return False


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Raises `DatasetError` when it is missing, not HDF5 or still being written, and when anything read inside the `with`
    block turns out to be corrupt: damaged HDF5 files make h5py raise errors of many kinds, at any call.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except DatasetError:
        raise
    except BROKEN as error:
        reason = str(error).strip("'\"") or type(error).__name__
        if "lock file" in reason or "already open for" in reason:
            raise DatasetError(
                f"{path}: the file is still open for writing somewhere else; it can be read when it is closed there "
                f"({reason})"
            ) from error
        raise DatasetError(f"{path}: this is not an intact HDF5 file ({reason})") from error


def read_array(file: h5py.File, key: str, path: Path) -> NDArray[Any]:
    """The array called `key` ("images", "train/labels", …), numbers only, of the shape it declares.

    What was never written is the fill value, as HDF5 has it.

    Raises `DatasetError` when it is not there, is no array of numbers, lies in another file, needs a filter that is not
    installed, or cannot be read.
    """
    node = _array(file, key, path)
    with _naming_filters(node, f"{path}, array {key!r}"):
        return np.asarray(node[()])


def walk_array(file: h5py.File, key: str, path: Path) -> None:
    """Read the array called `key` in parts and keep nothing; errors as for `read_array`."""
    node = _array(file, key, path)
    with _naming_filters(node, f"{path}, array {key!r}"):
        if not node.shape:
            _ = node[()]
            return
        each = max(1, int(np.prod(node.shape[1:], dtype=np.float64)) * node.dtype.itemsize)
        step = max(1, WALKED_BYTES // each, (node.chunks or (1,))[0])
        for start in range(0, node.shape[0], step):
            _ = node[start : start + step]


def read_text(file: h5py.File, key: str, path: Path) -> str:
    """The text called `key`. Raises `DatasetError` when it is not there or is no text."""
    node = _find(file, key, path)
    if isinstance(node, h5py.Dataset) and node.shape == () and h5py.check_string_dtype(node.dtype):
        return cast(str, node.asstr()[()])
    raise DatasetError(f"{path}, {key!r}: a text is needed there")


def listing(file: h5py.File) -> str:
    """The arrays a file holds, with type and shape, for a message."""
    found: list[str] = []

    def visit(name: str, node: object) -> bool | None:
        if isinstance(node, h5py.Dataset):
            found.append(f"{name} {node.dtype} {node.shape}")
        return True if len(found) == 20 else None

    file.visititems(visit)
    return "; ".join(found) or "no array"


def _array(file: h5py.File, key: str, path: Path) -> h5py.Dataset:
    """The array called `key`, when it may be read."""
    where = f"{path}, array {key!r}"
    node = _find(file, key, path)
    if not isinstance(node, h5py.Dataset):
        raise DatasetError(f"{where}: found a group; an array is needed. The file holds {listing(file)}")
    if node.external:
        raise DatasetError(f"{where}: its numbers lie in other files; only arrays inside the file are allowed")
    if node.dtype.kind not in "biuf" or node.shape is None:
        raise DatasetError(f"{where}: found type {node.dtype}; integers or floats are allowed")
    parts = _sources(file, node, where, path) if node.is_virtual else [node]
    check_size(node.shape, node.dtype.itemsize, sum(part.id.get_storage_size() for part in parts), where, filled=True)
    return node


def _sources(file: h5py.File, node: h5py.Dataset, where: str, path: Path) -> list[h5py.Dataset]:
    """The arrays that a virtual one is made of, which must be plain ones of the same file."""
    found: dict[str, h5py.Dataset] = {}
    for source in node.virtual_sources():
        if source.file_name != ".":
            raise DatasetError(
                f"{where}: it is virtual, and its numbers lie in other files ({source.file_name!r}); only arrays "
                f"inside the file are allowed"
            )
        part = _find(file, source.dset_name, path)
        if not isinstance(part, h5py.Dataset) or part.external or part.is_virtual:
            raise DatasetError(
                f"{where}: it is virtual, and {source.dset_name!r}, of which it is made, is no plain array"
            )
        found[source.dset_name] = part
    return list(found.values())


@contextmanager
def _naming_filters(node: h5py.Dataset, where: str) -> Iterator[None]:
    """Say which filter is missing when an array cannot be read for that reason."""
    missing = _missing_filters(node)
    if missing:
        with suppress(ImportError):
            importlib.import_module("hdf5plugin")  # brings the registered filters, where it is installed
            missing = _missing_filters(node)
    try:
        yield
    except BROKEN as error:
        if not missing:
            raise
        raise DatasetError(
            f"{where}: it is packed with the filter {' and '.join(missing)}, which HDF5 does not have here; install "
            f"hdf5plugin (`pip install hdf5plugin`), or pack it with gzip (`h5repack -f GZIP=6`)"
        ) from error


def _missing_filters(node: h5py.Dataset) -> list[str]:
    created = node.id.get_create_plist()
    numbers = [int(created.get_filter(place)[0]) for place in range(created.get_nfilters())]
    return [
        f"{FILTERS[number]} ({number})" if number in FILTERS else f"number {number}"
        for number in numbers
        if not h5py.h5z.filter_avail(number)
    ]


def _find(file: h5py.File, key: str, path: Path) -> object:
    node: Any = file
    for part in key.strip("/").split("/"):
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) else None
        if link is None:
            raise DatasetError(f"{path}: there is no array {key!r}. The file holds {listing(file)}")
        if isinstance(link, h5py.ExternalLink):
            raise DatasetError(f"{path}, {key!r}: it is a link to another file, which is not allowed")
        node = node[part]
    return node
