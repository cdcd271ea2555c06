"""The network as QONNX and as plain ONNX, and their executors."""
