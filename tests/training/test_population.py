import jax
import numpy as np
import pytest

from narrowgate.events import Dataset
from narrowgate.network import Configuration
from narrowgate.training import Placement, Trained, train
from narrowgate.training._placement import PlacementMemory, candidates, fastest

SHORT = {"epochs": 2, "steps_per_epoch": 12, "batch_size": 32}


def configuration(**settings: str) -> Configuration:
    base = Configuration.parse({"network": {"filters": [2], "units": [4]}, "training": SHORT}).for_counts(10)
    return base.with_settings({key.replace("__", "."): value for key, value in settings.items()})


POPULATION = [
    configuration(),
    configuration(precision__conv="(8,2)", precision__dense="(8,2)", precision__activation="(12,4)"),
    configuration(training__seed="2", training__learning_rate="0.02"),
    configuration(network__dropout="0.3", training__schedule="constant", training__ema="0"),
    configuration(network__batch_norm="all", precision__batchnorm="(12,3)"),
]


def assert_alike(one: Trained, other: Trained, tolerance: float) -> None:
    for name, values in one.curve.items():
        np.testing.assert_allclose(values, other.curve[name], rtol=tolerance, atol=tolerance, err_msg=name)
    for name, weight in one.weights.items():
        np.testing.assert_allclose(weight, other.weights[name], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.fixture(scope="module")
def together(small_dataset: Dataset) -> list[Trained]:
    return train(POPULATION, small_dataset)


@pytest.mark.parametrize("index", [1, 2, 3, 4])
def test_a_member_alone_equals_itself_among_others(index: int, together: list[Trained], small_dataset: Dataset) -> None:
    """Same curves to float tolerance; seed, formats and schedule come from the member, never from its place."""
    alone = train([POPULATION[index]], small_dataset)[0]
    assert_alike(alone, together[index], 2e-4)


def test_the_same_seed_gives_the_same_bits_twice(together: list[Trained], small_dataset: Dataset) -> None:
    for one, again in zip(together, train(POPULATION, small_dataset), strict=True):
        assert one.curve == again.curve
        for name, weight in one.weights.items():
            np.testing.assert_array_equal(weight, again.weights[name])


def test_seeds_and_formats_matter(together: list[Trained]) -> None:
    kernels = [member.weights["conv0.kernel"] for member in together]
    assert not any(np.allclose(kernels[0], other) for other in kernels[1:])


@pytest.mark.parametrize("placement", [Placement(1, 1), Placement(1, 4), Placement(1, 2)])
def test_the_placement_changes_nothing_but_speed(
    placement: Placement, together: list[Trained], small_dataset: Dataset
) -> None:
    for one, other in zip(train(POPULATION[:3], small_dataset, placement=placement), together, strict=False):
        assert_alike(one, other, 2e-4)


def test_a_member_that_diverges_stops_alone(small_dataset: Dataset) -> None:
    healthy, mad = configuration(), configuration(training__learning_rate="1e38", training__schedule="constant")
    found = train([healthy, mad], small_dataset)
    assert found[0].stopped is None
    assert found[1].stopped is not None
    assert "step" in found[1].stopped
    assert found[1].curve["step"][-1] < found[0].curve["step"][-1]
    assert all(np.all(np.isfinite(weight)) for weight in found[1].weights.values())
    assert_alike(found[0], train([healthy], small_dataset)[0], 2e-4)


def test_training_learns(small_dataset: Dataset) -> None:
    found = train([configuration(training__epochs="20")], small_dataset)[0]
    assert found.curve["auc"][-1] > 0.9
    assert found.curve["loss"][-1] < found.curve["loss"][0]


def test_two_devices_are_here() -> None:
    """The tests above deal members to two devices; without them they would show less than they say."""
    assert jax.local_device_count() >= 2


def test_padding_of_an_uneven_deal() -> None:
    assert [Placement(2, 1).padded(members) for members in (1, 2, 3)] == [2, 2, 4]


def test_measured_placements_are_remembered(tmp_path) -> None:  # type: ignore[no-untyped-def]
    memory = PlacementMemory(tmp_path / "cache" / "placements.json")
    assert memory.recall("a") is None
    memory.remember("a", Placement(2, 16))
    memory.remember("b", Placement(1, 1))
    assert PlacementMemory(tmp_path / "cache" / "placements.json").recall("a") == Placement(2, 16)
    (tmp_path / "cache" / "placements.json").write_text("{broken")
    assert memory.recall("a") is None
    assert candidates(64)[0].chunk == 1


def test_the_fastest_placement_wins() -> None:
    import time

    chosen = fastest(
        [Placement(1, 1), Placement(1, 4)], lambda placement: time.sleep(0.05 if placement.chunk == 1 else 0)
    )
    assert chosen == Placement(1, 4)
