"""Keras models and hls4ml's C simulation against the exact integers; where the extra [hls4ml] is missing all skip."""

import dataclasses
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowgate.firmware import (
    FirmwareError,
    IntegerNetwork,
    adversarial_images,
    evaluate,
    export,
    trace,
    untrained_network,
    verify,
)
from narrowgate.firmware.hls4ml._project import COMPILE, simulate
from narrowgate.firmware.keras import _model as keras_model

from ..integers.integers_example import CONFIGURATIONS, SMALL, configuration, random_images, small_network

if not all(importlib.util.find_spec(name) for name in ("keras", "hgq", "hls4ml")):
    pytest.skip("the extra [hls4ml] is not installed", allow_module_level=True)
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
QUICK = ("batch norm all", "negative integer bits", "sixteen bits")


def network_called(name: str) -> IntegerNetwork:
    precision, shape = CONFIGURATIONS[name]
    return small_network(precision, **shape)


def damaged(network: IntegerNetwork, name: str, bit: int = 0) -> IntegerNetwork:
    """The same network with one bit of one layer's weights flipped."""

    def flip(layer: Any) -> Any:
        kernel = layer.kernel.copy()
        kernel[(*(size // 2 for size in kernel.shape[:-1]), 0)] ^= 1 << bit
        return dataclasses.replace(layer, kernel=kernel)

    return dataclasses.replace(network, layers=tuple(flip(one) if one.name == name else one for one in network))


def passes(network: IntegerNetwork, tool: str, count: int) -> None:
    (level,) = verify(network, random_images(count, SMALL), tools=[tool]).levels
    assert (level.status, level.mismatches, level.reason) == ("passed", 0, "")


@pytest.mark.parametrize("name", QUICK)
def test_the_keras_model_gives_the_exact_integers(name: str) -> None:
    passes(network_called(name), "keras", 1000)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_keras_model_gives_the_exact_integers(name: str) -> None:
    passes(network_called(name), "keras", 10_000)


@needs_compiler
def test_the_c_simulation_gives_the_exact_integers() -> None:
    passes(network_called("batch norm all"), "hls4ml", 1000)


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_c_simulation_gives_the_exact_integers(name: str) -> None:
    passes(network_called(name), "hls4ml", 10_000)


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("signed", [False, True])
def test_activations_finer_than_their_sums_saturate_where_they_should(signed: bool) -> None:
    """hls4ml alone gives them another highest value; see `_hls4ml_saturation`."""
    precision = {"conv": "(3,1)", "dense": "(3,1)", "activation": "(16,1)"}
    network = small_network(precision, activation="linear" if signed else "relu")
    images = adversarial_images(network, 100)
    codes = keras_model.behind_layers(keras_model.build(network), network, images)["conv0"]
    format = network.layers[0].activation
    assert format is not None
    assert (codes == format.code_max).any()
    assert format.fraction > network.layers[0].normalised.fraction
    passes(network, "hls4ml", 500)


@pytest.mark.parametrize("tool", ["keras", pytest.param("hls4ml", marks=[needs_compiler, pytest.mark.slow])])
def test_batch_norm_that_does_nothing_takes_no_rounding_with_it(tool: str) -> None:
    network = untrained_network(configuration("(5,1)", filters=[2], units=[3], batch_norm="all"), SMALL)
    assert not any(keras_model.normalises(layer) for layer in network)
    passes(network, tool, 500)


def test_the_float_is_wide_enough_or_refused() -> None:
    assert keras_model.float_type(network_called("batch norm off")) == "float32"
    assert keras_model.float_type(network_called("sixteen bits")) == "float64"
    wide = small_network({"conv": "(24,2)", "dense": "(24,2)", "activation": "(32,2)"})
    (level,) = verify(wide, random_images(10, SMALL), tools=["keras"]).levels
    assert level.status == "skipped"
    assert "bits; Keras adds in floats, of at most 53 bits" in level.reason


@pytest.mark.parametrize("name", ["conv0", "dense0", "output"])
def test_one_weight_bit_is_caught_and_located_in_keras(name: str) -> None:
    network = small_network("(5,1)")
    (level,) = verify(network, random_images(300, SMALL), tools=["keras"], built=damaged(network, name)).levels
    assert (level.status, level.layer) == ("failed", name)


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv0", "dense0", "output"])
def test_one_weight_bit_is_caught_and_located_in_the_c_simulation(name: str) -> None:
    network = small_network("(5,1)")
    (level,) = verify(network, random_images(300, SMALL), tools=["hls4ml"], built=damaged(network, name)).levels
    assert (level.status, level.layer) == ("failed", name)


@pytest.mark.parametrize("tool", ["keras", pytest.param("hls4ml", marks=[needs_compiler, pytest.mark.slow])])
def test_one_rounding_mode_is_caught_and_located(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Truncation in one layer's activation, in place of rounding half to even."""
    whole = keras_model._quantiser

    def truncating(format: Any, name: str, dtype: str, rounding: str | None = None) -> Any:
        return whole(format, name, dtype, "TRN" if name == "dense0_activation" else rounding)

    monkeypatch.setattr(keras_model, "_quantiser", truncating)
    (level,) = verify(small_network("(5,1)"), random_images(300, SMALL), tools=[tool]).levels
    assert (level.status, level.layer) == ("failed", "dense0")


@pytest.mark.parametrize("name", ["batch norm off", "sixteen bits"])
def test_an_exported_keras_model_checks_itself(name: str, tmp_path: Path) -> None:
    network = network_called(name)
    project = export(network, tmp_path / "project", "keras", random_images(50, SMALL), thresholds={"10 kHz": 0.25})
    code = network.threshold_code(0.25)
    assert f"| 10 kHz | 0.25 | {code} |" in (project.folder / "README.md").read_text()

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "check.py"], cwd=project.folder, text=True, capture_output=True, check=False
        )

    done = check()
    assert (done.returncode, done.stdout) == (0, "50 passed, 0 failed\n"), done.stderr
    logits = np.load(project.folder / "test/logits.npy")
    logits[7] += 1
    np.save(project.folder / "test/logits.npy", logits)
    done = check()
    assert (done.returncode, done.stdout) == (1, "49 passed, 1 failed\n"), done.stderr


@needs_compiler
@pytest.mark.slow
def test_an_exported_hls4ml_project_runs_as_its_readme_says_and_notices_a_fault(tmp_path: Path) -> None:
    network = small_network("(5,1)")
    images = random_images(200, SMALL)
    folder = export(network, tmp_path / "project", "hls4ml", images, clock=320, part="VU9P").folder
    text = (folder / "README.md").read_text()
    assert "320 MHz" in text
    assert "xcvu9p" in text
    commands = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    assert [command.split()[0] for command in commands] == [COMPILE[0], "./csim"]
    done = subprocess.run(["sh", "-ec", "\n".join(commands)], cwd=folder, text=True, capture_output=True, check=True)
    assert done.stdout == "200 passed, 0 failed\n"
    weights = next(iter(sorted((folder / "firmware/weights").glob("w*.txt"))))
    first, rest = weights.read_text().split(",", 1)
    weights.write_text(f"{float(first) + 0.25},{rest}")
    assert (simulate(folder) != evaluate(network, images)).any()


def test_a_decision_cannot_be_part_of_them(tmp_path: Path) -> None:
    pytest.importorskip("alkaid", reason="the extra [rtl] is not installed")
    circuit = trace(small_network(), thresholds=(3,))
    with pytest.raises(FirmwareError, match="An export to keras gives the score; the decision can be part of verilog"):
        export(circuit, tmp_path / "project", "keras", random_images(3, SMALL))
