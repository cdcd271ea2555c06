"""What a configuration says of each tensor: what its layer says where that is given, else what is said of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowgate.fixedpoint import Format
from narrowgate.network._precision import Entry, LayerPrecision, Precision

if TYPE_CHECKING:
    from narrowgate.network._configuration import Architecture


@dataclass(frozen=True)
class LayerEntries:
    """What a configuration says of one layer's tensors: formats, `None` for float, or that widths are learned.

    `batchnorm` is that of batch norm's factor and term, whether the layer has one or not. `activation` has no sign
    after a ReLU; of the output, which nothing rounds, it is `None`.
    """

    kernel: Entry
    bias: Entry
    batchnorm: Format | None
    activation: Entry


def layer_entries(precision: Precision, architecture: Architecture) -> dict[str, LayerEntries]:
    """What a configuration says of every layer, by the layers' names."""
    found = {}
    for name in architecture.layer_names:
        own = precision.layers.get(name, LayerPrecision()).given
        kind = precision.conv if name.startswith("conv") else precision.dense
        activation = own.get("activation", precision.activation)
        if isinstance(activation, Format) and architecture.activation == "relu":
            activation = activation.unsigned()
        found[name] = LayerEntries(
            kernel=own.get("kernel", kind),
            bias=own.get("bias", kind),
            batchnorm=own.get("batchnorm", precision.batchnorm),
            activation=None if name == "output" else activation,
        )
    return found


def first_float(precision: Precision, architecture: Architecture) -> tuple[str, str] | None:
    """The first layer and tensor that hardware needs a format for and that is float; `None` where there is none."""
    norm = architecture.batch_norm
    for name, own in layer_entries(precision, architecture).items():
        needed: dict[str, object] = {"kernel": own.kernel, "bias": own.bias}
        if norm == "all" or (norm == "hidden" and name != "output"):
            needed["batchnorm"] = own.batchnorm
        if name != "output":
            needed["activation"] = own.activation
        for tensor, entry in needed.items():
            if entry is None:
                return name, tensor
    return None
