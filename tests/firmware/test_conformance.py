"""Every configuration through every level, on ten thousand images: not one may differ from the exact integers.

`make test` runs the tracer's interpreter on all of them and each simulator on one; `make test-all` runs the rest.
"""

import importlib.util
import shutil

import numpy as np
import pytest

from narrowgate.firmware import (
    TOOLS,
    IntegerNetwork,
    adversarial_images,
    disagreement,
    evaluate,
    evaluate_layers,
    exact_scores,
    integer_network,
    scores_of,
    trace,
    verify,
)
from narrowgate.training import score

from ..integers.integers_example import (
    CONFIGURATIONS,
    SMALL,
    configuration,
    random_images,
    random_weights,
    small_network,
)

pytest.importorskip("alkaid", reason="the extra [rtl] is not installed")

EVENTS = 10_000
FIRST = ["batch norm hidden"]
OTHERS = [
    "every tensor its own",
    "negative integer bits",
    "three convolutions",
    "activations of 24 bits",
    "batch norm all",
    "kernel of five",
    "a bias finer than its products",
    "an input of coarse steps",
    "an input of finer steps than a count",
]
"""What goes through every simulator and compiler, beside the interpreter, which all go through."""

PROGRAMS = {"verilator": "verilator", "ghdl": "ghdl", "hls": "g++"}
BEYOND = [tool for tool in TOOLS if tool != "alkaid"]
INEXACT = ["activations of 24 bits"]


def network_of(name: str) -> IntegerNetwork:
    precision, shape = CONFIGURATIONS[name]
    return small_network(precision, **shape)


def test_there_are_enough_configurations_of_every_kind() -> None:
    assert len(CONFIGURATIONS) >= 12
    assert {*FIRST, *OTHERS, *INEXACT} <= set(CONFIGURATIONS)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_interpreter_gives_the_exact_integers(name: str) -> None:
    network = network_of(name)
    adversarial = adversarial_images(network, EVENTS * 4 // 5).astype(np.uint16)
    images = np.concatenate([random_images(EVENTS - len(adversarial), SMALL), adversarial])
    assert len(images) == EVENTS
    circuit = trace(network)
    np.testing.assert_array_equal(circuit.interpret(images), evaluate(network, images))
    exact, found = evaluate_layers(network, images[-50:]), circuit.interpret_layers(images[-50:])
    for layer in network:
        np.testing.assert_array_equal(found[layer.name], exact[layer.name])


def passes(network: IntegerNetwork, tool: str, events: int = EVENTS) -> None:
    """So many random images and the adversarial ones, through one tool."""
    program = PROGRAMS.get(tool)
    if (shutil.which(program) if program else importlib.util.find_spec(tool)) is None:
        pytest.skip(f"{program or tool} is not installed")
    level = verify(network, random_images(events, network.image), tools=[tool]).levels[0]
    if level.status == "skipped" and "bits" in level.reason:
        pytest.skip(level.reason)
    assert (level.status, level.mismatches) == ("passed", 0), level


@pytest.mark.parametrize("tool", BEYOND)
@pytest.mark.parametrize("name", FIRST)
def test_one_configuration_through_every_level(tool: str, name: str) -> None:
    passes(network_of(name), tool)


@pytest.mark.slow
@pytest.mark.parametrize("tool", BEYOND)
@pytest.mark.parametrize("name", OTHERS)
def test_others_through_every_level(tool: str, name: str) -> None:
    passes(network_of(name), tool)


@pytest.mark.parametrize("name", INEXACT)
def test_float32_sums_are_inexact_where_hardware_is_not(name: str) -> None:
    """The training graph differs; the circuit does not."""
    precision, shape = CONFIGURATIONS[name]
    found = configuration(precision, **{"filters": [2], "kernels": [3], "pools": [2], "units": [3]} | shape)
    weights, images = random_weights(found, SMALL), random_images(EVENTS, SMALL)
    exact = exact_scores(found, weights, images)
    assert exact is not None
    told = disagreement(score(found, weights, images), exact)
    assert told.differing > 0
    network = integer_network(found, weights, SMALL)
    np.testing.assert_array_equal(scores_of(network, trace(network).interpret(images)), exact)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["alkaid", "verilator", "ghdl"])
def test_a_network_of_full_size(tool: str) -> None:
    """20 × 12 towers, two convolutions and a dense layer of three- and four-bit weights; GHDL gets fewer images."""
    precision = {"conv": "(3,0)", "dense": "(4,0)", "activation": "(5,2)"}
    found = configuration(precision, filters=[2, 4], kernels=[3, 3], pools=[2, 2], units=[8])
    image = (20, 12, 1)
    passes(integer_network(found, random_weights(found, image), image), tool, 300 if tool == "ghdl" else EVENTS)
