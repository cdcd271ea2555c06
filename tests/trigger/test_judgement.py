"""Everything in one call, and as JSON."""

import json

import numpy as np
import pytest

from narrowgate.trigger import (
    Judgement,
    accuracy,
    area_under_curve,
    background_rejection,
    fourth_pixel,
    ht,
    judge,
    working_points,
)


def sample(signal: int = 1_000, background: int = 15_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    labels = np.repeat([1, 0], [signal, background]).astype(np.uint8)
    images = generator.poisson(1.0 + labels[:, None, None, None], (labels.size, 5, 4, 2)).astype(np.uint16)
    return generator.normal(size=labels.size) + 4 * labels, labels, images


def test_a_judgement_is_the_sum_of_its_parts() -> None:
    scores, labels, images = sample()
    rates, efficiencies = (50e3, 500e3), (0.5, 0.9)
    result = judge(scores, labels, rates=rates, signal_efficiencies=efficiencies, images=images, lsb=0.5)
    signal, background = scores[labels == 1], scores[labels == 0]
    assert result.accuracy == accuracy(scores, labels)
    assert result.plain_accuracy == accuracy(scores, labels, balanced=False)
    assert result.area_under_curve == area_under_curve(scores, labels)
    assert result.working_points == working_points(signal, background, rates)
    assert result.rejections == background_rejection(signal, background, efficiencies)
    for name, cut in (("ht", ht), ("fourth_pixel", fourth_pixel)):
        energy = cut(images, 0.5)
        assert result.cuts[name] == working_points(energy[labels == 1], energy[labels == 0], rates)
    assert (result.signal_events, result.background_events) == (1_000, 15_000)


def test_a_judgement_finds_its_working_points_by_rate() -> None:
    scores, labels, _ = sample()
    result = judge(scores, labels)
    assert [point.rate for point in result.working_points] == [10e3, 30e3, 100e3]
    assert result.at_rate(30e3) is result.working_points[1]
    with pytest.raises(ValueError, match="its rates are 10000, 30000, 100000 Hz"):
        result.at_rate(20e3)


def test_warnings_are_gathered() -> None:
    scores, labels, _ = sample()
    result = judge(scores, labels, rates=(10e3, 1e6))
    assert result.warnings == (result.at_rate(10e3).warning,)
    assert "Only 4 background events" in result.warnings[0]


def test_json_holds_everything_and_infinity_is_null() -> None:
    scores, labels, images = sample()
    scores = scores + 10 * labels
    result = judge(scores, labels, images=images, lsb=0.5)
    read = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert set(read) == set(Judgement.__dataclass_fields__)
    assert read["working_points"][0]["efficiency"] == result.working_points[0].efficiency
    assert read["rejections"][0]["rejection"] is None
    assert read["rejections"][0]["low"] == result.rejections[0].low > 1_000
    assert set(read["cuts"]) == {"ht", "fourth_pixel"}
    assert len(read["cuts"]["ht"]) == 3


def test_confidence_and_crossing_rate_reach_every_number() -> None:
    scores, labels, images = sample()
    result = judge(scores, labels, confidence=0.95, crossing_rate=1e6, images=images, lsb=0.5)
    points = [*result.working_points, *result.cuts["ht"], *result.cuts["fourth_pixel"]]
    assert {point.confidence for point in points} == {0.95}
    assert {rejection.confidence for rejection in result.rejections} == {0.95}
    assert result.at_rate(10e3).deciding == 150
    assert result.cuts["ht"][0].measured_rate <= 10e3


def test_images_need_an_lsb_and_one_image_an_event() -> None:
    scores, labels, images = sample()
    with pytest.raises(ValueError, match="without an lsb"):
        judge(scores, labels, images=images)
    with pytest.raises(ValueError, match="16000"):
        judge(scores, labels, images=images[:-1], lsb=0.5)
