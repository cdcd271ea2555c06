"""Volatility and verdicts on curves whose make-up is known."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowgate.trigger import Verdict, stability, verdict, volatility

EPOCHS = (20, 30, 60)


def falling(epochs: int, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """A loss that falls from 0.3 to 0.05 and settles, with relative scatter `noise`."""
    epoch = np.arange(epochs)
    trend = 0.05 + 0.25 * np.exp(-epoch / (epochs / 8))
    return trend * np.exp(noise * np.random.default_rng(seed).normal(size=epochs))


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.2])
def test_volatility_is_the_relative_scatter(noise: float) -> None:
    measured = [volatility(falling(40, noise, seed)) for seed in range(300)]
    assert np.mean(measured) == pytest.approx(noise, rel=0.1)


@pytest.mark.parametrize("epochs", EPOCHS)
def test_a_curve_without_noise_has_almost_no_volatility(epochs: int) -> None:
    assert volatility(falling(epochs)) < 0.01
    assert volatility(0.3 * np.exp(-0.1 * np.arange(epochs))) == pytest.approx(0.0, abs=1e-12)
    assert volatility(np.full(epochs, 0.2)) == 0.0


def test_one_spike_counts_in_proportion() -> None:
    curve = np.full(43, 0.1)
    curve[30] *= np.e
    # A jump of 1 makes |r| = 1/2, 1, 1/2; the mean is over the 31 inner values from the 11th on.
    assert volatility(curve) == pytest.approx(np.sqrt(np.pi / 3) * 2.0 / 31)


@given(st.integers(0, 10_000), st.sampled_from([1e-6, 0.1, 7.0, 1e4]), st.floats(0.0, 0.3), st.integers(8, 60))
def test_the_unit_of_the_loss_does_not_matter(seed: int, scale: float, noise: float, epochs: int) -> None:
    curve = falling(epochs, noise, seed)
    assert volatility(curve * scale) == pytest.approx(volatility(curve), rel=1e-6, abs=1e-12)
    assert verdict(curve * scale) == verdict(curve)


@given(st.integers(0, 10_000), st.floats(0.01, 0.2))
def test_more_noise_is_more_volatility(seed: int, noise: float) -> None:
    flat = 0.1 * np.exp(noise * np.random.default_rng(seed).normal(size=40))
    doubled = 0.1 * (flat / 0.1) ** 2
    assert volatility(doubled) == pytest.approx(2 * volatility(flat))


@pytest.mark.parametrize("epochs", EPOCHS)
@pytest.mark.parametrize("seed", range(20))
def test_quiet_curves_are_smooth(epochs: int, seed: int) -> None:
    assert verdict(falling(epochs, 0.01, seed)) is Verdict.SMOOTH


@pytest.mark.parametrize("epochs", EPOCHS)
@pytest.mark.parametrize("seed", range(20))
def test_jumping_curves_are_volatile(epochs: int, seed: int) -> None:
    assert verdict(falling(epochs, 0.15, seed)) in (Verdict.VOLATILE, Verdict.FLUCTUATING)
    assert stability(falling(epochs, 0.15, seed)).volatility > 0.05


def test_most_evenly_jumping_curves_are_volatile_rather_than_fluctuating_at_the_end() -> None:
    words = [verdict(falling(40, 0.15, seed)) for seed in range(100)]
    assert words.count(Verdict.VOLATILE) >= 90


@pytest.mark.parametrize("epochs", EPOCHS)
@pytest.mark.parametrize("amplitude", [0.15, 0.5])
def test_late_oscillation_is_fluctuating_at_the_end(epochs: int, amplitude: float) -> None:
    curve = falling(epochs, 0.01)
    late = epochs // 4
    curve[-late:] *= 1.0 + amplitude * (-1.0) ** np.arange(late)
    result = stability(curve)
    assert result.verdict is Verdict.FLUCTUATING
    assert result.late_volatility > result.volatility


@pytest.mark.parametrize("epochs", EPOCHS)
def test_a_loss_that_still_falls_has_not_converged(epochs: int) -> None:
    result = stability(0.3 * np.exp(-1.5 * np.arange(epochs) / epochs) * np.exp(0.005 * np.sin(np.arange(epochs))))
    assert result.verdict is Verdict.NOT_CONVERGED
    assert result.trend < -0.1


@pytest.mark.parametrize("epochs", EPOCHS)
def test_a_loss_that_rises_again_has_not_converged_either(epochs: int) -> None:
    epoch = np.arange(epochs)
    result = stability(falling(epochs) + 0.03 * (epoch / epochs) ** 4)
    assert result.verdict is Verdict.NOT_CONVERGED
    assert result.trend > 0.1


@given(st.integers(1, 60), st.data(), st.sampled_from([np.nan, np.inf]))
def test_nan_anywhere_is_diverged(epochs: int, data: st.DataObject, bad: float) -> None:
    curve = falling(epochs)
    curve[data.draw(st.integers(0, epochs - 1))] = bad
    result = stability(curve)
    assert result.verdict is Verdict.DIVERGED
    assert result.volatility == np.inf


@pytest.mark.parametrize("epochs", EPOCHS)
def test_a_loss_that_runs_away_has_diverged(epochs: int) -> None:
    curve = falling(epochs)
    curve[epochs // 2 :] = 0.69
    assert verdict(curve) is Verdict.DIVERGED
    at_once = np.full(epochs, 0.69)
    at_once[0] = 0.2
    assert verdict(at_once) is Verdict.DIVERGED


def test_one_late_spike_is_not_divergence() -> None:
    curve = falling(40, 0.01)
    curve[-2] *= 20.0
    assert verdict(curve) is Verdict.FLUCTUATING


def test_short_curves_are_not_judged() -> None:
    assert verdict(falling(7)) is Verdict.TOO_SHORT
    assert verdict(falling(8)) is not Verdict.TOO_SHORT
    assert np.isnan(volatility([0.3, 0.2]))
    assert volatility([0.4, 0.2, 0.1]) == pytest.approx(0.0)


@pytest.mark.parametrize("curve", [[], [[0.3, 0.2]], [0.3, -0.1]])
def test_what_is_not_a_loss_curve_gets_a_sentence(curve: list[float]) -> None:
    with pytest.raises(ValueError, match="A loss curve"):
        volatility(curve)
    with pytest.raises(ValueError, match="A loss curve"):
        verdict(curve)


def test_every_word_is_explained() -> None:
    assert [str(word) for word in Verdict] == [
        "diverged",
        "too short to judge",
        "fluctuating at the end",
        "volatile",
        "not converged",
        "smooth",
    ]
    for word in Verdict:
        assert word.meaning.endswith(".")


def test_json_has_the_word_and_null_for_what_is_not_a_number() -> None:
    smooth = json.loads(json.dumps(stability(falling(40)).as_dict(), allow_nan=False))
    assert smooth["verdict"] == "smooth"
    assert smooth["volatility"] == volatility(falling(40))
    diverged = stability([0.3, np.nan]).as_dict()
    assert diverged == {"volatility": None, "late_volatility": None, "trend": None, "verdict": "diverged"}


def wandering(generator: np.random.Generator, evaluations: int, rho: float, scatter: float) -> np.ndarray:
    """The logarithm of a loss that keeps its level: a stationary autoregressive process of first order."""
    kicks = generator.normal(size=evaluations) * scatter * np.sqrt(1.0 - rho**2)
    values = [generator.normal() * scatter]
    for kick in kicks[1:]:
        values.append(rho * values[-1] + kick)
    return np.array(values)


@pytest.mark.parametrize("rho", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("scatter", [0.05, 0.08])
def test_a_curve_that_wanders_about_its_level_is_not_called_unfinished(rho: float, scatter: float) -> None:
    generator = np.random.default_rng(11)
    for evaluations in (20, 40):
        curves = [0.1 * np.exp(wandering(generator, evaluations, rho, scatter)) for _ in range(200)]
        assert np.mean([verdict(curve) is Verdict.NOT_CONVERGED for curve in curves]) <= 0.05


@pytest.mark.parametrize("evaluations", [20, 30, 60])
@pytest.mark.parametrize("kind", ["exponential", "power"])
@pytest.mark.parametrize(("fall", "found"), [(0.15, 0.8), (0.25, 0.95)])
def test_a_curve_that_still_falls_is_found(evaluations: int, kind: str, fall: float, found: float) -> None:
    """By a logarithm of `fall` over the last quarter, with a scatter of 2 % that is correlated too."""
    generator = np.random.default_rng(12)
    late, times = evaluations // 4, np.arange(1, evaluations + 1)
    shape = (
        times / (late - 1) if kind == "exponential" else np.log(times) / np.log(evaluations / (evaluations - late + 1))
    )
    curves = [np.exp(-fall * shape + wandering(generator, evaluations, 0.5, 0.02)) for _ in range(60)]
    assert np.mean([verdict(curve) is Verdict.NOT_CONVERGED for curve in curves]) >= found


def test_dead_two_valued_saturated_and_broken_networks_have_a_word() -> None:
    """ln 2 for ever; a loss of two values; exactly 0, as of a network that errs nowhere; NaN."""
    assert verdict(np.full(30, np.log(2.0))) is Verdict.SMOOTH
    assert volatility(np.full(30, np.log(2.0))) == 0.0
    assert verdict(np.tile([0.1, 0.2], 15)) is Verdict.VOLATILE
    assert verdict(np.zeros(30)) is Verdict.SMOOTH
    assert verdict([0.5, 0.1, 1e-3, *[0.0] * 27]) is Verdict.SMOOTH
    assert verdict([*[0.3] * 29, np.nan]) is Verdict.DIVERGED
