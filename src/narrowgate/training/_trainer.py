"""The trainer: configurations and data in, trained members out, with checkpoints and progress on the way."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from narrowgate import native
from narrowgate.events import Dataset
from narrowgate.machine import own_arithmetic
from narrowgate.network import Configuration
from narrowgate.training._checkpoint import Checkpoint, CheckpointError
from narrowgate.training._curve import Curve, curve_events, curve_point
from narrowgate.training._errors import TrainingError
from narrowgate.training._member import Program, TrainingImages
from narrowgate.training._placement import Placement
from narrowgate.training._population import Population, in_batches, program_of

MEASURE_FROM = 20_000_000
"""Member-events of planned work from which measuring the placements pays."""


@dataclass(frozen=True)
class Trained:
    """A trained member.

    `weights` are those that the configuration asks to judge, averaged unless `training.ema` is 0, by the names of
    `Layers.weight_shapes` and `Layers.statistics_shapes`; `last_weights` the live ones. `stopped` is the reason when
    the member diverged (its weights are then those before that step), else `None`. `seconds` is the time of the whole
    population, which trained `member_events` events in all.
    """

    configuration: Configuration
    curve: Curve
    weights: dict[str, NDArray[np.float32]]
    last_weights: dict[str, NDArray[np.float32]]
    stopped: str | None
    seconds: float
    member_events: int
    placement: Placement


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
        self.population = Population(program, len(members), placement)
        self.settings = self.population.settings(configurations, epochs * program.steps_per_epoch)
        images = TrainingImages.of(dataset.train)
        per_class = max(configuration.training.validation_events for configuration in configurations)
        chosen = curve_events(dataset.validation, per_class)
        self.labels = dataset.validation.labels[chosen]
        batches = in_batches(dataset.validation.images[chosen])
        self.identity = _identity(configurations, dataset)
        self.done, self.seconds = 0, 0.0
        self.curves: list[Curve] = [defaultdict(list) for _ in members]
        if file is not None and file.exists():
            self._resume(file)
        else:
            self.state = self.population.initial_state(self.settings)
            if placement is None and self._planned() >= MEASURE_FROM:
                self.population = self.population.tuned(self.settings, self.state, images)
        self.images, self.batches = self.population.share(images), self.population.share(batches)

    def finish(self) -> list[Trained]:
        """Train the epochs that are left."""
        while self.done < self.epochs:
            start = perf_counter()
            self.state, losses = self.population.train_epoch(self.settings, self.state, self.images)
            losses = jax.block_until_ready(losses)
            elapsed = perf_counter() - start
            self._evaluate(np.asarray(losses))
            self.done += 1
            self.seconds += perf_counter() - start
            self._save()
            if self.report is not None:
                points = tuple({name: column[-1] for name, column in curve.items()} for curve in self.curves)
                self.report(
                    Progress(self.members, self.done, self.epochs, points, self._planned() / self.epochs / elapsed)
                )
        return [self._trained(index) for index in range(len(self.members))]

    def _planned(self) -> int:
        program = self.population.program
        return len(self.members) * self.epochs * program.steps_per_epoch * program.batch_size

    def _evaluate(self, train_losses: NDArray[np.float32]) -> None:
        """One more point on every curve; the schedules hear of the validation loss."""
        state = self.state
        rates = self.population.learning_rates(self.settings, state)
        averaged = self._points(state.averaged_weights, state.averaged_statistics)
        live = self._points(state.weights, state.statistics)
        for index, curve in enumerate(self.curves):
            row = {
                "epoch": self.done + 1,
                "step": int(state.step[index]),
                "learning_rate": float(rates[index]),
                "train_loss": float(train_losses[index]),
                **averaged[index],
                **{f"raw_{name}": value for name, value in live[index].items()},
            }
            for name, value in row.items():
                curve.setdefault(name, []).append(value)
        losses = jnp.asarray([found["loss"] for found in averaged], jnp.float32)
        plateau = self.population.after_evaluation(self.settings.schedule, state.plateau, losses)
        self.state = state._replace(plateau=plateau)

    def _points(self, weights: Any, statistics: Any) -> list[dict[str, float]]:
        scores = np.asarray(self.population.scores(self.settings, weights, statistics, self.batches))
        return [curve_point(member.reshape(-1)[: len(self.labels)], self.labels) for member in scores]

    def _save(self) -> None:
        if self.file is not None:
            placement = self.population.placement
            Checkpoint(
                self.identity,
                self.done,
                (placement.devices, placement.chunk),
                self.seconds,
                [dict(curve) for curve in self.curves],
                self.state,
            ).save(self.file)

    def _resume(self, file: Path) -> None:
        found = Checkpoint.load(file, self.identity, self.population.initial_state(self.settings))
        placement = Placement(*found.placement)
        if placement.devices > jax.local_device_count():
            raise CheckpointError(
                f"{file} was written with {placement.devices} devices, but {jax.local_device_count()} are here; "
                f"the same bits need as many."
            )
        self.population = Population(self.population.program, len(self.members), placement)
        self.state = jax.tree.map(jnp.asarray, found.state)
        self.done, self.seconds, self.curves = found.epochs, found.seconds, found.curves

    def _trained(self, index: int) -> Trained:
        configuration, state = self.configurations[index], self.state
        live = _arrays(state.weights | state.statistics, index)
        averaged = _arrays(state.averaged_weights | state.averaged_statistics, index)
        diverged_at = int(state.diverged_at[index])
        return Trained(
            configuration=configuration,
            curve=dict(self.curves[index]),
            weights=averaged if configuration.training.ema > 0 else live,
            last_weights=live,
            stopped=None if diverged_at < 0 else f"the loss or its gradient was not finite at step {diverged_at}",
            seconds=self.seconds,
            member_events=self._planned(),
            placement=self.population.placement,
        )


def _arrays(arrays: dict[str, jax.Array], index: int) -> dict[str, NDArray[np.float32]]:
    return {name: np.asarray(values[index]) for name, values in arrays.items()}


def _identity(configurations: Sequence[Configuration], dataset: Dataset) -> str:
    """What is trained, and with what: equal for equal configurations, data, JAX version and way to convolve."""
    described = [configuration.as_table() for configuration in configurations]
    text = json.dumps([described, dataset.fingerprint, jax.__version__, native.available()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
