"""The engine's seams: what is measured, what is lowered, what moves how fast, what is trained beside the weights."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from narrowgate.events import Dataset
from narrowgate.network import Arrays, Configuration, Numerics
from narrowgate.training import (
    CurveEvaluation,
    Engine,
    Loss,
    Measured,
    Population,
    Program,
    Settings,
    State,
    TrainingImages,
    initial_state,
    program_of,
    settings_of,
    stack,
    train,
    weights_of,
)

TABLE: dict[str, Any] = {
    "network": {"filters": [2], "units": [4]},
    "precision": {"conv": "(8,2)", "dense": "(8,2)", "activation": "(12,4)", "input": "(10,6)"},
    "training": {"epochs": 3, "steps_per_epoch": 10, "batch_size": 32, "schedule": "reduce-on-plateau"},
}
CONFIGURATION = Configuration.parse(TABLE).for_counts(10)
PROGRAM = program_of(CONFIGURATION, (8, 6, 1))


def trained(dataset: Dataset, program: Program, settings: Settings, state: State, epochs: int = 1) -> State:
    """One member's state after some epochs."""
    population = Population(program, 1)
    images = population.share(TrainingImages.of(dataset.train))
    many: State = stack([state])
    for _ in range(epochs):
        many, _ = population.train_epoch(stack([settings]), many, images)
    one: State = jax.tree.map(lambda leaf: np.asarray(leaf)[0], many)
    return one


def test_train_and_the_bare_engine_give_the_same_bits(small_dataset: Dataset) -> None:
    wanted = train([CONFIGURATION], small_dataset)[0]
    engine = Engine(
        Population(PROGRAM, 1),
        TrainingImages.of(small_dataset.train),
        CurveEvaluation(small_dataset, CONFIGURATION.training.validation_events),
    )
    start = engine.initial_state([CONFIGURATION])
    epochs = list(engine.epochs([CONFIGURATION], start, 0, 30))
    assert [epoch.step for epoch in epochs] == [10, 20, 30]
    assert [epoch.rows[0]["auc"] for epoch in epochs] == wanted.curve["auc"]
    assert [float(epoch.train_losses[0]) for epoch in epochs] == wanted.curve["train_loss"]
    judged, _ = weights_of(CONFIGURATION, jax.tree.map(lambda leaf: leaf[0], epochs[-1].state))
    for name, values in wanted.weights.items():
        np.testing.assert_array_equal(judged[name], values)


def test_members_that_do_not_fill_a_population_are_as_those_that_do(small_dataset: Dataset) -> None:
    members = [CONFIGURATION.with_settings({"training.seed": str(seed)}) for seed in (1, 2, 3)]
    evaluation = CurveEvaluation(small_dataset, 200)
    found = []
    for chosen in (members, members[:2]):
        engine = Engine(Population(PROGRAM, 3), TrainingImages.of(small_dataset.train), evaluation)
        found.append(list(engine.epochs(chosen, engine.initial_state(chosen), 0, 20)))
    for whole, part in zip(*found, strict=True):
        assert len(part.rows) == len(part.train_losses) == 2
        assert part.rows == whole.rows[:2]


class ConstantLoss:
    """An evaluation that measures nothing and says always the same."""

    def batches(self, population: Population) -> Any:
        raise AssertionError("nothing is compiled ahead here")

    def rows(
        self, population: Population, settings: Settings, state: State, members: Sequence[Configuration], step: int
    ) -> list[Measured]:
        return [{"loss": None if step == 10 else 1.0} for _ in members]


def test_schedules_hear_what_the_evaluation_says(small_dataset: Dataset) -> None:
    """The first loss is nothing, the second the best; from then on each one waits, and after `patience` 1 it halves."""
    one = CONFIGURATION.with_settings({"training.patience": "1", "training.plateau_factor": "0.5"})
    engine = Engine(Population(PROGRAM, 1), TrainingImages.of(small_dataset.train), ConstantLoss())
    factors = [
        float(epoch.state.plateau.factor[0]) for epoch in engine.epochs([one], engine.initial_state([one]), 0, 50)
    ]
    assert factors == [1.0, 1.0, 1.0, 0.5, 0.5]


