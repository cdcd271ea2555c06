"""What a network can be exported to, one sub-room a technology; `TARGETS` lists them by name."""

from narrowgate.firmware._target import Target
from narrowgate.firmware.circuit import _target as circuit
from narrowgate.firmware.hls4ml import _target as hls4ml
from narrowgate.firmware.keras import _target as keras
from narrowgate.firmware.onnx import _target as onnx

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (circuit.VERILOG, circuit.VHDL, circuit.HLS, hls4ml.HLS4ML, keras.KERAS, onnx.QONNX)
}
"""By the name that `export` takes."""
