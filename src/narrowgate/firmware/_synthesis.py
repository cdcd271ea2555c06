"""Synthesis out of context with Yosys: what an independent tool makes of the exported Verilog."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from narrowgate.firmware._errors import FirmwareError
from narrowgate.firmware._simulate import DEEP_STACK
from narrowgate.firmware._targets import NAME, CircuitProject
from narrowgate.firmware._tools import program

FAMILY = "xcup"
"""UltraScale+, as Yosys calls it."""

_PASS = re.compile(r"^(\d+(?:\.\d+)*)\. Executing (.+?)(?: pass)?(?: \(.*\))?\.$")


@dataclass(frozen=True)
class Synthesis:
    """What the tool counted; `cells` has every kind of cell."""

    tool: str
    luts: int
    flip_flops: int
    carries: int
    dsps: int
    seconds: float
    cells: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "tool": self.tool,
            "luts": self.luts,
            "flip_flops": self.flip_flops,
            "carries": self.carries,
            "dsps": self.dsps,
            "seconds": self.seconds,
            "cells": dict(self.cells),
        }


def synthesise(
    project: CircuitProject, *, seconds: float = 1800.0, progress: Callable[[str], None] = lambda step: None
) -> Synthesis:
    """Synthesise a Verilog project with Yosys, out of context. Minutes and gigabytes for 100 000 LUTs.

    `progress` is told each pass as it begins; after `seconds` it is stopped.

    Raises:
        MissingToolError: Yosys is not installed.
        FirmwareError: the project is not Verilog, Yosys fails, or it takes longer than it may.
    """
    yosys = program("yosys", "synthesis")
    if project.target != "verilog":
        raise FirmwareError(f"Yosys reads Verilog; this project is {project.target}. Export it to verilog.")
    folder = project.folder / "synthesis"
    folder.mkdir(exist_ok=True)
    read = " ".join(os.path.relpath(path, folder) for path in project.sources)
    script = (
        f"read_verilog -sv {read}\nsynth_xilinx -family {FAMILY} -top {NAME} -flatten -noiopad\n"
        "tee -q -o statistics.json stat -json\n"
    )
    (folder / "synthesis.ys").write_text(script)
    start = time.perf_counter()
    _follow([yosys, "-s", "synthesis.ys"], folder, start + seconds, seconds, progress)
    statistics = json.loads((folder / "statistics.json").read_text())
    cells = {name: int(count) for name, count in statistics["design"]["num_cells_by_type"].items()}
    return Synthesis(
        tool=str(statistics.get("creator", "Yosys")).split(" (")[0],
        luts=sum(count for name, count in cells.items() if re.fullmatch(r"LUT\d", name)),
        flip_flops=sum(count for name, count in cells.items() if name in ("FDRE", "FDSE", "FDCE", "FDPE")),
        carries=cells.get("CARRY8", 0) + cells.get("CARRY4", 0),
        dsps=cells.get("DSP48E2", 0) + cells.get("DSP48E1", 0),
        seconds=time.perf_counter() - start,
        cells=cells,
    )


def _follow(command: list[str], folder: Any, deadline: float, seconds: float, progress: Callable[[str], None]) -> None:
    """Run a program, tell its passes as they begin, stop it with its children at the deadline."""
    log = folder / "yosys.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*DEEP_STACK, *command], cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    told, position = "", 0
    try:
        while process.poll() is None:
            if time.perf_counter() > deadline:
                raise FirmwareError(f"Yosys took longer than {seconds:.0f} s and was stopped; its last pass: {told}.")
            with log.open() as lines:
                lines.seek(position)
                found = [match[2] for match in map(_PASS.match, lines.read().splitlines()) if match]
                position = lines.tell()
            if found and found[-1] != told:
                told = found[-1]
                progress(told)
            time.sleep(0.2)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode:
        complaint = next((line for line in log.read_text().splitlines() if line.startswith("ERROR")), "see yosys.log")
        raise FirmwareError(f"Yosys failed in {folder}: {complaint}")
