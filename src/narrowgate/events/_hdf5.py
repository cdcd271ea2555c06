"""Opening HDF5 files that somebody else made: errors as sentences, nothing outside the file, no trusted sizes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
from numpy.typing import NDArray

from narrowgate.events._errors import DatasetError
from narrowgate.events._limits import check_size


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Raises `DatasetError` when it is missing or not HDF5, and when anything read inside the `with` block turns out to
    be corrupt: damaged HDF5 files make h5py raise errors of many kinds, at any call.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except DatasetError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = str(error).strip("'\"") or type(error).__name__
        raise DatasetError(f"{path}: this is not an intact HDF5 file ({reason})") from error


def read_array(file: h5py.File, key: str, path: Path) -> NDArray[Any]:
    """The array called `key` ("images", "train/labels", …), numbers only, of the shape it declares.

    Raises `DatasetError` when it is not there, is no array of numbers, lies in another file, or cannot be read.
    """
    where = f"{path}, array {key!r}"
    node = _find(file, key, path)
    if not isinstance(node, h5py.Dataset):
        raise DatasetError(f"{where}: found a group; an array is needed. The file holds {listing(file)}")
    if node.external or node.is_virtual:
        raise DatasetError(f"{where}: its numbers lie in other files; only arrays inside the file are allowed")
    if node.dtype.kind not in "biuf" or node.shape is None:
        raise DatasetError(f"{where}: found type {node.dtype}; integers or floats are allowed")
    check_size(node.shape, node.dtype.itemsize, node.id.get_storage_size(), where)
    return np.asarray(node[()])


def read_text(file: h5py.File, key: str, path: Path) -> str:
    """The text called `key`. Raises `DatasetError` when it is not there or is no text."""
    node = _find(file, key, path)
    if isinstance(node, h5py.Dataset) and node.shape == () and h5py.check_string_dtype(node.dtype):
        return cast(str, node.asstr()[()])
    raise DatasetError(f"{path}, {key!r}: a text is needed there")


def listing(file: h5py.File) -> str:
    """The arrays a file holds, with type and shape, for a message."""
    found: list[str] = []

    def visit(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset) and len(found) < 20:
            found.append(f"{name} {node.dtype} {node.shape}")

    file.visititems(visit)
    return "; ".join(found) or "no array"


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
