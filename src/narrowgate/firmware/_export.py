"""A circuit as a project for a firmware engineer: sources, constraints, test bench with real events, and a README."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from narrowgate.firmware._errors import FirmwareError
from narrowgate.firmware._evaluate import Images
from narrowgate.firmware._parts import Part, find_part
from narrowgate.firmware._ports import expected_words, input_port, input_words, output_port
from narrowgate.firmware._readme import readme
from narrowgate.firmware._test_bench import TEMPLATES, test_bench
from narrowgate.firmware._tools import package
from narrowgate.firmware._trace import Circuit

Target = Literal["verilog", "vhdl", "hls"]
TARGETS: tuple[Target, ...] = ("verilog", "vhdl", "hls")
NAME = "narrowgate"
"""Of the top module."""


@dataclass(frozen=True)
class Project:
    """What was written: `folder/src` holds the sources, `folder/test` the test bench and its vectors."""

    folder: Path
    target: Target
    circuit: Circuit
    clock: float
    part: Part
    events: int

    @property
    def latency(self) -> int:
        """Clocks between the edge that takes an image and the edge after which its result stands at the output."""
        return self.circuit.stages(self.clock)

    @property
    def sources(self) -> list[Path]:
        """The files of the circuit, in an order in which they may be compiled."""
        ending = {"verilog": "v", "vhdl": "vhd", "hls": "hh"}[self.target]
        found = [*sorted((self.folder / "src/static").glob(f"*.{ending}")), *self.folder.glob(f"src/*.{ending}")]
        return sorted(found, key=lambda path: (path.stem == f"{NAME}_wrapper", path.stem == NAME))


def export(
    circuit: Circuit,
    folder: Path | str,
    target: Target,
    images: Images,
    *,
    clock: float = 200.0,
    part: str = "VU13P",
    thresholds: Mapping[str, float] | None = None,
) -> Project:
    """Write a project to an empty or new folder.

    `images` (events, rows, columns, channels) become test vectors; `clock` is in MHz; `thresholds` maps the words for a
    working point ("10 kHz") to its score, told in the README as integers; for a circuit that decides, name its bits'
    thresholds in their order.

    Raises:
        FirmwareError: alkaid is missing, the target or the part is not known, the folder is not empty, or the output
            does not depend on the image.
    """
    target = find_target(target)
    device = find_part(part)
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FirmwareError(f"The folder {folder} is not empty; name a new one.")
    project = Project(folder, target, circuit, clock, device, len(images))
    inputs, outputs = input_port(circuit), output_port(circuit)
    generators = package("alkaid.codegen", f"export to {target}")
    period = 1000 / clock
    if target == "hls":
        model = generators.HLSModel(circuit.logic, folder, NAME, clock_period=period, part_name=project.part.order_code)
        model.write()
    else:
        model = generators.RTLModel(
            circuit.logic,
            folder,
            NAME,
            flavor=target,
            n_stages=project.latency,
            clock_period=period,
            part_name=project.part.order_code,
        )
        model.write()
        shutil.rmtree(folder / "sim")  # alkaid's own simulation; ours is in `test`
        _without_lint_words(folder / "src")
    test = folder / "test"
    test.mkdir()
    (test / "images.hex").write_text("\n".join(input_words(circuit, images)) + "\n")
    (test / "expected.hex").write_text("\n".join(expected_words(circuit, images)) + "\n")
    if target in TEMPLATES:
        text = test_bench(target, NAME, inputs, outputs, len(images), project.latency, clock)
        (test / TEMPLATES[target][0]).write_text(text)
    text = readme(circuit, target, clock, project.part, project.latency, len(images), dict(thresholds or {}))
    (folder / "README.md").write_text(text)
    return project


def find_target(name: str) -> Target:
    """The target of this name.

    Raises:
        FirmwareError: it is not known.
    """
    for target in TARGETS:
        if target == name:
            return target
    raise FirmwareError(f"There is no export to {name!r}; allowed are {', '.join(TARGETS)}.")


def _without_lint_words(folder: Path) -> None:
    """Take out comments that switch off warnings by names which older Verilators refuse."""
    for path in folder.glob("*.v"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.lstrip().startswith("// verilator lint_")))
