"""Compilation of the inner loops of the simulation by Numba, with types kept for the reader and the type checker."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """The same function as machine code, made at its first call and kept on disk."""
    return cast(Function, numba.njit(cache=True)(function))
