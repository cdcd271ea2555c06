"""Members' states on disk, one file a member and step, so that a rung goes on from where the one before stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from narrowgate.files import write_bytes

Named = dict[str, NDArray[Any]]


class States:
    """The folder of states."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, member: str, step: int, state: Any) -> str:
        """Write a member's state, whole or not at all; returns the SHA-256 of the file.

        Raises:
            FileError: the file cannot be written (a full disk).
        """
        content = save(named(state))
        write_bytes(self._path(member, step), content)
        return hashlib.sha256(content).hexdigest()

    def find(self, member: str, step: int, digest: str, template: Any) -> Any | None:
        """A member's state in the structure of `template`; `None` when the file is gone or not what was written."""
        try:
            content = self._path(member, step).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                return None
            arrays = load(content)
            leaves = [arrays[name] for name in names(template)]
        except (OSError, SafetensorError, KeyError):
            return None
        return jax.tree.unflatten(jax.tree.structure(template), leaves)

    def forget_all_but(self, wanted: Collection[tuple[str, int]]) -> None:
        """Remove the states that nothing can go on from any more."""
        kept = {self._path(member, step) for member, step in wanted}
        for path in self._folder.glob("*.safetensors"):
            if path not in kept:
                path.unlink(missing_ok=True)

    def _path(self, member: str, step: int) -> Path:
        return self._folder / f"{member}-at-{step}.safetensors"


def named(tree: Any) -> Named:
    """The arrays of a state by the names of their places in it."""
    return {
        jax.tree_util.keystr(path): np.array(leaf, order="C")
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def names(tree: Any) -> list[str]:
    """The names of a state's places."""
    return [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
