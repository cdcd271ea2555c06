"""A look at a data set before it is trusted: its numbers in a table, its mean images in a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events._dataset import Dataset
from narrowgate.events._overlap import overlap

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ClassSummary:
    """The signal or the background of one split; the fields but the first are None where there is no event."""

    events: int
    occupancy: float | None
    """Mean share of pixels that are not zero."""
    largest: int | None
    """Largest count of any pixel."""
    saturated: int | None
    """Pixels at the full scale, the largest count of so many bits."""
    mean_ht: float | None
    """GeV, mean over events of the sum of all pixels."""
    empty: int | None
    """Events without an occupied pixel."""


@dataclass(frozen=True)
class Summary:
    """What a data set holds. `splits` maps split → class ("signal", "background") → numbers."""

    name: str
    fingerprint: str
    shape: tuple[int, int, int]
    channels: tuple[str, ...]
    lsb: float
    bits: int
    """Of a pixel: as many as the full scale needs, where the file states it, else the largest count."""
    crossing_rate: float
    splits: Mapping[str, Mapping[str, ClassSummary]]
    shared: int
    """Images with at least `TELLING_PIXELS` occupied pixels that are in more than one split: there should be none."""
    shared_events: Mapping[str, int]
    """Events of each split whose image is such a one."""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values for JSON."""
        return asdict(self)


def summarise(dataset: Dataset) -> Summary:
    """Count and measure a data set; a pure function of it."""
    found = overlap(dataset)
    return Summary(
        name=dataset.name,
        fingerprint=dataset.fingerprint,
        shape=dataset.geometry.shape,
        channels=dataset.geometry.channels,
        lsb=dataset.lsb,
        bits=dataset.bits,
        crossing_rate=dataset.crossing_rate,
        splits={
            name: {
                "signal": _summarise_class(split.signal, dataset),
                "background": _summarise_class(split.background, dataset),
            }
            for name, split in dataset.splits()
        },
        shared=found.images,
        shared_events=found.events,
    )


def picture(dataset: Dataset) -> Figure:
    """The mean image and one event of signal and of background, per channel, in GeV, on the towers' η and φ.

    Every panel has a scale of its own. The events are the first of their class in the train split.
    """
    from matplotlib.figure import Figure

    channels = dataset.geometry.channels
    figure = Figure(figsize=(10.0, 7.5 * len(channels)), layout="constrained")
    grid = figure.subplots(2 * len(channels), 2, squeeze=False)
    classes = {"signal": dataset.train.signal, "background": dataset.train.background}
    for column, (class_name, images) in enumerate(classes.items()):
        for channel, channel_name in enumerate(channels):
            panels = {"mean of {n} events": images.mean(axis=0) if len(images) else None}
            panels["one event"] = images[0] if len(images) else None
            for row, (title, image) in enumerate(panels.items()):
                axes = grid[2 * channel + row, column]
                axes.set_title(f"{class_name}, {title.format(n=len(images))}")
                axes.set(xlabel="φ [rad]", ylabel="η")
                if image is None:
                    continue
                mesh = axes.pcolormesh(
                    dataset.geometry.phi_edges,
                    dataset.geometry.eta_edges,
                    np.asarray(image[..., channel], np.float64) * dataset.lsb,
                    cmap="viridis",
                    vmin=0.0,
                )
                figure.colorbar(mesh, ax=axes, label=f"{channel_name} [GeV]")
    figure.suptitle(dataset.name)
    return figure


def _summarise_class(images: NDArray[np.unsignedinteger[Any]], dataset: Dataset) -> ClassSummary:
    if not len(images):
        return ClassSummary(0, None, None, None, None, None)
    full_scale = 2**dataset.bits - 1 if dataset.full_scale is None else dataset.full_scale
    occupied = np.count_nonzero(images, axis=(1, 2, 3))
    return ClassSummary(
        events=len(images),
        occupancy=float(occupied.mean() / images[0].size),
        largest=int(images.max()),
        saturated=int(np.count_nonzero(images >= full_scale)),
        mean_ht=float(images.sum(axis=(1, 2, 3), dtype=np.float64).mean() * dataset.lsb),
        empty=int(np.count_nonzero(occupied == 0)),
    )
