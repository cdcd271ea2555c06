"""narrowgate: the cheapest fixed-point network that still keeps the signal at a level-1 trigger's rate.

What a day's work needs is offered here, and imported on first use: `import narrowgate` itself imports no JAX::

    import narrowgate as ng

    dataset = ng.read("my-events.h5")                         # or ng.load_sample()
    run = ng.Run.open("runs/latest")
    print(run.efficiency[10e3], run.configuration["precision"])

Everything else is in the rooms: `narrowgate.events`, `network`, `training`, `trigger`, `study`, `firmware`, `notebook`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from narrowgate.errors import NarrowgateError

if TYPE_CHECKING:
    from narrowgate.events import Dataset, load_sample, read
    from narrowgate.fixedpoint import Format
    from narrowgate.network import Configuration
    from narrowgate.notebook import Run, compare, list_runs
    from narrowgate.study import Study, search
    from narrowgate.training import train
    from narrowgate.trigger import judge

__version__ = "0.1.0"

__all__ = [
    "Configuration",
    "Dataset",
    "Format",
    "NarrowgateError",
    "Run",
    "Study",
    "compare",
    "judge",
    "list_runs",
    "load_sample",
    "read",
    "search",
    "train",
]

_ROOMS = {
    "events": ("Dataset", "load_sample", "read"),
    "fixedpoint": ("Format",),
    "network": ("Configuration",),
    "notebook": ("Run", "compare", "list_runs"),
    "study": ("Study", "search"),
    "training": ("train",),
    "trigger": ("judge",),
}


def __getattr__(name: str) -> Any:
    """Import what is offered when it is first asked for (PEP 562)."""
    for room, names in _ROOMS.items():
        if name in names:
            found = getattr(import_module(f"narrowgate.{room}"), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module 'narrowgate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
