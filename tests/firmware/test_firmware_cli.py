"""The commands cost, export, verify and synth on a small run; what needs a tool skips where it is missing."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from narrowgate import firmware, hardware, notebook
from narrowgate.cli import app
from narrowgate.events import Dataset, save
from narrowgate.firmware import FirmwareError, MissingToolError, exact_scores
from narrowgate.notebook import NotebookError

TRAINED = """
name = "[small] network"
[network]
filters = [2]
units = [2]
[precision]
conv = "(4,0)"
dense = "(4,0)"
activation = "(5,2)"
[training]
epochs = 4
steps_per_epoch = 40
batch_size = 32
"""


def needs(*tools: str) -> pytest.MarkDecorator:
    missing = [tool for tool in tools if not (importlib.util.find_spec(tool) or shutil.which(tool))]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed")


@pytest.fixture(scope="module")
def home(small_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set, `runs` with one fixed-point run, and two configurations."""
    folder = tmp_path_factory.mktemp("firmware")
    save(folder / "small.h5", small_dataset)
    (folder / "fixed.toml").write_text(TRAINED)
    (folder / "float.toml").write_text(TRAINED.replace('conv = "(4,0)"', ""))
    invoke("train", folder / "fixed.toml", "--data", folder / "small.h5", "--runs", folder / "runs")
    return folder


