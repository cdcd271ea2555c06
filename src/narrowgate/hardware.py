"""From a run's record to what the room `firmware` takes: the network, its thresholds, and real images.

This joins the rooms `notebook`, `events`, `training` and `firmware`, as `narrowgate.runs` joins rooms to make a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate import notebook
from narrowgate.integers import FirmwareError, IntegerNetwork, integer_network, untrained_network
from narrowgate.network import Configuration, ImageShape
from narrowgate.runs import open_data, read_configuration
from narrowgate.training import score
from narrowgate.units import in_kilohertz

Images = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class TrainedNetwork:
    """What a run's record says of its network.

    `weights` holds batch norm's statistics too; `thresholds` maps the rates in Hz at which it was judged to the score
    that an accepted event exceeds; `image` is (rows, columns, channels); `data` is the file it was trained on, `None`
    for the shipped sample.
    """

    id: str
    name: str
    configuration: Configuration
    weights: Mapping[str, NDArray[np.float32]]
    thresholds: Mapping[float, float]
    image: ImageShape
    data: Path | None

    @property
    def title(self) -> str:
        """Id and name."""
        return f"{self.id}  {self.name}".strip()

    def integers(self) -> IntegerNetwork:
        """The network that hardware computes.

        Raises:
            FirmwareError: a needed format is float, or the training diverged.
        """
        return integer_network(self.configuration, self.weights, self.image)

    def graph(self, images: Images) -> NDArray[np.float32]:
        """The training graph's scores (events,) of images (events, rows, columns, channels)."""
        return score(self.configuration, self.weights, images)

    def working_points(self, rates: Sequence[float] | None = None) -> dict[str, float]:
        """Thresholds by words such as "10 kHz": at `rates` in Hz, or at every rate at which the run was judged.

        Raises:
            FirmwareError: the run was not judged at one of them.
        """
        for rate in rates or ():
            if rate not in self.thresholds:
                allowed = ", ".join(in_kilohertz(one) for one in self.thresholds) or "none"
                raise FirmwareError(
                    f"Run {self.id} has no threshold for {in_kilohertz(rate)}; those of its record: {allowed}."
                )
        return {in_kilohertz(rate): self.thresholds[rate] for rate in (self.thresholds if rates is None else rates)}


@dataclass(frozen=True)
class RealImages:
    """Images of a test split, (events, rows, columns, channels), and the numbers in it of their events."""

    images: Images
    events: NDArray[np.int64]


def trained_network(root: Path, name: str) -> TrainedNetwork:
    """The network of the run under `root` that `name` means (an id, the beginning of one, or `latest`).

    Raises:
        NotebookError: there is no such run, it is damaged, or it has no weights yet.
        DatasetError: the record does not tell the images' shape, and the data set is gone.
    """
    run = notebook.load(root, notebook.find(root, name))
    about = run.data or notebook.DataRecord()
    data = Path(about.path) if about.path else None
    return TrainedNetwork(
        id=run.id,
        name=run.name,
        configuration=Configuration.parse(run.configuration, where=f"run {run.id}"),
        weights=run.weights(),
        thresholds={point.rate: point.threshold for point in run.measures.points},
        image=_shape(about.image if about.image else open_data(data).test.images.shape[1:]),
        data=data,
    )


def network_of(root: Path, name: str, data: Path | None = None) -> tuple[IntegerNetwork, str]:
    """The integers of a run, or of an untrained configuration if `name` is a TOML file; and what to call it.

    An untrained network has its fresh weights, and takes images as they are in `data` (the shipped sample by default).

    Raises:
        FirmwareError: a needed format is float.
        ValueError: the run, the configuration or the data cannot be read, in a sentence.
    """
    if name.lower().endswith(".toml"):
        dataset = open_data(data)
        configuration = read_configuration(Path(name)).configuration.for_counts(dataset.bits)
        return untrained_network(configuration, dataset.geometry.shape), f"{configuration.name}, untrained"
    trained = trained_network(root, name)
    return trained.integers(), trained.title


def real_images(trained: TrainedNetwork, count: int, data: Path | None = None) -> RealImages:
    """`count` images spread evenly over the test split of `data`, by default of what the network was trained on.

    Raises:
        DatasetError: the data set cannot be read.
    """
    images = open_data(data or trained.data).test.images
    events = np.linspace(0, len(images), min(count, len(images)), endpoint=False).astype(np.int64)
    return RealImages(images[events], events)


def _shape(sizes: Sequence[int]) -> ImageShape:
    rows, columns, channels = (int(size) for size in sizes)
    return rows, columns, channels
