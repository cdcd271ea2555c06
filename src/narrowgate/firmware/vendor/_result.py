"""What a synthesis tool counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Synthesis:
    """`tool` says which it was, of what version, and how far it went; `cells` has every kind of cell, where it tells.

    `block_rams` are of 36 Kbit; `slack` is the worst one in ns, negative if timing fails, `None` where the tool knows
    no timing.
    """

    tool: str
    luts: int
    flip_flops: int
    carries: int
    dsps: int
    seconds: float
    block_rams: float = 0.0
    slack: float | None = None
    cells: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"cells": dict(self.cells)}
