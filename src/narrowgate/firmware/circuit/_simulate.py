"""Exported projects run through open simulators, with the very test bench that was exported."""

from __future__ import annotations

import os
import subprocess

import numpy as np
from numpy.typing import NDArray

from narrowgate.firmware._tools import DEEP_STACK, program, run
from narrowgate.firmware.circuit._ports import output_codes
from narrowgate.firmware.circuit._target import NAME, CircuitProject
from narrowgate.integers import FirmwareError


def simulate_verilog(project: CircuitProject) -> NDArray[np.int64]:
    """The outputs of a Verilog project under Verilator: logit codes (events,), or decisions (events, thresholds).

    Raises:
        MissingToolError: Verilator or a C++ compiler is not installed.
        FirmwareError: it does not compile or run; the message has the first complaint.
    """
    verilator = program("verilator", "simulating Verilog")
    test = project.folder / "test"
    run(
        [
            *(verilator, "--binary", "--timing", "-j", str(os.cpu_count() or 1), "--output-split", "20000"),
            # the sources switch off warnings that older versions do not know
            *("-Wno-lint", "-Wno-fatal", "-Wfuture-WIDTHTRUNC", "-Wfuture-WIDTHEXPAND"),
            *("-MAKEFLAGS", "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O0"),
            *("--top-module", "testbench", "testbench.v", *map(str, project.sources)),
        ],
        test,
    )
    run(["./obj_dir/Vtestbench"], test)
    return _outputs(project)


def simulate_vhdl(project: CircuitProject) -> NDArray[np.int64]:
    """The outputs of a VHDL project under GHDL, as `simulate_verilog` gives them.

    Raises:
        MissingToolError: GHDL is not installed.
        FirmwareError: it does not compile or run; the message has the first complaint.
    """
    ghdl = program("ghdl", "simulating VHDL")
    test = project.folder / "test"
    run([ghdl, "-a", "--std=08", *map(str, project.sources), "testbench.vhd"], test)
    run([ghdl, "-e", "--std=08", "testbench"], test)
    run([ghdl, "-r", "--std=08", "testbench", "--max-stack-alloc=0"], test)
    return _outputs(project)


def run_hls(project: CircuitProject) -> NDArray[np.int64]:
    """The outputs of an HLS project compiled with g++, as `simulate_verilog` gives them.

    Raises:
        MissingToolError: no C++ compiler is installed.
        FirmwareError: it does not compile or run; the message has the first complaint.
    """
    test = project.folder / "test"
    compiler = program("g++", "compiling C++ for HLS")
    includes = [f"-I../{folder}" for folder in ("src", "src/static/ap_types", "utils")]
    run([compiler, "-std=c++17", "-O0", *includes, "testbench.cpp", f"../utils/{NAME}_ooc.cc", "-o", "testbench"], test)
    found = subprocess.run([*DEEP_STACK, "./testbench"], cwd=test, capture_output=True, check=False)
    if found.returncode not in (0, 1):  # 1: it ran, and something differs
        raise FirmwareError(f"The compiled test bench ended with status {found.returncode} in {test}.")
    return _outputs(project)


def _outputs(project: CircuitProject) -> NDArray[np.int64]:
    written = project.folder / "test/outputs.hex"
    words = written.read_text("utf-8", "replace").split() if written.is_file() else []
    if len(words) != project.events:
        raise FirmwareError(f"The simulation gave {len(words)} results for {project.events} images.")
    return output_codes(project.circuit, words)
