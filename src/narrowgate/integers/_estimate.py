"""Look-up tables, flip-flops and delay from counts, in microseconds of computing: fitted to traced networks.

The form is what the hardware consists of; the factors were fitted by `benchmarks/cost_calibration.py`, which also
states the error. Distributed arithmetic shares adders between the outputs of a matrix: the more digits a matrix has,
the more it saves, hence the power.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from narrowgate.integers._counts import LayerCounts


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


FITTED = Coefficients(
    adder=0.7064,
    sharing=0.02443,
    comparator=0.0,
    normalisation=0.7466,
    rounding=0.0,
    delay_level=2.299,
    delay_pool=1.869,
    delay_normalisation=2.147,
    delay_rounding=0.0,
    register=0.9793,
    register_power=0.787,
    register_stages=0.7093,
)
"""Fitted to 17 networks. On 17 others the median error was 17% of the LUTs (largest 126%), 13% of the
delay and 23% of the flip-flops; comparators and rounding are absorbed by the adders."""


def luts(layer: LayerCounts, factors: Coefficients = FITTED) -> float:
    """Look-up tables of one unrolled layer."""
    return float(
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
    return float(factors.register * luts**factors.register_power * stages**factors.register_stages)
