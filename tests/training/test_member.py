"""One member: what chance gives it, and that it trains alike with and without the room `native`."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from narrowgate import native
from narrowgate.events import Dataset, Split
from narrowgate.network import Configuration
from narrowgate.training import Population, Program, State, TrainingImages, program_of, stack
from narrowgate.training._member import draw, train_epoch


def program(batch: int = 64, steps: int = 10, **network: object) -> Program:
    table = {"network": {"filters": [2], "units": [4], **network}}
    training = {"batch_size": batch, "steps_per_epoch": steps}
    return program_of(Configuration.parse(table | {"training": training}), (8, 6, 1))


def test_a_steps_draws_depend_on_seed_and_step_alone(small_dataset: Dataset) -> None:
    images = TrainingImages.of(small_dataset.train)
    whole, rest = draw(program(steps=10), 3, 0, images), draw(program(steps=4), 3, 6, images)
    np.testing.assert_array_equal(whole.events[6:], rest.events)
    np.testing.assert_array_equal(whole.dropout[6:], rest.dropout)
    other = draw(program(steps=10), 4, 0, images)
    assert not np.array_equal(whole.events, other.events)
    assert len(np.unique(np.concatenate([whole.dropout, other.dropout]), axis=0)) == 20


def test_training_images_come_from_wherever_events_are(small_dataset: Dataset, tmp_path: Path) -> None:
    """From a file that is mapped, event by event, as from arrays in memory: signal first, in their order."""

    class Mapped:
        """The seam's smallest implementation that has no images in memory."""

        weights = None

        def __init__(self, split: Split) -> None:
            np.save(tmp_path / "images.npy", split.images)
            self._images = np.load(tmp_path / "images.npy", mmap_mode="r")
            self.labels, self.shape = split.labels, split.shape

        def __len__(self) -> int:
            return len(self.labels)

        def take(self, numbers: Any) -> Any:
            return np.stack([self._images[number] for number in numbers])

        def chunks(self, events: int = 7) -> Iterator[Any]:
            for start in range(0, len(self), events):
                yield np.asarray(self._images[start : start + events])

        def digest_parts(self) -> Iterator[tuple[str, Any]]:
            yield "labels", self.labels

    split = small_dataset.train
    in_memory, mapped = TrainingImages.of(split), TrainingImages.of(Mapped(split))
    np.testing.assert_array_equal(mapped.events, in_memory.events)
    np.testing.assert_array_equal(in_memory.events, np.concatenate([split.signal, split.background]))
    assert int(mapped.signal) == int(in_memory.signal) == len(split.signal)
    np.testing.assert_array_equal(np.concatenate(list(split.chunks(7))), split.images)


@pytest.mark.parametrize("batch", [30, 32])
def test_a_batch_is_half_signal_and_reaches_every_event(batch: int, small_dataset: Dataset) -> None:
    images = TrainingImages.of(small_dataset.train)
    drawn = draw(program(batch=batch, steps=2000), 1, 0, images).events
    signal = int(images.signal)
    assert drawn.shape == (2000, batch)
    for part, first, count in (
        (drawn[:, : batch // 2], 0, signal),
        (drawn[:, batch // 2 :], signal, len(images.events) - signal),
    ):
        times = np.bincount(np.asarray(part).ravel() - first, minlength=count)
        assert len(times) == count
        expected = part.size / count
        assert abs(times.mean() - expected) < 1e-9
        assert times.std() == pytest.approx(expected**0.5, rel=0.15)


@pytest.mark.skipif(not native.available(), reason=native.why_not() or "available")
@pytest.mark.parametrize("network", [{"dropout": 0.3}, {"batch_norm": "all"}, {"filters": [3, 5], "pools": [2, 2]}])
def test_an_epoch_is_the_same_without_native_functions_but_for_rounding(
    network: dict[str, object], small_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Configuration.parse({"network": {"filters": [3], "units": [4], **network}}).for_counts(10)
    one = one.with_settings({"training.batch_size": "64", "training.steps_per_epoch": "8"})
    trained = program_of(one, (8, 6, 1))
    population = Population(trained, 1)
    settings = population.settings([one], 8)
    state = population.initial_state(settings)
    images = TrainingImages.of(small_dataset.train)
    drawn = stack([draw(trained, 1, 0, images)])

    def epoch() -> tuple[State, jax.Array]:
        first = partial(jax.tree.map, lambda leaf: jnp.asarray(leaf)[0])
        arguments = first(settings), first(state), first(drawn), images.events
        return jax.jit(partial(train_epoch, trained))(*arguments)  # type: ignore[no-any-return]

    with_native, loss = epoch()
    monkeypatch.setattr(native, "available", lambda: False)
    without, expected = epoch()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    idle = {f"{layer.name}.bias" for layer in trained.layers if layer.batch_norm}  # their gradient is rounding alone
    for name, weight in with_native.weights.items():
        if name in idle:
            continue
        np.testing.assert_allclose(weight, without.weights[name], rtol=1e-4, atol=1e-4, err_msg=name)
    for name, value in with_native.statistics.items():
        np.testing.assert_allclose(value, without.statistics[name], rtol=1e-3, atol=1e-3, err_msg=name)
