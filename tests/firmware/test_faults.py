"""One fault at every level, one weight bit or one rounding mode: `verify` catches it and says where it is."""

import dataclasses
import importlib.util
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowgate.firmware import (
    TOOLS,
    Exported,
    FirmwareError,
    IntegerNetwork,
    Level,
    evaluate,
    export,
    trace,
    verify,
)
from narrowgate.fixedpoint import Rounding

from ..integers.integers_example import SMALL, random_images, small_network

pytest.importorskip("alkaid", reason="the extra [rtl] is not installed")

NEEDS = {"verilator": "verilator", "ghdl": "ghdl", "hls": "g++"}
CIRCUITS = ["alkaid", "verilator", "ghdl", "hls"]
"""The tools that take what was traced."""

SOURCES = {"verilog": "verilator", "vhdl": "ghdl", "hls": "hls"}
NETWORK = small_network("(5,1)")
IMAGES = random_images(300, SMALL)


def skip_without(tool: str) -> None:
    program = NEEDS.get(tool)
    if (shutil.which(program) if program else importlib.util.find_spec(tool)) is None:
        pytest.skip(f"{program or tool} is not installed")


def changed(network: IntegerNetwork, name: str, change: Callable[[Any], Any]) -> IntegerNetwork:
    """The same network but for one layer."""
    layers = tuple(change(layer) if layer.name == name else layer for layer in network)
    return dataclasses.replace(network, layers=layers)


