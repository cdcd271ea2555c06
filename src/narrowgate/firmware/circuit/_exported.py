"""A project as it lies on disk, exported earlier, perhaps edited since: its own sources are simulated or compiled."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from narrowgate.files import explaining
from narrowgate.firmware._export import export
from narrowgate.firmware._tool import Job, scratch
from narrowgate.firmware.circuit._ports import input_port, output_port
from narrowgate.firmware.circuit._record import Record, digests
from narrowgate.firmware.circuit._simulate import run_hls, simulate_verilog, simulate_vhdl
from narrowgate.firmware.circuit._target import CircuitProject, write_test
from narrowgate.firmware.circuit._trace import Circuit, trace
from narrowgate.integers import FirmwareError, Images, IntegerNetwork, evaluate_layers, find_part

RUNS: Mapping[str, tuple[str, Callable[[CircuitProject], NDArray[np.int64]]]] = {
    "verilog": ("verilator", simulate_verilog),
    "vhdl": ("ghdl", simulate_vhdl),
    "hls": ("hls", run_hls),
}
"""By the target of a project: the tool that runs it, and how."""


@dataclass(frozen=True)
class Exported:
    """A folder that `export` wrote, with the network that its circuit ought to compute."""

    folder: Path
    record: Record

    @classmethod
    def open(cls, folder: Path | str) -> Exported:
        """The project in a folder.

        Raises:
            FirmwareError: there is none that can be run again.
        """
        return cls(Path(folder), Record.read(Path(folder)))

    @property
    def tool(self) -> str:
        """The tool that runs it."""
        return RUNS[self.record.target][0]

    @property
    def name(self) -> str:
        """For a table."""
        return f"{self.tool}: {self.folder}"

    def run(self, job: Job, images: Images) -> NDArray[np.int64]:
        """Logit codes (events,), or decisions (events, thresholds), of a copy of its sources: it stays as it is.

        Raises:
            MissingToolError: the simulator, the compiler or alkaid is not installed.
            FirmwareError: its ports are not those of the network's circuit, it does not compile, or it does not run.
        """
        circuit, record = self._circuit(job), self.record
        ports = circuit.stages(record.clock), input_port(circuit), output_port(circuit)
        if ports != (record.latency, record.inputs, record.outputs):
            where = self.other_layer(job.network)
            why = f"{where} has other integers" if where else "another version of the tracer wrote it"
            raise FirmwareError(f"The ports of {self.folder} are not those of this network's circuit: {why}.")
        with scratch() as aside:
            with explaining(self.folder):
                for part in ("src", "utils"):
                    _copy(self.folder / part, aside / part)
            project = self._project(aside, circuit, len(images))
            write_test(project, images)
            return RUNS[record.target][1](project)

    def fault(self, job: Job, image: Images) -> str:
        """Where it departs from the network, given an image (1, …) on which the two differ.

        The first layer whose integers are not those that it was exported with, the first whose traced outputs differ,
        or the lines of its sources that are not what would be written now.
        """
        if layer := self.other_layer(job.network):
            return f"{layer} (exported with other integers)"
        circuit = self._circuit(job)
        exact, found = evaluate_layers(job.network, image), circuit.interpret_layers(image)
        for name, values in exact.items():
            if not np.array_equal(values, found[name]):
                return name
        places = self.edits(job, image)
        return f"generated sources ({'; '.join(places)})" if places else "generated sources, as exported"

    def edits(self, job: Job, images: Images) -> list[str]:
        """Where its sources are not what would be written now, in words; `images` are any few."""
        circuit, record = self._circuit(job), self.record
        words = dict.fromkeys(record.decisions, 0.0)
        with scratch() as aside:
            fresh = export(
                circuit, aside, record.target, images, clock=record.clock, part=record.part, thresholds=words
            )
            return _differences(self._project(self.folder, circuit, 0), self._project(fresh.folder, circuit, 0))

    def other_layer(self, network: IntegerNetwork) -> str:
        """The first layer of a network with other integers than this was exported with; "" if there is none."""
        return next((name for name, one in digests(network).items() if self.record.layers.get(name) != one), "")

    def _circuit(self, job: Job) -> Circuit:
        decisions = tuple(self.record.decisions.values())
        return trace(job.network, decisions) if decisions else job.traced()

    def _project(self, folder: Path, circuit: Circuit, events: int) -> CircuitProject:
        record = self.record
        return CircuitProject(folder, record.target, events, record.clock, find_part(record.part), "", circuit)


def _lines(source: Path) -> list[str]:
    return source.read_text("utf-8", "replace").splitlines() if source.is_file() else []


def _copy(source: Path, target: Path) -> None:
    """A folder's plain files, those in its folders too; whatever else lies there (pipes, devices) is left."""
    for path in source.rglob("*"):
        if path.is_file():
            copied = target / path.relative_to(source)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied)


def _differences(project: CircuitProject, fresh: CircuitProject, most: int = 3) -> list[str]:
    """Words for the first line of each source that is not as it would be written now; of at most so many files."""
    wanted, found = (
        {path.relative_to(one.folder).as_posix(): _lines(path) for path in one.sources} for one in (fresh, project)
    )
    places = [f"{name} is missing" for name in wanted if name not in found]
    places += [f"{name} is one too many" for name in found if name not in wanted]
    for name in wanted:
        if name in found and wanted[name] != found[name]:
            lines = enumerate(zip(wanted[name], found[name], strict=False), start=1)
            end = min(len(wanted[name]), len(found[name])) + 1
            line = next((number for number, (one, other) in lines if one != other), end)
            places.append(f"{name}, line {line}, is not as exported")
    rest = len(places) - most
    return places[:most] + ([f"and {rest} more"] if rest > 0 else [])
