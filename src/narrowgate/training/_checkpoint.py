"""Checkpoints: a population's whole state in one safetensors file, written aside and renamed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from narrowgate.files import FileError, write_whole
from narrowgate.training._curve import Curve
from narrowgate.training._errors import TrainingError
from narrowgate.training._member import State


class CheckpointError(TrainingError):
    """A checkpoint that cannot be used; the message says which file and why."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands after `epochs` epochs.

    `identity` says what is being trained (configurations and data); `placement` (devices, chunk) is kept because
    another one may round differently.
    """

    identity: str
    epochs: int
    placement: tuple[int, int]
    seconds: float
    curves: list[Curve]
    state: State

    def save(self, path: Path) -> None:
        """Write aside, flush to the disk and rename: at any instant `path` is the old file or the new one."""
        described = {
            "identity": self.identity,
            "epochs": self.epochs,
            "placement": list(self.placement),
            "seconds": self.seconds,
            "curves": self.curves,
        }
        arrays = {name: np.asarray(leaf) for name, leaf in _named_leaves(self.state).items()}
        metadata = {"narrowgate": json.dumps(described)}
        try:
            write_whole(path, lambda aside: save_file(arrays, aside, metadata=metadata))
        except (FileError, SafetensorError) as error:
            raise CheckpointError(
                f"{path}: the checkpoint could not be written ({error}); the last one stays."
            ) from error

    @classmethod
    def load(cls, path: Path, identity: str, like: State) -> Checkpoint:
        """Read a checkpoint of the training called `identity`, whose state has the shapes of `like`.

        Raises:
            CheckpointError: for a file that is damaged or belongs to another training.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                described = json.loads((file.metadata() or {})["narrowgate"])
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            leaves = {}
            for name, leaf in _named_leaves(like).items():
                found = arrays[name]
                if found.shape != leaf.shape or found.dtype != leaf.dtype:
                    raise CheckpointError(
                        f"{path}: {name} is {found.dtype}{found.shape}, not {leaf.dtype}{leaf.shape}."
                    )
                leaves[name] = found
            devices, chunk = described["placement"]
            checkpoint = cls(
                identity=described["identity"],
                epochs=int(described["epochs"]),
                placement=(int(devices), int(chunk)),
                seconds=float(described["seconds"]),
                curves=described["curves"],
                state=jax.tree.unflatten(jax.tree.structure(like), list(leaves.values())),
            )
        except (OSError, SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise CheckpointError(
                f"{path} is not a usable checkpoint ({type(error).__name__}: {error}); "
                f"remove it to train from the beginning."
            ) from error
        if checkpoint.identity != identity:
            raise CheckpointError(
                f"{path} belongs to another training (other configurations, data or versions); "
                f"remove it or name another file."
            )
        return checkpoint


def _named_leaves(tree: Any) -> dict[str, Any]:
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
