"""Room `events`: event images on the tower grid, where they come from, and the file that holds them."""

from narrowgate.events._dataset import CROSSING_RATE, LSB, SPLITS, Dataset, Split
from narrowgate.events._errors import DatasetError
from narrowgate.events._file import is_dataset_file, load, save
from narrowgate.events._geometry import Geometry

__all__ = [
    "CROSSING_RATE",
    "LSB",
    "SPLITS",
    "Dataset",
    "DatasetError",
    "Geometry",
    "Split",
    "is_dataset_file",
    "load",
    "save",
]
