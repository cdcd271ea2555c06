"""What is known of a member while it trains: what training reads, what it changes, and what is taken from that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray

from narrowgate.network import (
    Arrays,
    Configuration,
    Layers,
    Numerics,
    initial_statistics,
    initial_weights,
    numerics,
    settled,
)
from narrowgate.training._learning import LearningSettings, learning_settings, width_rate
from narrowgate.training._loss import Loss
from narrowgate.training._optimiser import OPTIMISER, RateMultipliers
from narrowgate.training._schedule import Plateau, ScheduleSettings, fresh_plateau, schedule_settings

Weights = dict[str, NDArray[np.float32]]
"""A network's arrays by the names of `Layers.weight_shapes` and `Layers.statistics_shapes`."""


@dataclass(frozen=True)
class Program:
    """What is compiled in: members that share a program share these."""

    layers: Layers
    batch_size: int
    steps_per_epoch: int
    dropout: bool
    loss: Loss = field(default_factory=Loss)
    learned: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Names and shapes of the widths that are trained beside the weights."""


class Settings(NamedTuple):
    """What differs between the members of a population, as traced scalars."""

    numerics: Numerics
    schedule: ScheduleSettings
    ema: Float[Array, ""]
    seed: Int[Array, ""]
    rate_multipliers: RateMultipliers = {}  # noqa: RUF012 (nobody writes into it)
    """Groups of what is trained whose learning rate is another one; members of a population name the same groups."""
    learning: LearningSettings | None = None
    """How widths are learned; members of a population learn the same ones."""


class State(NamedTuple):
    """Everything that training changes; resuming needs nothing else."""

    step: Int[Array, ""]
    weights: Arrays
    statistics: Arrays
    averaged_weights: Arrays
    averaged_statistics: Arrays
    optimiser: optax.OptState
    plateau: Plateau
    diverged_at: Int[Array, ""]
    """The first step whose loss or gradient was not finite; -1 while there was none."""
    learned: Arrays = {}  # noqa: RUF012
    """Arrays trained beside the weights and not averaged, by names of their own; the loss's penalty sees them."""


def settings_of(
    configuration: Configuration,
    steps: int,
    rate_multipliers: Mapping[str, float] | None = None,
    layers: Layers | None = None,
) -> Settings:
    """The traced part of a configuration that trains for `steps` steps; `layers` are for widths that are learned."""
    training = configuration.training
    rates = width_rate(configuration) | dict(rate_multipliers or {})
    return Settings(
        numerics=numerics(configuration.precision, configuration.network),
        schedule=schedule_settings(training, steps),
        ema=jnp.float32(training.ema),
        seed=jnp.int32(training.seed),
        rate_multipliers={name: jnp.float32(value) for name, value in rates.items()},
        learning=None if layers is None else learning_settings(configuration, layers, steps),
    )


def initial_state(program: Program, seed: int, learned: Arrays | None = None) -> State:
    """The state before the first step, from the member's own seed alone; `learned` is trained beside the weights."""
    weights: Arrays = {name: jnp.asarray(values) for name, values in initial_weights(program.layers, seed).items()}
    statistics: Arrays = {name: jnp.asarray(values) for name, values in initial_statistics(program.layers).items()}
    beside: Arrays = {name: jnp.asarray(values) for name, values in (learned or {}).items()}
    return State(
        step=jnp.int32(0),
        weights=weights,
        statistics=statistics,
        averaged_weights=weights,
        averaged_statistics=statistics,
        optimiser=OPTIMISER.init(trained_of(weights, beside)),
        plateau=fresh_plateau(),
        diverged_at=jnp.int32(-1),
        learned=beside,
    )


def trained_of(weights: Arrays, learned: Arrays) -> Arrays | tuple[Arrays, Arrays]:
    """What the optimiser moves: the weights, and what is learned beside them if there is something."""
    return (weights, learned) if learned else weights


def weights_of(configuration: Configuration, state: State) -> tuple[Weights, Weights]:
    """Of one member's state: the weights that the configuration asks to judge (averaged, unless `training.ema` is 0),
    and the live ones. Learned widths are settled in both: averages of them would be widths that no step had."""
    widths = settled(state.learned)
    live = {name: np.asarray(values) for name, values in (state.weights | state.statistics | widths).items()}
    averaged = state.averaged_weights | state.averaged_statistics | widths
    judged = {name: np.asarray(values) for name, values in averaged.items()}
    return (judged if configuration.training.ema > 0 else live), live
