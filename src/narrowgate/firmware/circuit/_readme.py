"""The README of an exported project: what a firmware engineer needs to know, in one page."""

from __future__ import annotations

from collections.abc import Mapping

from narrowgate.firmware._words import count_words
from narrowgate.firmware.circuit._ports import Port, input_port, output_port, port_threshold
from narrowgate.firmware.circuit._trace import Circuit
from narrowgate.integers import Part

SIMULATE = {
    "verilog": """\
    cd test
    verilator --binary --timing -Wno-lint -Wno-fatal -Wfuture-WIDTHTRUNC -Wfuture-WIDTHEXPAND \\
        --top-module testbench testbench.v ../src/*.v ../src/static/*.v
    ./obj_dir/Vtestbench""",
    "vhdl": """\
    cd test
    ghdl -i --std=08 ../src/static/*.vhd ../src/*.vhd testbench.vhd
    ghdl -m --std=08 testbench
    ghdl -r --std=08 testbench""",
}


def readme(
    circuit: Circuit,
    target: str,
    clock: float,
    part: Part,
    latency: int,
    events: int,
    thresholds: Mapping[str, float],
) -> str:
    """The text, of a Verilog or VHDL project."""
    inputs, outputs = input_port(circuit), output_port(circuit)
    rows, columns, channels = circuit.network.image
    shape = f"{rows} × {columns}" + (f" × {channels}" if channels > 1 else "")
    meaning = (
        "one bit for each threshold, 1 when the logit is above it"
        if circuit.thresholds
        else f"the logit, {number(outputs)}"
    )
    return f"""# A trigger network by narrowgate

The circuit takes an image of {shape} pixels every clock and gives its result {latency} clocks later; there is no
reset and no handshake. At {clock:g} MHz that is {1000 * latency / clock:.1f} ns. Traced, it is
{circuit.luts:.0f} LUTs ({circuit.luts / part.luts:.1%} of a {part.name}) and no DSP.

## Ports of `narrowgate_wrapper`

| port | direction | bits | meaning |
|---|---|---|---|
| `clk` | in | 1 | everything happens on its rising edge |
| `{inputs.name}` | in | {inputs.bits} | the image: {inputs.elements} pixels, each {number(inputs)} |
| `{outputs.name}` | out | {outputs.bits} | {meaning} |

Pixel (row r, column c, channel k) is element n = (r · {columns} + c) · {channels} + k and lies on bits
n · {inputs.width} to n · {inputs.width} + {inputs.width - 1}. A pixel above {2**inputs.width - 1} must be sent as
{2**inputs.width - 1}. An image on the input at a rising edge has its result on the output after the {latency}th
rising edge that follows.{count_words(circuit.network)}

## The decision

{decision(circuit, outputs, thresholds)}

## Test

`test/images.hex` holds {events} images as they lie on the input, one a line, `test/expected.hex` what must come out.

{SIMULATE[target]}

Constraints for {clock:g} MHz and scripts for synthesis out of context on {part.order_code} are beside the sources.
"""


def number(port: Port) -> str:
    """What one element of a port is."""
    sign = "two's complement" if port.signed else "unsigned"
    return f"{port.width} bits, {sign}, one unit is 2^{-port.fraction}"


def decision(circuit: Circuit, port: Port, thresholds: Mapping[str, float]) -> str:
    """How the output becomes a decision: in the circuit, or by the integer of each working point."""
    if circuit.thresholds:
        words = [f" ({word})" for word in thresholds] or [""] * len(circuit.thresholds)
        lines = [
            f"- bit {index}{word}: logit > {value} units"
            for index, (word, value) in enumerate(zip(words, circuit.thresholds, strict=True))
        ]
        return "The circuit decides; the logit stays inside, in units of " + (
            f"2^{-circuit.network.output.fraction}.\n\n" + "\n".join(lines)
        )
    if not thresholds:
        return "Accept when the output, as a signed integer, is above the threshold of the working point."
    lines = [
        f"| {word} | {threshold:.6g} | {port_threshold(circuit, threshold)} |" for word, threshold in thresholds.items()
    ]
    return (
        "Accept when the output, as a signed integer, is above the integer of the working point.\n\n"
        "| working point | score > | output > |\n|---|---|---|\n" + "\n".join(lines)
    )
