"""What a tool that verifies is: what it is given, and what it must tell."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from narrowgate.firmware.circuit._trace import Circuit, trace
from narrowgate.integers import Images, IntegerNetwork, Integers

LayersOf = Callable[[Images], dict[str, Integers]]
"""What a level has behind each layer on a few images, as `evaluate_layers` gives it."""


@dataclass
class Job:
    """A network that every tool builds in its own way; what one has built, such as the circuit, others may use."""

    network: IntegerNetwork
    clock: float
    circuit: Circuit | None = field(default=None, repr=False)

    def traced(self) -> Circuit:
        """The network's circuit, traced once.

        Raises:
            FirmwareError: alkaid is missing, or a width is beyond what it can hold.
        """
        if self.circuit is None:
            self.circuit = trace(self.network)
        return self.circuit


@dataclass(frozen=True)
class Outcome:
    """The logit codes (events,) that a level gives, and, where it can tell, its `layers`.

    Where its layers agree throughout, the fault is in what is `behind` them. `note` says what a user must know about
    how the codes came about, even if they are right.
    """

    codes: Integers
    layers: LayersOf | None = None
    behind: str = ""
    note: str = ""


@dataclass(frozen=True)
class Tool:
    """`run` sends images through a level of a job; `about` says in a few words what the level is.

    It raises `MissingToolError` where something is not installed, `UnsuitableToolError` where the tool's numbers cannot
    hold the network's, and `FirmwareError` where the tool fails.
    """

    name: str
    about: str
    run: Callable[[Job, Images], Outcome]


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
