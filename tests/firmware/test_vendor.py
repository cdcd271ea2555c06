"""How AMD's tools are called, followed and stopped: a small script on the PATH stands for the program.

The real programs were never run here. What the script checks is the command line, the time limit, the progress, and the
sentences for what fails; the reports it writes are the excerpts of `test_vendor_reports.py`.
"""

import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from narrowgate.firmware import (
    CircuitProject,
    FirmwareError,
    MissingToolError,
    adversarial_images,
    export,
    find_synthesiser,
    synthesise,
    trace,
)

from ..integers.integers_example import small_network
from .test_vendor_reports import TIMING, ULTRASCALE, VITIS

pytest.importorskip("alkaid", reason="the extra [rtl] is not installed")

HEAD = """\
#!/bin/sh
echo "$0 $@" > called
pwd > folder
"""
VIVADO = f"""{HEAD}\
echo "Command: synth_design -top narrowgate -mode out_of_context"
echo "Command: route_design -directive NoTimingRelaxation"
echo "Phase 1 Build RT Design | Checksum: 12345678"
mkdir -p output_narrowgate/reports
cp reports/utilisation output_narrowgate/reports/narrowgate_post_route_util.rpt
cp reports/timing output_narrowgate/reports/narrowgate_post_route_timing.rpt
"""
VITIS_HLS = f"""{HEAD}\
echo "INFO: [HLS 200-10] Starting hardware synthesis ..."
echo "INFO: [HLS 200-42] -- Implementing module 'narrowgate_fn'"
mkdir -p output_narrowgate/test_ooc/syn/report
cp reports/estimate output_narrowgate/test_ooc/syn/report/narrowgate_fn_csynth.rpt
"""
NO_VIVADO = 'echo "ERROR: couldn\'t execute \\"vivado\\": no such file or directory"\nexit 1\n'


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts scripts on the PATH, before the system's own programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def put(name: str, text: str) -> None:
        (folder / name).write_text(text)
        (folder / name).chmod(stat.S_IRWXU)

    return put


def project_in(folder: Path, target: Any) -> CircuitProject:
    network = small_network("(3,0)", units=[2])
    project: CircuitProject = export(trace(network), folder, target, adversarial_images(network, 5))
    (folder / "reports").mkdir()
    texts = {"utilisation": ULTRASCALE, "timing": TIMING.format(slack="-0.312"), "estimate": VITIS}
    for name, text in texts.items():
        (folder / "reports" / name).write_text(text)
    return project


@pytest.mark.parametrize("target", ["verilog", "vhdl"])
def test_vivado_is_called_followed_and_read(target: str, tmp_path: Path, programs: Any) -> None:
    programs("vivado", VIVADO)
    project = project_in(tmp_path / "project", target)
    steps: list[str] = []
    found = synthesise(project, progress=steps.append)
    called = (project.folder / "called").read_text().split()
    assert called[1:] == ["-mode", "batch", "-nojournal", "-nolog", "-source", "build_vivado_prj.tcl"]
    assert Path((project.folder / "folder").read_text().strip()) == project.folder.resolve()
    script = (project.folder / "build_vivado_prj.tcl").read_text()
    assert f'set source_type "{target}"' in script
    assert "-mode out_of_context" in script
    for name in ("util", "timing"):
        assert f"post_route_{name}.rpt" in script
    assert steps == ["synth_design", "route_design", "Phase 1 Build RT Design"]
    assert (found.luts, found.flip_flops, found.carries, found.dsps) == (160364, 30159, 21001, 7)
    assert (found.block_rams, found.slack, found.tool) == (2.5, -0.312, "Vivado v.2022.1, routed")


@pytest.mark.parametrize(("program", "words"), [("vitis_hls", ["-f"]), ("vitis-run", ["--mode", "hls", "--tcl"])])
def test_vitis_goes_on_to_the_routed_design(program: str, words: list[str], tmp_path: Path, programs: Any) -> None:
    programs("vivado", VIVADO)
    programs(program, VITIS_HLS + 'vivado -mode batch > /dev/null\necho "$0 $@" > called\n')
    project = project_in(tmp_path / "project", "hls")
    steps: list[str] = []
    found = synthesise(project, tool="vitis", progress=steps.append)
    script = project.folder / "synthesis/vitis.tcl"
    assert (project.folder / "called").read_text().split()[1:] == [*words, str(script)]
    assert "source build_vitis_prj.tcl" in script.read_text()
    assert "set_top ${project_name}_fn" in (project.folder / "build_vitis_prj.tcl").read_text()
    assert steps == ["Starting hardware synthesis ...", "Implementing module 'narrowgate_fn'"]
    assert (found.luts, found.slack, found.tool) == (160364, -0.312, "Vivado v.2022.1, routed")


def test_vitis_without_vivado_gives_its_own_estimate(tmp_path: Path, programs: Any) -> None:
    programs("vitis_hls", VITIS_HLS + NO_VIVADO)
    found = synthesise(project_in(tmp_path / "project", "hls"), tool="vitis")
    assert (found.luts, found.flip_flops) == (170036, 28112)
    assert found.slack == pytest.approx(0.288)
    assert found.tool == "Vitis HLS 2024.2, estimate after C synthesis"


def test_the_time_limit_stops_it_with_all_that_it_started(tmp_path: Path, programs: Any) -> None:
    programs("vivado", HEAD + 'echo "Command: place_design"\nsh -c "sleep 2; touch survived"\n')
    project = project_in(tmp_path / "project", "verilog")
    with pytest.raises(FirmwareError, match="Vivado took longer than 1 s and was stopped; its last step: place_design"):
        synthesise(project, seconds=1.0)
    time.sleep(1.5)
    assert not (project.folder / "survived").exists()


def test_failures_are_sentences(tmp_path: Path, programs: Any) -> None:
    project = project_in(tmp_path / "project", "verilog")
    complaint = "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis'"
    programs("vivado", f'{HEAD}echo "{complaint}"\nexit 1\n')
    with pytest.raises(FirmwareError, match=r"Vivado failed in .*: ERROR: \[Common 17-345\] A valid license"):
        synthesise(project)
    programs("vivado", HEAD)
    with pytest.raises(FirmwareError, match=r"Vivado ended without the report .*narrowgate_post_route_timing\.rpt"):
        synthesise(project)
    programs("vitis_hls", HEAD)
    with pytest.raises(FirmwareError, match=r"Vitis HLS reads hls projects; this one is verilog\. Export it to hls"):
        synthesise(project, tool="vitis")


def test_the_tool_is_chosen_by_name_or_by_what_is_there(programs: Any) -> None:
    with pytest.raises(FirmwareError, match="allowed are yosys, vivado, vitis"):
        find_synthesiser("quartus")
    with pytest.raises(MissingToolError, match=r"vivado is not installed .* an installation of AMD's Vivado"):
        find_synthesiser("vivado")
    with pytest.raises(MissingToolError, match="vitis_hls is not installed"):
        find_synthesiser("vitis")
    programs("yosys", HEAD)
    assert find_synthesiser().name == "yosys"
    programs("vivado", HEAD)
    assert find_synthesiser().name == "vivado"
    assert find_synthesiser("yosys").name == "yosys"
