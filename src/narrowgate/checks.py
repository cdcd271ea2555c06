"""What can be known before the first step, from configurations and data set alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from narrowgate.events import Dataset
from narrowgate.network import Configuration

USUAL_BITS = 10
"""Of the shipped sample's pixels; an input of another width is told."""


def fitted(configurations: Sequence[Configuration], dataset: Dataset) -> list[Configuration]:
    """The configurations with their input format: where it follows from the data, that of the data set's pixels."""
    return [configuration.for_counts(dataset.bits) for configuration in configurations]


def saturation(configurations: Iterable[Configuration], dataset: Dataset) -> list[str]:
    """Which pixels the input formats cut, a sentence for each format; nothing where that is none.

    An input that follows from the data and has not the sample's ten bits is told as well.
    """
    notes: dict[str, None] = {}
    for configuration in configurations:
        given = configuration.precision.input
        precision = configuration.for_counts(dataset.bits).precision
        pixel, largest = precision.pixel, precision.largest_count
        share = dataset.share_above(largest)
        if share > 0:
            notes[
                f"{in_percent(share)} of the pixels are above {largest}, the largest count of the input format "
                f"{pixel}, and saturate there; the largest in the data is {dataset.largest_count}"
            ] = None
        elif given is None and pixel.width != USUAL_BITS:
            notes[
                f"the input format follows from the data: {pixel} holds counts up to {largest}, the largest in "
                f"the data is {dataset.largest_count}, and no pixel saturates"
            ] = None
    return list(notes)


def in_percent(share: float) -> str:
    """A share for a reader, small ones with two digits: `12 %`, `0.0031 %`."""
    return f"{100 * share:.3g} %"
