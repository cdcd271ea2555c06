"""hls4ml's own width inference, mended where it drops fraction bits of a number that saturates.

hls4ml 1.3 gives a saturating quantiser no more fraction bits than its input has. But the highest value of a format is
`2^i - 2^-f`: with fewer fraction bits another one. `narrowgate verify` found it, on saturating images of networks whose
activations are finer than their sums. Here a quantiser that can saturate keeps its fraction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from narrowgate.firmware._tools import package


@contextmanager
def true_saturation() -> Iterator[None]:
    """hls4ml with the right inference for saturating quantisers, while the context lasts."""
    inference = package("hls4ml.model.optimizer.passes.bit_exact", "export to hls4ml", "hls4ml")
    kind = inference.FixedPointQuantizer
    theirs = inference._produce_kif.dispatch(kind)

    def produced(layer: Any) -> Any:
        return _saturating(inference, layer) if layer.SAT == "SAT" else theirs(layer)

    inference._produce_kif.register(kind, produced)
    try:
        yield
    finally:
        inference._produce_kif.register(kind, theirs)


def _saturating(inference: Any, layer: Any) -> Any:
    """Sign, integer and fraction bits of each element behind a saturating quantiser; its own are narrowed to them."""
    (source,) = inference.get_input_layers(layer)
    signs, integers, fractions = inference.produce_kif(source)
    sign, width, whole = (part[0] for part in layer.mask_kbi)
    integer, fraction = whole - sign, width - whole
    found_sign = np.minimum(sign, signs)
    rounds_up = (fractions > fraction) & (integer > integers)
    if layer.RND == "TRN":
        rounds_up &= found_sign > 0
    found_integer = np.minimum(integer, integers) + rounds_up
    saturates = integers > integer
    found_fraction = np.where(saturates, fraction, np.minimum(fraction, fractions))
    nothing = found_sign + found_integer + found_fraction <= 0
    found = [np.where(nothing, 0, part).astype(np.int16) for part in (found_sign, found_integer, found_fraction)]
    together = tuple(int(part.max()) for part in found)
    layer.mask_kbi = tuple(
        np.full(whole.shape, bits, np.int16)[None] for bits in (together[0], sum(together), together[0] + together[1])
    )
    return tuple(found)
