"""Compiles the C++ of this room for the machine that it runs on, once, and keeps the library in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

import jax

from narrowgate.errors import NarrowgateError
from narrowgate.files import cache_folder
from narrowgate.native._target import CHOICE, Target, TargetError, choose

SOURCE = Path(__file__).with_name("kernels.cpp")
SOURCES = (SOURCE, *sorted(SOURCE.parent.glob("*.h")))
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-w")
COMPILERS = ("c++", "g++", "clang++")
PATIENCE = 300.0
"""Seconds that a compiler may take; it takes two to ten."""

Command = tuple[str, ...]
"""A compiler and the arguments that it is always given."""


class BuildError(NarrowgateError):
    """Nothing could be compiled or loaded here; the text says why."""


def library(folder: Path | None = None) -> ctypes.CDLL:
    """The compiled room, from `folder` (usually the user's cache) if it has been compiled here before.

    The file there is named after everything that decides what is in it: source, flags, compiler, JAX, and the
    instruction set, so that machines of different processors can share a folder.

    Raises:
        BuildError: there is no compiler, or it fails, or what it made cannot be loaded or does not run here.
    """
    compiler, file = _compiler(), (folder or cache_folder()) / library_name()
    try:
        if not _is_whole(file):
            _compile([*compiler, *target().flags], file)
        return ctypes.CDLL(str(file))
    except OSError as error:
        raise BuildError(f"{file} could not be made or loaded ({error})") from error


def library_name() -> str:
    """What the compiled room is called: something else wherever it would be another one."""
    return f"kernels-{_key(_compiler())}.so"


def target() -> Target:
    """What is compiled for: this processor, or what the environment variable `NARROWGATE_MARCH` says.

    Raises:
        BuildError: there is no compiler, it knows no such instruction set, or this processor lacks part of it.
    """
    return _target(_compiler(), os.environ.get(CHOICE, "").strip())


@cache
def _target(compiler: Command, choice: str) -> Target:
    try:
        return choose(choice, compiler, lambda *flags: _macros(compiler, flags))
    except TargetError as error:
        raise BuildError(str(error)) from error


def compiler_in_words() -> str:
    """The compiler's command and the first line of what it says about itself; `BuildError` where there is none."""
    compiler = _compiler()
    return f"{shlex.join(compiler)} ({_says(compiler).partition(chr(10))[0]})"


def _compiler() -> Command:
    """What `CXX` names, as make understands it: a program, or one with arguments such as `ccache g++` or `g++ -m64`."""
    asked = os.environ.get("CXX", "").strip()
    try:
        choices = [(asked,), tuple(shlex.split(asked))] if asked else [(name,) for name in COMPILERS]
    except ValueError as error:  # a quotation mark without its other
        raise BuildError(f"no C++ compiler was found (CXX is {asked!r}: {error})") from error
    for name, *arguments in choices:
        if found := shutil.which(name):
            return found, *arguments
    raise BuildError(f"no C++ compiler was found ({asked or ', '.join(COMPILERS)})")


def _key(compiler: Command) -> str:
    versions = _says(compiler), version("jaxlib"), platform.libc_ver()
    texts = [source.read_text(encoding="utf-8") for source in SOURCES]
    about = texts, FLAGS, compiler, versions, _processor()
    return hashlib.sha256(repr(about).encode()).hexdigest()[:16]


@cache
def _says(compiler: Command) -> str:
    return _run([*compiler, "--version"]).stdout


def _processor() -> str:
    """What tells one processor from another: all that the compiler says of the instruction set that it compiles for."""
    return target().described


def _macros(compiler: Command, flags: tuple[str, ...]) -> str | None:
    """The compiler's predefined macros under these flags; `None` where it does not know them."""
    done = _run([*compiler, *FLAGS, *flags, "-dM", "-E", "-x", "c++", os.devnull])
    return None if done.returncode else done.stdout


def _is_whole(file: Path) -> bool:
    """Whether a library is there as it was made; loading half of one would end the process."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() == file.with_suffix(".sha256").read_text(encoding="utf-8")
    except OSError:
        return False


def _compile(compiler: list[str], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        aside = Path(folder) / file.name
        done = _run([*compiler, *FLAGS, f"-I{jax.ffi.include_dir()}", str(SOURCE), "-o", str(aside)])
        if done.returncode:
            raise BuildError(f"{shlex.join(compiler)} failed: {done.stderr.strip()[:500]}")
        digest = aside.with_suffix(".sha256")
        digest.write_text(hashlib.sha256(aside.read_bytes()).hexdigest(), encoding="utf-8")
        digest.replace(file.with_suffix(".sha256"))
        aside.replace(file)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{command[0]} failed: {error}") from error
