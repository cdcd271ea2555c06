"""What narrowgate finds of the machine that it runs on: what one pastes into a report of a fault."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from narrowgate import __version__, machine
from narrowgate.errors import NarrowgateError
from narrowgate.files import cache_folder

PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "h5py")
OPTIONAL = ("alkaid", "hls4ml", "HGQ2", "keras", "qonnx", "onnx", "onnxruntime", "pythia8mc", "awkward")
"""Packages by the names under which they are installed; the optional ones come with narrowgate's extras."""

PROGRAMS = {
    "verilator": "--version",
    "ghdl": "--version",
    "yosys": "-V",
    "vivado": "-version",
    "vitis-run": "--version",
    "vitis_hls": "-version",
}
"""Programs that exports are checked with, and how each is asked for its version."""

PATIENCE = 30.0
"""Seconds that a program may take to say its version: Vivado's take ten."""


def examine() -> dict[str, Any]:
    """Everything about this machine that counts, for JSON.

    Compiles the convolutions and measures them where that has not been done, which takes some seconds.
    """
    return {
        "narrowgate": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "processor": machine.processor(),
        "cores": {"usable": machine.cores(), "present": os.cpu_count()},
        "device": _device(),
        "convolutions": _convolutions(),
        "switches": machine.switches(),
        "cache": str(cache_folder()),
        "optional packages": {name: _version(name) for name in OPTIONAL},
        "programs": {name: _says(name, option) for name, option in PROGRAMS.items()},
    }


def sentences(found: dict[str, Any]) -> dict[str, str]:
    """The same in words, by what each is about."""
    cores, device, convolutions = found["cores"], found["device"], found["convolutions"]
    by = convolutions["instruction_set"] or "no instruction set"
    ratio = "" if convolutions["ratio"] is None else f" ({convolutions['ratio']:.2f} × as fast as XLA)"
    lines = {
        "narrowgate": f"{found['narrowgate']}, Python {found['python']}",
        "system": found["system"],
        "packages": _listed(found["packages"]),
        "processor": f"{found['processor']}; {cores['usable']} of {cores['present']} cores may be used",
        "computes on": device["error"] or f"{device['kind']} ({device['platform']})",
        "compiler": convolutions["compiler"] or "none",
        "compiled for": by,
        "convolutions": f"native{ratio}" if convolutions["native"] else f"by XLA: {convolutions['reason']}",
        "switches": ", ".join(f"{name}={value}" for name, value in found["switches"].items()) or "none",
        "cache": found["cache"],
        "extras": _listed(found["optional packages"]),
        "programs": _listed(found["programs"]),
    }
    missing = [name for part in ("optional packages", "programs") for name, value in found[part].items() if not value]
    return lines | ({"not installed": ", ".join(missing)} if missing else {})


def _listed(versions: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {value}" for name, value in versions.items() if value) or "none"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device() -> dict[str, Any]:
    """What JAX computes on: an accelerator or the processor."""
    try:
        machine.check()
        found = machine.device()
    except NarrowgateError as error:
        return {"platform": None, "kind": None, "error": str(error)}
    return {"platform": found.platform, "kind": found.device_kind, "error": None}


def _convolutions() -> dict[str, Any]:
    """Who convolves, and why; the compiler and what it compiles for are told in any case."""
    from narrowgate import native
    from narrowgate.network import convolutions

    about: dict[str, Any] = {"native": False, "ratio": None, "compiler": None, "instruction_set": None}
    try:
        about["compiler"] = native.compiler_in_words()
        about["instruction_set"] = native.instruction_set()
        choice = convolutions()
    except (NarrowgateError, RuntimeError) as error:
        return about | {"reason": str(error)}
    return about | {"native": choice.native, "ratio": choice.ratio, "reason": choice.reason}


def _says(program: str, option: str) -> str | None:
    """A program's version, from the first line of what it says with a number in it; `None` where it is not there."""
    path = shutil.which(program)
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, option], capture_output=True, text=True, timeout=PATIENCE, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"(does not answer: {error})"
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    said = next((line for line in lines if any(letter.isdigit() for letter in line)), "(says no version)")
    return said.removeprefix(program).removeprefix(program.capitalize()).strip()
