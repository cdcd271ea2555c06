"""The machine and its settings: cores that may be used, and what of a user's environment may reach the numbers.

JAX and XLA take switches from the environment and from `jax.config`, and people set them for other work. What
narrowgate computes does not depend on them: what can be set for a while is set while it computes (`own_arithmetic`) and
is as before afterwards; what cannot is refused with a sentence. The rest, which chooses where it computes, is recorded
(`switches`).
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from narrowgate.errors import NarrowgateError

OWN: Mapping[str, Any] = {
    "enable_x64": False,
    "numpy_dtype_promotion": "standard",
    "numpy_rank_promotion": "allow",
    "default_matmul_precision": None,
    "default_prng_impl": "threefry2x32",
    "threefry_partitionable": True,
    "enable_custom_prng": False,
    "legacy_prng_key": "allow",
    "disable_jit": False,
    "debug_nans": False,
    "debug_infs": False,
    "transfer_guard": "allow",
}
"""JAX's settings while narrowgate computes, by the names of JAX's context managers."""

REFUSED: Mapping[str, Any] = {
    "jax_disable_most_optimizations": False,
    "jax_optimization_level": "UNKNOWN",
    "jax_exec_time_optimization_effort": 0.0,
    "jax_no_execution": False,
}
"""Settings of JAX that change what is compiled, and cannot be set for a while; allowed is JAX's own default."""

HARMLESS = (
    "xla_force_host_platform_device_count",
    "xla_cpu_max_isa",
    "xla_dump_",
    "xla_gpu_",
    "xla_cpu_parallel_codegen_split_count",
    "xla_log_",
    "xla_hlo_profile",
)
"""Beginnings of the XLA_FLAGS that are taken: they choose where and with which instructions it computes, or write down
what was compiled. (Accelerators tune themselves anyway: between two of them last bits differ.)"""

RECORDED = "JAX_", "XLA_", "NARROWGATE_NATIVE", "NARROWGATE_MARCH", "CXX"
"""Beginnings of the environment variables that a record keeps."""


class MachineError(NarrowgateError):
    """The environment asks for something under which narrowgate's numbers would be others, or for what is not there."""


def cores() -> int:
    """How many cores this process may use, which on a shared machine are fewer than it has."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's name, as its system has it; where it has none, its kind."""
    names = ("model name", "Model", "Hardware", "CPU part")  # x86, some Arm boards, Arm's number of the design
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        said = dict([part.strip() for part in line.split(":", 1)] for line in lines if ":" in line)
        if named := next((said[name] for name in names if name in said), ""):
            return named
    with suppress(OSError, subprocess.SubprocessError):  # macOS
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    return platform.processor() or platform.machine()


def switches() -> dict[str, str]:
    """The environment variables that choose where and with what narrowgate computes, for a record."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(RECORDED)}


@contextmanager
def own_arithmetic() -> Iterator[None]:
    """JAX as narrowgate's numbers need it: 32 bits, compiled, usual promotion; afterwards as the caller had it.

    Also decorates a function, which then runs so in whatever thread it is called.

    Raises:
        MachineError: for a switch that changes numbers and cannot be set for a while.
    """
    check()
    import jax

    with ExitStack() as stack:
        for name, value in OWN.items():
            setting = getattr(jax, name, getattr(jax.experimental, name, None))
            if setting is not None:  # not every JAX has every one
                stack.enter_context(setting(value))
        yield


def device(platform: str | None = None) -> Any:
    """The first device of a platform as JAX calls it (`cpu`, `gpu`); without one, the first that JAX computes on.

    Raises:
        MachineError: JAX finds none.
    """
    import jax

    try:
        return jax.local_devices(backend=platform)[0]
    except (RuntimeError, AssertionError, ValueError) as error:  # JAX raises what it likes
        asked = os.environ.get("JAX_PLATFORMS", "")
        hint = f"JAX_PLATFORMS is {asked!r}; allowed are what is here, and cpu" if asked else str(error)
        raise MachineError(f"JAX finds no {platform or 'device'} to compute on: {hint}.") from error


def check() -> None:
    """Whether the environment leaves the numbers alone; looks at it anew each time and does not start JAX's devices.

    Raises:
        MachineError: for a switch that changes numbers and cannot be set for a while.
    """
    _check_flags(os.environ.get("XLA_FLAGS", ""))
    import jax

    for name, usual in REFUSED.items():
        found = jax.config.values.get(name, usual)
        if found != usual:
            raise MachineError(f"{name.upper()} is {found}: narrowgate's numbers would be others; unset it.")


def _check_flags(flags: str) -> None:
    for flag in flags.split():
        name = flag.removeprefix("--").partition("=")[0]
        if not flag.startswith("--xla_") or not name.startswith(HARMLESS):
            allowed = ", ".join(f"--{beginning}{'…' if beginning.endswith('_') else ''}" for beginning in HARMLESS)
            raise MachineError(
                f"XLA_FLAGS contains {flag}: with it narrowgate's numbers could be others, so it is not taken; "
                f"allowed are {allowed}."
            )
