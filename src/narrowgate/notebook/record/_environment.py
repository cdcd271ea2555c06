"""What a run ran on: versions, machine, command."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from narrowgate.machine import cores, switches

PACKAGES = ("narrowgate", "jax", "jaxlib", "optax", "numpy", "scipy", "pythia8mc")


def environment(**more: Any) -> dict[str, Any]:
    """Describe this process for `environment.json`; `more` adds what only the caller knows.

    Customary additions: `device` (in words), `seeds` (list of int), `data` (a table with `name`, `fingerprint`, `path`,
    `crossing_rate` in Hz). Versions come from the installed packages' metadata, nothing is imported and no version
    control is asked.
    """
    return {
        "command": list(sys.argv),
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "cores": cores(),
        "switches": switches(),
        "versions": {package: found for package in PACKAGES if (found := _version(package))},
        **more,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
