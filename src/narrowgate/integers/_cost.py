"""What a network costs in hardware, layer by layer and in total, before anything is traced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from narrowgate.integers._counts import LayerCounts, count
from narrowgate.integers._estimate import adder_depth, delay, flip_flops, luts, stages
from narrowgate.integers._network import IntegerNetwork, integer_network
from narrowgate.integers._parts import PARTS
from narrowgate.network import Configuration, ImageShape, initial_statistics, initial_weights, layers


class Counted(Protocol):
    """What a traced circuit tells of itself: LUTs, nanoseconds of logic, and flip-flops at a clock in MHz."""

    @property
    def luts(self) -> float:
        """Look-up tables."""

    @property
    def delay(self) -> float:
        """Nanoseconds from input to output without a register between."""

    def flip_flops(self, clock: float) -> int:
        """Registers of the pipeline at a clock in MHz."""


@dataclass(frozen=True)
class LayerCost:
    """One unrolled layer: what was counted, and the estimates that follow; `delay` in ns, `adder_depth` in levels."""

    counts: LayerCounts
    luts: float
    adder_depth: int
    delay: float


@dataclass(frozen=True)
class Cost:
    """A network at a clock in MHz. `traced` says whether LUTs, flip-flops and delay come from tracing or the estimate.

    `layers` are always estimates. No DSP is used: constant multiplications are adders. A new image is taken every
    `initiation_interval` clocks.
    """

    layers: tuple[LayerCost, ...]
    input_bits: int
    luts: float
    flip_flops: float
    delay: float
    clock: float
    traced: bool
    dsps: int = 0
    initiation_interval: int = 1

    @property
    def latency_clocks(self) -> int:
        """Pipeline stages."""
        return stages(self.delay, self.clock)

    @property
    def latency(self) -> float:
        """Nanoseconds from the edge that takes an image to its result."""
        return self.latency_clocks * 1000 / self.clock

    @property
    def multiplications(self) -> int:
        """By weights that are not zero."""
        return sum(layer.counts.multiplications for layer in self.layers)

    @property
    def ebops(self) -> int:
        """Effective bit operations of all layers, batch norm's included."""
        return sum(layer.counts.ebops for layer in self.layers)

    @property
    def weight_bits(self) -> int:
        """Memory of weights and biases that are not zero."""
        return sum(layer.counts.weight_bits for layer in self.layers)

    @property
    def normalisation_bits(self) -> int:
        """Memory that batch norm adds."""
        return sum(layer.counts.normalisation_bits for layer in self.layers)

    @property
    def activation_bits(self) -> int:
        """Memory of one event's input and activations."""
        return self.input_bits + sum(layer.counts.activation_bits for layer in self.layers)

    @property
    def shares(self) -> Mapping[str, Mapping[str, float]]:
        """Of each named part: the fraction of its LUTs, flip-flops and DSPs that is taken."""
        return {
            name: {
                "luts": self.luts / part.luts,
                "flip_flops": self.flip_flops / part.flip_flops,
                "dsps": self.dsps / part.dsps,
            }
            for name, part in PARTS.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        totals = (
            "multiplications ebops weight_bits normalisation_bits input_bits activation_bits luts flip_flops dsps "
            "delay clock latency_clocks latency initiation_interval traced shares"
        )
        return {name: getattr(self, name) for name in totals.split()} | {
            "layers": [
                asdict(layer.counts) | {"luts": layer.luts, "adder_depth": layer.adder_depth, "delay": layer.delay}
                for layer in self.layers
            ]
        }


def cost(network: IntegerNetwork, *, clock: float = 200.0, circuit: Counted | None = None) -> Cost:
    """The cost of a network at a clock in MHz: estimated in milliseconds, or as traced where a `circuit` is given.

    The estimate's error is stated in `docs/firmware.md` and measured by `benchmarks/cost_calibration.py`.
    """
    costs = tuple(_layer_cost(count(layer)) for layer in network)
    total, nanoseconds = sum(layer.luts for layer in costs), sum(layer.delay for layer in costs)
    if circuit is not None:
        total, nanoseconds = circuit.luts, circuit.delay
        registers = float(circuit.flip_flops(clock))
    else:
        registers = flip_flops(total, stages(nanoseconds, clock))
    input_bits = network.input_format.width * int(np.prod(network.image))
    return Cost(costs, input_bits, total, registers, nanoseconds, clock, circuit is not None)


def cost_of_configuration(configuration: Configuration, image: ImageShape, *, clock: float = 200.0) -> Cost:
    """The estimated cost of a configuration that was not trained yet, with its fresh weights.

    Raises:
        FirmwareError: a needed format is float.
    """
    return cost(untrained_network(configuration, image), clock=clock)


def untrained_network(configuration: Configuration, image: ImageShape) -> IntegerNetwork:
    """The integers of a configuration with the weights that its training would begin with.

    Raises:
        FirmwareError: a needed format is float.
    """
    expected = layers(configuration.network, image)
    fresh = initial_weights(expected, configuration.training.seed) | initial_statistics(expected)
    return integer_network(configuration, fresh, image)


def _layer_cost(counts: LayerCounts) -> LayerCost:
    return LayerCost(counts, luts(counts), adder_depth(counts), delay(counts))
