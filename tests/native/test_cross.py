"""The room's C++ for processors that are not here, under an emulator, against NumPy: whole numbers, every sum exact."""

import shutil
import subprocess
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32
from numpy.typing import NDArray

from narrowgate.native import _build

HERE = Path(__file__).parent
Numbers = NDArray[np.float64]

SIZES = [(1, 4, 6, 1, 16), (3, 6, 4, 5, 32), (4, 2, 10, 8, 16)]
"""Channels, columns, rows, filters, events: all the ways in which filters are taken together."""


def convolved(images: Numbers, kernel: Numbers) -> Numbers:
    """Outputs of a `same` convolution as (place in the pool, filters, columns / 2, rows / 2, events)."""
    _, columns, rows, _ = images.shape
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    outputs = sum(
        np.einsum("cf,cxye->fxye", kernel[down, right], padded[:, right : right + columns, down : down + rows])
        for down, right in product(range(3), repeat=2)
    )
    return np.stack([outputs[:, right::2, down::2] for down, right in product(range(2), repeat=2)])


def gradients(images: Numbers, kernel: Numbers, of_outputs: Numbers) -> tuple[Numbers, Numbers]:
    """Those of the kernel and of the images, from that of the outputs before pooling."""
    _, columns, rows, _ = images.shape
    whole = np.zeros((kernel.shape[3], columns, rows, images.shape[3]))
    for place, (down, right) in enumerate(product(range(2), repeat=2)):
        whole[:, right::2, down::2] = of_outputs[place]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    of_kernel, of_padded = np.zeros_like(kernel), np.zeros_like(padded)
    for down, right in product(range(3), repeat=2):
        seen = slice(right, right + columns), slice(down, down + rows)
        of_kernel[down, right] = np.einsum("fxye,cxye->cf", whole, padded[:, *seen])
        of_padded[:, *seen] += np.einsum("cf,fxye->cxye", kernel[down, right], whole)
    return of_kernel, of_padded[:, 1:-1, 1:-1]


def check(run: Sequence[str], size: tuple[int, int, int, int, int], lanes: int) -> None:
    channels, columns, rows, filters, events = size
    generator = np.random.default_rng(sum(size))
    images = generator.integers(-3, 4, (channels, columns, rows, events)).astype(np.float32)
    kernel = generator.integers(-3, 4, (3, 3, channels, filters)).astype(np.float32)
    of_pooled = generator.integers(-3, 4, (filters, columns // 2, rows // 2, events)).astype(np.float32)
    of_sums = generator.integers(-1, 2, (3, filters)).astype(np.float32)
    table = generator.integers(0, 2**24, (7, rows, columns, channels)).astype(np.uint32)
    numbers = generator.integers(0, 7, events).astype(np.int32)
    key = np.asarray([5, 77, 192], np.uint32)
    given = [np.asarray(size, np.int32), images, kernel, of_pooled, of_sums, np.int32(7), table, numbers, key]
    done = subprocess.run(run, input=b"".join(part.tobytes() for part in given), capture_output=True, check=True)
    answer, position = done.stdout, 0

    def taken(like: tuple[int, ...], kind: type[np.generic] = np.float32) -> NDArray[np.generic]:
        nonlocal position
        found = np.frombuffer(answer, kind, int(np.prod(like)), position).reshape(like)
        position += found.nbytes
        return found

    assert taken((1,), np.int32)[0] == lanes
    outputs = convolved(images.astype(np.float64), kernel.astype(np.float64))
    np.testing.assert_array_equal(taken(of_pooled.shape), outputs.max(0))
    places = taken(of_pooled.shape, np.int32)
    np.testing.assert_array_equal(places, outputs.argmax(0))  # of equal ones the first
    sums = taken((3, filters))
    shift = np.asarray(sums[0], np.float64)
    away = outputs - shift[:, None, None, None]
    np.testing.assert_array_equal(sums[1:], [(away**power).sum((0, 2, 3, 4)) for power in (1, 2)])
    chosen = np.where(np.arange(4)[:, None, None, None, None] == places, of_pooled, 0).astype(np.float64)
    shared = of_sums[1][:, None, None, None] + 2 * of_sums[2][:, None, None, None] * away
    for of_outputs in (chosen + shared, chosen):
        for expected in gradients(images.astype(np.float64), kernel.astype(np.float64), of_outputs):
            np.testing.assert_array_equal(taken(expected.shape), expected)
    np.testing.assert_array_equal(taken(images.shape), table[numbers].transpose(3, 2, 1, 0))
    words = threefry_2x32(jnp.asarray(key[:2]), jnp.arange(192, dtype=jnp.uint32))
    np.testing.assert_array_equal(taken((192,), np.uint32), jax.device_get(words))
    assert position == len(answer)


def compiled(command: list[str], tmp_path: Path) -> str:
    program = tmp_path / "driver"
    folder = f"-I{_build.SOURCE.parent}"
    subprocess.run(
        [*command, "-std=c++17", "-O3", "-w", "-static", folder, str(HERE / "driver.cpp"), "-o", str(program)],
        check=True,
    )
    return str(program)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["aarch64-linux-gnu-g++", "aarch64-linux-gnu-g++ -march=armv8.2-a+sve"])
def test_64_bit_arm(compiler: str, tmp_path: Path) -> None:
    """Debian's g++-aarch64-linux-gnu and qemu-user."""
    command = compiler.split()
    emulator = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if shutil.which(command[0]) is None or emulator is None:
        pytest.skip(f"needs {command[0]} and qemu-aarch64")
    program = compiled(command, tmp_path)
    for size in SIZES:
        check([emulator, program], size, lanes=4)


@pytest.mark.slow
def test_the_driver_where_it_is_compiled(tmp_path: Path) -> None:
    """The same numbers from this processor's own instructions: what the emulator is measured by."""
    try:
        command, level = [*_build._compiler(), *_build.target().flags], _build.target().level
    except _build.BuildError as error:
        pytest.skip(str(error))
    program = compiled(command, tmp_path)
    for size in SIZES:
        check([program], size, lanes={"x86-64-v4": 16, "x86-64-v3": 8}.get(level, 4))
