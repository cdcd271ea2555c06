"""A convolution followed by max-pooling, for one member: as one matrix product where that is possible, else in general.

Both give the outputs before pooling with the members of each pool side by side, so that what comes between
convolution and pooling (batch norm) is written once.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from narrowgate.network._layers import Convolution


def convolve(
    images: Float[Array, "events rows columns channels"],
    kernel: Float[Array, "size size channels filters"],
    layer: Convolution,
) -> Float[Array, "events pooled_rows pooled_columns pool filters"]:
    """`same` convolution, its outputs grouped by the pool that they fall into (`pool` is the pool's area)."""
    if layer.as_patches:
        grouped = patches(images) @ patch_matrix(kernel)
    else:
        grouped = group_pools(convolve_directly(images, kernel), layer.pool)
    return grouped.reshape(*grouped.shape[:3], layer.pool**2, layer.filters)


def largest(grouped: Float[Array, "events rows columns pool filters"]) -> Float[Array, "events rows columns filters"]:
    """The maximum of each pool. Where two are equal the gradient goes to the first, as it does in Keras."""
    result = grouped[..., 0, :]
    for index in range(1, grouped.shape[-2]):
        candidate = grouped[..., index, :]
        result = jnp.where(result >= candidate, result, candidate)
    return result


def patches(
    images: Float[Array, "events rows columns channels"],
) -> Float[Array, "events rows/2 columns/2 16*channels"]:
    """The 4 × 4 pixels around every 2 × 2 block, zeros beyond the edge.

    After padding by one pixel the image is cut into 2 × 2 cells; four neighbouring cells are one patch. The last
    axis therefore runs over (cell row, cell column, row in cell, column in cell, channel).
    """
    events, rows, columns, channels = images.shape
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    cells = padded.reshape(events, rows // 2 + 1, 2, columns // 2 + 1, 2, channels)
    cells = cells.transpose(0, 1, 3, 2, 4, 5).reshape(events, rows // 2 + 1, columns // 2 + 1, 4 * channels)
    upper, lower = cells[:, :-1], cells[:, 1:]
    return jnp.concatenate([upper[:, :, :-1], upper[:, :, 1:], lower[:, :, :-1], lower[:, :, 1:]], axis=-1)


def patch_matrix(kernel: Float[Array, "3 3 channels filters"]) -> Float[Array, "16*channels 4*filters"]:
    """The matrix that takes a patch to the four outputs of its block: the kernel at each of its four places."""
    channels, filters = kernel.shape[2:]
    places = [
        jnp.pad(kernel, ((row, 1 - row), (column, 1 - column), (0, 0), (0, 0))) for row in (0, 1) for column in (0, 1)
    ]
    matrix = jnp.stack(places, axis=3).reshape(2, 2, 2, 2, channels, 4 * filters)
    return matrix.transpose(0, 2, 1, 3, 4, 5).reshape(16 * channels, 4 * filters)


def convolve_directly(
    images: Float[Array, "events rows columns channels"], kernel: Float[Array, "size size channels filters"]
) -> Float[Array, "events rows columns filters"]:
    """Any kernel; stride 1. Even kernels pad one more behind than before, as Keras does."""
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def group_pools(
    outputs: Float[Array, "events rows columns filters"], pool: int
) -> Float[Array, "events rows/pool columns/pool pool**2*filters"]:
    """Outputs side by side with the others of their pool; rows and columns that do not fill a pool are dropped."""
    events, rows, columns, filters = outputs.shape
    rows, columns = rows // pool, columns // pool
    whole = outputs[:, : rows * pool, : columns * pool].reshape(events, rows, pool, columns, pool, filters)
    return whole.transpose(0, 1, 3, 2, 4, 5).reshape(events, rows, columns, pool**2 * filters)
