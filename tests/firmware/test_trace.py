"""The tracer's interpreter, simulated RTL and `verify` against the exact integers; missing tools skip their tests."""

import dataclasses
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowgate.firmware import (
    Circuit,
    FirmwareError,
    IntegerNetwork,
    adversarial_images,
    evaluate,
    evaluate_layers,
    export,
    integer_network,
    scores_of,
    trace,
    verify,
)
from narrowgate.firmware.circuit._ports import decisions, output_port, port_threshold
from narrowgate.firmware.circuit._simulate import run_hls, simulate_verilog, simulate_vhdl
from narrowgate.fixedpoint import Rounding
from narrowgate.network import layers, settled_shapes
from narrowgate.training import score

from ..integers.integers_example import SMALL, configuration, random_images, random_weights, small_network

pytest.importorskip("alkaid", reason="the extra [rtl] is not installed")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_pool_of_sums_one_of_which_is_never_the_larger(sign: int) -> None:
    """At the image's edge the window loses pixels, and one sum may exceed another by others alone, so by no sign.

    alkaid's own maximum then reads the top bit of an unsigned difference as its sign. With a negative factor of batch
    norm the pool is a minimum.
    """
    found = configuration("(4,0)", filters=[1], kernels=[3], pools=[2], units=[], batch_norm="hidden")
    weights = random_weights(found, SMALL)
    weights["conv0.kernel"][..., 0, 0] = np.array([[0, 0, 1], [-1, 0, 0], [-1, -1, 0]]) / 4
    weights["conv0.scale"][:] = sign
    network = integer_network(found, weights, SMALL)
    images = np.concatenate([random_images(300, SMALL), adversarial_images(network, 300).astype(np.uint16)])
    np.testing.assert_array_equal(
        trace(network).interpret_layers(images)["conv0"], evaluate_layers(network, images)["conv0"]
    )


@pytest.mark.parametrize("bias", [0.25, 0.75, 1.25])
def test_pixels_that_are_constant_are_rounded_half_to_even(bias: float) -> None:
    """Where the weights that reach the image are zero, the bias alone is rounded; alkaid's own rounding fails there."""
    found = configuration(
        {"conv": "(4,1)", "dense": "(4,1)", "activation": "(3,2)"}, filters=[1], kernels=[2], pools=[1]
    )
    weights = random_weights(found, SMALL)
    weights["conv0.kernel"][..., 0, 0] = [[0, 0], [0, 1]]
    weights["conv0.bias"][:] = bias
    network = integer_network(found, weights, SMALL)
    images = random_images(300, SMALL)
    exact, traced = evaluate_layers(network, images), trace(network).interpret_layers(images)
    np.testing.assert_array_equal(traced["conv0"], exact["conv0"])


@pytest.mark.parametrize(("weight", "bias"), [(-0.25, 0.5), (0.25, 0.25), (0.25, 0.75), (-0.25, 0.25), (0.25, 1.25)])
def test_sums_of_which_few_codes_are_left_are_rounded_half_to_even(weight: float, bias: float) -> None:
    """A pixel moves the sum by less than the activation's lsb, with the tie inside, at an end, or outside."""
    shape = {"filters": [1], "kernels": [1], "pools": [1], "units": [2]}
    precision = {"conv": "(6,1)", "dense": "(4,1)", "activation": "(3,2)", "input": "ap_ufixed<2,0>"}
    found = configuration(precision, **shape)
    weights = random_weights(found, SMALL)
    weights["conv0.kernel"][...] = weight
    weights["conv0.bias"][:] = bias
    network = integer_network(found, weights, SMALL)
    images = random_images(300, SMALL, highest=5)
    exact, traced = evaluate_layers(network, images), trace(network).interpret_layers(images)
    np.testing.assert_array_equal(traced["conv0"], exact["conv0"])


