"""Formats that lie anywhere, through the tracer and every simulator: negative integer bits, steps above 1, one bit.

In public trackers of the field: hls4ml #1523 (negative integer bits), PR #1375 (wide sums), PR #531 (types of one bit).
Every network is checked against the exact integers, which `tests/integers` checks against fractions.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from narrowgate.firmware import CircuitProject, FirmwareError, export, trace, verify
from narrowgate.fixedpoint import Format, FormatArray
from narrowgate.integers import IntegerNetwork, evaluate, integer_network

from ..integers.integers_example import SMALL, configuration, random_images, random_weights
from .many_projects import differing
from .odd_networks import odd_network

pytest.importorskip("alkaid", reason="the extra [rtl] is not installed")

PROGRAMS = {"verilog": "verilator", "vhdl": "ghdl", "hls": "g++"}
SWEPT = 600
"""Networks in `make test-all`; `make test` runs the first ones."""


def batches(quick: int) -> list[object]:
    """Seeds: a few that are quick, and the others, 20 at a time."""
    starts = range(quick, SWEPT, 20)
    slow = [pytest.param(range(start, start + 20), id=f"{start}", marks=pytest.mark.slow) for start in starts]
    return [pytest.param(range(quick), id="0"), *slow]


def odd_formats(network: IntegerNetwork) -> set[str]:
    found: list[Format | FormatArray] = [network.input_format]
    for layer in network:
        found += [one for one in (layer.kernel_format, layer.normalisation_format, layer.activation) if one is not None]
    return {"I < 0" for one in found if one.integer < 0} | {"I > W" for one in found if one.integer > one.width}


def test_the_sweep_covers_negative_integer_bits_and_steps_above_1() -> None:
    kinds = [odd_formats(odd_network(seed)[0]) for seed in range(60)]
    assert sum("I < 0" in kind for kind in kinds) > 35
    assert sum("I > W" in kind for kind in kinds) > 35


@pytest.mark.parametrize("seeds", batches(quick=120))
def test_the_tracer_gives_the_exact_integers(seeds: range) -> None:
    for seed in seeds:
        network, images = odd_network(seed)
        np.testing.assert_array_equal(trace(network).interpret(images), evaluate(network, images), f"seed {seed}")


@pytest.mark.parametrize("seeds", batches(quick=4))
@pytest.mark.parametrize("target", ["verilog", "vhdl", "hls"])
def test_every_simulator_gives_the_exact_integers(target: str, seeds: range, tmp_path: Path) -> None:
    if shutil.which(PROGRAMS[target]) is None:
        pytest.skip(f"{PROGRAMS[target]} is not installed")
    projects: list[CircuitProject] = []
    for seed in seeds:
        network, images = odd_network(seed)
        project = export(trace(network), tmp_path / str(seed), target, images)
        assert isinstance(project, CircuitProject)
        projects.append(project)
    wrong = differing(projects, tmp_path / "together")
    assert not wrong, f"seeds {[seeds[number] for number in wrong]}"


@pytest.mark.parametrize("seed", range(3))
def test_constants_of_more_bits_than_a_float32_has(seed: int) -> None:
    """A bias of 16 bits times a factor of 16 bits: what the tracer adds needs more than 24."""
    found = configuration({"conv": "(16,2)", "dense": "(16,2)", "batchnorm": "(16,2)", "activation": "(16,6)"},
                          filters=[2], kernels=[3], pools=[2], units=[3], batch_norm="all")  # fmt: skip
    network = integer_network(found, random_weights(found, SMALL, seed, 3.0), SMALL)
    limit = int(np.median(evaluate(network, random_images(200, SMALL))))
    images = random_images(300, SMALL, seed=2)
    codes = evaluate(network, images)
    np.testing.assert_array_equal(trace(network).interpret(images), codes)
    np.testing.assert_array_equal(trace(network, [limit]).interpret(images)[:, 0], codes > limit)


def test_an_activation_of_one_signed_bit_behind_a_linear_layer() -> None:
    """It is 0 or −1, where the tracer's look-up tables take a bit for 0 or 1."""
    found = configuration({"conv": "(6,1)", "dense": "(6,1)", "activation": "(1,1)"},
                          filters=[2], units=[3], activation="linear")  # fmt: skip
    network = integer_network(found, random_weights(found, (6, 6, 1), 1, 3.0), (6, 6, 1))
    images = random_images(300, (6, 6, 1))
    np.testing.assert_array_equal(trace(network).interpret(images), evaluate(network, images))


@pytest.mark.parametrize("part", ["conv0.kernel", "dense0.kernel", "output.kernel", ""])
def test_weights_of_zero_are_verified_or_there_is_nothing_to_build(part: str, tmp_path: Path) -> None:
    found = configuration("(4,1)", filters=[2], units=[3])
    weights = random_weights(found, SMALL)
    weights |= {name: values * np.float32(0) for name, values in weights.items() if name.startswith(part)}
    network = integer_network(found, weights, SMALL)
    images = random_images(100, SMALL)
    levels = {level.name: level for level in verify(network, images, tools=["alkaid", "ghdl"]).levels}
    assert levels["alkaid"].status == "passed"
    if len(np.unique(evaluate(network, images))) == 1:
        assert levels["ghdl"].status == "skipped"
        with pytest.raises(FirmwareError, match="is the same for every image"):
            export(network, tmp_path / "project", "vhdl", images)


def test_activations_and_batch_norm_wider_than_the_tracer_holds_are_refused() -> None:
    wide = {"conv": "(4,1)", "dense": "(4,1)", "batchnorm": "(4,1)", "activation": "(32,2)"}
    small: dict[str, list[int]] = {"filters": [1], "units": []}
    found = configuration(wide, **small)
    with pytest.raises(FirmwareError, match=r"The activation behind conv0 has 32 bits and saturates; .* at most 31"):
        trace(integer_network(found, random_weights(found, SMALL), SMALL))
    found = configuration(wide | {"batchnorm": "(25,1)"}, batch_norm="hidden", **small)
    with pytest.raises(FirmwareError, match="numbers of conv0 have 25 bits; the tracer holds at most 24"):
        trace(integer_network(found, random_weights(found, SMALL), SMALL))
