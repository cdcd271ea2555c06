"""What a network can be verified with, one module a kind of level; `TOOLS` lists them by name, in their order."""

from narrowgate.firmware._levels import _circuits, _hls4ml, _keras, _onnx
from narrowgate.firmware._levels._exported import Exported
from narrowgate.firmware._levels._tool import Job, Outcome, Tool

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        _circuits.ALKAID,
        _circuits.VERILATOR,
        _circuits.GHDL,
        _circuits.HLS,
        _keras.KERAS,
        _hls4ml.HLS4ML,
        _onnx.QONNX,
        _onnx.ONNXRUNTIME,
    )
}
"""By the name that `verify` takes."""

__all__ = ["TOOLS", "Exported", "Job", "Outcome", "Tool"]
