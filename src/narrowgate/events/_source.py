"""What training and judging ask of events, wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from numpy.typing import NDArray

Images = NDArray[Any]
"""Unsigned integers, shape (events, rows, columns, channels), in counts of the data set's lsb."""

CHUNK = 65_536
"""Events of one chunk, where nobody wishes otherwise."""


class EventSource(Protocol):
    """Events with their labels, numbered from 0; the images may be anywhere. `Split` keeps them in memory.

    Labels and weights are small and always at hand; images come by `take` and `chunks` only.
    """

    def __len__(self) -> int:
        """How many events there are."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of an image."""

    @property
    def labels(self) -> NDArray[Any]:
        """Shape (events,), 1 for signal and 0 for background."""

    @property
    def weights(self) -> NDArray[Any] | None:
        """Shape (events,), what each event counts; `None` where all count alike."""

    def take(self, numbers: NDArray[Any]) -> Images:
        """The images of the events of these numbers, in their order; a number may come twice."""

    def chunks(self, events: int = CHUNK) -> Iterator[Images]:
        """All images in their order, so many events at a time."""

    def digest_parts(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """What a fingerprint is made of, with names: every number of the events, by arrays."""
