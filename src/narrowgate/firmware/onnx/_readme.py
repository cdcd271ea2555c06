"""The README of a QONNX export: what is in the files, what they compute, and how far floats can be trusted with it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from narrowgate.firmware.onnx._graph import INPUT, OPSET
from narrowgate.firmware.onnx._run import exact_in
from narrowgate.integers import IntegerNetwork


def readme(network: IntegerNetwork, events: int, differing: int, thresholds: Mapping[str, float]) -> str:
    """The text; `differing` of `events` test vectors have another logit in float32."""
    rows, columns, channels = network.image
    output = network.layers[-1].name
    behind = "; the first drops the lower bits, `FLOOR`" if network.dropped_bits > 0 else ""
    return f"""# A trigger network by narrowgate, in QONNX

| file | what it is |
|---|---|
| `model.onnx` | the network with `Quant` nodes (opset {OPSET}, domain `qonnx.custom_op.general`), one event at a time |
| `plain.onnx` | the same in ONNX' own operators, any number of events at a time |
| `test/vectors.npz` | {events} real events: `images`, and the exact `logits` that they must give |

The input `{INPUT}` is (events, {channels}, {rows}, {columns}): channels, rows (η), columns (φ). A pixel is its count
times {_power(network.count_fraction)}; the first node rounds it to {network.input_format.ap()}. The
output `{output}` is (events, 1): the logit, not rounded, a multiple of {_power(network.output.fraction)}. Behind every
layer stands a tensor of its name:
{", ".join(f"`{layer.name}`" for layer in network)}.

Every `Quant` rounds half to even (`ROUND`{behind}) and saturates at the full range (`narrow = 0`; a number of one
signed bit is written as two of the narrow range, cut off at 0); its scale is a power
of two and its zero point 0. Weights lie on their grids already. Batch normalisation is a quantised `Mul` and `Add`.
Behind a convolution the rows of a dense kernel are in ONNX' order (channel, row, column).

## The decision

{_decision(network, thresholds)}

## How exact floats are

{_exactness(network, events, differing)}

## Test

    import numpy as np, onnxruntime
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    vectors = np.load("test/vectors.npz")
    logits = onnxruntime.InferenceSession("plain.onnx").run(None, {{"{INPUT}": vectors["images"]}})[0]
    print((logits[:, 0] != vectors["logits"]).sum(), "differ in ONNX Runtime")
    model = ModelWrapper("model.onnx")
    logits = [execute_onnx(model, {{"{INPUT}": image[None]}})["{output}"].item() for image in vectors["images"]]
    print((logits != vectors["logits"]).sum(), "differ in qonnx")
"""


def _power(fraction: int) -> str:
    return f"2^{-fraction}"


def _decision(network: IntegerNetwork, thresholds: Mapping[str, float]) -> str:
    rows = [
        f"| {word} | {threshold:.6g} | {network.threshold_code(threshold)} |" for word, threshold in thresholds.items()
    ]
    if not rows:
        return "Accept when the logit is above the threshold of the working point."
    return (
        f"Accept when the logit is above the threshold, in units of {_power(network.output.fraction)} an integer.\n\n"
        "| working point | logit > | units > |\n|---|---|---|\n" + "\n".join(rows)
    )


def _exactness(network: IntegerNetwork, events: int, differing: int) -> str:
    bits = network.sum_bits
    if exact_in(network, np.float32):
        return (
            f"No sum needs more than {bits} bits, in whatever order it is added, and float32 holds 24: every executor "
            f"that computes in float32 gives the exact integers. Of the {events} test vectors {differing} differ under "
            "qonnx' own."
        )
    return (
        f"The widest sum needs {bits} bits and float32 holds 24, so an executor may round where hardware does not: "
        f"under qonnx' own, {differing} of the {events} test vectors have another logit. The graph is right all the "
        f"same; evaluated in float64, which holds 53 bits, it gives the exact integers. Hardware that is made from it "
        f"needs accumulators of {bits} bits and a sign."
    )
