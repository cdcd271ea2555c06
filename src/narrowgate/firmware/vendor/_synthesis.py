"""Synthesis out of context of an exported project: by Yosys, or by AMD's own tools where they are on the PATH."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from narrowgate.firmware._tools import program
from narrowgate.firmware.circuit._target import CircuitProject
from narrowgate.firmware.vendor._implement import by_vitis, by_vivado
from narrowgate.firmware.vendor._result import Synthesis
from narrowgate.firmware.vendor._yosys import by_yosys
from narrowgate.integers import FirmwareError


@dataclass(frozen=True)
class Synthesiser:
    """A synthesis tool: the programs of which it needs one, the targets that it reads, the preferred one first."""

    name: str
    title: str
    programs: tuple[str, ...]
    targets: tuple[Literal["verilog", "vhdl", "hls"], ...]
    run: Callable[[CircuitProject, float, Callable[[str], None]], Synthesis]


SYNTHESISERS = {
    tool.name: tool
    for tool in (
        Synthesiser("yosys", "Yosys", ("yosys",), ("verilog",), by_yosys),
        Synthesiser("vivado", "Vivado", ("vivado",), ("verilog", "vhdl"), by_vivado),
        Synthesiser("vitis", "Vitis HLS", ("vitis-run", "vitis_hls"), ("hls",), by_vitis),
    )
}
"""By the name that `synthesise` takes."""


def find_synthesiser(name: str | None = None) -> Synthesiser:
    """The tool of this name; without one, Vivado where it is on the PATH and else Yosys.

    Raises:
        FirmwareError: it is not known.
        MissingToolError: it is not on the PATH.
    """
    if name is None:
        name = "vivado" if shutil.which("vivado") else "yosys"
    if name not in SYNTHESISERS:
        raise FirmwareError(f"There is no synthesis by {name!r}; allowed are {', '.join(SYNTHESISERS)}.")
    tool = SYNTHESISERS[name]
    if not any(map(shutil.which, tool.programs)):
        program(tool.programs[-1], "synthesis")
    return tool


def synthesise(
    project: CircuitProject,
    *,
    tool: str | None = None,
    seconds: float = 1800.0,
    progress: Callable[[str], None] = lambda step: None,
) -> Synthesis:
    """Synthesise a project out of context with the tool of this name, or as `find_synthesiser` chooses.

    `progress` is told each step as it begins; after `seconds` the tool is stopped.

    Raises:
        MissingToolError: the tool is not installed.
        FirmwareError: it does not read such a project, fails, or takes longer than it may.
    """
    found = find_synthesiser(tool)
    if project.target not in found.targets:
        raise FirmwareError(
            f"{found.title} reads {' and '.join(found.targets)} projects; this one is {project.target}. "
            f"Export it to {found.targets[0]}."
        )
    return found.run(project, seconds, progress)
