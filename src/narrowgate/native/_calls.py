"""The compiled functions as JAX sees them: shapes, and which gradient belongs to which."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt

FORWARD, BACKWARD = "narrowgate_convolution", "narrowgate_convolution_gradient"
GATHER, RANDOM, LANES = "narrowgate_gather", "narrowgate_random", "narrowgate_lanes"
"""The functions of `kernels.cpp`."""

ENDING = ""
"""XLA knows them by their names with this at the end; it tells libraries for several instruction sets apart."""


def register(compiled: ctypes.CDLL, ending: str = ENDING) -> int:
    """Let XLA know the functions of a compiled library; gives how many events they take at a time."""
    for name in (FORWARD, BACKWARD, GATHER, RANDOM):
        jax.ffi.register_ffi_target(name + ending, jax.ffi.pycapsule(getattr(compiled, name)), platform="cpu")
    return ctypes.c_int.in_dll(compiled, LANES).value


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def pooled(
    images: Float[Array, "channels columns rows events"], kernel: Float[Array, "3 3 channels filters"], first: bool
) -> Float[Array, "filters columns/2 rows/2 events"]:
    """The largest output of a `same` convolution in each 2 × 2 pool. The `first` layer's images have gradient zero."""
    (found,) = _forward(images, kernel, results=1)
    return found


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def pooled_with_sums(
    images: Float[Array, "channels columns rows events"], kernel: Float[Array, "3 3 channels filters"], first: bool
) -> tuple[Float[Array, "filters columns/2 rows/2 events"], Float[Array, "3 filters"]]:
    """The same, and for every filter three numbers about its outputs before pooling.

    A shift (one of the outputs), the sum of their differences from it, and the sum of the squares of these. Differences
    from it keep their digits where all outputs lie far from zero. What is made of the three must not depend on which
    shift was chosen, as mean and variance do not: the gradient takes it as given.
    """
    found, _, sums = _forward(images, kernel, results=3)
    return found, sums


_Saved = tuple[Array, Array, Array]
"""Images, kernel, and which of every pool's four places (uint8) is the largest."""


def _pooled_forward(images: Array, kernel: Array, first: bool) -> tuple[Array, _Saved]:
    found, places = _forward(images, kernel, results=2)
    return found, (images, kernel, places)


def _pooled_backward(first: bool, saved: _Saved, of_found: Array) -> tuple[Array, Array]:
    return _backward(first, *saved, of_found)


def _with_sums_forward(images: Array, kernel: Array, first: bool) -> tuple[tuple[Array, Array], tuple[_Saved, Array]]:
    found, places, sums = _forward(images, kernel, results=3)
    return (found, sums), ((images, kernel, places), sums[0])


def _with_sums_backward(
    first: bool, saved: tuple[_Saved, Array], of_results: tuple[Array, Array]
) -> tuple[Array, Array]:
    (arrays, shift), (of_found, of_sums) = saved, of_results
    return _backward(first, *arrays, of_found, of_sums.at[0].set(shift))


pooled.defvjp(_pooled_forward, _pooled_backward)
pooled_with_sums.defvjp(_with_sums_forward, _with_sums_backward)


def _forward(images: Array, kernel: Array, results: int) -> Sequence[Array]:
    _, columns, rows, events = images.shape
    filters = kernel.shape[3]
    shape = filters, columns // 2, rows // 2, events
    types = (
        jax.ShapeDtypeStruct(shape, jnp.float32),
        jax.ShapeDtypeStruct(shape, jnp.uint8),  # which of a pool's four is the largest
        jax.ShapeDtypeStruct((3, filters), jnp.float32),
    )
    return jax.ffi.ffi_call(FORWARD + ENDING, types[:results], vmap_method="sequential")(images, kernel)


def _backward(first: bool, images: Array, kernel: Array, *others: Array) -> tuple[Array, Array]:
    types = [jax.ShapeDtypeStruct(wanted.shape, jnp.float32) for wanted in (kernel, images)]
    if first:
        (of_kernel,) = jax.ffi.ffi_call(BACKWARD + ENDING, types[:1], vmap_method="sequential")(images, kernel, *others)
        return jnp.zeros_like(images), of_kernel
    of_kernel, of_images = jax.ffi.ffi_call(BACKWARD + ENDING, types, vmap_method="sequential")(images, kernel, *others)
    return of_images, of_kernel


def gathered(
    images: UInt[Array, "all rows columns channels"], numbers: Int[Array, " events"]
) -> Float[Array, "channels columns rows events"]:
    """Those of the images that have the given numbers (int32), as float32 and with events last."""
    _, rows, columns, channels = images.shape
    result = jax.ShapeDtypeStruct((channels, columns, rows, len(numbers)), jnp.float32)
    return jax.ffi.ffi_call(GATHER + ENDING, result, vmap_method="sequential")(images, numbers)


def random_words(key: UInt[Array, 2], count: int) -> UInt[Array, " count"]:
    """What `threefry_2x32` makes of the words 0 to `count` - 1, a multiple of 32, under the key."""
    result = jax.ShapeDtypeStruct((count,), jnp.uint32)
    return jax.ffi.ffi_call(RANDOM + ENDING, result, vmap_method="sequential")(key)
