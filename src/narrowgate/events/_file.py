"""narrowgate's own data set file, HDF5: written aside and renamed, checked against its fingerprint when read.

The layout is described in docs/dataset.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from narrowgate.events._dataset import SPLITS, Dataset, Split
from narrowgate.events._errors import DatasetError, naming
from narrowgate.events._geometry import Geometry
from narrowgate.events._hdf5 import open_hdf5, read_array, read_text, walk_array
from narrowgate.events._isolation import check_hdf5, remember
from narrowgate.files import FileError, write_whole

FORMAT = "narrowgate data set"
VERSION = 1


class _Head(BaseModel):
    """The text `head` of a data set file. Later versions may say more in it."""

    model_config = ConfigDict(strict=True, extra="ignore")

    name: str
    channels: list[str]
    lsb: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    crossing_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    fingerprint: str
    full_scale: Annotated[int, Field(ge=0, lt=2**32)] | None = None


_HEAD: TypeAdapter[_Head] = TypeAdapter(_Head)
_PROVENANCE: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
Content = TypeVar("Content")


def save(path: str | Path, dataset: Dataset) -> None:
    """Write `dataset` to `path`. The file appears whole or not at all, and equal data sets give equal bytes.

    Raises `DatasetError` when the file cannot be written.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise DatasetError(f"{target}: the data set cannot be written there (there is no folder {target.parent})")

    def write(aside: Path) -> None:
        with h5py.File(aside, "w") as file:
            _write(file, dataset)

    try:
        write_whole(target, write)
    except FileError as error:
        raise DatasetError(f"{target}: the data set cannot be written there ({error.__cause__})") from error
    remember(target)


def load(path: str | Path) -> Dataset:
    """Read a data set file that `save` wrote.

    Raises `DatasetError` when the file is missing, truncated, of another kind, or does not match its fingerprint.
    """
    source = Path(path)
    with naming(source):
        check_hdf5(source)
    return load_sound(source)


def load_sound(source: Path) -> Dataset:
    """The same for a file that another process has looked at before."""
    with open_hdf5(source) as file, naming(source):
        _check_kind(file, source)
        head = _read_json(file, "head", source, _HEAD)
        provenance = _read_json(file, "provenance", source, _PROVENANCE)
        dataset = Dataset(
            **{split_name: _read_split(file, split_name, source) for split_name in SPLITS},
            geometry=Geometry(
                read_array(file, "geometry/eta_edges", source),
                read_array(file, "geometry/phi_edges", source),
                tuple(head.channels),
            ),
            lsb=head.lsb,
            crossing_rate=head.crossing_rate,
            provenance=provenance,
            name=head.name,
            full_scale=head.full_scale,
        )
    if dataset.fingerprint != head.fingerprint:
        raise DatasetError(
            f"{source}: the content has fingerprint {dataset.fingerprint}, but the file was written with "
            f"{head.fingerprint}: it has been altered or damaged"
        )
    return dataset


def is_dataset_file(path: str | Path) -> bool:
    """Whether `path` is an HDF5 file that says it is a narrowgate data set."""
    try:
        check_hdf5(Path(path))
        return is_own_file(Path(path))
    except DatasetError:
        return False


def is_own_file(path: Path) -> bool:
    """The same of a file that another process has looked at before; raises `DatasetError` for what is no HDF5 file."""
    with open_hdf5(path) as file:
        return is_own(file)


def is_own(file: h5py.File) -> bool:
    """Whether an open file says that it is a narrowgate data set."""
    return bool(np.array_equal(file.attrs.get("format"), FORMAT))


def walk_own(file: h5py.File, path: Path) -> None:
    """Read everything that `load` reads, and keep nothing."""
    _check_kind(file, path)
    _read_json(file, "head", path, _HEAD)
    _read_json(file, "provenance", path, _PROVENANCE)
    for key in ("geometry/eta_edges", "geometry/phi_edges"):
        walk_array(file, key, path)
    for split_name in SPLITS:
        for key in ("images", "labels", *(f"truth/{name}" for name in _truth(file, split_name))):
            walk_array(file, f"{split_name}/{key}", path)


def _write(file: h5py.File, dataset: Dataset) -> None:
    file.attrs["format"] = FORMAT
    file.attrs["version"] = VERSION
    head = {
        "name": dataset.name,
        "channels": dataset.geometry.channels,
        "lsb": dataset.lsb,
        "crossing_rate": dataset.crossing_rate,
        "fingerprint": dataset.fingerprint,
    }
    if dataset.full_scale is not None:
        head["full_scale"] = dataset.full_scale
    file["head"] = json.dumps(head, ensure_ascii=False, indent=1)
    file["provenance"] = json.dumps(dict(dataset.provenance), ensure_ascii=False, indent=1, sort_keys=True)
    file["geometry/eta_edges"] = dataset.geometry.eta_edges
    file["geometry/phi_edges"] = dataset.geometry.phi_edges
    for split_name, split in dataset.splits():
        _write_array(file, f"{split_name}/images", split.images)
        _write_array(file, f"{split_name}/labels", split.labels)
        for key, values in split.truth.items():
            _write_array(file, f"{split_name}/truth/{key}", values)


def _write_array(file: h5py.File, key: str, values: NDArray[Any]) -> None:
    if not values.size:
        file.create_dataset(key, data=values)
        return
    events = max(1, min(len(values), 2**22 // max(1, values[0].nbytes)))
    file.create_dataset(
        key,
        data=values,
        chunks=(events, *values.shape[1:]),
        compression="gzip",
        compression_opts=6,
        shuffle=True,
        fletcher32=True,
    )


def _check_kind(file: h5py.File, path: Path) -> None:
    version = file.attrs.get("version")
    if not is_own(file):
        raise DatasetError(f"{path}: this HDF5 file is not a narrowgate data set (no attribute format = {FORMAT!r})")
    if not np.array_equal(version, VERSION):
        raise DatasetError(
            f"{path}: the data set has layout version {version}; this narrowgate reads version {VERSION}"
        )


def _read_json(file: h5py.File, key: str, path: Path, kind: TypeAdapter[Content]) -> Content:
    try:
        return kind.validate_json(read_text(file, key, path))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])} missing"
            if item["type"] == "missing"
            else f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}".removeprefix(": ")
            for item in error.errors()[:5]
        )
        raise DatasetError(f"{path}, {key!r}: {wrong}") from None


def _read_split(file: h5py.File, split_name: str, path: Path) -> Split:
    truth = {name: read_array(file, f"{split_name}/truth/{name}", path) for name in _truth(file, split_name)}
    return Split(read_array(file, f"{split_name}/images", path), read_array(file, f"{split_name}/labels", path), truth)


def _truth(file: h5py.File, split_name: str) -> list[str]:
    group = file.get(f"{split_name}/truth")
    return [str(name) for name in group] if isinstance(group, h5py.Group) else []
