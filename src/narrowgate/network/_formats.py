"""Which format each tensor of a network has, with learned widths settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from narrowgate.fixedpoint import Format, FormatArray
from narrowgate.network._configuration import Architecture
from narrowgate.network._entries import layer_entries
from narrowgate.network._learned import settled_activation, settled_weights
from narrowgate.network._learning import Learned
from narrowgate.network._precision import Precision
from narrowgate.network._section import ConfigurationError


@dataclass(frozen=True)
class LayerFormats:
    """The formats of one layer's tensors, `None` for float; as in `LayerEntries`, with learned widths settled."""

    kernel: Format | FormatArray | None
    bias: Format | FormatArray | None
    batchnorm: Format | None
    activation: Format | FormatArray | None


def layer_formats(
    precision: Precision, architecture: Architecture, weights: Mapping[str, NDArray[Any]] | None = None
) -> dict[str, LayerFormats]:
    """The formats of every layer by its name; those of learned widths lie among the trained `weights`.

    >>> from narrowgate.network import Configuration
    >>> table = {"precision": {"conv": "(8,2)", "layers": {"conv0": {"kernel": "(4,1)"}}}}
    >>> found = Configuration.parse(table)
    >>> str(layer_formats(found.precision, found.network)["conv0"].kernel)
    '(4,1)'

    Raises:
        ConfigurationError: widths are learned, and no weights are there to tell them.
        FormatError: weights tell of widths that no format has.
    """
    formats = {}
    for name, entries in layer_entries(precision, architecture).items():
        learned = [tensor for tensor, entry in vars(entries).items() if isinstance(entry, Learned)]
        if learned and weights is None:
            raise ConfigurationError(
                f"The widths of {name}'s {learned[0]} are {getattr(entries, learned[0])}; they are known when it is "
                f"trained."
            )
        found: dict[str, Any] = dict(vars(entries))
        for tensor in learned:
            assert weights is not None
            found[tensor] = (
                settled_activation(name, weights, signed=architecture.activation == "linear")
                if tensor == "activation"
                else settled_weights(f"{name}.{tensor}", weights)
            )
        formats[name] = LayerFormats(**found)
    return formats
