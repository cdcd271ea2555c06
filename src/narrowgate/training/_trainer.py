"""The trainer: configurations and data in, trained members out, with checkpoints and progress on the way."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import jax
import jax.numpy as jnp

from narrowgate.events import Dataset
from narrowgate.machine import own_arithmetic
from narrowgate.network import Configuration, convolutions, keep_convolutions
from narrowgate.training._checkpoint import Checkpoint
from narrowgate.training._curve import Curve, CurveEvaluation
from narrowgate.training._engine import Engine, Epoch
from narrowgate.training._errors import TrainingError
from narrowgate.training._member import TrainingImages
from narrowgate.training._placement import Placement
from narrowgate.training._population import Population, forget_compiled, program_of
from narrowgate.training._state import Program, State, Weights, weights_of
from narrowgate.training._state_file import CheckpointError

MEASURE_FROM = 20_000_000
"""Member-events of planned work from which measuring the placements pays."""


@dataclass(frozen=True)
class Trained:
    """A trained member.

    `weights` are those that the configuration asks to judge, averaged unless `training.ema` is 0, by the names of
    `Layers.weight_shapes` and `Layers.statistics_shapes`; `last_weights` the live ones. `stopped` is the reason when
    the member diverged (its weights are then those before that step), else `None`. `seconds` is the time of the whole
    population, which trained `member_events` events in all; `None` where nobody knows, as of one that trained among
    others in a search, partly in earlier processes.
    """

    configuration: Configuration
    curve: Curve
    weights: Weights
    last_weights: Weights
    stopped: str | None
    seconds: float | None
    member_events: int
    placement: Placement

    @classmethod
    def of(
        cls,
        configuration: Configuration,
        state: State,
        curve: Curve,
        member_events: int,
        placement: Placement,
        seconds: float | None = None,
    ) -> Trained:
        """From a member's state at the end of its training."""
        judged, live = weights_of(configuration, state)
        diverged_at = int(state.diverged_at)
        return cls(
            configuration=configuration,
            curve=curve,
            weights=judged,
            last_weights=live,
            stopped=None if diverged_at < 0 else f"the loss or its gradient was not finite at step {diverged_at}",
            seconds=seconds,
            member_events=member_events,
            placement=placement,
        )


@dataclass(frozen=True)
class Progress:
    """Where a population stands: `epochs` of `of_epochs` done by its members, their latest curve points beside."""

    members: tuple[int, ...]
    epochs: int
    of_epochs: int
    points: tuple[dict[str, float], ...]
    member_events_per_second: float


Report = Callable[[Progress], None]


@own_arithmetic()
def train(
    configurations: Sequence[Configuration],
    dataset: Dataset,
    *,
    checkpoint: Path | None = None,
    report: Report | None = None,
    placement: Placement | None = None,
) -> list[Trained]:
    """Train every configuration on the train split; the validation split gives the curves, the test split is not read.

    Configurations of one program (shape, batch size, steps per epoch) and number of epochs are trained together as a
    population. With `checkpoint`, a folder, the state is kept there after every epoch and an interrupted training
    goes on from it, with the same bits as an uninterrupted one on the same machine. An input format that is to follow
    from the data does so here: `Trained.configuration` holds it.

    Raises:
        CheckpointError: for a checkpoint that is damaged or of another training, or cannot be written.
        ConfigurationError: for a network that does not fit the images.
        ValueError: when the train or validation split lacks a class.
    """
    for name, split in (("train", dataset.train), ("validation", dataset.validation)):
        if not 0 < int(split.labels.sum()) < len(split):
            raise TrainingError(
                f"The {name} split of {dataset.name} needs signal and background events; one is missing."
            )
    configurations = [configuration.for_counts(dataset.bits) for configuration in configurations]
    trained: dict[int, Trained] = {}
    for number, (program, epochs, members) in enumerate(_populations(configurations, dataset)):
        file = None if checkpoint is None else checkpoint / f"population-{number}.safetensors"
        chosen = [configurations[index] for index in members]
        run = _Run(program, epochs, members, chosen, dataset, file, report, placement)
        trained.update(zip(members, run.finish(), strict=True))
    return [trained[index] for index in range(len(configurations))]


