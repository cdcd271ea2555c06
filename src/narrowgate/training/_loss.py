"""What a step lowers: a data term, and a penalty on what is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from narrowgate.network import Arrays, Numerics

DataTerm = Callable[[Float[Array, " events"], Float[Array, " events"]], Float[Array, ""]]
"""Scores (logits) and labels (1 is signal) of a batch in, a number out."""

Penalty = Callable[[Arrays, Arrays, Numerics], Float[Array, ""]]
"""Weights, the arrays that are trained beside them, and the member's numerics in, a number out."""


def cross_entropy(scores: Float[Array, " events"], labels: Float[Array, " events"]) -> Float[Array, ""]:
    """Mean binary cross-entropy of logits; half of a batch is signal, so it is balanced between the classes."""
    return jnp.mean(optax.sigmoid_binary_cross_entropy(scores, labels))


@dataclass(frozen=True)
class Loss:
    """`data` of a batch's scores, plus a `penalty` on what is trained, if there is one.

    Both are plain functions of JAX arrays: they are compiled into the step. Members that share them share a
    program.
    """

    data: DataTerm = cross_entropy
    penalty: Penalty | None = None

    def __call__(
        self,
        scores: Float[Array, " events"],
        labels: Float[Array, " events"],
        weights: Arrays,
        learned: Arrays,
        numerics: Numerics,
    ) -> Float[Array, ""]:
        """The number that a step lowers."""
        found = self.data(scores, labels)
        return found if self.penalty is None else found + self.penalty(weights, learned, numerics)
