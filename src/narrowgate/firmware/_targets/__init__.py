"""What a network can be exported to, one module a kind of project; `TARGETS` lists them by name."""

from narrowgate.firmware._targets import _circuit, _hls4ml, _keras, _qonnx
from narrowgate.firmware._targets._circuit import NAME, CircuitProject, write_test
from narrowgate.firmware._targets._record import Record, digests
from narrowgate.firmware._targets._target import Order, Project, Target

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (_circuit.VERILOG, _circuit.VHDL, _circuit.HLS, _hls4ml.HLS4ML, _keras.KERAS, _qonnx.QONNX)
}
"""By the name that `export` takes."""

__all__ = [
    "NAME",
    "TARGETS",
    "CircuitProject",
    "Order",
    "Project",
    "Record",
    "Target",
    "digests",
    "write_test",
]
