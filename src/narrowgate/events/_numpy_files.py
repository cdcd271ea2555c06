"""Arrays from NPY and NPZ files that somebody else made: never pickles, and no trusted sizes."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from narrowgate.events._errors import DatasetError
from narrowgate.events._limits import check_size

NPY_MAGIC = b"\x93NUMPY"
NPZ_MAGIC = b"PK"

_BROKEN = (
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,  # a compression method that zipfile does not know
    RuntimeError,  # an encrypted archive
    SyntaxError,
    TokenError,  # a header that is no Python literal
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy and zipfile raise for damaged files."""


def read_npy(path: Path) -> NDArray[Any]:
    """The array of an NPY file. Raises `DatasetError` when it is no array of numbers, or the file is incomplete."""
    where = str(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            return _read(stream, size, size, where)
    except _BROKEN as error:
        raise _sentence(error, where) from error


def npz_names(path: Path) -> list[str]:
    """The arrays of an NPZ file. Raises `DatasetError` when it is no intact archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [info.filename.removesuffix(".npy") for info in archive.infolist()]
    except _BROKEN as error:
        raise _sentence(error, str(path)) from error


def read_npz(path: Path, key: str) -> NDArray[Any]:
    """The array called `key` of an NPZ file. Raises `DatasetError` as `read_npy` does, or when there is no `key`."""
    where = f"{path}, array {key!r}"
    try:
        with zipfile.ZipFile(path) as archive:
            names = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if key not in names:
                raise DatasetError(f"{path}: there is no array {key!r}. The file holds {', '.join(names) or 'none'}")
            info = names[key]
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DatasetError(
                    f"{where}: it is packed by method {info.compress_type} of ZIP; as NumPy writes them, arrays are "
                    f"stored (0) or deflated (8), and those are allowed"
                )
            with archive.open(info) as stream:
                return _read(stream, info.file_size, info.compress_size, where)
    except _BROKEN as error:
        raise _sentence(error, where) from error


def _read(stream: IO[bytes], size: int, stored: int, where: str) -> NDArray[Any]:
    """Read one array whose header and numbers together fill `size` bytes, from `stored` bytes on disk."""
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise DatasetError(f"{where}: NPY version {version} found; (1, 0) and (2, 0) are allowed")
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = header(stream)
    if dtype.kind not in "biuf":
        raise DatasetError(f"{where}: found type {dtype}; integers or floats are allowed")
    check_size(shape, dtype.itemsize, stored, where)
    declared = math.prod(shape) * dtype.itemsize
    if stream.tell() + declared != size:
        raise DatasetError(
            f"{where}: declares shape {shape} of {dtype}, {declared} bytes, but {size - stream.tell()} bytes follow: "
            f"the file is corrupt or incomplete"
        )
    content = stream.read(declared)
    if len(content) != declared:
        raise DatasetError(f"{where}: {declared} bytes are declared but {len(content)} could be read")
    values = np.frombuffer(content, dtype=dtype)
    return values.reshape(shape, order="F" if fortran else "C")


def _sentence(error: Exception, where: str) -> DatasetError:
    if isinstance(error, DatasetError):
        return error
    return DatasetError(f"{where}: the file is corrupt or incomplete ({str(error) or type(error).__name__})")
