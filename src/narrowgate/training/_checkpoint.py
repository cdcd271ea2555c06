"""Checkpoints: a population's state after an epoch, with everything that an interrupted training needs to go on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from narrowgate.files import FileError
from narrowgate.training._curve import Curve
from narrowgate.training._placement import Placement
from narrowgate.training._state import State
from narrowgate.training._state_file import CheckpointError, read_state, write_state


class _About(BaseModel):
    """What a checkpoint's head says of its training."""

    model_config = ConfigDict(strict=True, extra="forbid")

    identity: str
    epochs: Annotated[int, Field(ge=0, lt=2**31)]
    placement: tuple[Annotated[int, Field(ge=1, lt=2**31)], Annotated[int, Field(ge=1, lt=2**31)]]
    convolutions: str
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    curves: list[dict[str, list[float]]]


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands after `epochs` epochs.

    `identity` says what is being trained (configurations and data); `placement` and `convolutions` (who convolves, in a
    record's words) are kept because others may round differently. `curves` holds a table for every member, `state` has
    a members' axis.
    """

    identity: str
    epochs: int
    placement: Placement
    convolutions: str
    seconds: float
    curves: list[Curve]
    state: State

    def save(self, path: Path) -> None:
        """Write aside, flush to the disk and rename: at any instant `path` is the old file or the new one.

        Raises:
            CheckpointError: it cannot be written.
        """
        about = _About(
            identity=self.identity,
            epochs=self.epochs,
            placement=(self.placement.devices, self.placement.chunk),
            convolutions=self.convolutions,
            seconds=self.seconds,
            curves=self.curves,
        )
        try:
            write_state(path, self.state, about.model_dump())
        except FileError as error:
            raise CheckpointError(
                f"{path}: the checkpoint could not be written ({error}); the last one stays."
            ) from error

    @classmethod
    def load(cls, path: Path, identity: str, like: State) -> Checkpoint:
        """Read a checkpoint of the training called `identity`, whose state has the shapes of `like`.

        Raises:
            CheckpointError: for a file that is damaged, of a newer narrowgate, or belongs to another training.
        """
        state, _, given = read_state(path, like)
        try:
            about = _About.model_validate(given | {"placement": _pair(given.get("placement"))})
            whole = all(len(column) == about.epochs for curve in about.curves for column in curve.values())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise CheckpointError(
                f"{path} is not a usable checkpoint ({where}: {first['msg']}); remove it to train from the beginning."
            ) from None
        if about.identity != identity:
            raise CheckpointError(
                f"{path} belongs to another training (other configurations, data or versions); "
                f"remove it or name another file."
            )
        if not whole or len(about.curves) != len(state.step):
            raise CheckpointError(
                f"{path} is not a usable checkpoint (its curves do not have {about.epochs} points for each of "
                f"{len(state.step)} members); remove it to train from the beginning."
            )
        return cls(
            identity, about.epochs, Placement(*about.placement), about.convolutions, about.seconds, about.curves, state
        )


def _pair(value: object) -> object:
    """JSON has lists where the model has a pair."""
    return tuple(value) if isinstance(value, list) else value
