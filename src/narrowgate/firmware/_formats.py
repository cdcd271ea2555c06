"""Formats for tools that know one for a whole tensor."""

from __future__ import annotations

from dataclasses import replace

from narrowgate.firmware._tools import UnsuitableToolError
from narrowgate.fixedpoint import Format, FormatArray, Rounding
from narrowgate.integers import IntegerLayer


def format_of_constants(format: Format | FormatArray) -> Format:
    """The format itself, or the one that holds the weights of every element: they lie on its grid."""
    return format if isinstance(format, Format) else replace(format.common(), rounding=Rounding.HALF_EVEN)


def format_of_activation(layer: IntegerLayer, tool: str) -> Format | None:
    """The one format of a layer's activations, `None` of the output.

    Raises:
        UnsuitableToolError: its channels have formats of their own.
    """
    if isinstance(layer.activation, FormatArray):
        raise UnsuitableToolError(
            f"The channels of {layer.name} have formats of their own ({layer.activation.ap()}), and {tool} takes one "
            f'for all; train with precision.activation = "learned by layer", or export to verilog, vhdl or hls.'
        )
    return layer.activation