def attempt(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def invoke(*arguments: object) -> str:
    result = attempt(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_cost_of_a_run_and_of_a_configuration(home: Path) -> None:
    run = json.loads(invoke("cost", "latest", "--runs", home / "runs", "--json"))
    assert [layer["name"] for layer in run["layers"]] == ["conv0", "dense0", "output"]
    assert (run["traced"], run["clock"]) == (False, 200.0)
    untrained = json.loads(invoke("cost", home / "fixed.toml", "--data", home / "small.h5", "--clock", "400", "--json"))
    assert [layer["name"] for layer in untrained["layers"]] == ["conv0", "dense0", "output"]
    assert untrained["latency_clocks"] > run["latency_clocks"]


def test_the_table_of_costs_names_the_run_and_one_part(home: Path) -> None:
    table = invoke("cost", "latest", "--runs", home / "runs", "--part", "ku115")
    assert "[small] network" in table
    assert "KU115" in table
    assert "VU13P" not in table


@needs("alkaid")
def test_the_traced_cost_stands_below_the_estimate(home: Path) -> None:
    table = invoke("cost", "latest", "--runs", home / "runs", "--traced")
    assert "all, estimated" in table
    assert "all, traced" in table
    assert json.loads(invoke("cost", "latest", "--runs", home / "runs", "--traced", "--json"))["traced"]


@needs("alkaid")
@pytest.mark.parametrize("target", ["verilog", "vhdl", "hls"])
def test_export_writes_a_project(home: Path, target: str, tmp_path: Path) -> None:
    output = tmp_path / "project"
    said = invoke(
        *("export", "latest", "--runs", home / "runs", "--to", target, "--output", output, "--part", "VU9P"),
        *("--clock", "300", "--events", "20"),
    )
    assert "README.md" in said
    readme = (output / "README.md").read_text()
    assert "xcvu9p" in readme
    assert "300 MHz" in readme
    assert "| 100 kHz |" in readme
    assert len((output / "test/images.hex").read_text().split()) == 20


@needs("qonnx")
def test_export_and_verify_in_qonnx(home: Path, tmp_path: Path) -> None:
    output = tmp_path / "project"
    said = invoke("export", "latest", "--runs", home / "runs", "--to", "qonnx", "--output", output, "--events", "20")
    assert "exact in float32, 0 of 20 images differ there" in said
    assert "| 100 kHz |" in (output / "README.md").read_text()
    found = json.loads(invoke("verify", "latest", "--runs", home / "runs", "--with", "qonnx", "--json"))
    assert [level["status"] for level in found["levels"]] == ["reported", "passed"]
    result = attempt("export", "latest", "--runs", home / "runs", "--to", "qonnx", "--rate", "100")
    assert isinstance(result.exception, FirmwareError)
    assert "gives the score; the decision can be part of verilog, vhdl, hls" in str(result.exception)


@needs("alkaid")
def test_export_of_decisions(home: Path, small_dataset: Dataset, tmp_path: Path) -> None:
    invoke(
        *("export", "latest", "--runs", home / "runs", "--to", "verilog", "--output", tmp_path / "project"),
        *("--rate", "100", "--rate", "30", "--events", "600"),
    )
    assert "- bit 0 (100 kHz): logit >" in (tmp_path / "project/README.md").read_text()
    trained = hardware.trained_network(home / "runs", "latest")
    scores = exact_scores(trained.configuration, trained.weights, small_dataset.test.images)
    assert scores is not None
    words = [int(word, 16) for word in (tmp_path / "project/test/expected.hex").read_text().split()]
    thresholds = trained.working_points([100e3, 30e3]).values()
    for bit, threshold in enumerate(thresholds):
        np.testing.assert_array_equal([word >> bit & 1 for word in words], scores > threshold)


@needs("alkaid")
def test_verify_passes_and_names_what_it_skips(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = json.loads(invoke("verify", "latest", "--runs", home / "runs", "--events", "50", "--json"))
    states = {level["name"]: level["status"] for level in found["levels"]}
    onnx = "passed" if importlib.util.find_spec("qonnx") else "skipped"
    keras = "passed" if importlib.util.find_spec("hgq") else "skipped"
    assert states == {
        "training graph": "reported",
        "alkaid": "passed",
        "verilator": "skipped",
        "ghdl": "skipped",
        "hls": "skipped",
        "keras": keras,
        "hls4ml": "skipped",
        "qonnx": onnx,
        "onnxruntime": onnx,
    }
    assert (found["passed"], found["real"]) == (True, 50)
    assert set(found["levels"][1]["decisions"]) == {"10 kHz", "30 kHz", "100 kHz"}


def test_verify_without_any_tool_does_not_pass(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for module in ("alkaid.trace", "onnx.helper", "qonnx.core.onnx_exec", "onnxruntime", "keras"):
        monkeypatch.setitem(sys.modules, module, None)
    result = attempt("verify", "latest", "--runs", home / "runs", "--events", "20")
    assert result.exit_code == 1
    assert "Nothing was verified" in result.stdout
    assert "narrowgate[rtl]" in result.stdout
    assert "narrowgate[qonnx]" in result.stdout
    assert "narrowgate[hls4ml]" in result.stdout


@needs("alkaid")
def test_verify_fails_on_a_mismatch_and_locates_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = firmware.Circuit.interpret

    def wrong(circuit: firmware.Circuit, images: Any) -> Any:
        codes = whole(circuit, images)
        codes[7] += 1
        return codes

    monkeypatch.setattr(firmware.Circuit, "interpret", wrong)
    result = attempt("verify", "latest", "--runs", home / "runs", "--events", "60", "--with", "alkaid")
    assert result.exit_code == 1
    assert "alkaid differs first at image 7 (event 70 of the test split)" in result.stdout


@needs("alkaid", "verilator", "ghdl", "g++")
@pytest.mark.slow
def test_verify_with_simulators(home: Path) -> None:
    found = json.loads(invoke("verify", "latest", "--runs", home / "runs", "--events", "200", "--json"))
    states = [level["status"] for level in found["levels"]]
    assert states[:5] == ["reported", "passed", "passed", "passed", "passed"]


@needs("alkaid", "yosys")
def test_synth_stops_at_its_time_limit(home: Path) -> None:
    result = attempt("synth", "latest", "--runs", home / "runs", "--time-limit", "0s", "--tool", "yosys")
    assert isinstance(result.exception, FirmwareError)
    assert "took longer than" in str(result.exception)


@needs("alkaid", "yosys")
@pytest.mark.slow
def test_synth_counts_beside_the_estimates(home: Path, tmp_path: Path) -> None:
    arguments = "synth", "latest", "--runs", home / "runs", "--output", tmp_path / "project", "--tool", "yosys"
    found = json.loads(invoke(*arguments, "--json"))
    assert found["luts"] == pytest.approx(found["traced"]["luts"], rel=0.5)
    assert (tmp_path / "project/synthesis/yosys.log").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("cost", "latest", "--part", "Z80"), FirmwareError, "allowed are VU13P"),
        (("cost", "nothing"), NotebookError, "begins with 'nothing'"),
        (("export", "latest", "--to", "systemc"), FirmwareError, "allowed are verilog, vhdl, hls"),
        (("export", "latest", "--to", "hls", "--part", "Z80"), FirmwareError, "allowed are VU13P"),
        (("export", "latest", "--to", "hls", "--rate", "20"), FirmwareError, "10 kHz, 30 kHz, 100 kHz"),
        (("export", "latest", "--to", "keras", "--rate", "100"), FirmwareError, "gives the score"),
        (("verify", "latest", "--with", "modelsim"), FirmwareError, "allowed are alkaid"),
        (("synth", "latest", "--tool", "quartus"), FirmwareError, "allowed are yosys, vivado, vitis"),
        (("synth", "latest", "--part", "Z80", "--tool", "yosys"), FirmwareError, "allowed are VU13P"),
        (("verify", "latest", "--data", "missing.h5"), ValueError, "missing.h5"),
    ],
)
def test_mistakes_are_sentences(home: Path, arguments: tuple[str, ...], error: type[Exception], said: str) -> None:
    """`main` prints them and ends with exit code 2; see tests/test_cli.py."""
    result = attempt(*arguments, "--runs", home / "runs")
    assert isinstance(result.exception, error)
    assert said in str(result.exception)


def test_a_float_network_has_no_hardware(home: Path) -> None:
    result = attempt("cost", home / "float.toml", "--data", home / "small.h5")
    assert isinstance(result.exception, FirmwareError)
    assert "precision.conv is float" in str(result.exception)


def test_missing_tools_say_what_to_install(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "alkaid.trace", None)
    monkeypatch.setitem(sys.modules, "keras", None)
    for arguments, said in (
        (("synth", "latest"), "apt-get install yosys"),
        (("export", "latest", "--to", "hls", "--output", tmp_path / "x"), r"narrowgate[rtl]"),
        (("export", "latest", "--to", "keras", "--output", tmp_path / "x"), r"narrowgate[hls4ml]"),
        (("export", "latest", "--to", "hls4ml", "--output", tmp_path / "x"), r"narrowgate[hls4ml]"),
        (("cost", "latest", "--traced"), r"narrowgate[rtl]"),
    ):
        result = attempt(*arguments, "--runs", home / "runs")
        assert isinstance(result.exception, MissingToolError)
        assert said in str(result.exception)


def test_a_time_limit_that_is_none(home: Path) -> None:
    result = attempt("synth", "latest", "--runs", home / "runs", "--time-limit", "soon")
    assert result.exit_code == 2
    assert "is not a time" in result.output


@pytest.mark.parametrize("command", ["cost", "export", "verify", "synth"])
def test_help_teaches(command: str) -> None:
    assert "--clock" in invoke(command, "--help")


def test_a_run_that_never_trained_has_no_weights(home: Path) -> None:
    run = notebook.load(home / "runs", notebook.find(home / "runs", "latest"))
    unfinished = notebook.create(home / "other", configuration=run.configuration, environment=run.environment)
    with pytest.raises(NotebookError, match=r"has no weights\.safetensors"):
        hardware.trained_network(home / "other", unfinished.id)
