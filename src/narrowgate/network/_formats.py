"""Which format each tensor of a network has: that of its layer where one is given, else that of its kind."""

from __future__ import annotations

from dataclasses import dataclass

from narrowgate.fixedpoint import Format
from narrowgate.network._configuration import Architecture
from narrowgate.network._precision import LayerPrecision, Precision


@dataclass(frozen=True)
class LayerFormats:
    """The formats of one layer's tensors, `None` for float.

    `batchnorm` is that of batch norm's factor and term, whether the layer has one or not. `activation` has no sign
    after a ReLU; of the output, which nothing rounds, it is `None`.
    """

    kernel: Format | None
    bias: Format | None
    batchnorm: Format | None
    activation: Format | None


def layer_formats(precision: Precision, architecture: Architecture) -> dict[str, LayerFormats]:
    """The formats of every layer by its name.

    >>> from narrowgate.network import Configuration
    >>> table = {"precision": {"conv": "(8,2)", "layers": {"conv0": {"kernel": "(4,1)"}}}}
    >>> found = Configuration.parse(table)
    >>> str(layer_formats(found.precision, found.network)["conv0"].kernel)
    '(4,1)'
    """
    formats = {}
    for name in architecture.layer_names:
        own = precision.layers.get(name, LayerPrecision()).given
        kind = precision.conv if name.startswith("conv") else precision.dense
        activation = own.get("activation", precision.activation)
        if activation is not None and architecture.activation == "relu":
            activation = activation.unsigned()
        formats[name] = LayerFormats(
            kernel=own.get("kernel", kind),
            bias=own.get("bias", kind),
            batchnorm=own.get("batchnorm", precision.batchnorm),
            activation=None if name == "output" else activation,
        )
    return formats
