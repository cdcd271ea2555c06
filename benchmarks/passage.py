"""Through which files of narrowgate a configuration, an event and a trained network pass on their way.

    python benchmarks/passage.py

One call is followed: `runs.run` on a small network, then its exact integers. A file counts when a function in it
is called with the thing among its arguments, or with something that holds it directly (a list, a tuple, a dict, a
dataclass, `self`).
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

import narrowgate

PACKAGE = Path(narrowgate.__file__).parent

SMALL = """
[network]
filters = [2, 2]
units = [4]
[precision]
conv = "(6,1)"
dense = "(6,1)"
activation = "(6,3)"
[training]
epochs = 1
steps_per_epoch = 5
validation_events = 512
"""


def kinds(value: Any, depth: int = 1) -> set[str]:
    """Which of the three a value is or holds."""
    found: set[str] = set()
    name = type(value).__name__
    if name in ("Configuration", "Given"):
        found.add("configuration")
    if name in ("Dataset", "Split") or (isinstance(value, np.ndarray) and value.ndim >= 4 and value.dtype.kind == "u"):
        found.add("event")
    if name == "Trained" or (isinstance(value, dict) and any("kernel" in str(key) for key in value)):
        found.add("trained network")
    if depth:
        if isinstance(value, list | tuple):
            held = list(value)[:4]
        elif isinstance(value, dict):
            held = list(value.values())[:8]
        elif dataclasses.is_dataclass(value) or type(value).__module__.startswith("narrowgate"):
            held = list(getattr(value, "__dict__", {}).values())
        else:
            held = []
        for one in held:
            found |= kinds(one, depth - 1)
    return found


def main() -> None:
    """Follow the call and print the files by thing."""
    passed: dict[str, set[str]] = defaultdict(set)

    def watch(frame: Any, event: str, _: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if not code.co_filename.startswith(str(PACKAGE)):
            return
        file = str(Path(code.co_filename).relative_to(PACKAGE))
        for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
            for kind in kinds(frame.f_locals.get(name)):
                passed[kind].add(file)

    from narrowgate import hardware, runs

    with tempfile.TemporaryDirectory() as folder:
        root, toml = Path(folder) / "runs", Path(folder) / "small.toml"
        toml.write_text(SMALL)
        threading.setprofile(watch)
        sys.setprofile(watch)
        try:
            (name,) = runs.run([runs.read_configuration(toml)], root)
            found = hardware.trained_network(root, name)
            found.integers()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    modules = list(PACKAGE.rglob("*.py"))
    lines = sum(len(path.read_text().splitlines()) for path in modules)
    print(f"{lines:,} lines of Python in {len(modules)} modules")
    for kind, files in sorted(passed.items()):
        print(f"{kind}: {len(files)} files: {', '.join(sorted(files))}")


if __name__ == "__main__":
    main()
