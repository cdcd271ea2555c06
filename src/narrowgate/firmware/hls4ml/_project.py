"""The Keras model through hls4ml: C++ for Vitis HLS whose every width is known, and its C simulation by g++ alone."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.firmware._tools import package, program, run
from narrowgate.firmware.hls4ml._saturation import true_saturation
from narrowgate.firmware.keras._model import build, codes_of, float_type, wide_floats
from narrowgate.integers import Images, IntegerNetwork, Integers, Part, input_codes

NAME = "narrowgate"
"""Of the top function."""

BENCH = f"{NAME}_test.cpp"
IMAGES, EXPECTED, RESULTS = "tb_data/images.txt", "tb_data/expected.txt", "tb_data/csim_results.log"

COMPILE = (
    *("g++", "-std=c++14", "-O1", "-w", "-I", "firmware/ap_types", "-D", 'WEIGHTS_DIR="firmware/weights"'),
    *(BENCH, f"firmware/{NAME}.cpp", "-o", "csim"),
)
"""What makes the C simulation, in the project's folder."""


def convert(network: IntegerNetwork, folder: Path, part: Part, clock: float, *, traced: bool = False) -> Any:
    """hls4ml's model graph, written to `folder`; `clock` in MHz. With `traced` its layers can be looked into.

    Formats are frozen, and hls4ml derives every other width from them, by interval arithmetic.

    Raises:
        MissingToolError: hls4ml, Keras or HGQ2 is not installed.
        UnsuitableToolError: a sum needs more than 53 bits.
    """
    model = build(network, "export to hls4ml")
    converters = package("hls4ml.converters", "export to hls4ml", "hls4ml")
    said = io.StringIO()
    with contextlib.redirect_stdout(said), wide_floats(float_type(network)), true_saturation():
        graph = converters.convert_from_keras_model(
            model,
            output_dir=str(folder),
            project_name=NAME,
            backend="Vitis",
            io_type="io_parallel",
            part=part.order_code,
            clock_period=1000 / clock,
            bit_exact=True,
            hls_config={"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1, "Strategy": "latency"}},
        )
        for layer in graph.get_layers():
            layer.set_attr("trace", traced)
        graph.write()
    return graph


def simulate(folder: Path) -> NDArray[np.int64]:
    """The logit codes of a written project's test vectors, by its own test bench.

    Raises:
        MissingToolError: there is no g++.
        FirmwareError: it does not compile or run; the message has the first complaint.
    """
    program("g++", "C simulation")
    run(COMPILE, folder)
    run(["sh", "-c", "./csim || test $? -eq 1"], folder)  # 1: it ran, and some images failed
    return np.array((folder / RESULTS).read_text(encoding="utf-8").split(), np.int64)


def behind_layers(
    network: IntegerNetwork, images: Images, folder: Path, part: Part, clock: float
) -> dict[str, Integers]:
    """The output codes of every layer by name, as `evaluate_layers` gives them, from a C simulation looked into.

    A layer that hls4ml has merged with the next one is left out.
    """
    graph = convert(network, folder, part, clock, traced=True)
    with contextlib.redirect_stdout(io.StringIO()):
        pixels = np.ldexp(input_codes(network, images).astype(np.float64), -network.input_format.fraction)
        _, traced = graph.trace(np.ascontiguousarray(pixels))
    found = {}
    for layer in network:
        ends = ("_activation", "_pool", "_batch_norm", "")
        name = next((layer.name + end for end in ends if layer.name + end in traced), None)
        if name is not None:
            values = np.asarray(traced[name]).reshape(len(images), *traced[name].shape[1:])
            found[layer.name] = codes_of(values, layer.outputs.fraction)
    return found
