"""The training engines of a study: one for every program, size and placement, made and compiled once."""

from __future__ import annotations

from typing import Any

from narrowgate.events import Dataset
from narrowgate.network import Configuration
from narrowgate.training import Engine, Evaluate, Placement, Population, TrainingImages, program_of


class Engines:
    """Makes engines for members that train on `dataset` and are measured by `evaluate`, each of them once."""

    def __init__(self, dataset: Dataset, evaluate: Evaluate) -> None:
        self._evaluate, self._image = evaluate, dataset.geometry.shape
        self._images = TrainingImages.of(dataset.train)
        self._placed: dict[int, TrainingImages] = {}
        self._engines: dict[Any, Engine] = {}

    def of(self, configuration: Configuration, size: int, placement: Placement) -> Engine:
        """The engine for `size` members like `configuration`."""
        key = program_of(configuration, self._image), size, placement
        if key not in self._engines:
            population = Population(key[0], size, placement)
            if placement.devices not in self._placed:
                self._placed[placement.devices] = population.share(self._images)
            self._engines[key] = Engine(population, self._placed[placement.devices], self._evaluate)
        return self._engines[key]
