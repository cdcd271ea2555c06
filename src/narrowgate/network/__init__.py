"""What a configuration is, and the network of one member as pure functions.

Member code is written for one member and knows no population axis; a population maps over it. Formats and the
dropout rate are data (`Numerics`), so that members of one shape share one compiled program.
"""

from narrowgate.network._batch_norm import MOMENTUM, fold
from narrowgate.network._bit_operations import BitOperations
from narrowgate.network._choice import Choice, convolutions, keep_convolutions
from narrowgate.network._configuration import Architecture, Configuration, Training
from narrowgate.network._entries import LayerEntries, first_float, layer_entries
from narrowgate.network._formats import LayerFormats, layer_formats
from narrowgate.network._images import events_last, gathered
from narrowgate.network._layers import Convolution, Dense, ImageShape, Layers, layers
from narrowgate.network._learned import HIGHEST, INPUT, LOWEST, initial_learned, settled, settled_input, settled_shapes
from narrowgate.network._learning import Learned, Learning
from narrowgate.network._member import initial_statistics, initial_weights, scores, training_scores
from narrowgate.network._numerics import Arrays, LayerGrids, LearningNow, Numerics, numerics
from narrowgate.network._precision import INPUT_INTEGER_BITS, LayerPrecision, Precision
from narrowgate.network._section import ConfigurationError

__all__ = [
    "HIGHEST",
    "INPUT",
    "INPUT_INTEGER_BITS",
    "LOWEST",
    "MOMENTUM",
    "Architecture",
    "Arrays",
    "BitOperations",
    "Choice",
    "Configuration",
    "ConfigurationError",
    "Convolution",
    "Dense",
    "ImageShape",
    "LayerEntries",
    "LayerFormats",
    "LayerGrids",
    "LayerPrecision",
    "Layers",
    "Learned",
    "Learning",
    "LearningNow",
    "Numerics",
    "Precision",
    "Training",
    "convolutions",
    "events_last",
    "first_float",
    "fold",
    "gathered",
    "initial_learned",
    "initial_statistics",
    "initial_weights",
    "keep_convolutions",
    "layer_entries",
    "layer_formats",
    "layers",
    "numerics",
    "scores",
    "settled",
    "settled_input",
    "settled_shapes",
    "training_scores",
]
