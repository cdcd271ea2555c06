"""Convolution and pooling in C++, compiled on the machine that trains: twice as fast there as XLA's matrix products.

Nothing depends on it: without a compiler, on an accelerator, or for other shapes the room `network` computes the same
with XLA, and the two are tested against each other. Sums are formed in another order, so trainings differ in the last
bits between the two; what a run or a study used is in its record.
"""

from __future__ import annotations

import os
from functools import cache

import jax

from narrowgate.native._build import BuildError, library
from narrowgate.native._calls import (
    BACKWARD,
    FORWARD,
    GATHER,
    RANDOM,
    gathered,
    pooled,
    pooled_with_sums,
    random_words,
)

__all__ = [
    "EVENTS_AT_A_TIME",
    "SWITCH",
    "BuildError",
    "available",
    "falls_short",
    "gathered",
    "pooled",
    "pooled_with_sums",
    "random_words",
    "serves",
    "why_not",
]

SWITCH = "NARROWGATE_NATIVE"
"""An environment variable; `off` leaves everything to XLA."""

EVENTS_AT_A_TIME = 16
"""The functions take a multiple of so many events; `LANES` in `kernels.cpp`."""


def falls_short() -> str:
    """Why a processor could be used better than it will be, in words; empty if it could not, or if that was wanted."""
    wanted = jax.default_backend() == "cpu" and not _is_switched_off()
    return why_not() if wanted else ""


def _is_switched_off() -> bool:
    return os.environ.get(SWITCH, "").lower() in ("0", "off", "no")


def available() -> bool:
    """Whether the functions of this room can be called in this process."""
    return not why_not()


def serves(events: int) -> bool:
    """Whether they can, with so many events."""
    return events % EVENTS_AT_A_TIME == 0 and available()


@cache
def why_not() -> str:
    """Why the functions of this room cannot be called, in words; empty if they can. Compiles on the first call."""
    if jax.default_backend() != "cpu":
        return "an accelerator computes"
    if _is_switched_off():
        return f"{SWITCH} says so"
    try:
        compiled = library()
    except BuildError as error:
        return str(error)
    for name in (FORWARD, BACKWARD, GATHER, RANDOM):
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(getattr(compiled, name)), platform="cpu")
    return ""
