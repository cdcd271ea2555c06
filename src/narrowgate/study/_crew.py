"""A population of a study with everything compiled or put on the devices once, for as many units as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events import Dataset
from narrowgate.network import Configuration
from narrowgate.study._study import Study
from narrowgate.training import Placement, Population, TrainingImages, curve_events, in_batches, program_of


class Crew:
    """`size` members of one program, side by side; `some` is the configuration of one."""

    def __init__(self, population: Population, some: Configuration, data: Shared) -> None:
        self.population = population
        self._some, self._is_prepared = some, False
        self.images: TrainingImages = data.images
        self.some_events: Any = data.some_events
        self.all_events: Sequence[Any] = data.all_events

    def prepare(self) -> None:
        """Compile what training and scoring will call, unless that is done."""
        if not self._is_prepared:
            settings = self.population.settings([self._some] * self.population.members, self._some.training.steps)
            state = self.population.initial_state(settings)
            self.population.prepare(settings, state, self.images, self.some_events)
            self._is_prepared = True

    def scores(self, settings: Any, weights: Any, statistics: Any, batches: Any) -> NDArray[np.float32]:
        """Every member's scores, shape (members, events); behind the last event come those of the filling."""
        found = self.population.scores(settings, weights, statistics, batches)
        return np.asarray(found).reshape(self.population.members, -1)


class Shared:
    """The events that a study looks at, on the devices of one placement."""

    def __init__(self, population: Population, events: Events) -> None:
        self.images: TrainingImages = population.share(events.images)
        self.some_events: Any = population.share(events.some)
        self.all_events: list[Any] = [population.share(part) for part in events.all]


class Events:
    """The events that a study looks at: those it trains on, some of the validation split, and all of it."""

    def __init__(self, study: Study, dataset: Dataset) -> None:
        self._study, self._dataset = study, dataset

    @cached_property
    def images(self) -> TrainingImages:
        """The train split by class."""
        return TrainingImages.of(self._dataset.train)

    @cached_property
    def chosen(self) -> NDArray[np.intp]:
        """The numbers of the first `ranking.events` validation events of each class."""
        return curve_events(self._dataset.validation, self._study.ranking.events)

    @cached_property
    def some(self) -> NDArray[Any]:
        """Batches of the chosen events."""
        return in_batches(self._dataset.validation.images[self.chosen])

    @cached_property
    def all(self) -> list[NDArray[Any]]:
        """Batches of the whole validation split, in parts of the shape of `some` (one compiled program serves both)."""
        images, size = self._dataset.validation.images, self.some.shape[0] * self.some.shape[-1]
        filled = np.zeros((-(-len(images) // size) * size, *images.shape[1:]), images.dtype)
        filled[: len(images)] = images
        return [in_batches(filled[start : start + size]) for start in range(0, len(filled), size)]


class Crews:
    """Makes crews, and makes each of them once."""

    def __init__(self, study: Study, dataset: Dataset) -> None:
        self.events = Events(study, dataset)
        self._image = dataset.geometry.shape
        self._shared: dict[int, Shared] = {}
        self._crews: dict[Any, Crew] = {}

    def of(self, configuration: Configuration, size: int, placement: Placement) -> Crew:
        """The crew for members like `configuration`."""
        key = program_of(configuration, self._image), size, placement
        if key not in self._crews:
            population = Population(key[0], size, placement)
            if placement.devices not in self._shared:
                self._shared[placement.devices] = Shared(population, self.events)
            self._crews[key] = Crew(population, configuration, self._shared[placement.devices])
        return self._crews[key]
