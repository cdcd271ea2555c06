"""A network as an ONNX graph: QONNX, whose `Quant` nodes carry the formats, or plain ONNX, which any runtime knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.firmware._formats import format_of_activation, format_of_constants
from narrowgate.firmware._tools import UnsuitableToolError, package
from narrowgate.fixedpoint import Format, FormatArray, Rounding
from narrowgate.integers import FirmwareError, IntegerLayer, IntegerNetwork, Integers
from narrowgate.network import Convolution

INPUT = "image"
DOMAIN = "qonnx.custom_op.general"
OPSET = 11
"""What QONNX prefers (`qonnx.util.basic.get_preferred_onnx_opset`); nothing here needs a later one."""

_ROUNDING = {Rounding.HALF_EVEN: ("ROUND", "Round"), Rounding.TRUNCATE: ("FLOOR", "Floor")}
"""In the words of `Quant`, and as an operator of ONNX; a configuration's formats round half to even."""

_IR_VERSION = 7  # of the year of that opset's successors: old readers take it, and new ones do too


def onnx_model(
    network: IntegerNetwork,
    events: int | None = 1,
    *,
    plain: bool = False,
    taps: bool = False,
    type: type[np.floating[Any]] = np.float32,
) -> Any:
    """The network as `onnx.ModelProto`: "image" (events, channels, rows, columns) in, "output" (events, 1) out.

    Pixels are counts times the lsb of the input's format, the output is the logit, not rounded. Behind every layer
    stands a tensor of its name. `events` fixes the first axis, as QONNX' tools need it; `None` leaves it open. In place
    of `Quant` nodes a `plain` model has `Div`, `Clip`, `Round` and `Mul`. With `taps` every layer is an output.

    Raises:
        FirmwareError: onnx is not installed, or a weight is not a float of this `type`.
    """
    graph = _Graph(events, plain, type)
    pixel = network.input_format
    rows, columns, channels = network.image
    graph.shapes[INPUT] = (channels, rows, columns)
    name = graph.quantised(INPUT, pixel, "pixels", graph.shapes[INPUT])
    for layer in network:
        name = _convolution(graph, layer, name) if isinstance(layer.layer, Convolution) else _dense(graph, layer, name)
    return graph.model([layer.name for layer in network] if taps else [name])


@dataclass
class _Graph:
    """What was built so far; `shapes` of tensors without the first axis, that of events."""

    events: int | None
    plain: bool
    type: Any
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    fixed: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.helper = package("onnx.helper", "export to qonnx", "qonnx")
        self.numpy_helper = package("onnx.numpy_helper", "export to qonnx", "qonnx")

    def constant(self, name: str, values: NDArray[Any]) -> str:
        held = np.asarray(values, np.float64).astype(self.type)
        if not np.array_equal(held.astype(np.float64), values):
            raise FirmwareError(f"{name} has values of more than 24 bits, and QONNX holds them as float32.")
        self.constants.append(self.numpy_helper.from_array(held, name))
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, shape: tuple[int, ...], **attributes: Any) -> str:
        """A node whose output has `shape` beside its axis of events."""
        self.nodes.append(self.helper.make_node(kind, list(inputs), [output], name=f"{output}.{kind}", **attributes))
        self.shapes[output] = shape
        return output

    def quantised(self, name: str, format: Format, output: str, shape: tuple[int, ...]) -> str:
        """Activations rounded half to even and saturated.

        A signed format of one bit holds −1 and 0, which QONNX reads as −1 and +1 (bipolar): it becomes two bits of the
        narrow range, −1 to 1, and what is above 0 is cut off before.
        """
        if self.plain:
            return self._in_plain_words(name, format, output, shape)
        if format.signed and format.width == 1:
            zero = self.constant(f"{output}.zero", np.array(0.0))
            name = self.node("Min", [name, zero], f"{output}.cut", shape)
        self._quant(name, format, output)
        self.shapes[output] = shape
        return output

    def parameter(self, name: str, codes: Integers, given: Format | FormatArray) -> str:
        """A weight that is on its grid already; a QONNX model says so with a `Quant` node."""
        format = format_of_constants(given)
        values = np.ldexp(codes.astype(np.float64), -format.fraction)
        self.constant(name, values)
        if self.plain:
            return name
        self._quant(name, format, f"{name}.quantised")
        self.fixed[f"{name}.quantised"] = values.shape
        return f"{name}.quantised"

    def renamed(self, name: str) -> str:
        """The last node's output under another name."""
        self.shapes[name] = self.shapes.pop(self.nodes[-1].output[0])
        self.nodes[-1].output[0] = name
        return name

    def model(self, outputs: Sequence[str]) -> Any:
        """All of it as a model, with the shape of every tensor stated."""
        kind = self.helper.np_dtype_to_tensor_dtype(np.dtype(self.type))
        events = "events" if self.events is None else self.events
        described = {
            name: self.helper.make_tensor_value_info(name, kind, [events, *shape])
            for name, shape in self.shapes.items()
        }
        ends = [described.pop(INPUT)], [described.pop(output) for output in outputs]
        fixed = [self.helper.make_tensor_value_info(name, kind, shape) for name, shape in self.fixed.items()]
        graph = self.helper.make_graph(
            self.nodes, "narrowgate", *ends, initializer=self.constants, value_info=[*described.values(), *fixed]
        )
        versions = [self.helper.make_opsetid("", OPSET)]
        if not self.plain:
            versions.append(self.helper.make_opsetid(DOMAIN, 1))
        return self.helper.make_model(graph, producer_name="narrowgate", opset_imports=versions, ir_version=_IR_VERSION)

    def _quant(self, name: str, format: Format, output: str) -> None:
        scale = self.constant(f"{output}.scale", np.array(format.lsb))
        zero = self.constant(f"{output}.zero_point", np.array(0.0))
        width = format.width + (format.signed and format.width == 1)
        bits = self.constant(f"{output}.bits", np.array(float(width)))
        self.nodes.append(
            self.helper.make_node(
                "Quant",
                [name, scale, zero, bits],
                [output],
                name=f"{output}.Quant",
                domain=DOMAIN,
                signed=int(format.signed),
                narrow=int(format.signed and format.width == 1),
                rounding_mode=_ROUNDING[format.rounding][0],
            )
        )

    def _in_plain_words(self, name: str, format: Format, output: str, shape: tuple[int, ...]) -> str:
        lsb = self.constant(f"{output}.lsb", np.array(format.lsb))
        ends = [self.constant(f"{output}.{end}", np.array(float(code)))
                for end, code in (("lowest", format.code_min), ("highest", format.code_max))]  # fmt: skip
        self.node("Div", [name, lsb], f"{output}.scaled", shape)
        self.node("Clip", [f"{output}.scaled", *ends], f"{output}.clipped", shape)
        self.node(_ROUNDING[format.rounding][1], [f"{output}.clipped"], f"{output}.rounded", shape)
        return self.node("Mul", [f"{output}.rounded", lsb], output, shape)


