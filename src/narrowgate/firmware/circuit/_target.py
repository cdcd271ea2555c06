"""Verilog, VHDL and HLS: alkaid writes the sources, and we the test bench with real events and the README."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from narrowgate.firmware._target import Order, Project, Target
from narrowgate.firmware._tools import package
from narrowgate.firmware.circuit._hls_readme import hls_readme
from narrowgate.firmware.circuit._mended import mended
from narrowgate.firmware.circuit._ports import expected_words, input_port, input_words, output_port
from narrowgate.firmware.circuit._readme import readme
from narrowgate.firmware.circuit._record import Record, digests
from narrowgate.firmware.circuit._test_bench import TEMPLATES, test_bench
from narrowgate.firmware.circuit._trace import Circuit
from narrowgate.integers import Images

NAME = "narrowgate"
"""Of the top module."""

_LANGUAGES: dict[str, Literal["verilog", "vhdl", "hls"]] = {"verilog": "verilog", "vhdl": "vhdl", "hls": "hls"}


@dataclass(frozen=True)
class CircuitProject(Project):
    """A project made from a circuit: `folder/src` holds the sources, `folder/test` the test bench and its vectors."""

    circuit: Circuit

    @property
    def latency(self) -> int:
        """Clocks between the edge that takes an image and the edge after which its result stands at the output."""
        return self.circuit.stages(self.clock)

    @property
    def sources(self) -> list[Path]:
        """The files of the circuit, in an order in which they may be compiled."""
        ending = {"verilog": "v", "vhdl": "vhd", "hls": "hh"}[self.target]
        found = [*sorted((self.folder / "src/static").glob(f"*.{ending}")), *self.folder.glob(f"src/*.{ending}")]
        last = ("static", f"{NAME}_tables", "logic", NAME, f"{NAME}_wrapper")

        def place(path: Path) -> int:
            return 0 if path.parent.name == "static" else last.index(path.stem) if path.stem in last else 2

        return sorted(found, key=place)


@mended()
def write(order: Order) -> CircuitProject:
    """Write a project in the language `order.target`.

    Raises:
        FirmwareError: alkaid is missing, or the output does not depend on the image.
    """
    circuit, folder, target, clock, part = order.traced(), order.folder, order.target, order.clock, order.part
    timing = f"for {clock:g} MHz" if target == "hls" else f"{circuit.stages(clock)} clocks at {clock:g} MHz"
    summary = f"{circuit.luts:,.0f} LUTs traced, {timing}"
    project = CircuitProject(folder, target, len(order.images), clock, part, summary, circuit)
    inputs, outputs = input_port(circuit), output_port(circuit)
    # alkaid's own simulation, in `sim`, is taken out: ours is in `test`
    generators = package("alkaid.codegen", f"export to {target}")
    period = 1000 / clock
    if target == "hls":
        model = generators.HLSModel(circuit.logic, folder, NAME, clock_period=period, part_name=part.order_code)
        model.write()
        shutil.rmtree(folder / "sim")
    else:
        model = generators.RTLModel(
            circuit.logic,
            folder,
            NAME,
            flavor=target,
            n_stages=project.latency,
            clock_period=period,
            part_name=part.order_code,
        )
        model.write()
        shutil.rmtree(folder / "sim")
        _without_lint_words(folder / "src")
    write_test(project, order.images)
    words = order.thresholds or {f"bit {index}": 0.0 for index in range(len(circuit.thresholds))}
    decisions = dict(zip(words, circuit.thresholds, strict=True)) if circuit.thresholds else {}
    layers = digests(order.network)
    Record(_LANGUAGES[target], clock, part.name, project.latency, inputs, outputs, decisions, layers).write(folder)
    if target == "hls":
        text = hls_readme(circuit, clock, part, project.latency, project.events, order.thresholds)
    else:
        text = readme(circuit, target, clock, part, project.latency, project.events, order.thresholds)
    (folder / "README.md").write_text(text, encoding="utf-8")
    return project


def write_test(project: CircuitProject, images: Images) -> None:
    """A project's test bench with its vectors: images, and what the exact integers give for them."""
    circuit, test = project.circuit, project.folder / "test"
    test.mkdir(exist_ok=True)
    (test / "images.hex").write_text("\n".join(input_words(circuit, images)) + "\n", encoding="utf-8")
    (test / "expected.hex").write_text("\n".join(expected_words(circuit, images)) + "\n", encoding="utf-8")
    ports = input_port(circuit), output_port(circuit)
    text = test_bench(project.target, NAME, *ports, len(images), project.latency, project.clock)
    (test / TEMPLATES[project.target][0]).write_text(text, encoding="utf-8")


def _without_lint_words(folder: Path) -> None:
    """Take out comments that switch off warnings by names which older Verilators refuse."""
    for path in folder.glob("*.v"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text(
            "".join(line for line in lines if not line.lstrip().startswith("// verilator lint_")), encoding="utf-8"
        )


VERILOG = Target("verilog", "pipelined Verilog", True, write)
VHDL = Target("vhdl", "pipelined VHDL", True, write)
HLS = Target("hls", "C++ for high-level synthesis", True, write)
