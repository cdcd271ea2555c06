"""Widths that are learned: the words for them in a configuration, and how they are trained."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from narrowgate.network._section import Section

LEARNED = "learned"
"""The short word: by element for weights, by channel for activations, one for all pixels."""


class Learned(StrEnum):
    """In place of a format: its widths are trained, and what shares them."""

    LAYER = "learned by layer"
    CHANNEL = "learned by channel"
    ELEMENT = "learned by element"

    @classmethod
    def read(cls, value: Any, allowed: tuple[Learned, ...]) -> Learned | None:
        """What the words mean, `None` if they do not speak of learning; "learned" alone is the last of the `allowed`.

        Raises:
            ValueError: it is not allowed here.
        """
        if not isinstance(value, str) or not value.strip().lower().startswith(LEARNED):
            return None
        words = " ".join(value.lower().split())
        found = allowed[-1] if words == LEARNED else next((one for one in allowed if one == words), None)
        if found is None:
            raise ValueError(f'found {value!r}; allowed are "{LEARNED}", ' + ", ".join(f'"{one}"' for one in allowed))
        return found


class Learning(Section):
    """How widths are learned.

    A step lowers cross-entropy + β · EBOPs (effective bit operations, Sun et al., arXiv:2405.00645). β is 0 for the
    first share `warm_up` of the steps, then rises evenly in its logarithm from `beta_start` to `beta`; for the last
    share `fine_tuning` widths stay as they are, and the weights settle. Widths have a learning rate of their own, which
    follows the schedule of the weights'. `fraction`, `activation_fraction` are the bits after the point to begin with.
    """

    learning_rate: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 0.001
    beta: Annotated[float, Field(ge=1e-15, allow_inf_nan=False)] = 3e-6
    beta_start: Annotated[float, Field(ge=1e-15, allow_inf_nan=False)] = 1e-8
    warm_up: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    fine_tuning: Annotated[float, Field(ge=0.0, le=1.0)] = 0.25
    fraction: Annotated[int, Field(ge=-8, le=12, strict=True)] = 6
    activation_fraction: Annotated[int, Field(ge=-8, le=12, strict=True)] = 4

    @model_validator(mode="after")
    def _some_steps_are_left(self) -> Self:
        if self.warm_up + self.fine_tuning >= 1:
            raise ValueError(
                f"warm_up {self.warm_up:g} and fine_tuning {self.fine_tuning:g} are shares of all steps and leave none "
                f"for the penalty; allowed is a sum below 1"
            )
        return self
