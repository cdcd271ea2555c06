"""ONNX models run: QONNX by its own executor, plain ONNX by ONNX Runtime, and in float64 where float32 is too narrow.

All three compute with floats. What adds up to less than 2²⁴ is exact in float32, less than 2⁵³ in float64, in whatever
order it is added; whether a network stays below is proven from its bounds, not from images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.firmware._tools import package
from narrowgate.firmware.onnx._graph import DOMAIN, INPUT, onnx_model
from narrowgate.integers import Images, IntegerNetwork, Integers

Values = dict[str, NDArray[np.float64]]
"""What stands behind each layer by name, channels before rows and columns."""

_EVENTS_AT_A_TIME = 1024
_PURPOSE = "running ONNX models"


def exact_in(network: IntegerNetwork, type: type[np.floating[Any]]) -> bool:
    """Whether floats of this type hold every sum of the network, and every bound that a value is cut at, exactly."""
    limits = np.finfo(type)
    for layer in network:
        bits = layer.sum_bits
        lowest = -max(layer.sums.fraction, layer.normalised.fraction, layer.outputs.fraction)
        if bits > limits.nmant + 1 or lowest < limits.minexp or lowest + bits >= limits.maxexp:
            return False
    return True


def by_qonnx(network: IntegerNetwork, images: Images) -> Iterator[Values]:
    """The QONNX model in float32, a node at a time, by `qonnx.core.onnx_exec.execute_onnx`; batch by batch.

    Raises:
        FirmwareError: qonnx is not installed, or QONNX cannot hold a weight.
    """
    executor = package("qonnx.core.onnx_exec", _PURPOSE, "qonnx")
    wrapper = package("qonnx.core.modelwrapper", _PURPOSE, "qonnx")

    def run(pixels: NDArray[np.float64]) -> Any:
        model = wrapper.ModelWrapper(onnx_model(network, len(pixels)))
        return executor.execute_onnx(model, {INPUT: pixels.astype(np.float32)}, return_full_exec_context=True)

    return _batches(network, images, run)


def by_onnxruntime(network: IntegerNetwork, images: Images) -> Iterator[Values]:
    """The plain model in float32, by ONNX Runtime; batch by batch.

    Raises:
        FirmwareError: onnxruntime is not installed, or ONNX cannot hold a weight.
    """
    runtime = package("onnxruntime", _PURPOSE, "qonnx")
    model = onnx_model(network, None, plain=True, taps=True).SerializeToString()
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [layer.name for layer in network]

    def run(pixels: NDArray[np.float64]) -> Any:
        return dict(zip(names, session.run(names, {INPUT: pixels.astype(np.float32)}), strict=True))

    return _batches(network, images, run)


def in_double(network: IntegerNetwork, images: Images) -> Iterator[Values]:
    """The QONNX model in float64, by ONNX' reference implementation and qonnx' own function for `Quant`.

    Neither qonnx' executor nor ONNX Runtime's convolution knows float64.

    Raises:
        FirmwareError: qonnx is not installed.
    """
    reference = package("onnx.reference", _PURPOSE, "qonnx")
    operator = package("onnx.reference.op_run", _PURPOSE, "qonnx")
    quantise = package("qonnx.custom_op.general.intquant", _PURPOSE, "qonnx").int_quant

    def evaluated(_: Any, *inputs: Any, signed: int, narrow: int, rounding_mode: str) -> tuple[Any]:
        return (np.asarray(quantise(*inputs, signed, narrow, rounding_mode), np.float64),)

    quant = type("Quant", (operator.OpRun,), {"op_domain": DOMAIN, "_run": evaluated})

    def run(pixels: NDArray[np.float64]) -> Any:
        model = onnx_model(network, len(pixels), type=np.float64)
        return reference.ReferenceEvaluator(model, new_ops=[quant]).run(None, {INPUT: pixels}, intermediate=True)

    return _batches(network, images, run)


def logit_codes(network: IntegerNetwork, batches: Iterator[Values]) -> Integers:
    """The logit of every event in units of its lsb: integers, or floats if one of them is none."""
    return _codes([batch[network.layers[-1].name].reshape(-1) for batch in batches], network.output.fraction)


def layer_codes(network: IntegerNetwork, batches: Iterator[Values]) -> dict[str, Integers]:
    """The outputs of every layer, as `evaluate_layers` gives them."""
    parts = list(batches)
    found = {}
    for layer in network:
        values = [np.moveaxis(part[layer.name], 1, -1) for part in parts]
        found[layer.name] = _codes(values, layer.outputs.fraction)
    return found


def pixels_of(network: IntegerNetwork, images: Images) -> NDArray[np.float64]:
    """Images as the model takes them: (events, channels, rows, columns), what the counts are worth."""
    return np.moveaxis(np.ldexp(images.astype(np.float64), -network.count_fraction), -1, 1)


def _batches(network: IntegerNetwork, images: Images, run: Callable[[NDArray[np.float64]], Any]) -> Iterator[Values]:
    pixels = pixels_of(network, images)
    for start in range(0, len(pixels), _EVENTS_AT_A_TIME):
        found = run(pixels[start : start + _EVENTS_AT_A_TIME])
        yield {layer.name: found[layer.name].astype(np.float64) for layer in network}


def _codes(parts: list[NDArray[np.float64]], fraction: int) -> Integers:
    codes: Integers = np.ldexp(np.concatenate(parts), fraction)
    return codes.astype(np.int64) if np.array_equal(codes, np.rint(codes)) else codes
