"""From a trained run to hardware that gives the same bits, with its cost known before and after.

A network becomes integers first (`integer_network`): they define the truth, and everything else is checked against it.
"""

from narrowgate.firmware._bounds import Bounds
from narrowgate.firmware._cost import Cost, LayerCost, cost, cost_of_configuration, untrained_network
from narrowgate.firmware._disagreement import Disagreement, disagreement
from narrowgate.firmware._errors import FirmwareError
from narrowgate.firmware._evaluate import evaluate, evaluate_layers, exact_scores, input_codes, scores_of
from narrowgate.firmware._export import export, find_target
from narrowgate.firmware._images import adversarial_images
from narrowgate.firmware._levels import TOOLS, Exported, Tool
from narrowgate.firmware._network import IntegerLayer, IntegerNetwork, integer_network, is_fixed_point
from narrowgate.firmware._parts import PARTS, Part, find_part
from narrowgate.firmware._render import render_cost, render_synthesis, render_verification
from narrowgate.firmware._synthesis import SYNTHESISERS, find_synthesiser, synthesise
from narrowgate.firmware._synthesis_result import Synthesis
from narrowgate.firmware._targets import TARGETS, CircuitProject, Project, Target
from narrowgate.firmware._tools import MissingToolError, program
from narrowgate.firmware._trace import Circuit, trace
from narrowgate.firmware._verify import Level, Verification, verify

__all__ = [
    "PARTS",
    "SYNTHESISERS",
    "TARGETS",
    "TOOLS",
    "Bounds",
    "Circuit",
    "CircuitProject",
    "Cost",
    "Disagreement",
    "Exported",
    "FirmwareError",
    "IntegerLayer",
    "IntegerNetwork",
    "LayerCost",
    "Level",
    "MissingToolError",
    "Part",
    "Project",
    "Synthesis",
    "Target",
    "Tool",
    "Verification",
    "adversarial_images",
    "cost",
    "cost_of_configuration",
    "disagreement",
    "evaluate",
    "evaluate_layers",
    "exact_scores",
    "export",
    "find_part",
    "find_synthesiser",
    "find_target",
    "input_codes",
    "integer_network",
    "is_fixed_point",
    "program",
    "render_cost",
    "render_synthesis",
    "render_verification",
    "scores_of",
    "synthesise",
    "trace",
    "untrained_network",
    "verify",
]
