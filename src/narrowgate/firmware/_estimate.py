"""Look-up tables, flip-flops and delay from counts, in microseconds of computing: fitted to traced networks.

The form is what the hardware consists of; the factors were fitted by `benchmarks/cost_calibration.py`, which also states
the error. Distributed arithmetic shares adders between the outputs of a matrix: the more digits a matrix has, the more it
saves, hence the power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log2

from narrowgate.firmware._counts import LayerCounts


@dataclass(frozen=True)
class Coefficients:
    """Of the estimate; LUTs per bit, and nanoseconds."""

    adder: float
    sharing: float
    comparator: float
    normalisation: float
    rounding: float
    delay_level: float
    delay_pool: float
    delay_normalisation: float
    delay_rounding: float
    register: float
    register_power: float
    register_stages: float


FITTED = Coefficients(1.0, 0.1, 1.0, 0.5, 0.5, 1.3, 1.5, 1.5, 3.0, 0.2, 1.0, 0.5)
ERROR = 0.0


def luts(layer: LayerCounts, factors: Coefficients = FITTED) -> float:
    """Look-up tables of one unrolled layer."""
    return (
        factors.adder * layer.adder_bits * max(layer.digits, 1) ** -factors.sharing
        + factors.comparator * layer.comparator_bits
        + factors.normalisation * layer.normalisation_adder_bits
        + factors.rounding * layer.rounding_bits
    )


def adder_depth(layer: LayerCounts) -> int:
    """Levels of the layer's deepest adder tree, batch norm's left aside."""
    return ceil(log2(max(layer.largest_sum, 1)))


def delay(layer: LayerCounts, factors: Coefficients = FITTED) -> float:
    """Nanoseconds from a layer's inputs to its outputs, without a register between."""
    return (
        factors.delay_level * adder_depth(layer)
        + factors.delay_pool * (layer.comparator_bits > 0)
        + factors.delay_normalisation * (layer.normalisation_adder_bits > 0)
        + factors.delay_rounding * (layer.rounding_bits > 0)
    )


def stages(delay: float, clock: float) -> int:
    """Pipeline stages at a clock in MHz, such that none is longer than a period."""
    return max(ceil(delay * clock / 1000), 1)


def flip_flops(luts: float, stages: int, factors: Coefficients = FITTED) -> float:
    """Registers between the stages."""
    return factors.register * luts**factors.register_power * stages**factors.register_stages


def total(values: Sequence[float]) -> float:
    """Their sum."""
    return float(sum(values))
