"""A convolution followed by max-pooling, for one member: as matrix products where that is possible, else in general.

Both give the outputs before pooling as arrays (positions, pool, lanes). A position is a row of pools of one event; the
members of a pool lie side by side; a lane is one column of pools and one filter, filters running fastest. Element-wise
work on such arrays runs along many lanes at once, which is what processors do well; so what comes between convolution
and pooling (batch norm) is written once, and fast.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from narrowgate.network._layers import Convolution

INPUTS_OF_A_PRODUCT = 48
"""Fewest inputs of a band's matrix product, where the image is wide enough: below, processors wait for memory."""


def convolve(
    images: Float[Array, "events rows columns channels"],
    kernel: Float[Array, "size size channels filters"],
    layer: Convolution,
) -> list[Float[Array, "positions pool lanes"]]:
    """`same` convolution, its outputs grouped by pools; the arrays are neighbouring bands of pooled columns."""
    if not layer.as_bands:
        return [group_pools(convolve_directly(images, kernel), layer.pool)]
    events, rows = images.shape[:2]
    padded = jnp.pad(images, ((0, 0), (1, 1), (0, 0), (0, 0))).reshape(events, rows // 2 + 1, 2, *images.shape[2:])
    bands = []
    for first, last in bands_of(layer):
        seen = slice(max(0, 2 * first - 1), min(layer.columns, 2 * last + 1))
        cells = padded[:, :, :, seen].reshape(events, rows // 2 + 1, -1)
        windows = jnp.concatenate([cells[:, :-1], cells[:, 1:]], axis=-1).reshape(events * rows // 2, -1)
        products = windows @ band_matrix(kernel, seen, first, last)
        bands.append(products.reshape(events * rows // 2, 4, (last - first) * layer.filters))
    return bands


def bands_of(layer: Convolution) -> list[tuple[int, int]]:
    """First and last (exclusive) pooled column of every band.

    A wide band multiplies many zeros, a narrow one has too few inputs to keep a processor busy.
    """
    columns = layer.columns // 2
    width = max(1, ceil(INPUTS_OF_A_PRODUCT / (8 * layer.channels)) - 1)
    edges = np.linspace(0, columns, max(1, round(columns / width)) + 1).round().astype(int).tolist()
    return list(pairwise(edges))


def band_matrix(
    kernel: Float[Array, "3 3 channels filters"], seen: slice, first: int, last: int
) -> Float[Array, "4*seen*channels 4*pooled*filters"]:
    """The matrix that takes four rows of a band to its row of 2 × 2 pools: the kernel at each of its places.

    Inputs run over (row, column of `seen`, channel); outputs over (place in the pool, pooled column, filter). The image
    has a row of zeros more above and below; beyond its sides there is nothing, and the matrix has no entry.
    """
    rows = _places(np.arange(-1, 3), np.zeros(1, int))[..., 0]
    columns = _places(np.arange(seen.start, seen.stop), np.arange(first, last))
    matrix = jnp.einsum("rip,xjqb,ijcf->rxcpqbf", rows, columns, kernel)
    return matrix.reshape(4 * len(columns) * kernel.shape[2], -1)


def _places(inputs: NDArray[np.int64], pools: NDArray[np.int64]) -> NDArray[np.float32]:
    """1 where tap k joins an input to place p of a pool: where input = 2·pool + p + k − 1; (input, k, p, pool)."""
    tap, place = np.arange(3)[:, None, None], np.arange(2)[:, None]
    joined = inputs[:, None, None, None] == 2 * pools + place + tap - 1
    return np.asarray(joined, np.float32)


def convolve_directly(
    images: Float[Array, "events rows columns channels"], kernel: Float[Array, "size size channels filters"]
) -> Float[Array, "events rows columns filters"]:
    """Any kernel; stride 1. Even kernels pad one more behind than before, as Keras does."""
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def group_pools(
    outputs: Float[Array, "events rows columns filters"], pool: int
) -> Float[Array, "events*rows/pool pool**2 columns/pool*filters"]:
    """Outputs side by side with the others of their pool; rows and columns that do not fill a pool are dropped."""
    events, rows, columns, filters = outputs.shape
    rows, columns = rows // pool, columns // pool
    whole = outputs[:, : rows * pool, : columns * pool].reshape(events, rows, pool, columns, pool, filters)
    return whole.transpose(0, 1, 2, 4, 3, 5).reshape(events * rows, pool**2, columns * filters)


@jax.custom_vjp
def largest(products: Float[Array, "positions pool lanes"]) -> Float[Array, "positions lanes"]:
    """The maximum of each pool. Where two are equal the gradient goes to the first, as it does in Keras."""
    result = products[:, 0]
    for place in range(1, products.shape[1]):
        result = jnp.maximum(result, products[:, place])
    return result


def _largest_forward(products: Array) -> tuple[Array, tuple[Array, Array]]:
    result = largest(products)
    return result, (products, result)


def _largest_backward(saved: tuple[Array, Array], cotangent: Array) -> tuple[Array]:
    products, result = saved
    found = jnp.zeros(result.shape, bool)
    shares = []
    for place in range(products.shape[1]):
        equal = products[:, place] == result
        shares.append(jnp.where(equal & ~found, cotangent, 0))
        found |= equal
    return (jnp.stack(shares, axis=1),)


largest.defvjp(_largest_forward, _largest_backward)


def over_lanes(vector: Float[Array, " filters"], lanes: int) -> Float[Array, " lanes"]:
    """One number a filter, repeated for every column.

    As a matrix product, because XLA does not merge those into what uses them: a repeated expression it would evaluate
    anew for every element of the batch.
    """
    return vector @ _repeats(len(vector), lanes)


def over_filters(vector: Float[Array, " lanes"], filters: int) -> Float[Array, " filters"]:
    """The sum over the columns, for every filter."""
    return vector @ _repeats(filters, len(vector)).T


def _repeats(filters: int, lanes: int) -> NDArray[np.float32]:
    return np.tile(np.eye(filters, dtype=np.float32), lanes // filters)


def side_by_side(
    bands: list[Float[Array, "positions lanes"]], layer: Convolution
) -> Float[Array, "events rows columns filters"]:
    """Pooled bands as images again."""
    return jnp.concatenate(bands, axis=-1).reshape(-1, *layer.output_shape)
