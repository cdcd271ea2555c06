"""What is told before the first step."""

from __future__ import annotations

import numpy as np
import pytest

from narrowgate import checks
from narrowgate.events import Dataset, Geometry, Split
from narrowgate.integers import exact_scores
from narrowgate.network import Configuration, initial_statistics, initial_weights, layers
from narrowgate.training import score


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
