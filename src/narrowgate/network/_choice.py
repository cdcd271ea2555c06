"""Whether the room `native` convolves here, or XLA: a short measurement decides, once for a machine.

Sums are formed in another order by the two, so the choice must not change from one training to the next: it is
remembered in the user's cache, beside the placements of populations, and recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from threading import Lock
from time import process_time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from narrowgate import native
from narrowgate.files import FileError, cache_folder, locked, read_json, write_json
from narrowgate.machine import own_arithmetic, processor, switches
from narrowgate.network._layers import Convolution

DOUBT = 1.25
"""What native functions must gain to be chosen where the choice cannot be remembered: so that none falls twice."""

LAYERS = (
    Convolution("conv0", 20, 12, 1, 4, kernel=3, pool=2, batch_norm=False, first=True),
    Convolution("conv1", 10, 6, 4, 8, kernel=3, pool=2, batch_norm=False),
)
"""What is measured: the convolutions of a small trigger network on the shipped sample's images, and their gradient."""

EVENTS = 256


@dataclass(frozen=True)
class Choice:
    """Who convolves; `ratio` is XLA's time over that of the native functions where it was measured."""

    native: bool
    ratio: float | None
    reason: str

    @property
    def in_words(self) -> str:
        """For a record: empty, or `native convolutions (x86-64-v3)`."""
        return f"native convolutions ({native.instruction_set()})" if self.native else ""


_deciding = Lock()
_kept: list[Choice] = []


def convolutions() -> Choice:
    """Who convolves in this process: what was measured on this machine, or the environment or a checkpoint asks for.

    Measures for a few seconds where nobody has before. `NARROWGATE_NATIVE` pins it.
    """
    with _deciding:
        if not native.available():
            return Choice(False, None, native.why_not() or "not available")
        return _kept[-1] if _kept else _choice()


def keep_convolutions(in_words: str) -> bool:
    """Go on as a training was begun, whose `Choice.in_words` are given; whether that can be done here.

    Holds for the whole process. What is compiled already knows nothing of it.
    """
    if in_words == convolutions().in_words:
        return True
    other = Choice(bool(in_words), None, "a checkpoint was written so")
    if other.native and not (native.available() and other.in_words == in_words):
        return False
    _kept.append(other)
    return True


@cache
def _choice() -> Choice:
    wanted = native.is_wanted()
    if wanted is not None:
        return Choice(wanted, None, f"{native.SWITCH} says so")
    with ThreadPoolExecutor(1) as aside:  # a thread is not in the middle of tracing, and has nobody's settings
        return aside.submit(decide, cache_folder() / "native.json", measure).result()


def decide(memory: Path, measuring: Callable[[], float]) -> Choice:
    """What the file `memory` remembers of this machine and instruction set; else what `measuring` gives, remembered.

    Of processes that measure at once the first one's choice is everybody's. Where nothing can be written the native
    functions must be faster by far.
    """
    key = f"{processor()}, {native.instruction_set()}, {native.library_name()}, JAX {jax.__version__}"
    key += f" {switches().get('XLA_FLAGS', '')}".rstrip()
    if (known := _recalled(memory, key)) is not None:
        return known
    ratio = round(measuring(), 2)
    choice = Choice(ratio >= 1, ratio, f"measured: XLA takes {ratio:.2f} times as long")
    with suppress(FileError, OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with locked(memory.parent):
            if (known := _recalled(memory, key)) is not None:
                return known
            write_json(memory, {**_read(memory), key: asdict(choice)})
        return choice
    return Choice(ratio >= DOUBT, ratio, f"{choice.reason} (which could not be remembered)")


def _recalled(memory: Path, key: str) -> Choice | None:
    match _read(memory).get(key):
        case {"native": bool(chosen), "ratio": float(ratio) | int(ratio), "reason": str(reason)}:
            return Choice(chosen, float(ratio), reason)
    return None


def _read(memory: Path) -> dict[str, Any]:
    try:
        entries = read_json(memory)
    except FileError:
        return {}
    return entries if isinstance(entries, dict) else {}


@own_arithmetic()
def measure() -> float:
    """How many times as long as the native functions XLA takes for two convolutions and their gradient.

    Of the processor's time, not the clock's: in training every core has a member of its own, and what one call takes
    from other cores others miss. The best of seven rounds, in turn.
    """
    generator = np.random.default_rng(0)
    images = jnp.asarray(generator.integers(0, 9, (1, 12, 20, EVENTS)).astype(np.float32))
    kernels = [jnp.asarray(generator.uniform(-0.3, 0.3, layer.kernel_shape).astype(np.float32)) for layer in LAYERS]
    ways = [jax.jit(jax.grad(partial(_output, convolved), argnums=1)) for convolved in (_by_native, _by_xla)]
    seconds = [float("inf")] * len(ways)
    for _ in range(7):
        for number, gradient in enumerate(ways):
            start = process_time()
            for _ in range(4):
                jax.block_until_ready(gradient(images, kernels))
            seconds[number] = min(seconds[number], process_time() - start)
    return seconds[1] / max(seconds[0], 1e-9)


def _output(convolved: Callable[..., Any], images: Any, kernels: list[Any]) -> Any:
    for layer, kernel in zip(LAYERS, kernels, strict=True):
        images = convolved(images, kernel, layer)
    return jnp.sum(jnp.square(images))


def _by_native(images: Any, kernel: Any, layer: Convolution) -> Any:
    return native.pooled(images, kernel, layer.first)


def _by_xla(images: Any, kernel: Any, layer: Convolution) -> Any:
    from narrowgate.network._convolution import convolve, largest  # which asks this module who convolves

    return largest(convolve(images, kernel, layer))
