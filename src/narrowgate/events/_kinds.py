"""The kinds of file that arrays are read from, each recognised by its content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events._errors import DatasetError
from narrowgate.events._hdf5 import is_hdf5, open_hdf5, read_array
from narrowgate.events._isolation import check_hdf5
from narrowgate.events._numpy_files import NPY_MAGIC, NPZ_MAGIC, npz_names, read_npy, read_npz


def _nothing(path: Path, keys: Sequence[str], optional: Sequence[str]) -> None:
    pass


def _no_names(path: Path) -> Sequence[str]:
    return ()


def _not_stated(path: Path, key: str) -> int | None:
    return None


@dataclass(frozen=True)
class Kind:
    """How arrays come out of one kind of file. Every function raises `DatasetError` for a file that is not intact.

    `recognises` looks at a file's content; `array` reads the array of a name, numbers only; `names` lists those at the
    top of the file; `check` is called once before anything is read, with the names that will be and those that will be
    where they are there; `full_scale` is the largest count that the images of a name can have, where the file says so.
    """

    word: str
    recognises: Callable[[Path], bool]
    array: Callable[[Path, str], NDArray[Any]]
    names: Callable[[Path], Sequence[str]] = _no_names
    check: Callable[[Path, Sequence[str], Sequence[str]], None] = _nothing
    full_scale: Callable[[Path, str], int | None] = _not_stated
    named: bool = True
    """Whether arrays have names: a file without them holds one."""


KINDS: list[Kind] = []
"""In the order in which they are asked; `register` adds one."""


def register(kind: Kind) -> None:
    """Have `read` know one more kind of file; it is asked after those that are known."""
    KINDS.append(kind)


def kind_of(path: Path) -> Kind:
    """The kind of a file. Raises `DatasetError` when it cannot be read, or is of none."""
    try:
        for kind in KINDS:
            if kind.recognises(path):
                return kind
    except OSError as error:
        raise DatasetError(f"{path}: the file cannot be read ({error.strerror or error})") from error
    *others, last = (kind.word for kind in reversed(KINDS))
    words = f"an {', nor an '.join(others)}, nor an {last}"
    raise DatasetError(f"{path}: this is neither {words} file; those are allowed")


def _starts_with(magic: bytes) -> Callable[[Path], bool]:
    def recognises(path: Path) -> bool:
        with path.open("rb") as stream:
            return stream.read(len(magic)) == magic

    return recognises


def _hdf5_names(path: Path) -> Sequence[str]:
    with open_hdf5(path) as file:
        return [str(name) for name in file]


def _hdf5_array(path: Path, key: str) -> NDArray[Any]:
    with open_hdf5(path) as file:
        return read_array(file, key, path)


def _hdf5_full_scale(path: Path, key: str) -> int | None:
    with open_hdf5(path) as file:
        value = file[key].attrs.get("full_scale")
        if value is not None and (np.ndim(value) or np.asarray(value).dtype.kind not in "iu"):
            raise DatasetError(f"{path}, attribute 'full_scale' of {key!r}: a whole number is needed; found {value!r}")
    return None if value is None else int(value)


register(Kind("NPY", _starts_with(NPY_MAGIC), lambda path, _: read_npy(path), named=False))
register(Kind("NPZ", _starts_with(NPZ_MAGIC), read_npz, names=npz_names))
register(Kind("HDF5", is_hdf5, _hdf5_array, names=_hdf5_names, check=check_hdf5, full_scale=_hdf5_full_scale))
