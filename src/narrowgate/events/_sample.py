"""The data set that comes with narrowgate."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from narrowgate.events._dataset import Dataset
from narrowgate.events._file import load


def sample_path() -> Path:
    """Where the shipped sample lies."""
    return Path(str(files("narrowgate.events") / "data" / "sample.h5"))


def load_sample() -> Dataset:
    """The shipped sample: 20 000 signal and 300 000 background events, truth-vertex, pile-up 200."""
    return load(sample_path())
