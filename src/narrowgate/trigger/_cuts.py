"""The two triggers one has without a network: cuts on HT and on the fourth-highest pixel."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.trigger._errors import TriggerError
from narrowgate.trigger._scores import FloatArray, IntArray

Images = NDArray[np.unsignedinteger[Any]]
CHUNK = 16384
"""Images looked at in one go, so that a large sample is never copied as a whole."""


def ht(images: Images, lsb: float) -> FloatArray:
    """HT: the sum of all towers of an image.

    Args:
        images: unsigned integers, shape (events, rows, columns, channels).
        lsb: the transverse energy of one unit, GeV.

    Returns:
        GeV, shape (events,).

    Raises:
        TriggerError: if the images are not four-dimensional arrays of integers, or the lsb is not positive.
    """
    return _score(images, lsb, lambda towers: towers.sum(axis=1))


def fourth_pixel(images: Images, lsb: float) -> FloatArray:
    """The transverse energy of the fourth-highest pixel of an image, with its channels added up.

    Two Higgs bosons make four b jets; four hot pixels are their simplest image.

    Args:
        images: unsigned integers, shape (events, rows, columns, channels), of four pixels at least.
        lsb: the transverse energy of one unit, GeV.

    Returns:
        GeV, shape (events,).

    Raises:
        TriggerError: as for `ht`, or if an image has fewer than four pixels.
    """
    if np.ndim(images) == 4 and not has_fourth_pixel(images.shape[1:]):
        raise TriggerError(f"Images of {images.shape[1]} × {images.shape[2]} pixels have no fourth-highest pixel.")
    return _score(images, lsb, lambda towers: np.partition(towers, -4, axis=1)[:, -4])


def has_fourth_pixel(shape: Sequence[int]) -> bool:
    """Whether images of shape (rows, columns, channels) have a fourth-highest pixel."""
    return shape[0] * shape[1] >= 4


def cut_scores(images: Images, lsb: float) -> dict[str, FloatArray]:
    """The cuts that the images allow, by their names in records: "ht" always, "fourth_pixel" from four pixels on.

    Arguments, values and errors: see `ht`.
    """
    scores = {"ht": ht(images, lsb)}
    if has_fourth_pixel(np.shape(images)[1:]):
        scores["fourth_pixel"] = fourth_pixel(images, lsb)
    return scores


def _score(images: Images, lsb: float, score: Callable[[IntArray], IntArray]) -> FloatArray:
    """Apply `score` to the pixels, shape (events, pixels), of chunks of images; in GeV."""
    images = np.asarray(images)
    if images.ndim != 4 or not np.issubdtype(images.dtype, np.integer):
        raise TriggerError(
            f"The images have shape {images.shape} and type {images.dtype}; integers of shape "
            "(events, rows, columns, channels) are needed."
        )
    if not (np.isfinite(lsb) and lsb > 0):
        raise TriggerError(f"The lsb is {lsb} GeV; it must be a positive number of GeV.")
    result = np.empty(len(images), dtype=np.int64)
    for start in range(0, len(images), CHUNK):
        towers = images[start : start + CHUNK].sum(axis=3, dtype=np.int64)
        result[start : start + CHUNK] = score(towers.reshape(len(towers), -1))
    return result.astype(np.float64) * float(lsb)
