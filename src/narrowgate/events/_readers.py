"""Event images from other people's files: named arrays in HDF5 and NPZ, single arrays in NPY."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events._arrays import as_groups, as_images, as_labels
from narrowgate.events._dataset import CROSSING_RATE, LSB, SPLITS, Dataset, Split
from narrowgate.events._errors import DatasetError, naming
from narrowgate.events._file import is_own_file, load_sound
from narrowgate.events._geometry import Geometry
from narrowgate.events._kinds import kind_of
from narrowgate.events._splits import FRACTIONS, draw_splits
from narrowgate.files import as_utf8

GROUP = "group"
"""The array that is looked for where nobody names one: events with the same number in it stay in one split."""


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
    label_source = Path(labels_path) if labels_path is not None else source
    kind, label_kind = kind_of(source), kind_of(label_source)
    if ("{split}" in images) != ("{split}" in labels):
        raise DatasetError(
            f"{source}: either both names or none must contain {{split}}; found {images!r} and {labels!r}"
        )
    split = "{split}" in images
    here, there = (
        [name.replace("{split}", one) for one in _three(split_names)] if split else [name] for name in (images, labels)
    )
    optional = () if split or groups is not None else (GROUP,)
    kind.check(source, [*here, *(there if label_source == source else ()), *([groups] if groups else ())], optional)
    if kind.word == "HDF5" and is_own_file(source):
        return load_sound(source)
    if label_source != source:
        label_kind.check(label_source, there, ())
    elif not kind.named:
        raise DatasetError(f"{source}: an NPY file holds images only; name the file of the labels (labels_path) too")

    def events(images_key: str, labels_key: str) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        pixels = as_images(kind.array(source, images_key), f"{source}, images {images_key!r}")
        if phi_first:
            pixels = pixels.swapaxes(1, 2)
        classes = as_labels(label_kind.array(label_source, labels_key), f"{label_source}, labels {labels_key!r}")
        if len(pixels) != len(classes):
            raise DatasetError(
                f"{source}: {len(pixels)} images ({images_key!r}) but {len(classes)} labels ({labels_key!r}); "
                f"there must be as many"
            )
        return pixels, classes

    with naming(source):
        if split:
            parts = [events(*keys) for keys in zip(here, there, strict=True)]
        else:
            pixels, classes = events(images, labels)
            groups = groups or (GROUP if GROUP in kind.names(source) else None)
            together = None if groups is None else as_groups(kind.array(source, groups), len(classes), groups)
            drawn = draw_splits(classes, fractions, seed, together)
            parts = [(pixels[chosen], classes[chosen]) for chosen in drawn]
        widest = np.result_type(*(pixels.dtype for pixels, _ in parts))
        train, validation, test = (Split(pixels.astype(widest, copy=False), classes) for pixels, classes in parts)
        return Dataset(
            train,
            validation,
            test,
            geometry=geometry or _default_geometry(parts[0][0]),
            lsb=lsb,
            crossing_rate=crossing_rate,
            full_scale=kind.full_scale(source, here[0]) if full_scale is None else full_scale,
            provenance={
                "source": as_utf8(source.name),
                "images": images,
                "labels": labels,
                "phi_first": phi_first,
                "splits": "as in the file"
                if split
                else {"seed": seed, "fractions": list(fractions)} | ({} if groups is None else {"groups": groups}),
            },
            name=as_utf8(source.stem),
        )


def _three(names: Sequence[str]) -> Sequence[str]:
    if len(names) != 3 or len(set(names)) != 3:
        raise DatasetError(f"three different names of splits are needed; found {list(names)}")
    return names


def _default_geometry(images: NDArray[Any]) -> Geometry:
    _, rows, columns, channels = images.shape
    names = ("transverse energy",) if channels == 1 else tuple(f"channel {place}" for place in range(channels))
    return Geometry.uniform(rows, columns, channels=names)
