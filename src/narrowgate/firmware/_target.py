"""What an export is: what is ordered, who writes it, and what is then on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from narrowgate.firmware.circuit._trace import Circuit, trace
from narrowgate.integers import Images, IntegerNetwork, Part


@dataclass(frozen=True)
class Order:
    """A project that is to be written to `folder`, which is empty or not there yet.

    `images` (events, rows, columns, channels) become test vectors; `clock` is in MHz; `thresholds` maps the words for a
    working point to its score. `circuit` is there if the network was traced already.
    """

    network: IntegerNetwork
    circuit: Circuit | None
    folder: Path
    target: str
    images: Images
    clock: float
    part: Part
    thresholds: Mapping[str, float]

    def traced(self) -> Circuit:
        """The network's circuit, traced now if it was not before.

        Raises:
            FirmwareError: alkaid is missing, or a width is beyond what it can hold.
        """
        return trace(self.network) if self.circuit is None else self.circuit


@dataclass(frozen=True)
class Project:
    """What was written: `folder` with its `README.md`, for `events` images; `summary` tells it in a few words."""

    folder: Path
    target: str
    events: int
    clock: float
    part: Part
    summary: str


@dataclass(frozen=True)
class Target:
    """A kind of project. `about` says what it is in a few words.

    One that is `traced` is made from alkaid's circuit, which may give decisions in place of the score; others are made
    from the integers themselves and give the score.
    """

    name: str
    about: str
    traced: bool
    write: Callable[[Order], Project]
