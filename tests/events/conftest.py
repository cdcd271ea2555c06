from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from narrowgate.events import Dataset, Geometry, Split


def make_split(events: int, seed: int, shape: tuple[int, ...] = (20, 12, 1)) -> Split:
    """Random events, every third of them signal; no two images are equal."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 1024, (events, *shape)).astype(np.uint16)
    labels = (np.arange(events) % 3 == 0).astype(np.uint8)
    m_hh = np.where(labels == 1, generator.normal(400, 5, events), np.nan).astype(np.float32)
    return Split(images, labels, {"m_hh": m_hh})


@pytest.fixture
def make_dataset() -> Callable[..., Dataset]:
    def make(**changes: object) -> Dataset:
        values: dict[str, object] = {
            "train": make_split(30, 1),
            "validation": make_split(12, 2),
            "test": make_split(18, 3),
            "geometry": Geometry.uniform(20, 12),
            "provenance": {"source": "random numbers", "seeds": [1, 2, 3]},
            "name": "noise",
        }
        return Dataset(**{**values, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    return make_dataset()
