"""Synthesis with Yosys of a small project: what it counts, and that a time limit stops it."""

import shutil
from pathlib import Path
from typing import Literal

import pytest

from narrowgate.firmware import (
    CircuitProject,
    FirmwareError,
    adversarial_images,
    cost,
    export,
    integer_network,
    synthesise,
    trace,
)

from ..integers.integers_example import configuration, random_weights

pytest.importorskip("alkaid", reason="the extra [rtl] is not installed")
pytestmark = pytest.mark.skipif(shutil.which("yosys") is None, reason="yosys is not installed")


def small_project(folder: Path, target: Literal["verilog", "vhdl"] = "verilog") -> CircuitProject:
    found = configuration("(3,0)", filters=[2], kernels=[3], pools=[2], units=[2])
    network = integer_network(found, random_weights(found, (4, 4, 1)), (4, 4, 1))
    return export(trace(network), folder, target, adversarial_images(network, 5))


@pytest.mark.slow
def test_yosys_counts_what_was_traced(tmp_path: Path) -> None:
    project = small_project(tmp_path / "project")
    passes: list[str] = []
    found = synthesise(project, tool="yosys", progress=passes.append)
    traced = cost(project.circuit.network, circuit=project.circuit)
    assert found.luts == pytest.approx(traced.luts, rel=0.5)
    assert found.flip_flops == pytest.approx(traced.flip_flops, rel=0.3)
    assert found.dsps == 0
    assert len(passes) > 3


def test_the_time_limit_stops_it(tmp_path: Path) -> None:
    with pytest.raises(FirmwareError, match="took longer than"):
        synthesise(small_project(tmp_path / "project"), tool="yosys", seconds=0.3)


def test_vhdl_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FirmwareError, match="Yosys reads verilog projects; this one is vhdl"):
        synthesise(small_project(tmp_path / "project", "vhdl"), tool="yosys")