@pytest.mark.parametrize(("pattern", "factor"), [("conv0.*", 0.0), ("*", 1.0)])
def test_a_group_has_a_learning_rate_of_its_own(pattern: str, factor: float, small_dataset: Dataset) -> None:
    plain = settings_of(CONFIGURATION, 30)
    start = initial_state(PROGRAM, 1)
    usual = trained(small_dataset, PROGRAM, plain, start)
    grouped = trained(small_dataset, PROGRAM, settings_of(CONFIGURATION, 30, {pattern: factor}), start)
    for name, values in usual.weights.items():
        if factor == 0.0 and name.startswith("conv0."):
            np.testing.assert_array_equal(grouped.weights[name], start.weights[name])
            assert not np.array_equal(values, start.weights[name]) or "bias" in name
        elif factor == 1.0:
            np.testing.assert_allclose(grouped.weights[name], values, rtol=1e-5, atol=1e-6)
        else:
            assert not np.array_equal(grouped.weights[name], start.weights[name])


def test_multipliers_differ_between_members_of_one_population(small_dataset: Dataset) -> None:
    population = Population(PROGRAM, 2)
    settings = stack([settings_of(CONFIGURATION, 30, {"dense*.kernel": factor}) for factor in (0.0, 1.0)])
    start: State = stack([initial_state(PROGRAM, 1)] * 2)
    images = population.share(TrainingImages.of(small_dataset.train))
    after, _ = population.train_epoch(settings, start, images)
    kernel = np.asarray(after.weights["dense0.kernel"])
    np.testing.assert_array_equal(kernel[0], start.weights["dense0.kernel"][0])
    assert not np.array_equal(kernel[1], start.weights["dense0.kernel"][1])


def pull(target: float, strength: float, weights: Arrays, learned: Arrays, numerics: Numerics) -> jax.Array:
    """A penalty that draws what is learned beside the weights to `target`."""
    return strength * jnp.sum(jnp.stack([jnp.sum((values - target) ** 2) for values in learned.values()]))


def test_what_is_learned_beside_the_weights_moves_by_the_penalty_alone(small_dataset: Dataset) -> None:
    """Adam's first steps have the length of the learning rate: from 8 towards 3, and the weights go their usual way."""
    program = Program(PROGRAM.layers, 32, 10, False, Loss(penalty=partial(pull, 3.0, 1.0)))
    one = CONFIGURATION.with_settings({"training.schedule": "constant", "training.learning_rate": "0.01"})
    settings = settings_of(one, 30, {"bits.*": 20.0})
    start = initial_state(program, 1, {"bits.conv0": jnp.full(3, 8.0)})
    after = trained(small_dataset, program, settings, start)
    moved = after.learned["bits.conv0"]
    # Of the hand's own Adam, with the penalty's gradient 2 (x - 3) and the rate 20 × 0.01.
    value, first, second = 8.0, 0.0, 0.0
    for step in range(1, 11):
        gradient = 2 * (value - 3.0)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        value -= 0.2 * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)) ** 0.5 + 1e-7)
    np.testing.assert_allclose(moved, value, rtol=1e-4)
    usual = trained(small_dataset, PROGRAM, settings_of(one, 30), initial_state(PROGRAM, 1))
    for name, values in usual.weights.items():
        np.testing.assert_allclose(after.weights[name], values, rtol=1e-3, atol=1e-4, err_msg=name)


def test_another_data_term_is_lowered(small_dataset: Dataset) -> None:
    """With a data term that pulls every score to 2, the scores come to 2."""
    program = Program(PROGRAM.layers, 32, 10, False, Loss(lambda scores, labels: jnp.mean((scores - 2.0) ** 2)))
    one = CONFIGURATION.with_settings({"training.learning_rate": "0.02", "training.schedule": "constant"})
    engine = Engine(Population(program, 1), TrainingImages.of(small_dataset.train), CurveEvaluation(small_dataset, 50))
    losses = [float(epoch.train_losses[0]) for epoch in engine.epochs([one], engine.initial_state([one]), 0, 200)]
    assert losses[-1] < 0.05 < losses[0]