def one_weight_bit(layer: Any) -> Any:
    kernel = layer.kernel.copy()
    kernel[(*(size // 2 for size in kernel.shape[:-1]), 0)] ^= 1
    return dataclasses.replace(layer, kernel=kernel)


def truncation(layer: Any) -> Any:
    """In place of rounding half to even."""
    return dataclasses.replace(layer, activation=dataclasses.replace(layer.activation, rounding=Rounding.TRUNCATE))


FAULTS = [
    ("conv0", one_weight_bit),
    pytest.param("output", one_weight_bit, marks=pytest.mark.slow),
    ("dense0", truncation),
    pytest.param("conv0", truncation, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_a_network_that_a_tool_built_otherwise_is_caught_and_its_layer_named(
    tool: str, name: str, fault: Callable[[Any], Any]
) -> None:
    skip_without(tool)
    if fault is truncation and tool not in CIRCUITS:
        pytest.skip(
            "its model is always written to round half to even; test_qonnx.py and test_keras_hls4ml.py damage it"
        )
    level = verify(NETWORK, IMAGES, tools=[tool], built=changed(NETWORK, name, fault)).levels[0]
    assert (level.status, level.layer) == ("failed", name), level
    assert level.mismatches
    assert level.first is not None


@pytest.fixture(scope="module", params=list(SOURCES))
def target(request: pytest.FixtureRequest) -> str:
    skip_without(SOURCES[request.param])
    return str(request.param)


def checked(folder: Path) -> Level:
    result = verify(NETWORK, IMAGES, projects=[Exported.open(folder)])
    assert [level.name for level in result.levels] == ["alkaid", f"{Exported.open(folder).tool}: {folder}"]
    assert result.levels[0].status == "passed"
    assert result.passed == (result.levels[1].status == "passed")
    return result.levels[1]


def test_a_project_that_nobody_touched_passes_and_stays_as_it_is(target: str, tmp_path: Path) -> None:
    export(trace(NETWORK), tmp_path / "project", target, IMAGES[:20])
    before = {path: path.read_bytes() for path in (tmp_path / "project").rglob("*") if path.is_file()}
    level = checked(tmp_path / "project")
    assert (level.status, level.mismatches, level.reason) == ("passed", 0, "")
    assert {path: path.read_bytes() for path in (tmp_path / "project").rglob("*") if path.is_file()} == before


def test_an_edit_that_changes_no_bit_passes_and_is_told(target: str, tmp_path: Path) -> None:
    project = export(trace(NETWORK), tmp_path / "project", target, IMAGES[:20])
    source = next(path for path in (project.folder / "src").glob("*.*") if path.suffix in (".v", ".vhd", ".hh"))
    comment = "--" if target == "vhdl" else "//"
    source.write_text(f"{source.read_text()}\n{comment} reviewed\n")
    level = checked(project.folder)
    assert (level.status, level.mismatches) == ("passed", 0)
    assert f"src/{source.name}, line" in level.reason


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_a_project_of_other_integers_names_the_layer(
    target: str, name: str, fault: Callable[[Any], Any], tmp_path: Path
) -> None:
    export(trace(changed(NETWORK, name, fault)), tmp_path / "project", target, IMAGES[:20])
    level = checked(tmp_path / "project")
    assert level.status == "failed"
    assert name in (level.layer or level.reason)


def edited(folder: Path, target: str) -> tuple[str, int]:
    """Make an addition a subtraction, as by hand: the sign of a weight flips. Gives the file and the line."""
    sources = sorted(path for path in (folder / "src").glob("*.*") if re.match(r"logic\d+\.|narrowgate\.hh", path.name))
    for path in sources:
        lines = path.read_text().splitlines(keepends=True)
        for number, line in enumerate(lines):
            new = subtracted(line, target)
            if new != line:
                lines[number] = new
                path.write_text("".join(lines))
                return f"src/{path.name}", number + 1
    raise AssertionError("there is no addition")


def subtracted(line: str, target: str) -> str:
    if target == "hls":
        return re.sub(r"(v\d+ = v\d+) \+ (v\d+;)", r"\1 - \2", line, count=1)
    if target == "vhdl":
        return re.sub(r"(IS_SUB\s*=>\s*)0", r"\g<1>1", line, count=1) if "shift_adder" in line else line
    return re.sub(r"(shift_adder #\([\d,-]+,)0\)", r"\g<1>1)", line, count=1)  # the last parameter is IS_SUB


def test_one_edited_line_is_caught_and_named(target: str, tmp_path: Path) -> None:
    export(trace(NETWORK), tmp_path / "project", target, IMAGES[:20])
    file, line = edited(tmp_path / "project", target)
    level = checked(tmp_path / "project")
    assert (level.status, level.layer) == ("failed", f"generated sources ({file}, line {line}, is not as exported)")
    assert level.mismatches


def test_a_rounding_mode_that_only_the_sources_have_is_caught(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exporter truncates where it should round: the record tells the right integers, the sources do otherwise."""
    import narrowgate.firmware.circuit._trace as module

    monkeypatch.setitem(module._ROUNDING, Rounding.HALF_EVEN, "TRN")
    export(trace(NETWORK), tmp_path / "project", target, IMAGES[:20])
    monkeypatch.undo()
    level = checked(tmp_path / "project")
    assert level.status == "failed"
    if level.mismatches is None:  # the output has another width then
        assert "ports" in level.reason
    else:
        assert level.mismatches
        assert re.match(r"generated sources \(.*line \d+, is not as exported", level.layer or ""), level


def test_a_project_that_decides_is_compared_on_its_decisions(target: str, tmp_path: Path) -> None:
    codes = evaluate(NETWORK, IMAGES)
    points = {"10 kHz": int(np.quantile(codes, 0.9)), "100 kHz": int(np.median(codes))}
    scores = {word: code * NETWORK.lsb for word, code in points.items()}
    circuit = trace(NETWORK, tuple(points.values()))
    export(circuit, tmp_path / "project", target, IMAGES[:20], thresholds=scores)
    level = checked(tmp_path / "project")
    assert (level.status, level.decisions) == ("passed", {"10 kHz": 0, "100 kHz": 0})
    edited(tmp_path / "project", target)
    level = checked(tmp_path / "project")
    assert level.status == "failed"
    assert level.layer is not None
    assert level.layer.startswith("generated sources (")
    assert level.mismatches == pytest.approx(sum((level.decisions or {}).values()), rel=1.0)


def test_what_is_no_project_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FirmwareError, match=r"has no narrowgate\.json"):
        Exported.open(tmp_path)
    (tmp_path / "narrowgate.json").write_text("{}")
    with pytest.raises(FirmwareError, match="cannot be read"):
        Exported.open(tmp_path)
