"""Event images from other people's files: named arrays in HDF5 and NPZ, single arrays in NPY."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from narrowgate.events._dataset import CROSSING_RATE, LSB, SPLITS, Dataset, Split
from narrowgate.events._errors import DatasetError, naming
from narrowgate.events._file import is_dataset_file, load
from narrowgate.events._geometry import Geometry
from narrowgate.events._hdf5 import open_hdf5, read_array
from narrowgate.events._numpy_files import NPY_MAGIC, NPZ_MAGIC, npz_names, read_npy, read_npz

CLASSES = ((0, "background"), (1, "signal"))

GROUP = "group"
"""The array that is looked for where nobody names one: events with the same number in it stay in one split."""

FRACTIONS = (0.6, 0.2, 0.2)
"""Shares of train, validation and test when the splits are drawn."""


def read(
    path: str | Path,
    *,
    images: str = "images",
    labels: str = "labels",
    labels_path: str | Path | None = None,
    split_names: Sequence[str] = SPLITS,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    groups: str | None = None,
    phi_first: bool = False,
    geometry: Geometry | None = None,
    lsb: float = LSB,
    crossing_rate: float = CROSSING_RATE,
    full_scale: int | None = None,
) -> Dataset:
    """Read a data set from narrowgate's own file, or from arrays in an HDF5, NPZ or NPY file.

    `images` and `labels` are the arrays' names. Where both contain `{split}` (as in `"x_{split}"`), the file holds
    its own splits, called `split_names` there; otherwise three disjoint splits are drawn with `seed` in the shares
    `fractions`, each class apart. An array `groups` of whole numbers, shape (N,), keeps events with the same number in
    one split (the same collision with other pile-up, turned copies of an image); without a name, one that is called
    `group` is used where the file has it. `labels_path` is the file of the labels where it is another one; an NPY file
    needs it. Images are non-negative integers, (N, rows, columns) or (N, rows, columns, channels), in counts of `lsb`
    GeV; rows are η and columns φ, or with `phi_first` (as the 18 × 14 regions of CICADA are kept) the other way round,
    and the images are then turned. `full_scale` is the largest count that a pixel can have (4095 for twelve bits); an
    attribute of that name on an HDF5 file's images says it too. Labels are 0 and 1, shape (N,) or (N, 1). Without a
    `geometry`, rows cover −5 < η < 5 and columns the whole of φ.

    Raises `DatasetError` when a file is missing, corrupt or truncated, when an array is not there, and when its
    shape, type or values are not as above.
    """
    source = Path(path)
    if is_dataset_file(source):
        return load(source)
    label_source = Path(labels_path) if labels_path is not None else source
    if source == label_source and _kind(source) == "npy":
        raise DatasetError(f"{source}: an NPY file holds images only; name the file of the labels (labels_path) too")

    def events(images_key: str, labels_key: str) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        pixels = _as_images(_fetch(source, images_key), f"{source}, images {images_key!r}")
        if phi_first:
            pixels = pixels.swapaxes(1, 2)
        classes = _as_labels(_fetch(label_source, labels_key), f"{label_source}, labels {labels_key!r}")
        if len(pixels) != len(classes):
            raise DatasetError(
                f"{source}: {len(pixels)} images ({images_key!r}) but {len(classes)} labels ({labels_key!r}); "
                f"there must be as many"
            )
        return pixels, classes

    with naming(source):
        if "{split}" in images and "{split}" in labels:
            parts = [events(images.format(split=name), labels.format(split=name)) for name in _three(split_names)]
        elif "{split}" in images + labels:
            raise DatasetError(f"either both names or none must contain {{split}}; found {images!r} and {labels!r}")
        else:
            pixels, classes = events(images, labels)
            groups = groups or (GROUP if GROUP in _names(source) else None)
            together = None if groups is None else _as_groups(_fetch(source, groups), len(classes), groups)
            drawn = draw_splits(classes, fractions, seed, together)
            parts = [(pixels[chosen], classes[chosen]) for chosen in drawn]
        widest = np.result_type(*(pixels.dtype for pixels, _ in parts))
        train, validation, test = (Split(pixels.astype(widest), classes) for pixels, classes in parts)
        return Dataset(
            train,
            validation,
            test,
            geometry=geometry or _default_geometry(parts[0][0]),
            lsb=lsb,
            crossing_rate=crossing_rate,
            full_scale=_declared(source, images) if full_scale is None else full_scale,
            provenance={
                "source": source.name,
                "images": images,
                "labels": labels,
                "phi_first": phi_first,
                "splits": "as in the file"
                if "{split}" in images
                else {"seed": seed, "fractions": list(fractions)} | ({} if groups is None else {"groups": groups}),
            },
            name=source.stem,
        )


def draw_splits(
    labels: NDArray[np.uint8], fractions: Sequence[float], seed: int, groups: NDArray[np.int64] | None = None
) -> list[NDArray[np.int64]]:
    """Three disjoint sets of event places that together hold every event, each class shared by `fractions`.

    Events with the same number in `groups` stay together: a group of both classes is dealt out as signal, and the
    shares are those of the events as nearly as whole groups allow.

    Raises `DatasetError` when the fractions are not three positive numbers with the sum 1, or a class has too few
    events (or groups) to be in every split.
    """
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.shape != (3,) or not np.all(shares > 0) or not np.isclose(shares.sum(), 1.0):
        raise DatasetError(f"split fractions must be three positive numbers with the sum 1; found {list(fractions)}")
    generator = np.random.default_rng(seed)
    chosen: list[list[NDArray[np.int64]]] = [[], [], []]
    if groups is not None:
        return _draw_groups(labels, shares, generator, groups)
    for label, name in CLASSES:
        places = generator.permutation(np.flatnonzero(labels == label))
        pieces = np.split(places, np.round(np.cumsum(shares)[:2] * len(places)).astype(np.int64))
        if not all(len(piece) for piece in pieces):
            raise DatasetError(f"{len(places)} {name} events (label {label}) are too few to share among three splits")
        for split, piece in zip(chosen, pieces, strict=True):
            split.append(piece)
    return [generator.permutation(np.concatenate(split)) for split in chosen]


def _draw_groups(
    labels: NDArray[np.uint8], shares: NDArray[np.float64], generator: np.random.Generator, groups: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    _, of_event, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    of_event = of_event.ravel()
    has_signal = np.bincount(of_event, weights=labels) > 0
    split_of_group = np.zeros(len(sizes), np.int64)
    for label, _ in CLASSES:
        order = generator.permutation(np.flatnonzero(has_signal == label))
        middles = np.cumsum(sizes[order]) - sizes[order] / 2  # a group goes where the middle of its events falls
        ends = np.cumsum(shares)[:2] * sizes[order].sum()
        split_of_group[order] = np.searchsorted(ends, middles, side="right")
    split = split_of_group[of_event]
    for label, name in CLASSES:
        if len(np.unique(split[labels == label])) < 3:
            raise DatasetError(
                f"the {int((labels == label).sum())} {name} events (label {label}) are in "
                f"{len(np.unique(of_event[labels == label]))} groups, too few or too uneven to share among three splits"
            )
    return [generator.permutation(np.flatnonzero(split == place)) for place in range(3)]


def _three(names: Sequence[str]) -> Sequence[str]:
    if len(names) != 3 or len(set(names)) != 3:
        raise DatasetError(f"three different names of splits are needed; found {list(names)}")
    return names


def _default_geometry(images: NDArray[Any]) -> Geometry:
    _, rows, columns, channels = images.shape
    names = ("transverse energy",) if channels == 1 else tuple(f"channel {place}" for place in range(channels))
    return Geometry.uniform(rows, columns, channels=names)


def _kind(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
        if start.startswith(NPY_MAGIC):
            return "npy"
        if start.startswith(NPZ_MAGIC):
            return "npz"
        if h5py.is_hdf5(path):
            return "hdf5"
    except OSError as error:
        raise DatasetError(f"{path}: the file cannot be read ({error.strerror or error})") from error
    raise DatasetError(f"{path}: this is neither an HDF5, nor an NPZ, nor an NPY file; those are allowed")


def _fetch(path: Path, key: str) -> NDArray[Any]:
    kind = _kind(path)
    if kind == "npy":
        return read_npy(path)
    if kind == "npz":
        return read_npz(path, key)
    with open_hdf5(path) as file:
        return read_array(file, key, path)


def _names(path: Path) -> Sequence[str]:
    """The arrays at the top of a file."""
    kind = _kind(path)
    if kind == "npz":
        return npz_names(path)
    if kind == "npy":
        return ()
    with open_hdf5(path) as file:
        return [str(name) for name in file]


def _as_groups(values: NDArray[Any], events: int, key: str) -> NDArray[np.int64]:
    if values.shape not in ((events,), (events, 1)) or values.dtype.kind not in "iu":
        raise DatasetError(
            f"groups {key!r}: found {values.dtype} of shape {values.shape}; whole numbers of shape ({events},), one an "
            f"image, are allowed"
        )
    return values.reshape(events).astype(np.int64)


def _declared(path: Path, images: str) -> int | None:
    """The full scale that an HDF5 file's images state in an attribute."""
    if _kind(path) != "hdf5" or "{split}" in images:
        return None
    with open_hdf5(path) as file:
        value = file[images].attrs.get("full_scale")
    if value is not None and (np.ndim(value) or np.asarray(value).dtype.kind not in "iu"):
        raise DatasetError(f"{path}, attribute 'full_scale' of {images!r}: a whole number is needed; found {value!r}")
    return None if value is None else int(value)


