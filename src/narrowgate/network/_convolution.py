"""A convolution followed by max-pooling, for one member.

Everywhere in a network events run fastest: an image is an array (channels, columns, rows, events). So whatever is cut
out, put side by side or pooled are long stretches of memory, and element-wise work runs along them undisturbed.
The usual shape (3 × 3 taps, 2 × 2 pools) is left to the room `native` where it is available and faster, and is one
matrix product elsewhere; other shapes go to XLA's convolution. The latter two give the outputs before pooling as arrays
(pool, filters, columns, rows, events): `pool` counts the members of a pool, columns and rows count pools.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import slice_in_dim
from jaxtyping import Array, Float
from numpy.typing import NDArray

from narrowgate import native
from narrowgate.network._batch_norm import batch_moments, moments
from narrowgate.network._choice import convolutions
from narrowgate.network._layers import Convolution


def pooled(
    images: Float[Array, "channels columns rows events"],
    kernel: Float[Array, "size size channels filters"],
    layer: Convolution,
) -> Float[Array, "filters pooled_columns pooled_rows events"]:
    """The largest output of a `same` convolution in each pool."""
    if _is_native(images, layer):
        return native.pooled(images, kernel, layer.first)
    return largest(convolve(images, kernel, layer))


def pooled_with_moments(
    images: Float[Array, "channels columns rows events"],
    kernel: Float[Array, "size size channels filters"],
    layer: Convolution,
) -> tuple[
    Float[Array, "filters pooled_columns pooled_rows events"], tuple[Float[Array, " filters"], Float[Array, " filters"]]
]:
    """The same, with mean and variance of every filter's outputs before pooling."""
    if _is_native(images, layer):
        found, sums = native.pooled_with_sums(images, kernel, layer.first)
        outputs = found[0].size * layer.pool**2
        return found, moments(sums[0], sums[1] / outputs, sums[2] / outputs)
    products = convolve(images, kernel, layer)
    return largest(products), batch_moments(products, channel=1)


def _is_native(images: Array, layer: Convolution) -> bool:
    return layer.as_product and convolutions().native and native.serves(images.shape[-1])


def convolve(
    images: Float[Array, "channels columns rows events"],
    kernel: Float[Array, "size size channels filters"],
    layer: Convolution,
) -> Float[Array, "pool filters pooled_columns pooled_rows events"]:
    """`same` convolution, its outputs grouped by pools."""
    if not layer.as_product:
        return group_pools(convolve_directly(images, kernel), layer.pool)
    rows_seen = seen_by_pools(images, 2)  # (channels, columns, rows, …) becomes (4, channels, columns, pools, …)
    seen = seen_by_pools(rows_seen, 2)  # and now (4, 4, channels, pools, pools, …): column, row, channel, pool
    products = pool_matrix(kernel) @ seen.reshape(16 * layer.channels, -1)
    return products.reshape(4, layer.filters, *seen.shape[-3:])


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def seen_by_pools(values: Float[Array, ...], axis: int) -> Float[Array, "4 ..."]:
    """The four places along `axis` that a pool of two sees: its own, and one (a zero at the edge) on either side."""
    pools = values.shape[axis] // 2
    padded = jnp.pad(values, [(int(other == axis),) * 2 for other in range(values.ndim)])
    return jnp.stack([slice_in_dim(padded, tap, tap + 2 * pools - 1, 2, axis) for tap in range(4)])


def _seen_forward(values: Array, axis: int) -> tuple[Array, None]:
    return seen_by_pools(values, axis), None


def _seen_backward(axis: int, _: None, cotangent: Array) -> tuple[Array]:
    """A place is seen by its own pool and by the neighbour's. Written down: the derived sum is three times slower."""
    before, first, second, behind = cotangent
    pools = first.shape[axis]
    edge = jnp.zeros_like(slice_in_dim(first, 0, 1, axis=axis))
    first += jnp.concatenate([edge, slice_in_dim(behind, 0, pools - 1, axis=axis)], axis)
    second += jnp.concatenate([slice_in_dim(before, 1, pools, axis=axis), edge], axis)
    pairs = jnp.stack([first, second], axis + 1)
    return (pairs.reshape(*first.shape[:axis], 2 * pools, *first.shape[axis + 1 :]),)


seen_by_pools.defvjp(_seen_forward, _seen_backward)


def pool_matrix(kernel: Float[Array, "3 3 channels filters"]) -> Float[Array, "4*filters 16*channels"]:
    """The matrix from the 4 × 4 pixels that a 2 × 2 pool sees to its four outputs: the kernel at each of its places.

    Outputs run over (place in the pool, filter), inputs over (column, row, channel).
    """
    matrix = jnp.einsum("rip,xjq,ijcf->pqfxrc", _PLACES, _PLACES, kernel)
    return matrix.reshape(4 * kernel.shape[3], 16 * kernel.shape[2])


def _places() -> NDArray[np.float32]:
    """1 where tap k of a kernel joins pixel i of the four that a pool sees to place p of the pool; (i, k, p)."""
    pixel, tap, place = np.ogrid[:4, :3, :2]
    return np.asarray(pixel == place + tap, np.float32)


_PLACES = _places()


def convolve_directly(
    images: Float[Array, "channels columns rows events"], kernel: Float[Array, "size size channels filters"]
) -> Float[Array, "filters columns rows events"]:
    """Any kernel; stride 1. Even kernels pad one more behind than before, as Keras does."""
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=("CWHN", "HWIO", "CWHN"))


def group_pools(
    outputs: Float[Array, "filters columns rows events"], pool: int
) -> Float[Array, "pool**2 filters columns/pool rows/pool events"]:
    """Outputs side by side with the others of their pool; rows and columns that do not fill a pool are dropped."""
    filters, columns, rows, events = outputs.shape
    columns, rows = columns // pool, rows // pool
    whole = outputs[:, : columns * pool, : rows * pool].reshape(filters, columns, pool, rows, pool, events)
    return whole.transpose(4, 2, 0, 1, 3, 5).reshape(pool**2, filters, columns, rows, events)


@jax.custom_vjp
def largest(products: Float[Array, "pool ..."]) -> Float[Array, ...]:
    """The maximum of each pool. Where two are equal the gradient goes to the first, as it does in Keras."""
    result = products[0]
    for other in products[1:]:
        result = jnp.maximum(result, other)
    return result


def _largest_forward(products: Array) -> tuple[Array, tuple[Array, Array]]:
    result = largest(products)
    return result, (products, result)


def _largest_backward(saved: tuple[Array, Array], cotangent: Array) -> tuple[Array]:
    products, result = saved
    found = jnp.zeros(result.shape, bool)
    shares = []
    for one in products:
        equal = one == result
        shares.append(jnp.where(equal & ~found, cotangent, 0))
        found |= equal
    return (jnp.stack(shares),)


largest.defvjp(_largest_forward, _largest_backward)
