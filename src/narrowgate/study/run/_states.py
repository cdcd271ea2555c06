"""Where members' states lie, so that a rung goes on from where the one before stopped."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from narrowgate.study.run._partial import Partial
from narrowgate.training import CheckpointError, State, read_state, write_state


class StateStore(Protocol):
    """Keeps a state for every member and step. It travels with units of work, so it can be pickled."""

    def keep(self, member: str, step: int, state: State) -> str:
        """Keep a member's state, whole or not at all; gives its digest, equal for equal bits."""

    def find(self, member: str, step: int, digest: str, like: State) -> State | None:
        """A member's state with the arrays of `like`; `None` when it is gone or not what was kept."""

    def keep_partial(self, member: str, end: int, partial: Partial) -> None:
        """Keep where a member stands on its way to step `end`."""

    def find_partial(self, member: str, end: int, like: State) -> Partial | None:
        """Where a member stood on its way to step `end`, if it was stopped there."""

    def drop_partial(self, member: str, end: int) -> None:
        """Let go of where a member stood on its way to step `end`: it is there."""

    def forget_all_but(self, wanted: Collection[tuple[str, int]]) -> None:
        """Let go of the states (member, step) that nothing can go on from any more."""


@dataclass(frozen=True)
class StateFolder:
    """A folder of states, one file a member and step."""

    folder: Path

    def keep(self, member: str, step: int, state: State) -> str:
        """Write a member's state, whole or not at all; gives its digest.

        Raises:
            FileError: the file cannot be written (a full disk).
        """
        return write_state(self._path(member, step), state)

    def find(self, member: str, step: int, digest: str, like: State) -> State | None:
        """A member's state with the arrays of `like`; `None` when the file is gone or not what was written."""
        try:
            state, found, _ = read_state(self._path(member, step), like)
        except CheckpointError:
            return None
        return state if found == digest else None

    def keep_partial(self, member: str, end: int, partial: Partial) -> None:
        """Write where a member stands on its way to step `end`.

        Raises:
            FileError: the file cannot be written.
        """
        write_state(self._partial(member, end), partial.state, partial.about())

    def find_partial(self, member: str, end: int, like: State) -> Partial | None:
        """Where a member stood on its way to step `end`; `None` without a sound file."""
        path = self._partial(member, end)
        if not path.exists():
            return None
        try:
            state, _, about = read_state(path, like)
        except CheckpointError:
            return None
        return Partial.of(state, about)

    def drop_partial(self, member: str, end: int) -> None:
        """Remove the file of a member on its way to step `end`."""
        self._partial(member, end).unlink(missing_ok=True)

    def forget_all_but(self, wanted: Collection[tuple[str, int]]) -> None:
        """Remove the states that nothing can go on from any more."""
        kept = {self._path(member, step) for member, step in wanted}
        for path in self.folder.glob("*.safetensors"):
            if path not in kept:
                path.unlink(missing_ok=True)

    def _path(self, member: str, step: int) -> Path:
        return self.folder / f"{member}-at-{step}.safetensors"

    def _partial(self, member: str, end: int) -> Path:
        return self.folder / f"{member}-to-{end}.safetensors"
