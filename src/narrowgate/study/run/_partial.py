"""Where a member stands in the middle of a unit of work that was stopped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from narrowgate.study.journal._entries import Value
from narrowgate.training import State


class _About(BaseModel):
    """What stands beside the state."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    step: Annotated[int, Field(ge=1)]
    curve: dict[str, list[Value]]
    sum: str


@dataclass(frozen=True)
class Partial:
    """A member's state after `step` steps, and its curve since the unit's start."""

    step: int
    state: State
    curve: dict[str, list[float | None]]

    def about(self) -> dict[str, Any]:
        """What to write beside the state, with a checksum of its own."""
        return {"step": self.step, "curve": self.curve, "sum": _sum(self.step, self.curve)}

    @classmethod
    def of(cls, state: State, about: dict[str, Any]) -> Self | None:
        """From a state and what was written beside it; `None` if that was damaged."""
        try:
            found = _About.model_validate(about)
        except ValidationError:
            return None
        lengths = {len(column) for column in found.curve.values()}
        if found.sum != _sum(found.step, found.curve) or len(lengths) != 1 or "step" not in found.curve:
            return None
        return cls(found.step, state, found.curve)


def _sum(step: int, curve: dict[str, list[float | None]]) -> str:
    return hashlib.sha256(json.dumps([step, curve]).encode()).hexdigest()
