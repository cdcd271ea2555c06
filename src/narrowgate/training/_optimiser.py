"""The optimiser, and learning rates that differ between groups of what is trained."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from narrowgate.network import Arrays

OPTIMISER = optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-7)
"""Adam (Kingma and Ba, arXiv:1412.6980) with Keras' ε; the learning rate is applied by the step."""

RateMultipliers = Mapping[str, Float[Array, ""]]
"""By patterns of names (`conv*.kernel`), what a member's learning rate is multiplied by there; the first that fits
counts, and where none does the learning rate is as it is."""


def multipliers(table: Arrays, given: RateMultipliers) -> Float[Array, " weights"]:
    """For every number of `table`, in the order of `ravel_pytree`, what its learning rate is multiplied by."""

    def each(path: tuple[jax.tree_util.DictKey, ...], values: Array) -> Array:
        found = next((given[pattern] for pattern in given if fnmatchcase(path[0].key, pattern)), jnp.float32(1))
        return jnp.broadcast_to(found, values.shape)

    vector: Array = ravel_pytree(jax.tree_util.tree_map_with_path(each, table))[0]
    return vector
