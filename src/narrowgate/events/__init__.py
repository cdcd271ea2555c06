"""Room `events`: event images on the tower grid, where they come from, and the file that holds them."""

from narrowgate.events._dataset import CROSSING_RATE, LSB, SPLITS, Dataset, Split
from narrowgate.events._errors import DatasetError
from narrowgate.events._file import is_dataset_file, load, save
from narrowgate.events._geometry import Geometry
from narrowgate.events._inspect import ClassSummary, Summary, picture, summarise
from narrowgate.events._kinds import KINDS, Kind, register
from narrowgate.events._overlap import TELLING_PIXELS, Overlap, overlap
from narrowgate.events._readers import read
from narrowgate.events._recipe import ImageKind, Recipe, Scenario, Sizes, recipe_with
from narrowgate.events._sample import load_sample, sample_path
from narrowgate.events._simulate import simulate
from narrowgate.events._source import EventSource

__all__ = [
    "CROSSING_RATE",
    "KINDS",
    "LSB",
    "SPLITS",
    "TELLING_PIXELS",
    "ClassSummary",
    "Dataset",
    "DatasetError",
    "EventSource",
    "Geometry",
    "ImageKind",
    "Kind",
    "Overlap",
    "Recipe",
    "Scenario",
    "Sizes",
    "Split",
    "Summary",
    "is_dataset_file",
    "load",
    "load_sample",
    "overlap",
    "picture",
    "read",
    "recipe_with",
    "register",
    "sample_path",
    "save",
    "simulate",
    "summarise",
]
