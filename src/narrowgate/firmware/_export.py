"""A network as a project for those who take it over: whatever the target, the same words and the same checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, overload

from narrowgate.files import explaining
from narrowgate.firmware._target import Order, Project, Target
from narrowgate.firmware._targets import TARGETS
from narrowgate.firmware.circuit._target import CircuitProject
from narrowgate.firmware.circuit._trace import Circuit
from narrowgate.integers import FirmwareError, Images, IntegerNetwork, find_part


@overload
def export(
    source: IntegerNetwork | Circuit,
    folder: Path | str,
    target: Literal["verilog", "vhdl", "hls"],
    images: Images,
    *,
    clock: float = ...,
    part: str = ...,
    thresholds: Mapping[str, float] | None = ...,
) -> CircuitProject: ...


@overload
def export(
    source: IntegerNetwork | Circuit,
    folder: Path | str,
    target: str,
    images: Images,
    *,
    clock: float = ...,
    part: str = ...,
    thresholds: Mapping[str, float] | None = ...,
) -> Project: ...


def export(
    source: IntegerNetwork | Circuit,
    folder: Path | str,
    target: str,
    images: Images,
    *,
    clock: float = 200.0,
    part: str = "VU13P",
    thresholds: Mapping[str, float] | None = None,
) -> Project:
    """Write a project to an empty or new folder.

    `source` is a network, or its circuit where it was traced already or decides; `images` (events, rows, columns,
    channels) become test vectors; `clock` is in MHz; `thresholds` maps the words for a working point ("10 kHz") to its
    score, told in the README as integers; for a circuit that decides, name its bits' thresholds in their order.

    Raises:
        FirmwareError: the target or the part is not known, the target's package is missing, the folder is not empty,
            the network is more than the target can hold, or its output does not depend on the image.
        FileError: the folder cannot be written.
    """
    circuit = source if isinstance(source, Circuit) else None
    network = source if isinstance(source, IntegerNetwork) else source.network
    found = find_target(target, decides=circuit is not None and bool(circuit.thresholds))
    device = find_part(part)
    folder = Path(folder)
    with explaining(folder):
        if folder.exists() and any(folder.iterdir()):
            raise FirmwareError(f"The folder {folder} is not empty; name a new one.")
        return found.write(Order(network, circuit, folder, target, images, clock, device, dict(thresholds or {})))


def find_target(name: str, *, decides: bool = False) -> Target:
    """The target of this name, such that it can give decisions in place of the score if it `decides`.

    Raises:
        FirmwareError: it is not known, or cannot decide.
    """
    if name not in TARGETS:
        raise FirmwareError(f"There is no export to {name!r}; allowed are {', '.join(TARGETS)}.")
    if decides and not TARGETS[name].traced:
        able = ", ".join(one.name for one in TARGETS.values() if one.traced)
        raise FirmwareError(f"An export to {name} gives the score; the decision can be part of {able}.")
    return TARGETS[name]
