"""Event images as a network takes them: events run fastest.

Files and data sets hold images as (events, rows, columns, channels). Inside a network they are (channels, columns,
rows, events): whatever is cut out, put side by side or pooled is then a long stretch of memory.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt
from numpy.typing import NDArray

from narrowgate import native


def events_last(images: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.unsignedinteger[Any]]:
    """Images (…, events, rows, columns, channels) as (…, channels, columns, rows, events)."""
    return np.ascontiguousarray(np.moveaxis(images, (-4, -3, -2, -1), (-1, -2, -3, -4)))


def gathered(
    images: UInt[Array, "all rows columns channels"], numbers: Int[Array, " events"]
) -> Float[Array, "channels columns rows events"] | UInt[Array, "channels columns rows events"]:
    """Those of the images that have the given numbers, events last. Every number must be one of an image."""
    if native.serves(len(numbers)):
        return native.gathered(images, numbers)
    return jnp.transpose(images[numbers], (3, 2, 1, 0))
