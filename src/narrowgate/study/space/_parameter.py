"""One thing that a study varies: what it sets, the values it may take, and when it applies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _as_choices(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


class Section(BaseModel):
    """A table of a study file; keys that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(Section):
    """A parameter of the space. It sets one key of the configuration, or several that move together (a tie).

    `choices` lists its values; `range` gives the two ends instead, whole numbers where both ends are, and `scale` says
    whether it is drawn evenly in the value or in its logarithm. `when` names keys and the values of theirs for which
    the parameter applies; elsewhere the keys it sets take `otherwise`, or stay as fixed.
    """

    sets: Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    choices: Annotated[tuple[Any, ...], BeforeValidator(_as_choices)] | None = None
    range: tuple[int, int] | tuple[float, float] | None = None
    scale: Literal["linear", "logarithmic"] = "linear"
    when: dict[str, Annotated[tuple[Any, ...], BeforeValidator(_as_choices)]] = Field(default_factory=dict)
    otherwise: Any = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if len(set(self.sets)) < len(self.sets):
            raise ValueError(f"sets names a key twice ({', '.join(self.sets)}); name each once")
        if (self.choices is None) == (self.range is None):
            found = "both" if self.choices is not None else "neither"
            raise ValueError(f"a parameter has either choices or a range; found {found}")
        if self.choices is not None and not self.choices:
            raise ValueError("choices is empty; give at least one value")
        if self.range is not None:
            self._check_range(*self.range)
        elif self.scale != "linear":
            raise ValueError("scale goes with a range; a list of choices has none")
        if empty := [key for key, allowed in self.when.items() if not allowed]:
            raise ValueError(f"when.{empty[0]} lists no value; give at least one for which the parameter applies")
        if self.otherwise is not None and not self.when:
            raise ValueError("otherwise goes with when; without a condition the parameter always applies")
        return self

    @property
    def count(self) -> int | None:
        """How many values there are; `None` for a range of real numbers."""
        if self.choices is not None:
            return len(self.choices)
        assert self.range is not None
        low, high = self.range
        return high - low + 1 if isinstance(low, int) and isinstance(high, int) else None

    def _check_range(self, low: float, high: float) -> None:
        if any(isinstance(end, int) and not -(2**63) <= end < 2**63 for end in (low, high)):
            raise ValueError("range has an end beyond 64 bits; whole numbers from -2^63 to 2^63 - 1 are allowed")
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"range goes from a lower to a higher finite number; found [{low:g}, {high:g}]")
        if self.scale == "logarithmic" and low <= 0:
            raise ValueError(f"a logarithmic range starts above 0; found {low:g}")

    @property
    def values(self) -> Sequence[Any] | None:
        """All values, where there is a list of them; a range of whole numbers is one, a range of real numbers not."""
        if self.range is None:
            return self.choices
        low, high = self.range
        return range(low, high + 1) if isinstance(low, int) and isinstance(high, int) else None

    def draw(self, generator: np.random.Generator) -> Any:
        """One value: each choice equally likely, a range evenly in the value or in its logarithm."""
        if self.choices is not None:
            return self.choices[int(generator.integers(len(self.choices)))]
        assert self.range is not None
        low, high = self.range
        whole = isinstance(low, int) and isinstance(high, int)
        # Whole numbers get equal shares of [low − ½, high + ½), on either scale.
        ends = (low - 0.5, high + 0.5) if whole else (float(low), float(high))
        if self.scale == "logarithmic":
            value = math.exp(generator.uniform(math.log(ends[0]), math.log(ends[1])))
        else:
            value = generator.uniform(*ends)
        return min(max(round(value), low), high) if whole else min(max(value, low), high)
