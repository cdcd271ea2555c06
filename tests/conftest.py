"""What the rooms' tests share: two JAX devices, and a small data set that a network can learn."""

import os
import signal

import numpy as np
import pytest
from hypothesis import settings

from narrowgate.events import Dataset, Geometry, Split
from narrowgate.training import use_all_cores

use_all_cores()
settings.register_profile("narrowgate", deadline=None)  # no test depends on how busy the machine is
settings.load_profile("narrowgate")
os.environ["COLUMNS"] = "140"  # pytest-xdist tells its workers a terminal's width, which cuts words in tables

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in a shell's background: children would ignore Ctrl-C too
    signal.signal(signal.SIGINT, signal.default_int_handler)


def make_split(generator: np.random.Generator, signal: int, background: int) -> Split:
    """Background: a few soft towers. Signal: the same with two hard ones."""
    labels = (np.arange(signal + background) < signal).astype(np.uint8)
    images = generator.poisson(0.4, (len(labels), 8, 6, 1)) * generator.integers(1, 30, (len(labels), 8, 6, 1))
    for event in np.flatnonzero(labels):
        for row, column in zip(generator.integers(0, 8, 2), generator.integers(0, 6, 2), strict=True):
            images[event, row, column, 0] += generator.integers(20, 200)
    return Split(images.astype(np.uint16), labels)


@pytest.fixture(scope="session")
def small_dataset() -> Dataset:
    """8 × 6 towers; 400 signal and 800 background events to train on, half as many in the other splits."""
    generator = np.random.default_rng(7)
    return Dataset(
        train=make_split(generator, 400, 800),
        validation=make_split(generator, 200, 400),
        test=make_split(generator, 200, 400),
        geometry=Geometry.uniform(8, 6),
        name="small",
    )
