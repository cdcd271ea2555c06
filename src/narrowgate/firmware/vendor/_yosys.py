"""Yosys, out of context: what an independent tool makes of the exported Verilog."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable

from narrowgate.firmware._tools import program
from narrowgate.firmware.circuit._target import NAME, CircuitProject
from narrowgate.firmware.vendor._follow import follow
from narrowgate.firmware.vendor._result import Synthesis

FAMILY = "xcup"
"""UltraScale+, as Yosys calls it."""

_PASS = re.compile(r"^(\d+(?:\.\d+)*)\. Executing (?P<step>.+?)(?: pass)?(?: \(.*\))?\.$")


def by_yosys(project: CircuitProject, seconds: float, progress: Callable[[str], None]) -> Synthesis:
    """Synthesise a Verilog project. Minutes and gigabytes for 100 000 LUTs.

    Raises:
        MissingToolError: Yosys is not installed.
        FirmwareError: it fails, or takes longer than it may.
    """
    yosys = program("yosys", "this synthesis")
    folder = project.folder / "synthesis"
    folder.mkdir(exist_ok=True)
    read = " ".join(os.path.relpath(path, folder) for path in project.sources)
    script = (
        f"read_verilog -sv {read}\nsynth_xilinx -family {FAMILY} -top {NAME} -flatten -noiopad\n"
        "tee -q -o statistics.json stat -json\n"
    )
    (folder / "synthesis.ys").write_text(script, encoding="utf-8")
    start = time.perf_counter()
    command = [yosys, "-s", "synthesis.ys"]
    follow(command, folder, folder / "yosys.log", tool="Yosys", step=_PASS, seconds=seconds, progress=progress)
    statistics = json.loads((folder / "statistics.json").read_text(encoding="utf-8"))
    cells = {name: int(count) for name, count in statistics["design"]["num_cells_by_type"].items()}
    return Synthesis(
        tool=str(statistics.get("creator", "Yosys")).split(" (")[0],
        luts=sum(count for name, count in cells.items() if re.fullmatch(r"LUT\d", name)),
        flip_flops=sum(count for name, count in cells.items() if name in ("FDRE", "FDSE", "FDCE", "FDPE")),
        carries=cells.get("CARRY8", 0) + cells.get("CARRY4", 0),
        dsps=cells.get("DSP48E2", 0) + cells.get("DSP48E1", 0),
        block_rams=cells.get("RAMB36E2", 0) + cells.get("RAMB18E2", 0) / 2,
        seconds=time.perf_counter() - start,
        cells=cells,
    )
