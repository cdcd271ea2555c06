"""What is told before the first step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from narrowgate import checks, notebook, runs
from narrowgate.events import Dataset, Geometry, Split, save
from narrowgate.integers import exact_scores
from narrowgate.network import Configuration, initial_statistics, initial_weights, layers
from narrowgate.training import Progress, score


def on_a_pedestal(type: str = "uint16", pedestal: int = 1200) -> Dataset:
    """Twelve-bit counts on a pedestal; signal has four towers more."""
    generator = np.random.default_rng(0)

    def split(events: int) -> Split:
        labels = (np.arange(events) % 2).astype(np.uint8)
        images = pedestal + generator.poisson(5, (events, 8, 8, 1))
        images[labels == 1, 2:4, 2:4] += 300
        return Split(images.astype(type), labels)

    return Dataset(split(40), split(20), split(20), Geometry.uniform(8, 8))


def test_pixels_that_saturate_are_told_with_their_share() -> None:
    dataset = on_a_pedestal()
    sentences = checks.saturation([Configuration().with_settings({"precision.input": "(10,4)"})] * 2, dataset)
    assert len(sentences) == 1
    assert sentences[0].startswith("100 % of the pixels are above 1023")
    share = np.mean(np.concatenate([split.images.ravel() for _, split in dataset.splits()]) > 1299)
    sentences = checks.saturation([Configuration().with_settings({"precision.input": "(11,4)"})], dataset)
    assert sentences == []
    assert 0 < dataset.share_above(1299) == pytest.approx(share)


def test_an_input_that_follows_from_the_data_cuts_nothing_and_is_told() -> None:
    dataset = on_a_pedestal()
    (configuration,) = checks.fitted([Configuration()], dataset)
    assert str(configuration.precision.input) == "(11,4)"
    (sentence,) = checks.saturation([Configuration()], dataset)
    assert "(11,4) holds counts up to 2047" in sentence
    assert "no pixel saturates" in sentence


def test_ten_bits_need_no_word(small_dataset: Dataset) -> None:
    ten = on_a_pedestal(pedestal=600)
    assert ten.bits == 10
    assert checks.saturation([Configuration()], ten) == []


@pytest.mark.parametrize("type", ["uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("input", ["(8,4)", "(16,4)", "(24,4)"])
def test_training_sees_what_hardware_sees(type: str, input: str) -> None:
    """Counts of 2²⁴ and more, which float32 rounds, and of 2³² and more, which JAX cuts off, among them."""
    precision = dict.fromkeys(("conv", "dense", "batchnorm"), "(4,1)") | {"activation": "(5,3)", "input": input}
    configuration = Configuration.parse({"network": {"filters": 2, "units": 4}, "precision": precision})
    bits = np.iinfo(type).bits
    counts = [0, 1, 5, 200, 255] + [2**power + step for power in range(8, bits, 4) for step in (-1, 0, 1, 3)]
    images = np.random.default_rng(1).choice(np.array(counts, type), (200, 4, 4, 1))
    found = layers(configuration.network, (4, 4, 1))
    weights = initial_weights(found, 1) | initial_statistics(found)
    exact = exact_scores(configuration, weights, images)
    assert exact is not None
    np.testing.assert_array_equal(score(configuration, weights, images), exact.astype(np.float32))


SHORT = {"training": {"epochs": 2, "steps_per_epoch": 5, "batch_size": 16}, "network": {"filters": 2, "units": 4}}


@pytest.fixture
def three_pixels(tmp_path: Path) -> Path:
    """Three sums of a calorimeter an event: nothing is the fourth-highest of them."""
    generator = np.random.default_rng(0)

    def split(events: int) -> Split:
        labels = (np.arange(events) % 2).astype(np.uint8)
        return Split(
            (generator.poisson(2, (events, 1, 3, 1)) + 5 * labels[:, None, None, None]).astype(np.uint16), labels
        )

    save(
        tmp_path / "three.h5", Dataset(split(400), split(200), split(200), Geometry.uniform(1, 3), name="three pixels")
    )
    return tmp_path / "three.h5"


def run_on(data: Path, root: Path, **network: object) -> tuple[list[notebook.Run], list[str]]:
    heard: list[str] = []
    table = SHORT | {"network": {"filters": 2, "units": 4, **network}}
    ids = runs.run([runs.Given(Configuration.parse(table))], root, data=data, tell=heard.append)
    return [notebook.load(root, one) for one in ids], heard


def test_images_without_a_fourth_pixel_lose_that_cut_and_nothing_else(three_pixels: Path, tmp_path: Path) -> None:
    (run,), heard = run_on(three_pixels, tmp_path / "runs", kernels=1, pools=1)
    assert run.status is notebook.Status.FINISHED
    assert set(run.metrics["cuts"]) == {"ht"}
    assert "the cut on the fourth-highest pixel is left out: images have 1 × 3 pixels" in heard


def test_rates_that_the_crossings_cannot_have_are_left_out(small_dataset: Dataset, tmp_path: Path) -> None:
    save(tmp_path / "slow.h5", replace(small_dataset, crossing_rate=40e3))
    (run,), heard = run_on(tmp_path / "slow.h5", tmp_path / "runs")
    assert [point.rate for point in run.measures.points] == [10e3, 30e3]
    assert "100 kHz left out: the crossings come at 40 kHz" in heard


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_written(
    small_dataset: Dataset, tmp_path: Path
) -> None:
    background = Split(small_dataset.test.background, np.zeros(400, np.uint8))
    (tmp_path / "file").touch()
    save(tmp_path / "bad.h5", replace(small_dataset, test=background, crossing_rate=5e3))
    with pytest.raises(checks.CheckError) as caught:
        run_on(tmp_path / "bad.h5", tmp_path / "file" / "runs", filters=[2, 2], pools=[4, 4])
    unfit, lacking, rate, folder = str(caught.value).splitlines()
    assert "pool 4 of convolution 2 leaves nothing of 2 × 1 pixels" in unfit
    assert lacking == "The test split of small has no signal events; both classes are needed."
    assert "10 kHz, 30 kHz, 100 kHz, but the crossings of small come at 5 kHz" in rate
    assert "Nothing can be written into" in folder
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.h5", "file"]


def test_many_networks_that_do_not_fit_are_counted(small_dataset: Dataset) -> None:
    given = [(f"c{size}", Configuration.parse({"network": {"filters": [2], "pools": [size]}})) for size in range(2, 20)]
    sentences = checks.unfit([*given, *given], small_dataset)
    assert [sentence.split(":")[0] for sentence in sentences[:-1]] == ["c7", "c8", "c9", "c10", "c11"]
    assert sentences[-1] == "and 8 more networks that do not fit these images."


def test_a_folder_that_can_be_made_is_no_fault_and_is_not_made(tmp_path: Path) -> None:
    assert checks.unwritable(tmp_path / "a" / "b") == []
    assert not (tmp_path / "a").exists()


def test_events_in_two_splits_are_told_with_their_share(small_dataset: Dataset, tmp_path: Path) -> None:
    assert checks.overlapping(small_dataset) == []
    mixed = Split(
        np.concatenate([small_dataset.test.images[:540], small_dataset.train.images[:60]]), small_dataset.test.labels
    )
    occupied = np.count_nonzero(small_dataset.train.images[:60].reshape(60, -1), axis=1)
    assert occupied.min() >= 8  # else the sentence would be of fewer
    (sentence,) = checks.overlapping(replace(small_dataset, test=mixed))
    assert sentence.startswith("60 images")
    assert "10 % of the test events" in sentence


def test_a_judgement_that_fails_keeps_the_training_and_resume_only_judges(
    small_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "small.h5", small_dataset)
    (whole,), _ = run_on(tmp_path / "small.h5", tmp_path / "whole")

    def fails(*_: object, **__: object) -> None:
        raise OSError("no room for pictures")

    with monkeypatch.context() as patched:
        patched.setattr(runs, "judge", fails)
        with pytest.raises(OSError, match="no room"):
            run_on(tmp_path / "small.h5", tmp_path / "runs")
    epochs: list[Progress] = []
    (resumed,) = runs.resume(tmp_path / "runs", "latest", report=epochs.append)
    assert epochs == []
    found = notebook.load(tmp_path / "runs", resumed)
    assert found.status is notebook.Status.FINISHED
    np.testing.assert_array_equal(found.scores()[0], whole.scores()[0])
