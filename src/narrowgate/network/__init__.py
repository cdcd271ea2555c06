"""What a configuration is, and the network of one member as pure functions.

Member code is written for one member and knows no population axis; a population maps over it. Formats and the
dropout rate are data (`Numerics`), so that members of one shape share one compiled program.
"""

from narrowgate.network._batch_norm import MOMENTUM, fold
from narrowgate.network._choice import Choice, convolutions, keep_convolutions
from narrowgate.network._configuration import Architecture, Configuration, Training
from narrowgate.network._formats import LayerFormats, layer_formats
from narrowgate.network._images import events_last, gathered
from narrowgate.network._layers import Convolution, Dense, ImageShape, Layers, layers
from narrowgate.network._member import (
    Arrays,
    LayerGrids,
    Numerics,
    initial_statistics,
    initial_weights,
    numerics,
    scores,
    training_scores,
)
from narrowgate.network._precision import ConfigurationError, LayerPrecision, Precision

__all__ = [
    "MOMENTUM",
    "Architecture",
    "Arrays",
    "Choice",
    "Configuration",
    "ConfigurationError",
    "Convolution",
    "Dense",
    "ImageShape",
    "LayerFormats",
    "LayerGrids",
    "LayerPrecision",
    "Layers",
    "Numerics",
    "Precision",
    "Training",
    "convolutions",
    "events_last",
    "fold",
    "gathered",
    "initial_statistics",
    "initial_weights",
    "keep_convolutions",
    "layer_formats",
    "layers",
    "numerics",
    "scores",
    "training_scores",
]
