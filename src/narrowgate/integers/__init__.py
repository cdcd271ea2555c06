"""The exact network: the integers that hardware computes, how wide they get, and what they cost. No tool is needed.

`integer_network` makes an `IntegerNetwork` of a trained run; `evaluate` gives its logits for images; `cost` counts it
and estimates the circuit. Everything in the room `firmware` is checked against it.
"""

from narrowgate.integers._bounds import Bounds, Integers
from narrowgate.integers._cost import Cost, Counted, LayerCost, cost, cost_of_configuration, untrained_network
from narrowgate.integers._counts import LayerCounts, count, signed_digits, span
from narrowgate.integers._disagreement import Disagreement, disagreement
from narrowgate.integers._errors import FirmwareError
from narrowgate.integers._estimate import FITTED, Coefficients, delay, flip_flops, luts, stages
from narrowgate.integers._evaluate import Images, evaluate, evaluate_layers, exact_scores, input_codes, scores_of
from narrowgate.integers._network import IntegerLayer, IntegerNetwork, Weights, integer_network, is_fixed_point
from narrowgate.integers._parts import PARTS, Part, find_part

__all__ = [
    "FITTED",
    "PARTS",
    "Bounds",
    "Coefficients",
    "Cost",
    "Counted",
    "Disagreement",
    "FirmwareError",
    "Images",
    "IntegerLayer",
    "IntegerNetwork",
    "Integers",
    "LayerCost",
    "LayerCounts",
    "Part",
    "Weights",
    "cost",
    "cost_of_configuration",
    "count",
    "delay",
    "disagreement",
    "evaluate",
    "evaluate_layers",
    "exact_scores",
    "find_part",
    "flip_flops",
    "input_codes",
    "integer_network",
    "is_fixed_point",
    "luts",
    "scores_of",
    "signed_digits",
    "span",
    "stages",
    "untrained_network",
]
