"""A data set and a study so small that a whole search takes seconds. Also a program: `small_study.py ROOT` searches."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from narrowgate.events import Dataset, Geometry, Split
from narrowgate.study import Outcome, Study, search
from narrowgate.training import use_all_cores

TEXT = """
name = "small"

[fixed.network]
filters = [2, 4]
units = [8]

[fixed.training]
batch_size = 64

[space.widths]
sets = ["precision.conv", "precision.dense"]
choices = ["(2,0)", "(4,1)", "(12,2)"]

[space.learning_rate]
sets = "training.learning_rate"
choices = [0.01, 0.02]

[fixed.precision]
activation = "(10,2)"
input = "(10,6)"

[strategy]
kind = "successive-halving"
smallest = 40
largest = 160
reduction = 2
evaluate_every = 20
unpruned = 2

[ranking]
measure = "efficiency"
rate = 3e6
last = 2
events = 64
seeds = [1, 1, 2]

[finalists]
count = 2
steps = 120
seeds = 2
"""


def data(events: int = 300, *, seed: int = 5) -> Dataset:
    """Images of 8 × 4 towers; signal has two bright ones more."""
    generator = np.random.default_rng(seed)

    def split(count: int) -> Split:
        labels = (np.arange(count) % 3 == 0).astype(np.uint8)
        images = generator.poisson(2.0, (count, 8, 4, 1)).astype(np.uint16)
        for event in np.flatnonzero(labels):
            for _ in range(2):
                images[event, generator.integers(8), generator.integers(4), 0] += generator.integers(3, 12)
        return Split(images, labels)

    return Dataset(split(events), split(events), split(events), Geometry.uniform(8, 4), name="small images")


def find(root: Path) -> Outcome:
    """The whole search."""
    return search(Study.parse(TEXT), data(), root)


if __name__ == "__main__":
    use_all_cores()  # as the tests do
    find(Path(sys.argv[1]))