def _populations(
    configurations: Sequence[Configuration], dataset: Dataset
) -> Iterator[tuple[Program, int, tuple[int, ...]]]:
    """Which configurations (by index) train together; dropout joins a population that has none."""
    groups: dict[tuple[Program, int], list[int]] = defaultdict(list)
    for index, configuration in enumerate(configurations):
        program = program_of(configuration, dataset.geometry.shape)
        groups[replace(program, dropout=False), configuration.training.epochs].append(index)
    for (program, epochs), members in groups.items():
        dropout = any(configurations[index].network.dropout > 0 for index in members)
        yield replace(program, dropout=dropout), epochs, tuple(members)


class _Run:
    """The training of one population from its beginning or its checkpoint to its last epoch."""

    def __init__(
        self,
        program: Program,
        epochs: int,
        members: tuple[int, ...],
        configurations: list[Configuration],
        dataset: Dataset,
        file: Path | None,
        report: Report | None,
        placement: Placement | None,
    ) -> None:
        self.epochs, self.members, self.configurations = epochs, members, configurations
        self.file, self.report = file, report
        population = Population(program, len(members), placement)
        settings = population.settings(configurations, epochs * program.steps_per_epoch)
        images = TrainingImages.of(dataset.train)
        self.identity = _identity(configurations, dataset)
        self.done, self.seconds = 0, 0.0
        self.curves: list[Curve] = [defaultdict(list) for _ in members]
        self.planned = len(members) * epochs * program.steps_per_epoch * program.batch_size
        self.state = population.initial_state(settings)
        if file is not None and file.exists():
            population = self._resume(file, population)
        elif placement is None and self.planned >= MEASURE_FROM:
            population = population.tuned(settings, self.state, images)
        per_class = max(configuration.training.validation_events for configuration in configurations)
        self.engine = Engine(population, images, CurveEvaluation(dataset, per_class))

    def finish(self) -> list[Trained]:
        """Train the epochs that are left."""
        every = self.engine.population.program.steps_per_epoch
        start = perf_counter()
        for epoch in self.engine.epochs(self.configurations, self.state, self.done * every, self.epochs * every):
            self.done, self.state = self.done + 1, epoch.state
            self._extend(epoch)
            now = perf_counter()
            self.seconds, start = self.seconds + now - start, now
            self._save()
            if self.report is not None:
                points = tuple({name: column[-1] for name, column in curve.items()} for curve in self.curves)
                rate = self.planned / self.epochs / epoch.seconds
                self.report(Progress(self.members, self.done, self.epochs, points, rate))
            start = perf_counter()
        return [self._trained(index) for index in range(len(self.members))]

    def _extend(self, epoch: Epoch) -> None:
        """One more point on every curve."""
        for index, (curve, row) in enumerate(zip(self.curves, epoch.rows, strict=True)):
            point = {
                "epoch": self.done,
                "step": int(self.state.step[index]),
                "learning_rate": row["learning_rate"],
                "train_loss": float(epoch.train_losses[index]),
                **row,
            }
            for name, value in point.items():
                curve.setdefault(name, []).append(math.nan if value is None else value)

    def _save(self) -> None:
        if self.file is not None:
            placement, curves = self.engine.population.placement, [dict(curve) for curve in self.curves]
            by = convolutions().in_words
            Checkpoint(self.identity, self.done, placement, by, self.seconds, curves, self.state).save(self.file)

    def _resume(self, file: Path, population: Population) -> Population:
        found = Checkpoint.load(file, self.identity, self.state)
        if found.placement.devices > jax.local_device_count():
            raise CheckpointError(
                f"{file} was written with {found.placement.devices} devices, but {jax.local_device_count()} are here; "
                f"the same bits need as many."
            )
        if not keep_convolutions(found.convolutions):
            raise CheckpointError(
                f"{file} was written with {found.convolutions}, here there would be "
                f"{convolutions().in_words or 'none'} ({convolutions().reason}); the same bits need the same."
            )
        forget_compiled()
        self.state = jax.tree.map(jnp.asarray, found.state)
        self.done, self.seconds, self.curves = found.epochs, found.seconds, found.curves
        return Population(population.program, population.members, found.placement)

    def _trained(self, index: int) -> Trained:
        state: State = jax.tree.map(lambda leaf: leaf[index], self.state)
        placement = self.engine.population.placement
        return Trained.of(
            self.configurations[index], state, dict(self.curves[index]), self.planned, placement, self.seconds
        )


def _identity(configurations: Sequence[Configuration], dataset: Dataset) -> str:
    """What is trained, and with what: equal for equal configurations, data and JAX version."""
    described = [configuration.as_table() for configuration in configurations]
    text = json.dumps([described, dataset.fingerprint, jax.__version__], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
