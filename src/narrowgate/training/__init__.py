"""Population training: members that share a shape train together, each from its own seed, resumable bit for bit."""

from narrowgate.training._checkpoint import CheckpointError
from narrowgate.training._curve import COLUMNS, Curve, curve_events, curve_point
from narrowgate.training._member import TrainingImages
from narrowgate.training._placement import Placement, device_in_words, use_all_cores
from narrowgate.training._population import Population, in_batches, program_of, stack
from narrowgate.training._score import score
from narrowgate.training._trainer import Progress, Trained, train

__all__ = [
    "COLUMNS",
    "CheckpointError",
    "Curve",
    "Placement",
    "Population",
    "Progress",
    "Trained",
    "TrainingImages",
    "curve_events",
    "curve_point",
    "device_in_words",
    "in_batches",
    "program_of",
    "score",
    "stack",
    "train",
    "use_all_cores",
]
