"""Kendall's τ, its uncertainty against toys, and what is said about it."""

import math

import numpy as np
import pytest

from narrowgate.study.ranking._fidelity import fidelity, kendall


def test_tau_by_hand() -> None:
    # Five of the six pairs agree: τ = (5 − 1) / 6.
    assert kendall([1, 2, 3, 4], [1, 2, 4, 3])[0] == pytest.approx(4 / 6)
    assert kendall([1, 2, 3], [3, 2, 1])[0] == -1
    assert kendall([-math.inf, 2, 3, 4], [-math.inf, 2, 3, 4])[0] == 1


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
@pytest.mark.parametrize("count", [15, 60])
def test_the_uncertainty_is_the_scatter_of_tau_over_toys(correlation: float, count: int) -> None:
    generator = np.random.default_rng([count, round(10 * correlation)])
    covariance = [[1, correlation], [correlation, 1]]
    found = []
    for _ in range(300):
        first, second = generator.multivariate_normal([0, 0], covariance, count).T
        found.append(kendall(first, second))
    tau, uncertainty = np.array(found).T
    # For normal values τ = (2/π)·arcsin ρ (Kendall 1949).
    assert tau.mean() == pytest.approx(2 / math.pi * math.asin(correlation), abs=0.04)
    # Asymptotic; with few and strongly correlated entries it errs on the cautious side.
    assert 0.85 <= uncertainty.mean() / tau.std() <= 1.3


def test_a_perfect_order_of_few_is_not_certain() -> None:
    assert kendall([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]) == pytest.approx((1.0, 0.2))


def test_sentences() -> None:
    rising = list(range(20))
    good = fidelity(300, 900, rising, [*rising[:18], 19, 18], selected=False)
    assert good.sentence == (
        f"The 300-step rung predicted the order at 900 steps well (τ = {good.tau:.2f} ± {good.uncertainty:.2f}, "
        "20 configurations)."
    )
    assert "survivors of a cut" in fidelity(300, 900, rising, rising, selected=True).sentence
    assert "do not rank there" in fidelity(300, 900, rising, rising[::-1], selected=False).sentence
    generator = np.random.default_rng(3)
    chance = fidelity(300, 900, rising, list(generator.normal(size=20)), selected=False)
    assert "cannot be shown" in chance.sentence
    few = fidelity(300, 900, [1, 2], [1, 2], selected=False)
    assert math.isnan(few.tau)
    assert few.sentence.endswith("cannot be said from 2 configurations.")


def test_all_equal_says_nothing() -> None:
    assert math.isnan(kendall([1, 1, 1], [1, 2, 3])[0])
    assert "cannot be said" in fidelity(1, 2, [1.0] * 6, [1, 2, 3, 4, 5, 6], selected=False).sentence


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        kendall([1, 2], [1, 2, 3])
