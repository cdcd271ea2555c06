"""The traced circuit: by alkaid's interpreter, and as generated Verilog, VHDL and C++, simulated or compiled."""

from __future__ import annotations

from narrowgate.firmware._export import export
from narrowgate.firmware._tool import Job, Outcome, Tool, scratch
from narrowgate.firmware.circuit._simulate import run_hls, simulate_verilog, simulate_vhdl
from narrowgate.integers import Images

_BEHIND = "generated sources (the tracer agrees in every layer)"


def interpreted(job: Job, images: Images) -> Outcome:
    """By alkaid's interpreter."""
    circuit = job.traced()
    return Outcome(circuit.interpret(images), circuit.interpret_layers, _BEHIND)


def in_verilog(job: Job, images: Images) -> Outcome:
    """Under Verilator."""
    circuit = job.traced()
    with scratch() as folder:
        codes = simulate_verilog(export(circuit, folder, "verilog", images, clock=job.clock))
    return Outcome(codes, circuit.interpret_layers, _BEHIND)


def in_vhdl(job: Job, images: Images) -> Outcome:
    """Under GHDL."""
    circuit = job.traced()
    with scratch() as folder:
        codes = simulate_vhdl(export(circuit, folder, "vhdl", images, clock=job.clock))
    return Outcome(codes, circuit.interpret_layers, _BEHIND)


def in_cpp(job: Job, images: Images) -> Outcome:
    """The C++ for high-level synthesis, compiled with g++."""
    circuit = job.traced()
    with scratch() as folder:
        codes = run_hls(export(circuit, folder, "hls", images, clock=job.clock))
    return Outcome(codes, circuit.interpret_layers, _BEHIND)


ALKAID = Tool("alkaid", "the traced circuit", interpreted)
VERILATOR = Tool("verilator", "simulated Verilog", in_verilog)
GHDL = Tool("ghdl", "simulated VHDL", in_vhdl)
HLS = Tool("hls", "compiled C++ for HLS", in_cpp)