def _convolution(graph: _Graph, layer: IntegerLayer, name: str) -> str:
    shape = layer.layer
    assert isinstance(shape, Convolution)
    before, after = (shape.kernel - 1) // 2, shape.kernel // 2
    kernel = graph.parameter(f"{layer.name}.kernel", layer.kernel.transpose(3, 2, 0, 1), layer.kernel_format)
    bias = graph.parameter(f"{layer.name}.bias", layer.bias, layer.bias_format)
    name = graph.node(
        "Conv",
        [name, kernel, bias],
        f"{layer.name}.sum",
        (shape.filters, shape.rows, shape.columns),
        auto_pad="NOTSET",
        dilations=[1, 1],
        group=1,
        kernel_shape=[shape.kernel, shape.kernel],
        pads=[before, before, after, after],
        strides=[1, 1],
    )
    name = _normalised(graph, layer, name, (1, shape.filters, 1, 1))
    if shape.pool > 1:
        rows, columns, filters = shape.output_shape
        name = graph.node(
            "MaxPool",
            [name],
            f"{layer.name}.pooled",
            (filters, rows, columns),
            auto_pad="NOTSET",
            ceil_mode=0,
            dilations=[1, 1],
            kernel_shape=[shape.pool, shape.pool],
            pads=[0, 0, 0, 0],
            storage_order=0,
            strides=[shape.pool, shape.pool],
        )
    return _activated(graph, layer, name)


def _dense(graph: _Graph, layer: IntegerLayer, name: str) -> str:
    """A matrix product; behind a convolution its rows are put in ONNX' order: channel, row, column."""
    kernel, shape = layer.kernel, graph.shapes[name]
    if len(shape) > 1:
        channels, rows, columns = shape
        kernel = kernel.reshape(rows, columns, channels, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
        name = graph.node("Flatten", [name], f"{layer.name}.inputs", (len(kernel),), axis=1)
    outputs = kernel.shape[1:]
    kernel_name = graph.parameter(f"{layer.name}.kernel", kernel, layer.kernel_format)
    bias = graph.parameter(f"{layer.name}.bias", layer.bias, layer.bias_format)
    name = graph.node("MatMul", [name, kernel_name], f"{layer.name}.product", outputs)
    name = graph.node("Add", [name, bias], f"{layer.name}.sum", outputs)
    return _activated(graph, layer, _normalised(graph, layer, name, outputs))


def _normalised(graph: _Graph, layer: IntegerLayer, name: str, broadcast: tuple[int, ...]) -> str:
    """Batch norm as one multiplication and one addition."""
    if layer.factor is None or layer.term is None or layer.normalisation_format is None:
        return name
    shape = graph.shapes[name]
    factor, term = (
        graph.parameter(f"{layer.name}.{word}", codes.reshape(broadcast), layer.normalisation_format)
        for word, codes in (("factor", layer.factor), ("term", layer.term))
    )
    name = graph.node("Mul", [name, factor], f"{layer.name}.multiplied", shape)
    return graph.node("Add", [name, term], f"{layer.name}.normalised", shape)


def _activated(graph: _Graph, layer: IntegerLayer, name: str) -> str:
    """The layer's output under its own name."""
    shape = graph.shapes[name]
    activation = format_of_activation(layer, "QONNX")
    if activation is None:
        return graph.renamed(layer.name)
    if activation.rounding not in _ROUNDING:
        raise UnsuitableToolError(
            f"The activations of {layer.name} round halves up, as learned ones do; QONNX rounds them to even."
        )
    if not activation.signed:
        name = graph.node("Relu", [name], f"{layer.name}.positive", shape)
    return graph.quantised(name, activation, layer.name, shape)
