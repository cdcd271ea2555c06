"""What can be known before the first step, from configurations and data set alone.

Every function gives sentences and raises nothing, so that a command can say all of them at once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from narrowgate.errors import NarrowgateError
from narrowgate.events import TELLING_PIXELS, Dataset, overlap
from narrowgate.network import Configuration, ConfigurationError, layers
from narrowgate.trigger import has_fourth_pixel, possible_rates
from narrowgate.units import in_kilohertz

USUAL_BITS = 10
"""Of the shipped sample's pixels; an input of another width is told."""

NAMED = 5
"""So many networks that do not fit are named, the others counted."""


class CheckError(NarrowgateError, ValueError):
    """Work that cannot come to its end; the message has a sentence for every reason, each on a line of its own."""


def refuse(sentences: Sequence[str]) -> None:
    """Raise `CheckError` with all sentences, if there is one."""
    if sentences:
        raise CheckError("\n".join(sentences))


def fitted(configurations: Sequence[Configuration], dataset: Dataset) -> list[Configuration]:
    """The configurations with their input format: where it follows from the data, that of the data set's pixels."""
    return [configuration.for_counts(dataset.bits) for configuration in configurations]


def unfit(configurations: Iterable[tuple[str, Configuration]], dataset: Dataset) -> list[str]:
    """Which networks, each given with the words to call it by, do not fit the data set's images, and why."""
    seen, wrong = set(), []
    for name, configuration in configurations:
        architecture = configuration.network
        if architecture in seen:
            continue
        seen.add(architecture)
        try:
            layers(architecture, dataset.geometry.shape)
        except ConfigurationError as error:
            wrong.append(f"{name}: {error}" if name else str(error))
    more = [f"and {len(wrong) - NAMED} more networks that do not fit these images."] if len(wrong) > NAMED else []
    return wrong[:NAMED] + more


def classes(dataset: Dataset) -> list[str]:
    """Which splits lack signal or background."""
    wrong = []
    for name, split in dataset.splits():
        signal = int(split.labels.sum())
        lacking = [word for word, count in (("signal", signal), ("background", len(split) - signal)) if not count]
        if lacking:
            wrong.append(
                f"The {name} split of {dataset.name} has no {' and no '.join(lacking)} events; both classes are needed."
            )
    return wrong


def rates(wanted: Sequence[float], dataset: Dataset, setting: str = "") -> list[str]:
    """A sentence if none of the rates (Hz) is one that the data set's crossings can have."""
    if possible_rates(wanted, dataset.crossing_rate):
        return []
    asked = ", ".join(in_kilohertz(rate) for rate in wanted)
    return [
        f"{setting or 'A network is judged at'} {asked}, but the crossings of {dataset.name} come at "
        f"{in_kilohertz(dataset.crossing_rate)}; a rate below that is needed."
    ]


def left_out(wanted: Sequence[float], dataset: Dataset) -> list[str]:
    """What a judgement will not have: rates (Hz) that the crossings cannot have, a cut that the images do not allow."""
    notes = []
    impossible = [rate for rate in wanted if rate not in possible_rates(wanted, dataset.crossing_rate)]
    if impossible:
        notes.append(
            f"{', '.join(in_kilohertz(rate) for rate in impossible)} left out: the crossings come at "
            f"{in_kilohertz(dataset.crossing_rate)}"
        )
    rows, columns, _ = dataset.geometry.shape
    if not has_fourth_pixel(dataset.geometry.shape):
        notes.append(f"the cut on the fourth-highest pixel is left out: images have {rows} × {columns} pixels")
    return notes


def unwritable(folder: Path) -> list[str]:
    """Why nothing can be written into a folder, which need not be there yet; no trace stays."""
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), Path("/"))
    try:
        with tempfile.TemporaryFile(dir=there):
            return []
    except OSError as error:
        return [f"Nothing can be written into {folder}: {there}: {error.strerror or error}."]


def overlapping(dataset: Dataset) -> list[str]:
    """How many images are in more than one split, and how many events of validation and test that concerns."""
    found = overlap(dataset)
    if not found.images:
        return []
    parts = ", ".join(
        f"{in_percent(count / len(split))} of the {name} events"
        for name, split in dataset.splits()
        if (count := found.events[name]) and name != "train"
    )
    return [
        f"{found.images:,} images (of those with {TELLING_PIXELS} or more occupied pixels) are in more than one split, "
        f"{parts}: the splits overlap, and what is measured on them is partly remembered; an array `group` in the file "
        f"keeps events together that belong together"
    ]


def saturation(configurations: Iterable[Configuration], dataset: Dataset) -> list[str]:
    """Which pixels the input formats cut, a sentence for each format; nothing where that is none.

    An input that follows from the data and has not the sample's ten bits is told as well.
    """
    notes: dict[str, None] = {}
    inputs = {(one.precision.input, one.precision.count): one for one in configurations}
    for (given, _), configuration in inputs.items():
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
    """A share for a reader, small ones with three digits.

    >>> in_percent(0.12), in_percent(3.1e-5)
    ('12 %', '0.0031 %')
    """
    return f"{100 * share:.3g} %"
