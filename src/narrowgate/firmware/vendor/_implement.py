"""AMD's own tools, where somebody has them: Vivado on exported RTL, Vitis HLS on exported C++, both out of context.

They run the scripts that stand beside the exported sources: synthesis, optimisation, placement and routing. Their
command lines are those of UG835 and UG894 (`vivado`), UG1399 (`vitis_hls`) and UG1702 (`vitis-run`); no such tool was
at hand when this was written.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from narrowgate.firmware._tools import program
from narrowgate.firmware.circuit._target import NAME, CircuitProject
from narrowgate.firmware.vendor._follow import follow
from narrowgate.firmware.vendor._reports import (
    Utilisation,
    estimated_slack,
    synthesis_estimate,
    utilisation,
    worst_slack,
)
from narrowgate.firmware.vendor._result import Synthesis
from narrowgate.integers import FirmwareError

_STEP = re.compile(
    r"^(?=Command: \w+_design|Phase \d|INFO: \[HLS 200-(?:10|42)\] (?:-- )?[A-Z])"
    r"(?:Command: |INFO: \[HLS 200-\d+\] (?:-- )?)?(?P<step>\w+_design|[^|]*[^|\s])"
)
"""Vivado's commands and phases, and the modules that Vitis HLS implements."""

_VITIS_SCRIPT = """\
if {[catch {source build_vitis_prj.tcl} complaint]} {
    puts "ERROR: $complaint"
    exit 1
}
exit 0
"""


def by_vivado(project: CircuitProject, seconds: float, progress: Callable[[str], None]) -> Synthesis:
    """Implement a Verilog or VHDL project with Vivado, to the routed design.

    Raises:
        MissingToolError: Vivado is not on the PATH.
        FirmwareError: it fails, leaves a report out, or takes longer than it may.
    """
    vivado = program("vivado", "this synthesis")
    start = time.perf_counter()
    command = [vivado, "-mode", "batch", "-nojournal", "-nolog", "-source", "build_vivado_prj.tcl"]
    _run("Vivado", command, project, seconds, progress)
    return _routed(project, start)


def by_vitis(project: CircuitProject, seconds: float, progress: Callable[[str], None]) -> Synthesis:
    """Turn an HLS project into RTL with Vitis HLS and implement that with Vivado; without Vivado, HLS's own estimate.

    Raises:
        MissingToolError: neither vitis-run nor vitis_hls is on the PATH.
        FirmwareError: it fails, leaves a report out, or takes longer than it may.
    """
    script = _logs(project) / "vitis.tcl"
    script.write_text(_VITIS_SCRIPT, encoding="utf-8")
    if shutil.which("vitis-run"):
        command = [program("vitis-run", "this synthesis"), "--mode", "hls", "--tcl", str(script)]
    else:
        command = [program("vitis_hls", "this synthesis"), "-f", str(script)]
    start = time.perf_counter()
    estimate = _output(project) / f"test_ooc/syn/report/{NAME}_fn_csynth.rpt"
    try:
        _run("Vitis HLS", command, project, seconds, progress)
    except FirmwareError:  # the script ends by calling Vivado
        if shutil.which("vivado") or not estimate.exists():
            raise
        report = _report("Vitis HLS", estimate)
        return _result(synthesis_estimate(report), estimated_slack(report), start, ", estimate after C synthesis")
    return _routed(project, start)


def _run(
    tool: str, command: list[str], project: CircuitProject, seconds: float, progress: Callable[[str], None]
) -> None:
    shutil.rmtree(_output(project), ignore_errors=True)
    log = _logs(project) / f"{Path(command[0]).name}.log"
    follow(command, project.folder, log, tool=tool, step=_STEP, seconds=seconds, progress=progress)


def _routed(project: CircuitProject, start: float) -> Synthesis:
    reports = _output(project) / "reports"
    timing = worst_slack(_report("Vivado", reports / f"{NAME}_post_route_timing.rpt"))
    return _result(utilisation(_report("Vivado", reports / f"{NAME}_post_route_util.rpt")), timing, start, ", routed")


def _result(counted: Utilisation, slack: float | None, start: float, stage: str) -> Synthesis:
    return Synthesis(
        tool=counted.version + stage,
        luts=counted.luts,
        flip_flops=counted.flip_flops,
        carries=counted.carries,
        dsps=counted.dsps,
        seconds=time.perf_counter() - start,
        block_rams=counted.block_rams,
        slack=slack,
        cells=counted.cells,
    )


def _report(tool: str, path: Path) -> str:
    if not path.exists():
        raise FirmwareError(f"{tool} ended without the report {path}.")
    return path.read_text(encoding="utf-8", errors="replace")


def _output(project: CircuitProject) -> Path:
    return project.folder / f"output_{NAME}"


def _logs(project: CircuitProject) -> Path:
    folder = project.folder / "synthesis"
    folder.mkdir(exist_ok=True)
    return folder
