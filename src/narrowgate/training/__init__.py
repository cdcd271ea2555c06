"""Population training: members that share a shape train together, each from its own seed, resumable bit for bit."""

from narrowgate.training._curve import COLUMNS, Curve, CurveEvaluation, curve_events, curve_point
from narrowgate.training._engine import Engine, Epoch, Evaluate, Measured
from narrowgate.training._loss import Loss, cross_entropy
from narrowgate.training._member import TrainingImages
from narrowgate.training._placement import Placement, device_in_words, use_all_cores, usual_placement
from narrowgate.training._population import Population, in_batches, program_of, stack
from narrowgate.training._score import score
from narrowgate.training._state import Program, Settings, State, Weights, initial_state, settings_of, weights_of
from narrowgate.training._state_file import CheckpointError, read_state, write_state
from narrowgate.training._trainer import Progress, Trained, train

__all__ = [
    "COLUMNS",
    "CheckpointError",
    "Curve",
    "CurveEvaluation",
    "Engine",
    "Epoch",
    "Evaluate",
    "Loss",
    "Measured",
    "Placement",
    "Population",
    "Program",
    "Progress",
    "Settings",
    "State",
    "Trained",
    "TrainingImages",
    "Weights",
    "cross_entropy",
    "curve_events",
    "curve_point",
    "device_in_words",
    "in_batches",
    "initial_state",
    "program_of",
    "read_state",
    "score",
    "settings_of",
    "stack",
    "train",
    "use_all_cores",
    "usual_placement",
    "weights_of",
    "write_state",
]
