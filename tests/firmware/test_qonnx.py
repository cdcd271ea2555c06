"""QONNX against the exact integers: all shapes of network, faults that are found, exports, what floats cannot hold."""

import dataclasses
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowgate.firmware import (
    FirmwareError,
    IntegerNetwork,
    adversarial_images,
    evaluate,
    evaluate_layers,
    export,
    verify,
)
from narrowgate.firmware.onnx._graph import onnx_model
from narrowgate.firmware.onnx._run import (
    by_onnxruntime,
    by_qonnx,
    exact_in,
    in_double,
    layer_codes,
    logit_codes,
)

from ..integers.integers_example import CONFIGURATIONS, SMALL, random_images, small_network
from .odd_networks import odd_network

pytest.importorskip("qonnx", reason="the extra [qonnx] is not installed")
TOO_WIDE = {"sixteen bits", "activations of 24 bits"}
"""For float32."""

ODD = (5, 6, 2)
"""Rows and columns that differ and do not fill a pool; two channels."""


def images_for(network: IntegerNetwork, count: int) -> Any:
    shape = network.image
    return np.concatenate([random_images(count, shape), adversarial_images(network, count).astype(np.uint16)])


def check(network: IntegerNetwork, images: Any, *ways: Any) -> None:
    exact, layers = evaluate(network, images), evaluate_layers(network, images[-50:])
    for way in ways:
        np.testing.assert_array_equal(logit_codes(network, way(network, images)), exact)
        found = layer_codes(network, way(network, images[-50:]))
        for layer in network:
            np.testing.assert_array_equal(found[layer.name], layers[layer.name])


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_executor_gives_the_exact_integers(name: str) -> None:
    precision, shape = CONFIGURATIONS[name]
    network = small_network(precision, **shape)
    images = images_for(network, 5000)
    assert exact_in(network, np.float32) == (name not in TOO_WIDE)
    if name in TOO_WIDE:
        check(network, images, in_double)
    else:
        check(network, images, by_qonnx, by_onnxruntime)
        check(network, images[:200], in_double)


@pytest.mark.parametrize(
    ("precision", "shape"),
    [
        ("(5,1)", {"kernels": [4], "pools": [3]}),
        ("(5,1)", {"filters": [2, 3], "kernels": [3, 2], "pools": [2, 1], "batch_norm": "all"}),
        ("(1,0)", {}),
        ("(1,0)", {"activation": "linear", "batch_norm": "hidden"}),
        ("(6,1)", {"units": []}),
        ({"conv": "(6,1)", "dense": "(6,1)", "activation": "(6,1)", "input": "ap_ufixed<12,12>"}, {}),
    ],
)
def test_odd_shapes_and_formats_of_one_bit(precision: Any, shape: dict[str, Any]) -> None:
    network = small_network(precision, image=ODD, **shape)
    check(network, images_for(network, 500), by_qonnx, by_onnxruntime, in_double)


def test_float32_is_found_too_narrow_where_it_is() -> None:
    """The proof is no more careful than it must be: of a network that it refuses, images do differ in float32."""
    precision, shape = CONFIGURATIONS["activations of 24 bits"]
    network = small_network(precision, **shape)
    assert network.sum_bits == 33
    images = images_for(network, 2000)
    differing = np.count_nonzero(logit_codes(network, by_qonnx(network, images)) != evaluate(network, images))
    assert differing > 0
    qonnx, plain = verify(network, images, tools=["qonnx", "onnxruntime"]).levels
    assert (qonnx.status, qonnx.mismatches) == ("passed", 0)
    assert "in float64, as the sums need 33 bits; qonnx' executor, in float32, differs on" in qonnx.reason
    assert plain.status == "skipped"
    assert "33 bits" in plain.reason


def test_what_float64_cannot_hold_is_skipped_with_the_reason() -> None:
    network = small_network({"conv": "(24,2)", "dense": "(24,2)", "activation": "(32,2)"})
    level = verify(network, random_images(20, SMALL), tools=["qonnx"]).levels[0]
    assert level.status == "skipped"
    assert "float64 at most, which holds 53" in level.reason


def test_weights_that_are_no_float32_are_refused() -> None:
    network = small_network({"conv": "(32,0)", "dense": "(6,1)", "activation": "(6,1)"})
    first = network.layers[0]
    kernel = np.full_like(first.kernel, first.kernel_format.code_max)
    network = dataclasses.replace(network, layers=(dataclasses.replace(first, kernel=kernel), *network.layers[1:]))
    with pytest.raises(FirmwareError, match=r"conv0\.kernel has values of more than 24 bits"):
        onnx_model(network)