def test_decisions_can_be_part_of_the_circuit() -> None:
    network = small_network()
    images = random_images(500, SMALL)
    codes = evaluate(network, images)
    circuit = trace(network, thresholds=(int(np.median(codes)), -3))
    found = circuit.interpret(images)
    np.testing.assert_array_equal(found, decisions(circuit, codes))
    assert 0 < found[:, 0].sum() < len(images)


def test_widths_beyond_the_tracer_are_refused() -> None:
    with pytest.raises(FirmwareError, match=r"weights of conv0 have 30 bits; the tracer holds at most"):
        trace(small_network({"conv": "(30,2)", "dense": "(6,1)", "activation": "(8,2)"}))
    with pytest.raises(FirmwareError, match=r"sums of dense0 have \d+ bits"):
        trace(small_network({"conv": "(6,2)", "dense": "(24,2)", "activation": "(32,2)"}))


@pytest.mark.parametrize(("target", "simulator"), [("verilog", "verilator"), ("vhdl", "ghdl"), ("hls", "g++")])
def test_the_simulated_project_gives_the_exact_integers(tmp_path: Path, target: Any, simulator: str) -> None:
    if shutil.which(simulator) is None:
        pytest.skip(f"{simulator} is not installed")
    network = small_network("(3,0)", units=[2])
    images = np.concatenate([random_images(300, SMALL), adversarial_images(network, 100).astype(np.uint16)])
    circuit = trace(network)
    project = export(circuit, tmp_path / "project", target, images, thresholds={"10 kHz": 0.25})
    found = {"verilog": simulate_verilog, "vhdl": simulate_vhdl, "hls": run_hls}[target](project)
    np.testing.assert_array_equal(found, evaluate(network, images))
    assert f"| 10 kHz | 0.25 | {port_threshold(circuit, 0.25)} |" in (project.folder / "README.md").read_text()
    with pytest.raises(FirmwareError, match="is not empty"):
        export(circuit, project.folder, target, images)


def test_unknown_targets_parts_and_tools_are_refused(tmp_path: Path) -> None:
    network = small_network()
    circuit, images = trace(network), random_images(3, SMALL)
    with pytest.raises(FirmwareError, match="allowed are verilog, vhdl"):
        export(circuit, tmp_path / "x", "systemc", images)
    with pytest.raises(FirmwareError, match="allowed are VU13P"):
        export(circuit, tmp_path / "x", "vhdl", images, part="Z80")
    with pytest.raises(FirmwareError, match="allowed are alkaid"):
        verify(network, images, tools=["modelsim"])


def test_verify_passes_a_sound_circuit_and_reports_the_graph() -> None:
    found = configuration("(4,1)", filters=[2], kernels=[3], pools=[2], units=[3])
    weights = random_weights(found, SMALL)
    network = integer_network(found, weights, SMALL)
    result = verify(
        network, random_images(100, SMALL), graph=lambda images: score(found, weights, images), tools=["alkaid"]
    )
    graph, traced = result.levels
    assert (graph.name, graph.status, graph.mismatches) == ("training graph", "reported", 0)
    assert (traced.status, traced.mismatches, traced.decisions) == ("passed", 0, {"score > 0": 0})
    assert result.passed
    assert result.events > result.real == 100


def test_a_missing_tool_is_skipped_by_name_and_never_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    network = small_network()
    result = verify(network, random_images(10, SMALL), tools=["ghdl", "verilator"])
    assert [level.status for level in result.levels] == ["skipped", "skipped"]
    assert "apt-get install ghdl" in result.levels[0].reason
    assert not result.passed


def damaged(network: IntegerNetwork, name: str, change: Any) -> Circuit:
    """A circuit traced from a network one of whose layers is another."""
    layers = tuple(change(layer) if layer.name == name else layer for layer in network)
    return trace(dataclasses.replace(network, layers=layers))


