"""The network as QONNX by qonnx' own executor, and as plain ONNX by ONNX Runtime."""

from __future__ import annotations

import numpy as np

from narrowgate.firmware._tool import Job, Outcome, Tool
from narrowgate.firmware._tools import UnsuitableToolError
from narrowgate.firmware.onnx._run import (
    by_onnxruntime,
    by_qonnx,
    exact_in,
    in_double,
    layer_codes,
    logit_codes,
)
from narrowgate.integers import Images, evaluate

_BEHIND = "the logit of the whole batch (every layer agrees on this image alone)"


def in_qonnx(job: Job, images: Images) -> Outcome:
    """By qonnx' executor where float32 is proven to be exact, else by its operators in float64."""
    network = job.network
    if exact_in(network, np.float32):
        run, note = by_qonnx, ""
    elif exact_in(network, np.float64):
        run = in_double
        differing = np.count_nonzero(logit_codes(network, by_qonnx(network, images)) != evaluate(network, images))
        note = (
            f"in float64, as the sums need {network.sum_bits} bits; qonnx' executor, in float32, differs on "
            f"{differing} images"
        )
    else:
        raise UnsuitableToolError(
            f"The network's sums need {network.sum_bits} bits, and QONNX is evaluated in float64 at most, "
            "which holds 53."
        )
    codes = logit_codes(network, run(network, images))
    return Outcome(codes, lambda few: layer_codes(network, run(network, few)), _BEHIND, note)


def in_onnxruntime(job: Job, images: Images) -> Outcome:
    """The plain model by ONNX Runtime, in float32."""
    network = job.network
    if not exact_in(network, np.float32):
        raise UnsuitableToolError(
            f"The network's sums need {network.sum_bits} bits, and ONNX Runtime convolves in float32, which holds 24."
        )
    codes = logit_codes(network, by_onnxruntime(network, images))
    return Outcome(codes, lambda few: layer_codes(network, by_onnxruntime(network, few)), _BEHIND)


QONNX = Tool("qonnx", "the QONNX model", in_qonnx)
ONNXRUNTIME = Tool("onnxruntime", "the model in plain ONNX", in_onnxruntime)
