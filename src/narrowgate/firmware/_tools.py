"""Other people's tools: found when they are needed, and a sentence that says what to install when they are missing."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from narrowgate.integers import FirmwareError

PACKAGES = {
    "alkaid": "pip install 'narrowgate[rtl]'",
    "qonnx": "pip install 'narrowgate[qonnx]'",
    "verilator": "apt-get install verilator g++",
    "g++": "apt-get install g++",
    "ghdl": "apt-get install ghdl",
    "hls4ml": "pip install 'narrowgate[hls4ml]'",
    "yosys": "apt-get install yosys",
    "vivado": "an installation of AMD's Vivado whose settings64.sh was sourced",
    "vitis_hls": "an installation of AMD's Vitis whose settings64.sh was sourced",
}
"""What gives each tool."""


DEEP_STACK = ("sh", "-c", 'ulimit -s unlimited 2>/dev/null || ulimit -s "$(ulimit -H -s)"; exec "$0" "$@"')
"""What goes before a command that recurses deeply on large designs: a stack without limit."""


class MissingToolError(FirmwareError):
    """A tool that is not installed; the message says what to install."""

    def __init__(self, tool: str, purpose: str) -> None:
        super().__init__(f"{tool} is not installed and {purpose} needs it; {_quoted(PACKAGES[tool])} gives it.")
        self.tool = tool


def _quoted(source: str) -> str:
    return source if source.startswith("an ") else f"`{source}`"


class UnsuitableToolError(FirmwareError):
    """A tool whose numbers cannot hold this network's: no fault of either; the message says why."""


def package(name: str, purpose: str, tool: str = "alkaid") -> ModuleType:
    """Import an optional module, e.g. `alkaid.trace`.

    Raises:
        MissingToolError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingToolError(tool, purpose) from error


def program(name: str, purpose: str) -> str:
    """The path of a program.

    Raises:
        MissingToolError: it is not on the PATH.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingToolError(name, purpose)
    return path


def run(command: Sequence[str], folder: Path, seconds: float | None = None) -> str:
    """What a program prints.

    Raises:
        FirmwareError: it fails, or takes longer than it may.
    """
    try:
        done = subprocess.run(
            [*DEEP_STACK, *command],
            cwd=folder,
            text=True,
            errors="replace",
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FirmwareError(f"{Path(command[0]).name} took longer than {seconds:.0f} s and was stopped.") from None
    if done.returncode:
        complaint = _complaint(done.stderr or done.stdout) or f"exit status {done.returncode}"
        raise FirmwareError(f"{Path(command[0]).name} failed in {folder}: {complaint}")
    return done.stdout


def _complaint(said: str) -> str:
    """The first line that is neither a warning nor a quotation of a source, else the first."""
    lines = [line for line in said.splitlines() if line.strip()]
    grave = (line for line in lines if "warning" not in line.lower() and not line[0].isspace())
    return next(grave, lines[0] if lines else "").strip()
