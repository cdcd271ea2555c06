"""A function that is compiled for given arguments ahead of its first call, in another thread if one likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np


class Compiled:
    """Like `jax.jit(function)`; what `prepare` has compiled is used whenever arguments of these shapes come."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._jitted = jax.jit(function)
        self._ahead: dict[Any, Callable[..., Any]] = {}

    def prepare(self, *arguments: Any) -> None:
        """Compile for arguments of these shapes, types and devices. Compiling leaves other threads their turn."""
        key = _kinds(arguments)
        if key not in self._ahead:
            self._ahead[key] = self._jitted.lower(*arguments).compile()

    def __call__(self, *arguments: Any) -> Any:
        """What the function gives."""
        return self._ahead.get(_kinds(arguments), self._jitted)(*arguments)


def _kinds(arguments: Any) -> Any:
    leaves, structure = jax.tree.flatten(arguments)
    return structure, tuple((np.shape(leaf), leaf.dtype, getattr(leaf, "sharding", None)) for leaf in leaves)
