"""Networks that are dead, of two values, saturated or broken: no measure puts one before a network that separates."""

import numpy as np
import pytest

from narrowgate.errors import NarrowgateError
from narrowgate.trigger import (
    area_under_curve,
    background_rejection,
    difference,
    efficiency_at_rate,
    indistinguishable,
    judge,
    near_auc,
)

RATE = 30e3
LABELS = np.repeat([1, 0], [3_000, 40_000])


def scores() -> dict[str, np.ndarray]:
    """A working network's scores, and the same as seen through worse and worse outputs."""
    generator = np.random.default_rng(5)
    working = np.concatenate([generator.normal(3.5, 1.0, 3_000), generator.normal(0.0, 1.0, 40_000)])
    return {
        "working": working,
        "saturated": np.minimum(working, 3.3),  # some 20 background events at the top: none is let through
        "two values": (working > 2.0).astype(float),
        "dead": np.zeros_like(working),
        "dead, not zero": np.full_like(working, -7.25),
    }


@pytest.mark.parametrize("useless", ["two values", "dead", "dead, not zero"])
def test_every_measure_puts_the_working_network_first(useless: str) -> None:
    found = scores()
    one, other = found["working"], found[useless]
    assert area_under_curve(one, LABELS) > area_under_curve(other, LABELS)
    assert near_auc(one, LABELS, 0.01) > near_auc(other, LABELS, 0.01)
    first, second = (
        efficiency_at_rate(one[:3_000], one[3_000:], RATE),
        efficiency_at_rate(other[:3_000], other[3_000:], RATE),
    )
    assert first.efficiency > second.efficiency == 0.0
    assert second.deciding == 0
    assert "many share one score" in second.warning
    assert not indistinguishable(first, second)
    apart = difference(one, other, LABELS, RATE)
    assert apart.value == pytest.approx(first.efficiency)
    assert not apart.indistinguishable


@pytest.mark.parametrize("dead", ["dead", "dead, not zero"])
def test_a_dead_network_is_a_coin_or_less(dead: str) -> None:
    values = scores()[dead]
    judged = judge(values, LABELS)
    assert judged.accuracy == 0.5
    assert judged.area_under_curve == 0.5
    assert near_auc(values, LABELS, 0.01) == pytest.approx(0.005)
    assert all(point.efficiency == point.low == 0.0 for point in judged.working_points)
    assert all(one.rejection == 1.0 for one in background_rejection(values[:3_000], values[3_000:]))


def test_a_saturated_network_keeps_what_its_threshold_can_divide() -> None:
    values = scores()["saturated"]
    loose = efficiency_at_rate(values[:3_000], values[3_000:], RATE)
    assert loose.efficiency == float((values[:3_000] > loose.threshold).mean())
    assert area_under_curve(values, LABELS) > 0.98


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_one_score_that_is_not_finite_is_refused_by_every_measure(broken: float) -> None:
    values = scores()["working"]
    values[17] = broken
    for measure in (
        lambda: area_under_curve(values, LABELS),
        lambda: near_auc(values, LABELS, 0.01),
        lambda: efficiency_at_rate(values[:3_000], values[3_000:], RATE),
        lambda: difference(values, scores()["dead"], LABELS, RATE),
        lambda: background_rejection(values[:3_000], values[3_000:]),
        lambda: judge(values, LABELS),
    ):
        with pytest.raises(NarrowgateError, match="NaN or infinite"):
            measure()