def test_every_node_says_what_it_does() -> None:
    """Nothing is left to a reader's defaults: those of QONNX' tools differ from those of ONNX."""
    network = small_network("(5,1)", batch_norm="all")
    nodes = onnx_model(network).graph.node
    kinds = {
        "Conv": {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"},
        "MaxPool": {"auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"},
        "Quant": {"narrow", "rounding_mode", "signed"},
        "Flatten": {"axis"},
    }
    for node in nodes:
        assert {attribute.name for attribute in node.attribute} == kinds.get(node.op_type, set())
    rounding = [one.s for node in nodes if node.op_type == "Quant" for one in node.attribute if one.name[0] == "r"]
    assert len(rounding) == 3 + 4 * 3
    assert set(rounding) == {b"ROUND"}


@pytest.mark.parametrize("tool", ["qonnx", "onnxruntime"])
@pytest.mark.parametrize("name", ["conv0", "dense0", "output"])
@pytest.mark.parametrize("bit", [0, 2])
def test_one_weight_bit_is_caught_and_located(tool: str, name: str, bit: int) -> None:
    network = small_network("(5,1)")

    def flip(layer: Any) -> Any:
        kernel = layer.kernel.copy()
        kernel[(*(size // 2 for size in kernel.shape[:-1]), 0)] ^= 1 << bit
        return dataclasses.replace(layer, kernel=kernel)

    layers = tuple(flip(layer) if layer.name == name else layer for layer in network)
    built = dataclasses.replace(network, layers=layers)
    level = verify(network, random_images(300, SMALL), tools=[tool], built=built).levels[0]
    assert (level.status, level.layer) == ("failed", name)
    assert level.mismatches


@pytest.mark.parametrize("name", ["conv0", "dense0"])
def test_one_rounding_mode_is_caught_and_located(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`FLOOR` in one `Quant` node in place of `ROUND`."""

    def rounding_down(*arguments: Any, **settings: Any) -> Any:
        model = onnx_model(*arguments, **settings)
        node = next(node for node in model.graph.node if node.output[0] == name)
        next(one for one in node.attribute if one.name == "rounding_mode").s = b"FLOOR"
        return model

    monkeypatch.setattr("narrowgate.firmware.onnx._run.onnx_model", rounding_down)
    level = verify(small_network("(5,1)"), random_images(300, SMALL), tools=["qonnx"]).levels[0]
    assert (level.status, level.layer) == ("failed", name)


@pytest.mark.parametrize("name", ["batch norm all", "activations of 24 bits"])
def test_the_export_can_be_used_as_its_readme_says(name: str, tmp_path: Path) -> None:
    """The README's own program is run, in the exported folder."""
    precision, shape = CONFIGURATIONS[name]
    network = small_network(precision, **shape)
    images = random_images(60, SMALL)
    export(network, tmp_path / "project", "qonnx", images, thresholds={"10 kHz": 0.25})
    text = (tmp_path / "project/README.md").read_text()
    assert f"| 10 kHz | 0.25 | {network.threshold_code(0.25)} |" in text
    program = "\n".join(line.strip() for line in text.split("## Test\n")[1].splitlines())
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path / "project", capture_output=True, text=True, check=True
    )
    plain, qonnx = (int(line.split()[0]) for line in done.stdout.splitlines())
    codes = evaluate(network, images)
    assert plain == np.count_nonzero(logit_codes(network, by_onnxruntime(network, images)) != codes)
    assert qonnx == np.count_nonzero(logit_codes(network, by_qonnx(network, images)) != codes)
    assert re.search(rf"\b{qonnx} (of the 60 test vectors have|differ under)", text)
    vectors = np.load(tmp_path / "project/test/vectors.npz")
    np.testing.assert_array_equal(vectors["logits"], np.ldexp(codes.astype(float), -network.output.fraction))


def test_the_model_is_valid_for_others(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    cleanup = pytest.importorskip("qonnx.util.cleanup")
    network = small_network("(5,1)", batch_norm="hidden")
    onnx.checker.check_model(onnx_model(network, None, plain=True), full_check=True)
    (tmp_path / "model.onnx").write_bytes(onnx_model(network).SerializeToString())
    cleanup.cleanup(str(tmp_path / "model.onnx"), out_file=str(tmp_path / "clean.onnx"))
    assert (tmp_path / "clean.onnx").exists()


def test_without_qonnx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in ("onnx.helper", "qonnx.core.onnx_exec", "onnxruntime"):
        monkeypatch.setitem(sys.modules, module, None)
    network = small_network()
    levels = verify(network, random_images(5, SMALL), tools=["qonnx", "onnxruntime"]).levels
    assert [level.status for level in levels] == ["skipped", "skipped"]
    assert all("pip install 'narrowgate[qonnx]'" in level.reason for level in levels)
    with pytest.raises(FirmwareError, match="qonnx is not installed"):
        export(network, tmp_path / "project", "qonnx", random_images(5, SMALL))


ONE_SIGNED_BIT = [16, 52, 78, 137]
"""Networks whose activations are −1 or 0: two bits in QONNX, of which the lowest, −2, must not come out."""


@pytest.mark.parametrize("seeds", [range(20), ONE_SIGNED_BIT, pytest.param(range(20, 400), marks=pytest.mark.slow)])
def test_formats_that_lie_anywhere_give_the_exact_integers(seeds: Sequence[int]) -> None:
    for seed in seeds:
        network, images = odd_network(seed)
        for level in verify(network, images, tools=["qonnx", "onnxruntime"]).levels:
            assert level.status == "passed" or "which holds 24" in level.reason, (seed, level)
