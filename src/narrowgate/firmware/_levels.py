"""What a network can be verified with, one sub-room a technology; `TOOLS` lists them by name, in their order."""

from narrowgate.firmware._tool import Tool
from narrowgate.firmware.circuit import _level as circuit
from narrowgate.firmware.hls4ml import _level as hls4ml
from narrowgate.firmware.keras import _level as keras
from narrowgate.firmware.onnx import _level as onnx

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        circuit.ALKAID,
        circuit.VERILATOR,
        circuit.GHDL,
        circuit.HLS,
        keras.KERAS,
        hls4ml.HLS4ML,
        onnx.QONNX,
        onnx.ONNXRUNTIME,
    )
}
"""By the name that `verify` takes."""
