"""QONNX: the network for tools that read it, the same in plain ONNX, real events, and what they must give."""

from __future__ import annotations

import numpy as np

from narrowgate.firmware._target import Order, Project, Target
from narrowgate.firmware.onnx._graph import onnx_model
from narrowgate.firmware.onnx._readme import readme
from narrowgate.firmware.onnx._run import by_qonnx, exact_in, logit_codes, pixels_of
from narrowgate.integers import evaluate, scores_of


def write(order: Order) -> Project:
    """Write `model.onnx`, `plain.onnx`, `test/vectors.npz` and a README that says how exact float32 is.

    Raises:
        FirmwareError: qonnx is missing, or QONNX cannot hold a weight.
    """
    network, folder, images = order.network, order.folder, order.images
    models = {"model.onnx": onnx_model(network), "plain.onnx": onnx_model(network, None, plain=True)}
    codes = evaluate(network, images)
    differing = int(np.count_nonzero(logit_codes(network, by_qonnx(network, images)) != codes))
    (folder / "test").mkdir(parents=True, exist_ok=True)
    for name, model in models.items():
        (folder / name).write_bytes(model.SerializeToString())
    pixels = pixels_of(network, images).astype(np.float32)
    np.savez_compressed(folder / "test/vectors.npz", images=pixels, logits=scores_of(network, codes))
    text = readme(network, len(images), differing, order.thresholds)
    (folder / "README.md").write_text(text, encoding="utf-8")
    exact = "exact in float32" if exact_in(network, np.float32) else "float32 is too narrow for its sums"
    summary = f"{len(models['model.onnx'].graph.node)} nodes, {exact}, {differing} of {len(images)} images differ there"
    return Project(folder, order.target, len(images), order.clock, order.part, summary)


QONNX = Target("qonnx", "a QONNX model", False, write)
