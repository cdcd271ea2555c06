"""The README of a project for high-level synthesis, where the tool decides what an engineer of RTL is told."""

from __future__ import annotations

from collections.abc import Mapping

from narrowgate.firmware._words import count_words
from narrowgate.firmware.circuit._ports import Port, input_port, output_port
from narrowgate.firmware.circuit._readme import decision, number
from narrowgate.firmware.circuit._trace import Circuit
from narrowgate.integers import Part


def hls_readme(
    circuit: Circuit, clock: float, part: Part, stages: int, events: int, thresholds: Mapping[str, float]
) -> str:
    """The text; `stages` are those of the traced circuit at `clock` in MHz."""
    inputs, outputs = input_port(circuit), output_port(circuit)
    rows, columns, channels = circuit.network.image
    shape = f"{rows} × {columns}" + (f" × {channels}" if channels > 1 else "")
    meaning = "one bit for each threshold, 1 when the logit is above it" if circuit.thresholds else number(outputs)
    return f"""# A trigger network by narrowgate, in C++ for high-level synthesis

`comb_logic::narrowgate_fn` (`utils/narrowgate_ooc.cc`) turns an image of {shape} pixels into its result. It
instantiates the template `comb_logic::narrowgate` (`src/narrowgate.hh`), which other code may call too. It asks for a
new image every clock (`PIPELINE II=1`) and for all array elements at once. The latency is what the synthesis tool makes
it: the tracer expects {circuit.delay:.1f} ns of logic, about {stages} clocks at {clock:g} MHz. Traced, it is
{circuit.luts:.0f} LUTs ({circuit.luts / part.luts:.1%} of a {part.name}) and no DSP.

## Arguments

| argument | direction | type | meaning |
|---|---|---|---|
| `model_inp` | in | `{_type(inputs)}[{inputs.elements}]` | the image: {inputs.elements} pixels, each {number(inputs)} |
| `model_out` | out | `{_type(outputs)}[{outputs.elements}]` | {meaning} |

Pixel (row r, column c, channel k) is element (r · {columns} + c) · {channels} + k. A pixel above {2**inputs.width - 1}
units must be given as {2**inputs.width - 1}.{count_words(circuit.network)}

## The decision

{decision(circuit, outputs, thresholds)}

## Test

`test/images.hex` holds {events} images, one a line, element 0 in the lowest bits, `test/expected.hex` what must come
out; `test/testbench.cpp` reads them, from the folder that its argument names.

    cd test
    g++ -std=c++17 -O0 -I../src -I../src/static/ap_types -I../utils \\
        testbench.cpp ../utils/narrowgate_ooc.cc -o testbench
    ./testbench

`src/static/ap_types` are free headers for a plain compiler; a synthesis tool brings its own, and takes the test bench
for C simulation. A large network needs `ulimit -s unlimited` before both commands.

`build_vitis_prj.tcl` synthesises for {clock:g} MHz and {part.order_code}, out of context, and then implements with
Vivado: `vitis-run --mode hls --tcl build_vitis_prj.tcl`, or `vitis_hls -f build_vitis_prj.tcl` before 2024.2.
"""


def _type(port: Port) -> str:
    return f"ap_{'' if port.signed else 'u'}fixed<{port.width},{port.width - port.fraction}>"
