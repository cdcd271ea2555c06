import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from narrowgate.network import Training
from narrowgate.training._schedule import (
    Plateau,
    ScheduleSettings,
    after_evaluation,
    fresh_plateau,
    learning_rate,
    schedule_settings,
)

STEPS = 1000


def rates(**training: object) -> NDArray[np.float32]:
    settings = schedule_settings(Training.model_validate({"learning_rate": 0.01, **training}), STEPS)
    steps = jnp.arange(STEPS)
    return np.asarray(jax.vmap(lambda step: learning_rate(settings, fresh_plateau(), step))(steps))


def test_constant() -> None:
    np.testing.assert_allclose(rates(schedule="constant"), 0.01, rtol=1e-6)


def test_warm_up_rises_linearly_and_stays() -> None:
    found = rates(schedule="warm-up", warm_up=0.1)
    np.testing.assert_allclose(found[:100], 0.01 * np.arange(1, 101) / 100, rtol=1e-5)
    np.testing.assert_allclose(found[100:], 0.01, rtol=1e-6)


def test_cosine_follows_the_formula() -> None:
    found = rates(schedule="cosine", warm_up=0.1)
    progress = np.arange(900) / 900
    np.testing.assert_allclose(found[100:], 0.005 * (1 + np.cos(np.pi * progress)), rtol=1e-4, atol=1e-8)
    assert found[-1] < 1e-6


def test_warm_up_stable_decay() -> None:
    found = rates(schedule="warm-up-stable-decay", warm_up=0.05, decay=0.2)
    np.testing.assert_allclose(found[50:800], 0.01, rtol=1e-6)
    np.testing.assert_allclose(found[800:], 0.01 * (STEPS - np.arange(800, 1000)) / 200, rtol=1e-4)


def test_reduce_on_plateau_lowers_after_patience_and_waits_again() -> None:
    settings = schedule_settings(
        Training(schedule="reduce-on-plateau", patience=2, plateau_factor=0.5, learning_rate=0.01), STEPS
    )
    plateau, factors = fresh_plateau(), []
    for loss in [1.0, 0.8, 0.9, 0.85, 0.81, 0.7, float("nan"), 0.9, 0.9, 0.9]:
        plateau = after_evaluation(settings, plateau, jnp.float32(loss))
        factors.append(float(plateau.factor))
    assert factors == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]
    assert float(learning_rate(settings, plateau, jnp.int32(10))) == pytest.approx(0.0025)


def test_schedules_are_data() -> None:
    """One compiled program serves every kind."""
    traced = []

    @jax.jit
    def compiled(settings: ScheduleSettings, plateau: Plateau, step: jax.Array) -> jax.Array:
        traced.append(step)
        return learning_rate(settings, plateau, step)

    plateau = Plateau(jnp.float32(0.5), jnp.float32(1), jnp.int32(0))
    kinds = ("constant", "warm-up", "cosine", "warm-up-stable-decay", "reduce-on-plateau")
    for kind in kinds:
        compiled(schedule_settings(Training.model_validate({"schedule": kind}), STEPS), plateau, jnp.int32(500))
    assert len(traced) == 1
