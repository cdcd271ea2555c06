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
    """Open an HDF5 file for reading. Raises `DatasetError` when it is missing, truncated or not HDF5."""
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file")
    try:
        file = h5py.File(path, "r")
    except (OSError, RuntimeError, ValueError) as error:
        raise DatasetError(f"{path}: this is not a complete HDF5 file ({_reason(error)})") from error
    try:
        yield file
    finally:
        file.close()


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
    try:
        return np.asarray(node[()])
    except (OSError, RuntimeError, ValueError) as error:
        raise DatasetError(f"{where}: its numbers cannot be read, the file is corrupt ({_reason(error)})") from error


def read_text(file: h5py.File, key: str, path: Path) -> str:
    """The text called `key`. Raises `DatasetError` when it is not there or is no text."""
    node = _find(file, key, path)
    if isinstance(node, h5py.Dataset) and node.shape == () and h5py.check_string_dtype(node.dtype):
        try:
            return cast(str, node.asstr()[()])
        except (OSError, RuntimeError, ValueError) as error:
            raise DatasetError(f"{path}, {key!r}: the text cannot be read ({_reason(error)})") from error
    raise DatasetError(f"{path}, {key!r}: a text is needed there")


def listing(file: h5py.File) -> str:
    """The arrays a file holds, with type and shape, for a message."""
    found: list[str] = []

    def visit(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset) and len(found) < 20:
            found.append(f"{name} {node.dtype} {node.shape}")

    try:
        file.visititems(visit)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        return f"a table of contents that cannot be read ({_reason(error)})"
    return "; ".join(found) or "no array"


def _find(file: h5py.File, key: str, path: Path) -> object:
    group: Any = file
    try:
        for part in key.strip("/").split("/"):
            link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
            if link is None:
                raise DatasetError(f"{path}: there is no array {key!r}. The file holds {listing(file)}")
            if isinstance(link, h5py.ExternalLink):
                raise DatasetError(f"{path}, {key!r}: it is a link to another file, which is not allowed")
            group = group[part]
    except (OSError, RuntimeError, KeyError) as error:
        raise DatasetError(f"{path}, {key!r}: it cannot be opened, the file is corrupt ({_reason(error)})") from error
    return group


def _reason(error: Exception) -> str:
    return str(error).strip("'\"") or type(error).__name__
