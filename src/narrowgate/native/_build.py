"""Compiles the C++ of this room for the machine that it runs on, once, and keeps the library in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

import jax

from narrowgate.errors import NarrowgateError
from narrowgate.files import cache_folder

SOURCE = Path(__file__).with_name("kernels.cpp")
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-w")
FOR_THIS_PROCESSOR = "-march=native"
COMPILERS = ("c++", "g++", "clang++")
PATIENCE = 300.0
"""Seconds that a compiler may take; it takes two to ten."""


class BuildError(NarrowgateError):
    """Nothing could be compiled or loaded here; the text says why."""


def library(folder: Path | None = None) -> ctypes.CDLL:
    """The compiled room, from `folder` (usually the user's cache) if it has been compiled here before.

    The file there is named after everything that decides what is in it: source, flags, compiler, JAX and processor.

    Raises:
        BuildError: there is no compiler, or it fails, or what it made cannot be loaded.
    """
    compiler = _compiler()
    file = (folder or cache_folder()) / f"kernels-{_key(compiler)}.so"
    try:
        if not _is_whole(file):
            _compile(compiler, file)
        return ctypes.CDLL(str(file))
    except OSError as error:
        raise BuildError(f"{file} could not be made or loaded ({error})") from error


def _compiler() -> str:
    asked = os.environ.get("CXX")
    found = next(filter(None, map(shutil.which, (asked,) if asked else COMPILERS)), None)
    if found is None:
        raise BuildError(f"no C++ compiler was found ({asked or ', '.join(COMPILERS)})")
    return found


def _key(compiler: str) -> str:
    about = (
        SOURCE.read_text(encoding="utf-8"),
        FLAGS,
        FOR_THIS_PROCESSOR,
        compiler,
        _says(compiler),
        version("jaxlib"),
        _processor(),
    )
    return hashlib.sha256(repr(about).encode()).hexdigest()[:16]


def _says(compiler: str) -> str:
    return _run([compiler, "--version"]).stdout


def _processor() -> str:
    """What tells one processor from another: a home may be shared by machines that differ."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def _is_whole(file: Path) -> bool:
    """Whether a library is there as it was made; loading half of one would end the process."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() == file.with_suffix(".sha256").read_text(encoding="utf-8")
    except OSError:
        return False


def _compile(compiler: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        aside = Path(folder) / file.name
        command = [compiler, *FLAGS, f"-I{jax.ffi.include_dir()}", str(SOURCE), "-o", str(aside)]
        done = _run([*command, FOR_THIS_PROCESSOR])
        if done.returncode:  # some compilers know no such flag for some processors
            done = _run(command)
        if done.returncode:
            raise BuildError(f"{compiler} failed: {done.stderr.strip()[:500]}")
        digest = aside.with_suffix(".sha256")
        digest.write_text(hashlib.sha256(aside.read_bytes()).hexdigest(), encoding="utf-8")
        digest.replace(file.with_suffix(".sha256"))
        aside.replace(file)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{command[0]} failed: {error}") from error
