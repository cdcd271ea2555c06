"""The same images through every level, and where they differ: which level, which image, which layer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from narrowgate.files import FileError, explaining
from narrowgate.firmware._images import adversarial_images
from narrowgate.firmware._levels import TOOLS
from narrowgate.firmware._tool import Job, Outcome
from narrowgate.firmware._tools import MissingToolError, UnsuitableToolError
from narrowgate.firmware.circuit._exported import Exported
from narrowgate.firmware.circuit._trace import Circuit
from narrowgate.integers import FirmwareError, Images, IntegerNetwork, Integers, evaluate, evaluate_layers, scores_of

Status = Literal["passed", "failed", "skipped", "reported"]


@dataclass(frozen=True)
class Level:
    """One level compared with the exact integers.

    `status` is "reported" for the training graph, which may differ; below it zero mismatches is the only pass.
    `mismatches` counts images whose logit differs, `decisions` those on the other side of each threshold. Of the first
    image that differs `first` is the index, `layer` the first layer whose outputs differ. `reason` says why a level was
    skipped, or failed to run, or what a user must know about one that passed.
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


def verify(
    network: IntegerNetwork,
    images: Images,
    *,
    graph: Callable[[Images], NDArray[np.floating[Any]]] | None = None,
    tools: Sequence[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    clock: float = 200.0,
    circuit: Circuit | None = None,
    built: IntegerNetwork | None = None,
    projects: Sequence[Exported] = (),
    progress: Callable[[str], None] = lambda level: None,
) -> Verification:
    """Send real images and adversarial ones through the training graph and every tool.

    `graph` gives the training graph's scores of images; `thresholds` maps working points to scores; `circuit` stands
    for what would be traced from `network`, and `built` for the network that the tools build from, e.g. one that was
    damaged on purpose. `projects` were exported earlier, perhaps edited since: the sources that lie there are run, and
    `tools` is then alkaid alone unless it is given; else it is all. `progress` is told each level's name as it begins.

    Raises:
        FirmwareError: a tool is not known.
    """
    tools = (["alkaid"] if projects else list(TOOLS)) if tools is None else tools
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
    job = Job(built or network, clock, circuit)
    for tool in tools:
        progress(tool)
        start = time.perf_counter()
        try:
            outcome = TOOLS[tool].run(job, everything)
        except (MissingToolError, UnsuitableToolError) as error:
            levels.append(Level(tool, "skipped", reason=str(error)))
            continue
        except FirmwareError as error:
            levels.append(Level(tool, "failed", reason=str(error)))
            continue
        levels.append(_compared(tool, network, everything, exact, outcome, limits, time.perf_counter() - start))
    codes = {word: network.threshold_code(score) for word, score in limits.items()}
    as_exported = Job(network, clock, circuit)
    for project in projects:
        progress(project.name)
        levels.append(_of_project(project, as_exported, everything, exact, codes))
    return Verification(len(everything), len(images), tuple(levels))


def first_differing_layer(network: IntegerNetwork, outcome: Outcome, image: Images) -> str | None:
    """The first layer behind which a level differs from the exact integers on one image (1, …); `None` if unknown.

    Where its layers agree throughout, the fault is behind them: for a simulator, in what was generated.
    """
    if outcome.layers is None:
        return None
    exact, found = evaluate_layers(network, image), outcome.layers(image)
    for name, values in exact.items():
        if name in found and not np.array_equal(values, found[name]):
            return name
    return outcome.behind


def _compared(
    tool: str,
    network: IntegerNetwork,
    images: Images,
    exact: Integers,
    outcome: Outcome,
    limits: Mapping[str, float],
    seconds: float,
) -> Level:
    codes = outcome.codes
    differs = codes != exact
    changed = {
        word: int(np.count_nonzero((codes > network.threshold_code(score)) != (exact > network.threshold_code(score))))
        for word, score in limits.items()
    }
    if not differs.any():
        return Level(tool, "passed", 0, changed, seconds=seconds, reason=outcome.note)
    first = int(np.argmax(differs))
    layer = first_differing_layer(network, outcome, images[first : first + 1])
    return Level(tool, "failed", int(differs.sum()), changed, first, layer, seconds, outcome.note)


def _of_project(project: Exported, job: Job, images: Images, exact: Integers, thresholds: Mapping[str, int]) -> Level:
    """A project compared on its logit, or on its decisions, at its own thresholds, if it gives these."""
    start = time.perf_counter()
    try:
        with explaining(project.folder):
            found = project.run(job, images)
        decides = found.ndim > 1
        limits = project.record.decisions if decides else thresholds
        wanted = {word: exact > code for word, code in limits.items()}
        given = {
            word: found[:, bit] > 0 if decides else found > code for bit, (word, code) in enumerate(limits.items())
        }
        wrong = {word: given[word] != wanted[word] for word in limits}
        differs = np.any(list(wrong.values()), axis=0) if decides else found != exact
        changed = {word: int(np.count_nonzero(one)) for word, one in wrong.items()}
        seconds = time.perf_counter() - start
        if not differs.any():
            with explaining(project.folder):
                edits = "; ".join(project.edits(job, images[:1]))
            return Level(project.name, "passed", 0, changed, seconds=seconds, reason=edits)
        first = int(np.argmax(differs))
        with explaining(project.folder):
            where = project.fault(job, images[first : first + 1])
        return Level(project.name, "failed", int(differs.sum()), changed, first, where, seconds)
    except MissingToolError as error:
        return Level(project.name, "skipped", reason=str(error))
    except (FirmwareError, FileError) as error:
        return Level(project.name, "failed", reason=str(error))


def _together(real: Images, adversarial: Images) -> Images:
    """One array, in the narrowest unsigned type that holds both."""
    highest = max(int(real.max(initial=0)), int(adversarial.max(initial=0)))
    type = np.min_scalar_type(highest)
    return np.concatenate([real.astype(type), adversarial.astype(type)])