def _as_images(values: NDArray[Any], where: str) -> NDArray[Any]:
    """Counts of shape (N, rows, columns, channels), in the smaller of uint16 and uint32 that holds them."""
    if values.ndim == 3:
        values = values[..., np.newaxis]
    if values.ndim != 4 or 0 in values.shape:
        raise DatasetError(
            f"{where}: found shape {values.shape}; (events, rows, columns) or (events, rows, columns, channels) is "
            f"allowed, none of them zero"
        )
    if values.dtype.kind == "f":
        values = values.astype(np.promote_types(values.dtype, np.float64))  # float16 has no 4294967295
        bad = ~np.isfinite(values)
        if bad.any():
            raise DatasetError(f"{where}: found {_first(values, bad)}; finite numbers are allowed")
        bad = values != np.trunc(values)
        if bad.any():
            raise DatasetError(f"{where}: found {_first(values, bad)}; whole numbers (counts of the lsb) are allowed")
    bad = (values < 0) | (values > np.iinfo(np.uint32).max)
    if bad.any():
        raise DatasetError(f"{where}: found {_first(values, bad)}; counts from 0 to 4294967295 are allowed")
    return values.astype(np.uint16 if values.max() <= np.iinfo(np.uint16).max else np.uint32)


def _as_labels(values: NDArray[Any], where: str) -> NDArray[np.uint8]:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DatasetError(f"{where}: found shape {values.shape}; (events,) is allowed")
    bad = (values != 0) & (values != 1)
    if bad.any():
        raise DatasetError(f"{where}: found {_first(values, bad)}; 0 (background) and 1 (signal) are allowed")
    found = set(np.unique(values).tolist())
    if found != {0, 1}:
        raise DatasetError(f"{where}: found only the classes {sorted(found)}; both 0 and 1 are needed")
    return values.astype(np.uint8)


def _first(values: NDArray[Any], bad: NDArray[np.bool_]) -> str:
    place = tuple(int(index) for index in np.argwhere(bad)[0])
    return f"{values[place]} in event {place[0]}"
