"""All of an HDF5 file that will be read, read in parts and thrown away: what `_isolation` does in another process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from narrowgate.events._errors import naming
from narrowgate.events._file import is_own, walk_own
from narrowgate.events._hdf5 import open_hdf5, walk_array


def scan(path: Path, keys: Sequence[str], optional: Sequence[str]) -> None:
    """Read everything that `load` reads of a file of ours, or of another the arrays called `keys`.

    Those called `optional` are read where they are there. Raises `DatasetError` for what `load` and `read` refuse.
    """
    with open_hdf5(path) as file, naming(path):
        if is_own(file):
            walk_own(file, path)
            return
        names = [str(name) for name in file]
        for key in (*keys, *(name for name in optional if name in names)):
            walk_array(file, key, path)
            _ = dict(file[key].attrs)
