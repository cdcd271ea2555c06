import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from narrowgate.events import Dataset, Split, save
from narrowgate.network import Configuration, ConfigurationError
from narrowgate.training import COLUMNS, CheckpointError, Progress, Trained, score, train

CONFIGURATION = Configuration.parse(
    {
        "network": {"filters": [2], "units": [4], "batch_norm": "hidden", "dropout": 0.1},
        "precision": {
            "conv": "(8,2)",
            "dense": "(8,2)",
            "activation": "(12,4)",
            "batchnorm": "(12,3)",
            "input": "(10,4)",
        },
        "training": {"epochs": 6, "steps_per_epoch": 10, "batch_size": 32, "schedule": "reduce-on-plateau"},
    }
)


class StoppedError(Exception):
    """Raised by a report to break off a training."""


def assert_same_bits(one: Trained, other: Trained) -> None:
    assert one.curve == other.curve
    for name, weight in one.weights.items():
        np.testing.assert_array_equal(weight, other.weights[name])


@pytest.fixture(scope="module")
def uninterrupted(small_dataset: Dataset) -> Trained:
    return train([CONFIGURATION], small_dataset)[0]


def test_the_curve_has_a_point_an_epoch(uninterrupted: Trained) -> None:
    assert set(uninterrupted.curve) == set(COLUMNS)
    assert uninterrupted.curve["epoch"] == [1, 2, 3, 4, 5, 6]
    assert uninterrupted.curve["step"] == [10, 20, 30, 40, 50, 60]


@pytest.mark.parametrize("epochs", [1, 4])
def test_resumed_equals_uninterrupted(
    epochs: int, uninterrupted: Trained, small_dataset: Dataset, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.epochs == epochs:
            raise StoppedError

    with pytest.raises(StoppedError):
        train([CONFIGURATION], small_dataset, checkpoint=tmp_path, report=stop)
    reported: list[int] = []
    resumed = train(
        [CONFIGURATION], small_dataset, checkpoint=tmp_path, report=lambda progress: reported.append(progress.epochs)
    )[0]
    assert reported == list(range(epochs + 1, 7))
    assert_same_bits(resumed, uninterrupted)


SCRIPT = """
import sys
from pathlib import Path
from narrowgate.training import train, use_all_cores
use_all_cores()
from narrowgate.events import load
from narrowgate.network import Configuration
configuration = Configuration.parse({configuration!r})
trained = train([configuration], load({data!r}), checkpoint=Path({checkpoint!r}),
                report=lambda progress: (print(progress.epochs, flush=True), input()))
"""
"""Says each epoch and waits for a line before the next, so that it cannot be finished before it is killed."""


def test_killed_and_resumed_gives_the_same_bits(small_dataset: Dataset, tmp_path: Path) -> None:
    """`kill -9` at random moments, also while a checkpoint is being written."""
    longer = CONFIGURATION.with_settings({"training.epochs": "40"})
    expected = train([longer], small_dataset)[0]
    data, checkpoint = tmp_path / "data.h5", tmp_path / "checkpoint"
    save(data, small_dataset)
    script = SCRIPT.format(configuration=longer.as_table(), data=str(data), checkpoint=str(checkpoint))
    generator = np.random.default_rng()
    for _ in range(2):
        command = [sys.executable, "-c", script]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for _ in range(generator.integers(1, 15)):
                assert process.stdout.readline().strip() != ""
                print(file=process.stdin, flush=True)
            time.sleep(generator.uniform(0, 0.1))
            os.kill(process.pid, signal.SIGKILL)
    resumed = train([longer], small_dataset, checkpoint=checkpoint)[0]
    assert_same_bits(resumed, expected)


def test_a_checkpoint_of_another_training_is_refused(small_dataset: Dataset, tmp_path: Path) -> None:
    train([CONFIGURATION], small_dataset, checkpoint=tmp_path)
    other = CONFIGURATION.with_settings({"training.learning_rate": "0.1"})
    with pytest.raises(CheckpointError, match="another training"):
        train([other], small_dataset, checkpoint=tmp_path)


@pytest.mark.parametrize("damage", ["cut", "noise", "other", "empty"])
def test_a_damaged_checkpoint_gets_a_sentence(damage: str, small_dataset: Dataset, tmp_path: Path) -> None:
    train([CONFIGURATION], small_dataset, checkpoint=tmp_path)
    file = next(tmp_path.glob("*.safetensors"))
    whole = file.read_bytes()
    other = b'\x10\x00\x00\x00\x00\x00\x00\x00{"a": "b"}      '
    file.write_bytes({"cut": whole[:-50], "noise": b"\xff" * 200, "other": other, "empty": b""}[damage])
    with pytest.raises(CheckpointError, match=r"not a usable checkpoint .* remove it"):
        train([CONFIGURATION], small_dataset, checkpoint=tmp_path)


def test_the_test_split_is_not_read(uninterrupted: Trained, small_dataset: Dataset) -> None:
    nonsense = Split(np.full_like(small_dataset.test.images, 7), small_dataset.test.labels)
    poisoned = Dataset(small_dataset.train, small_dataset.validation, nonsense, small_dataset.geometry)
    assert_same_bits(train([CONFIGURATION], poisoned)[0], uninterrupted)


def test_a_split_without_signal_is_refused(small_dataset: Dataset) -> None:
    background = Split(small_dataset.train.background, np.zeros(800, np.uint8))
    with pytest.raises(ValueError, match=r"train split of .* needs signal and background"):
        train(
            [CONFIGURATION], Dataset(background, small_dataset.validation, small_dataset.test, small_dataset.geometry)
        )


def test_a_network_that_does_not_fit_is_refused(small_dataset: Dataset) -> None:
    with pytest.raises(ConfigurationError, match="leaves nothing"):
        train([Configuration.parse({"network": {"filters": [1, 1], "pools": [3, 3]}})], small_dataset)


def test_scores_do_not_depend_on_how_many_are_asked_for(uninterrupted: Trained, small_dataset: Dataset) -> None:
    images = small_dataset.test.images
    whole = score(CONFIGURATION, uninterrupted.weights, images)
    np.testing.assert_allclose(score(CONFIGURATION, uninterrupted.weights, images[:7]), whole[:7], rtol=1e-6)
    assert score(CONFIGURATION, uninterrupted.weights, images[:0]).shape == (0,)


def test_missing_weights_are_named(uninterrupted: Trained, small_dataset: Dataset) -> None:
    weights = {name: value for name, value in uninterrupted.weights.items() if name != "dense0.bias"}
    with pytest.raises(ValueError, match=r"dense0\.bias has shape None"):
        score(CONFIGURATION, weights, small_dataset.test.images)