@pytest.mark.parametrize("name", ["conv0", "dense0", "output"])
@pytest.mark.parametrize("bit", [0, 2])
def test_one_weight_bit_is_caught_and_located(name: str, bit: int) -> None:
    network = small_network("(5,1)")

    def flip(layer: Any) -> Any:
        kernel = layer.kernel.copy()
        kernel[(*(size // 2 for size in kernel.shape[:-1]), 0)] ^= 1 << bit
        return dataclasses.replace(layer, kernel=kernel)

    level = verify(network, random_images(300, SMALL), tools=["alkaid"], circuit=damaged(network, name, flip)).levels[0]
    assert (level.status, level.layer) == ("failed", name)
    assert level.mismatches is not None
    assert level.mismatches > 0


@pytest.mark.parametrize("name", ["conv0", "dense0"])
def test_one_rounding_mode_is_caught_and_located(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Truncation in one layer's activation, in place of rounding half to even."""
    import narrowgate.firmware.circuit._trace as module

    network = small_network("(5,1)")
    whole = module._finished

    def truncating(layer: Any, output: int, pool: list[Any], scale: int) -> Any:
        if layer.name != name:
            return whole(layer, output, pool, scale)
        format = dataclasses.replace(layer.activation, rounding=Rounding.TRUNCATE)
        value = whole(dataclasses.replace(layer, activation=None), output, pool, scale)
        return value.quantize(0, format.integer, format.fraction, "SAT", "TRN")

    monkeypatch.setattr(module, "_finished", truncating)
    circuit = trace(network)
    monkeypatch.undo()
    level = verify(network, random_images(300, SMALL), tools=["alkaid"], circuit=circuit).levels[0]
    assert (level.status, level.layer) == ("failed", name)


def test_a_fault_in_generated_sources_is_caught(tmp_path: Path) -> None:
    """One adder of the Verilog becomes a subtraction."""
    if shutil.which("ghdl") is None:
        pytest.skip("ghdl is not installed")
    network = small_network("(3,0)", units=[2])
    images = random_images(200, SMALL)
    project = export(trace(network), tmp_path / "project", "vhdl", images)
    source = next(path for path in project.sources if path.stem == "logic0")
    lines = source.read_text().splitlines()
    place = next(
        index for index, line in enumerate(lines) if "shift_adder" in line and "IS_SUB=>0" in line.replace(" ", "")
    )
    lines[place] = lines[place].replace("IS_SUB=>0", "IS_SUB=>1").replace("IS_SUB => 0", "IS_SUB => 1")
    source.write_text("\n".join(lines))
    assert (simulate_vhdl(project) != evaluate(network, images)).any()


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_a_fault_in_generated_cpp_is_caught_by_its_test_bench_too(tmp_path: Path) -> None:
    """One sum becomes a difference; the circuit decides, so that two outputs of a bit are compared."""
    network = small_network()
    images = random_images(200, SMALL)
    codes = evaluate(network, images)
    circuit = trace(network, (int(np.median(codes)), int(np.quantile(codes, 0.8))))
    project = export(circuit, tmp_path / "project", "hls", images)
    np.testing.assert_array_equal(run_hls(project), decisions(circuit, codes))
    said = subprocess.run(["./testbench"], cwd=project.folder / "test", capture_output=True, text=True, check=True)
    assert said.stdout == "200 passed, 0 failed\n"
    source = project.folder / "src/narrowgate.hh"
    text = source.read_text()
    source.write_text(re.sub(r"(v\d+ = v\d+) \+ (v\d+;)", r"\1 - \2", text, count=1))
    assert source.read_text() != text
    assert (run_hls(project) != decisions(circuit, codes)).any()
    said = subprocess.run(["./testbench"], cwd=project.folder / "test", capture_output=True, text=True, check=False)
    assert said.returncode == 1


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_verify_compiles_the_cpp(tmp_path: Path) -> None:
    network = small_network("(3,0)", units=[2])
    level = verify(network, random_images(50, SMALL), tools=["hls"]).levels[0]
    assert (level.status, level.mismatches) == ("passed", 0)


def test_the_readme_of_hls_tells_its_types_and_runs(tmp_path: Path) -> None:
    network = small_network("(3,0)", units=[2])
    circuit = trace(network)
    folder = export(circuit, tmp_path / "project", "hls", random_images(20, SMALL)).folder
    text = (folder / "README.md").read_text()
    port = output_port(circuit)
    assert "| `model_inp` | in | `ap_ufixed<10,4>[16]` |" in text
    assert f"| `model_out` | out | `ap_fixed<{port.width},{port.width - port.fraction}>[1]` |" in text
    assert "clk" not in text
    source = (folder / "utils/narrowgate_ooc.cc").read_text()
    assert (
        f"(ap_ufixed<10,4> model_inp[16], ap_fixed<{port.width},{port.width - port.fraction}> model_out[1])" in source
    )
    if shutil.which("g++"):
        program = text.split("## Test\n")[1].split("    cd test\n")[1].split("\n\n")[0]
        done = subprocess.run(["sh", "-ec", program], cwd=folder / "test", capture_output=True, text=True, check=True)
        assert done.stdout == "20 passed, 0 failed\n"


def learned_network(granularity: str = "learned", seed: int = 1, **network: Any) -> tuple[IntegerNetwork, Any, Any]:
    """Random weights with widths as if they had been learned: some channels, and a third of the weights, have none."""
    found = configuration(
        {"conv": "learned", "dense": "learned", "activation": granularity, "input": "learned", "count": 2.0**-6},
        **({"filters": [3], "kernels": [3], "pools": [2], "units": [4]} | network),
    )
    weights, random = random_weights(found, SMALL, seed), np.random.default_rng(seed)
    for name, shape in settled_shapes(found, layers(found.network, SMALL)).items():
        low, high = (-1, 6) if name.endswith("integer") else (-3, 6)
        weights[name] = random.integers(low, high, shape).astype(np.float32)
    weights["input.fraction"] = np.array(random.integers(1, 6), np.float32)
    return integer_network(found, weights, SMALL), found, weights


@pytest.mark.parametrize("seed", [0, 1, 7, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 7))])
def test_learned_widths_are_traced_exactly(seed: int) -> None:
    shape: dict[str, Any] = {"filters": [2, 3], "kernels": [3, 2], "pools": [2, 1]} if seed % 2 else {}
    network, found, weights = learned_network("learned", seed, **shape, activation="linear" if seed == 7 else "relu")
    images = np.concatenate([random_images(300, SMALL), adversarial_images(network, 300).astype(np.uint16)])
    exact, circuit = evaluate_layers(network, images), trace(network)
    np.testing.assert_array_equal(circuit.interpret(images), evaluate(network, images))
    traced = circuit.interpret_layers(images)
    for layer in network:
        np.testing.assert_array_equal(traced[layer.name], exact[layer.name])
    np.testing.assert_array_equal(score(found, weights, images), scores_of(network, exact["output"][:, 0]))


@pytest.mark.skipif(shutil.which("verilator") is None, reason="verilator is not installed")
def test_learned_widths_are_the_same_in_verilog() -> None:
    network, _, _ = learned_network(seed=3)
    level = verify(network, random_images(500, SMALL), tools=["verilator"]).levels[0]
    assert (level.status, level.mismatches) == ("passed", 0), level


@pytest.mark.slow
def test_tools_that_know_one_format_a_tensor_say_so() -> None:
    if missing := [name for name in ("hgq", "hls4ml", "qonnx") if importlib.util.find_spec(name) is None]:
        pytest.skip(f"{missing[0]} is not installed")
    network, _, _ = learned_network(seed=3)
    images = random_images(20, SMALL)
    for level in verify(network, images, tools=["keras", "hls4ml", "qonnx"]).levels:
        assert level.status == "skipped"
        assert "have formats of their own" in level.reason
    halves, _, _ = learned_network("learned by layer", seed=4)
    keras, qonnx = verify(halves, images, tools=["keras", "qonnx"]).levels
    assert (keras.status, keras.mismatches) == ("passed", 0), keras.reason
    assert (qonnx.status, "round halves up" in qonnx.reason) == ("skipped", True)
