"""State on disk, in one layout: a safetensors file with every array by its place in `State`, and a head in JSON.

The head is the file's metadata `narrowgate`: the `version` of the layout, the `digest` of the arrays, and what the
writer had to say `about` them. A file of version 0 (until November 2026) has no digest, and its head is the `about`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from narrowgate.files import write_bytes
from narrowgate.training._errors import TrainingError
from narrowgate.training._state import State

VERSION = 1
"""Of the layout; a reader knows all up to its own."""

HEAD = "narrowgate"

KINDS = {"F32": np.float32, "I32": np.int32, "U32": np.uint32, "F64": np.float64, "I64": np.int64, "BOOL": np.bool_}
"""What safetensors calls the types of a state's arrays."""


class CheckpointError(TrainingError):
    """A file with a training's state cannot be used; the message says which file and why."""


class Head(BaseModel):
    """What stands beside the arrays."""

    model_config = ConfigDict(strict=True, extra="ignore")

    version: int = Field(default=0, ge=0, lt=2**31)
    digest: str | None = None
    about: dict[str, Any] = Field(default_factory=dict)


def write_state(path: Path, state: State, about: Mapping[str, Any] | None = None) -> str:
    """Write a state (of one member, or of several with a members' axis), whole or not at all; gives its digest.

    The digest is the SHA-256 of the arrays as safetensors lays them out without a head: equal for equal bits.

    Raises:
        FileError: the file cannot be written (a full disk).
    """
    arrays = {name: np.array(leaf, order="C") for name, leaf in _named(state).items()}
    found = _digest(arrays)
    head = {"version": VERSION, "digest": found, "about": dict(about or {})}
    write_bytes(path, save(arrays, metadata={HEAD: json.dumps(head)}))
    return found


def read_state(path: Path, like: State) -> tuple[State, str, dict[str, Any]]:
    """The state in a file, its digest, and what its writer said about it.

    It must have exactly the arrays of `like`, in shape and type; nothing larger is read.

    Raises:
        CheckpointError: the file is missing, damaged, of another kind of training, or of a newer narrowgate.
    """
    wanted = _named(like)
    try:
        with safe_open(path, framework="numpy") as file:
            head = _head(path, file.metadata() or {})
            names = set(file.keys())
            if names != wanted.keys():
                odd = sorted(names ^ wanted.keys())[0]
                how = "beyond" if odd in names else "missing from"
                raise CheckpointError(
                    f"{path} is not a usable checkpoint ({odd[:100]!r} is {how} what this training keeps); "
                    f"remove it to train from the beginning."
                )
            for name, leaf in wanted.items():
                part = file.get_slice(name)
                shape, kind = tuple(part.get_shape()), KINDS.get(part.get_dtype())
                if shape != tuple(leaf.shape) or kind != leaf.dtype:
                    raise CheckpointError(
                        f"{path} is not a usable checkpoint ({name} is {part.get_dtype()}{shape}, not "
                        f"{leaf.dtype}{tuple(leaf.shape)}); remove it to train from the beginning."
                    )
            arrays = {name: file.get_tensor(name) for name in wanted}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} is not a usable checkpoint ({error}); remove it to train from the beginning."
        ) from error
    digest = _digest(arrays)
    if head.digest not in (None, digest):
        raise CheckpointError(
            f"{path} is not a usable checkpoint (its arrays are not those that were written); remove it to train from "
            f"the beginning."
        )
    state: State = jax.tree.unflatten(jax.tree.structure(like), [arrays[name] for name in wanted])
    return state, digest, head.about


def _head(path: Path, metadata: Mapping[str, str]) -> Head:
    text = metadata.get(HEAD)
    if text is None:
        return Head()
    try:
        head = Head.model_validate_json(text)
    except ValidationError as error:
        raise CheckpointError(
            f"{path} is not a usable checkpoint (its head: {error.errors()[0]['msg']}); remove it to train from the "
            f"beginning."
        ) from None
    if head.version > VERSION:
        raise CheckpointError(
            f"{path} was written by a newer narrowgate (its layout is version {head.version}, this one reads up to "
            f"{VERSION}); go on with that one, or remove the file to train from the beginning."
        )
    return head if head.version else Head(about=from_json(text))


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    return hashlib.sha256(save(dict(arrays))).hexdigest()


def _named(tree: Any) -> dict[str, Any]:
    """The arrays of a state by the names of their places in it."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
