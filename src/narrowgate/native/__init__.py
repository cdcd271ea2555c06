"""Convolution and pooling in C++, compiled on the machine that trains: twice as fast there as XLA's matrix products.

Nothing depends on it: without a compiler, on an accelerator, or for other shapes the room `network` computes the same
with XLA, and the two are tested against each other. Sums are formed in another order, so trainings differ in the last
bits between the two, and between instruction sets; what a run or a study used is in its record.
"""

from __future__ import annotations

import os
from functools import cache
from threading import Lock

import jax

from narrowgate.native._build import BuildError, compiler_in_words, library, library_name, target
from narrowgate.native._calls import gathered, pooled, pooled_with_sums, random_words, register
from narrowgate.native._target import CHOICE

__all__ = [
    "CHOICE",
    "SWITCH",
    "BuildError",
    "available",
    "compiler_in_words",
    "events_at_a_time",
    "falls_short",
    "gathered",
    "instruction_set",
    "is_wanted",
    "library_name",
    "pooled",
    "pooled_with_sums",
    "random_words",
    "serves",
    "why_not",
]

SWITCH = "NARROWGATE_NATIVE"
"""An environment variable; `off` leaves everything to XLA; `on` uses them without a measurement."""

_compiling = Lock()


def is_wanted() -> bool | None:
    """What the environment variable `NARROWGATE_NATIVE` says; `None` if it leaves the choice to a measurement."""
    said = os.environ.get(SWITCH, "").strip().lower()
    return {"off": False, "0": False, "no": False, "on": True, "1": True, "yes": True}.get(said)


def falls_short() -> str:
    """Why a processor could be used better than it will be, in words; empty if it could not, or if that was wanted."""
    wanted = jax.default_backend() == "cpu" and is_wanted() is not False
    return why_not() if wanted else ""


def available() -> bool:
    """Whether the functions of this room can be called in this process."""
    return not why_not()


def serves(events: int) -> bool:
    """Whether they can, with so many events."""
    return available() and events % events_at_a_time() == 0


def events_at_a_time() -> int:
    """The functions take a multiple of so many events: as many as a register of the instruction set holds.

    Raises:
        BuildError: they are not available.
    """
    with _compiling:
        return _registered()


def instruction_set() -> str:
    """What they are compiled for, e.g. `x86-64-v3`; `BuildError` where they are not available."""
    return target().level


def why_not() -> str:
    """Why the functions of this room cannot be called, in words; empty if they can. Compiles on the first call."""
    with _compiling:
        return _why_not()


@cache
def _why_not() -> str:
    if jax.default_backend() != "cpu":
        return "an accelerator computes"
    if is_wanted() is False:
        return f"{SWITCH} says so"
    try:
        _registered()
    except BuildError as error:
        return str(error)
    return ""


@cache
def _registered() -> int:
    return register(library())
