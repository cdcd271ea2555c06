"""What the READMEs of projects without a circuit share: how an image goes in, and the thresholds as integers."""

from __future__ import annotations

from collections.abc import Mapping

from narrowgate.integers import IntegerNetwork


def image_words(network: IntegerNetwork) -> str:
    """The image: its shape, its order, what a pixel is worth."""
    rows, columns, channels = network.image
    format = network.input_format
    plural = "s" if channels > 1 else ""
    unit = "count" if network.dropped_bits == 0 else "unit"
    text = (
        f"An image has {rows} rows, {columns} columns and {channels} channel{plural}, in this order. A pixel is a "
        f"{unit} of 0\n"
        f"to {format.code_max}, worth 2^{-format.fraction} each (`{format.ap()}`); what is above saturates."
    )
    return text + count_words(network)


def count_words(network: IntegerNetwork) -> str:
    """How a count of the data becomes a unit of a pixel, where it is not one itself."""
    dropped = network.dropped_bits
    if dropped == 0:
        return ""
    if dropped < 0:
        return f"\nA count of the data is {2**-dropped} units."
    bits = "bit is" if dropped == 1 else f"{dropped} bits are"
    return f"\nA unit is {2**dropped} counts of the data: the lowest {bits} left out of a count."


def decision_words(network: IntegerNetwork, thresholds: Mapping[str, float]) -> str:
    """The logit's unit, and a table of working points."""
    fraction = network.output.fraction
    text = (
        f"The output is one logit of {network.output.width} bits, a multiple of 2^{-fraction}; nothing rounds it. In "
        f"units of 2^{-fraction} it is\nan integer."
    )
    if not thresholds:
        return text + " Accept when it is above the threshold of the working point."
    lines = [
        f"| {word} | {threshold:.6g} | {network.threshold_code(threshold)} |" for word, threshold in thresholds.items()
    ]
    return (
        f"{text} Accept when it is above the number of the working point; both columns decide the same.\n\n"
        "| working point | logit > | integer > |\n|---|---|---|\n" + "\n".join(lines)
    )
