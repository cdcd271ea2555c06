"""The same images through every level, and where they differ: which level, which image, which layer."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from narrowgate.firmware._bounds import Integers
from narrowgate.firmware._errors import FirmwareError
from narrowgate.firmware._evaluate import Images, evaluate, evaluate_layers, scores_of
from narrowgate.firmware._export import export
from narrowgate.firmware._images import adversarial_images
from narrowgate.firmware._network import IntegerNetwork
from narrowgate.firmware._simulate import simulate_verilog, simulate_vhdl
from narrowgate.firmware._tools import MissingToolError
from narrowgate.firmware._trace import Circuit, trace

Status = Literal["passed", "failed", "skipped", "reported"]
Runner = Callable[[Circuit, Images, float], Integers]


@dataclass(frozen=True)
class Level:
    """One level compared with the exact integers.

    `status` is "reported" for the training graph, which may differ; below it zero mismatches is the only pass.
    `mismatches` counts images whose logit differs, `decisions` those on the other side of each threshold. Of the first
    image that differs `first` is the index, `layer` the first layer whose outputs differ. `reason` says why a level was
    skipped, or failed to run.
    """

    name: str
    status: Status
    mismatches: int | None = None
    decisions: Mapping[str, int] | None = None
    first: int | None = None
    layer: str | None = None
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Verification:
    """All levels on the same images: `real` ones first, then the adversarial."""

    events: int
    real: int
    levels: tuple[Level, ...]

    @property
    def passed(self) -> bool:
        """Whether no level failed and at least one below the exact integers was run."""
        states = [level.status for level in self.levels]
        return "failed" not in states and "passed" in states

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"passed": self.passed}


def _interpreted(circuit: Circuit, images: Images, clock: float) -> Integers:
    return circuit.interpret(images)


def _in_verilog(circuit: Circuit, images: Images, clock: float) -> Integers:
    with tempfile.TemporaryDirectory() as folder:
        return simulate_verilog(export(circuit, Path(folder), "verilog", images, clock=clock))


def _in_vhdl(circuit: Circuit, images: Images, clock: float) -> Integers:
    with tempfile.TemporaryDirectory() as folder:
        return simulate_vhdl(export(circuit, Path(folder), "vhdl", images, clock=clock))


TOOLS: dict[str, Runner] = {"alkaid": _interpreted, "verilator": _in_verilog, "ghdl": _in_vhdl}
"""What can be verified, by the tool that does it."""


def verify(
    network: IntegerNetwork,
    images: Images,
    *,
    graph: Callable[[Images], NDArray[np.floating[Any]]] | None = None,
    tools: Sequence[str] = tuple(TOOLS),
    thresholds: Mapping[str, float] | None = None,
    clock: float = 200.0,
    circuit: Circuit | None = None,
    progress: Callable[[str], None] = lambda level: None,
) -> Verification:
    """Send real images and adversarial ones through the training graph and every tool.

    `graph` gives the training graph's scores of images; `thresholds` maps working points to scores; `circuit` stands
    for what would be traced from `network`, e.g. one that was damaged on purpose. `progress` is told each level's name
    as it begins.

    Raises:
        FirmwareError: a tool is not known.
    """
    if unknown := [tool for tool in tools if tool not in TOOLS]:
        raise FirmwareError(f"There is no tool {unknown[0]!r} to verify with; allowed are {', '.join(TOOLS)}.")
    everything = _together(images, adversarial_images(network))
    limits = dict(thresholds or {"score > 0": 0.0})
    exact = evaluate(network, everything)
    levels = []
    if graph is not None:
        progress("training graph")
        start = time.perf_counter()
        found = graph(everything)
        differs = found != scores_of(network, exact)
        changed = {
            word: int(np.count_nonzero((found > score) != (exact > network.threshold_code(score))))
            for word, score in limits.items()
        }
        first = int(np.argmax(differs)) if differs.any() else None
        seconds = time.perf_counter() - start
        levels.append(Level("training graph", "reported", int(differs.sum()), changed, first, None, seconds))
    for tool in tools:
        progress(tool)
        start = time.perf_counter()
        try:
            circuit = trace(network) if circuit is None else circuit
            codes = TOOLS[tool](circuit, everything, clock)
        except MissingToolError as error:
            levels.append(Level(tool, "skipped", reason=str(error)))
            continue
        except FirmwareError as error:
            levels.append(Level(tool, "failed", reason=str(error)))
            continue
        levels.append(_compared(tool, network, circuit, everything, exact, codes, limits, time.perf_counter() - start))
    return Verification(len(everything), len(images), tuple(levels))


def first_differing_layer(network: IntegerNetwork, circuit: Circuit, image: Images) -> str:
    """The first layer behind which the traced circuit differs from the exact integers on one image (1, …).

    Where the tracer agrees throughout, the fault is behind it, in what was generated.
    """
    exact, found = evaluate_layers(network, image), circuit.interpret_layers(image)
    for name, values in exact.items():
        if not np.array_equal(values, found[name]):
            return name
    return "generated sources (the tracer agrees in every layer)"


def _compared(
    tool: str,
    network: IntegerNetwork,
    circuit: Circuit,
    images: Images,
    exact: Integers,
    codes: Integers,
    limits: Mapping[str, float],
    seconds: float,
) -> Level:
    differs = codes != exact
    changed = {
        word: int(np.count_nonzero((codes > network.threshold_code(score)) != (exact > network.threshold_code(score))))
        for word, score in limits.items()
    }
    if not differs.any():
        return Level(tool, "passed", 0, changed, seconds=seconds)
    first = int(np.argmax(differs))
    layer = first_differing_layer(network, circuit, images[first : first + 1])
    return Level(tool, "failed", int(differs.sum()), changed, first, layer, seconds)


def _together(real: Images, adversarial: Images) -> Images:
    """One array, in the narrowest unsigned type that holds both."""
    highest = max(int(real.max(initial=0)), int(adversarial.max(initial=0)))
    type = np.min_scalar_type(highest)
    return np.concatenate([real.astype(type), adversarial.astype(type)])
