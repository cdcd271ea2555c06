"""From a trained run to hardware that gives the same bits, with other people's tools, one sub-room a technology.

A network becomes integers first (room `integers`, whose names are offered here too): they define the truth, and
everything else is checked against it.
"""

from narrowgate.firmware._export import export, find_target
from narrowgate.firmware._images import adversarial_images
from narrowgate.firmware._levels import TOOLS
from narrowgate.firmware._render import render_cost, render_synthesis, render_verification
from narrowgate.firmware._target import Project, Target
from narrowgate.firmware._targets import TARGETS
from narrowgate.firmware._tool import Tool
from narrowgate.firmware._tools import MissingToolError, program
from narrowgate.firmware._verify import Level, Verification, verify
from narrowgate.firmware.circuit._exported import Exported
from narrowgate.firmware.circuit._target import CircuitProject
from narrowgate.firmware.circuit._trace import Circuit, trace
from narrowgate.firmware.vendor._result import Synthesis
from narrowgate.firmware.vendor._synthesis import SYNTHESISERS, find_synthesiser, synthesise
from narrowgate.integers import (
    PARTS,
    Bounds,
    Cost,
    Disagreement,
    FirmwareError,
    IntegerLayer,
    IntegerNetwork,
    LayerCost,
    Part,
    cost,
    cost_of_configuration,
    disagreement,
    evaluate,
    evaluate_layers,
    exact_scores,
    find_part,
    input_codes,
    integer_network,
    is_fixed_point,
    scores_of,
    untrained_network,
)

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
