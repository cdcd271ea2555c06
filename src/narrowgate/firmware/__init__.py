"""From a trained run to hardware that gives the same bits, with its cost known before and after.

A network becomes integers first (`integer_network`): they define the truth, and everything else is checked against it.
"""

from narrowgate.firmware._bounds import Bounds
from narrowgate.firmware._disagreement import Disagreement, disagreement
from narrowgate.firmware._errors import FirmwareError
from narrowgate.firmware._evaluate import evaluate, evaluate_layers, input_codes, scores_of
from narrowgate.firmware._network import IntegerLayer, IntegerNetwork, integer_network

__all__ = [
    "Bounds",
    "Disagreement",
    "FirmwareError",
    "IntegerLayer",
    "IntegerNetwork",
    "disagreement",
    "evaluate",
    "evaluate_layers",
    "input_codes",
    "integer_network",
    "scores_of",
]
