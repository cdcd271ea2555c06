"""Where the towers are: the edges of an event image's rows (η) and columns (φ), and the names of its channels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from narrowgate.events._errors import DatasetError


@dataclass(frozen=True, eq=False)
class Geometry:
    """The tower grid of an event image of shape (rows, columns, channels).

    `eta_edges` has rows + 1 pseudorapidities and `phi_edges` columns + 1 azimuths in radians, both rising;
    `channels` names the last axis. Raises `DatasetError` when the edges do not rise or a name is missing.
    """

    eta_edges: NDArray[np.float64]
    phi_edges: NDArray[np.float64]
    channels: tuple[str, ...] = field(default=("transverse energy",))

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta_edges", _rising(self.eta_edges, "η"))
        object.__setattr__(self, "phi_edges", _rising(self.phi_edges, "φ"))
        object.__setattr__(self, "channels", tuple(str(name) for name in self.channels))
        if not self.channels or not all(self.channels):
            raise DatasetError(f"a geometry needs a name for every channel; found {self.channels!r}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (rows, columns, channels) of one image."""
        return len(self.eta_edges) - 1, len(self.phi_edges) - 1, len(self.channels)

    @classmethod
    def uniform(
        cls,
        rows: int,
        columns: int,
        *,
        eta: tuple[float, float] = (-5.0, 5.0),
        channels: tuple[str, ...] = ("transverse energy",),
    ) -> Geometry:
        """Equal towers: `rows` between the two `eta` bounds, `columns` once round in φ, from −π to π."""
        return cls(np.linspace(*eta, rows + 1), np.linspace(-np.pi, np.pi, columns + 1), channels)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Geometry)
            and np.array_equal(self.eta_edges, other.eta_edges)
            and np.array_equal(self.phi_edges, other.phi_edges)
            and self.channels == other.channels
        )


def _rising(edges: ArrayLike, axis: str) -> NDArray[np.float64]:
    values = np.asarray(edges, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.all(np.isfinite(values)) or not np.all(np.diff(values) > 0):
        raise DatasetError(f"the {axis} edges of a geometry must be two or more rising finite numbers; found {edges!r}")
    return values
