"""Scores and labels are checked once, with sentences."""

import numpy as np
import pytest

from narrowgate.trigger import accuracy, separate


def test_separate_keeps_the_order_of_each_class() -> None:
    signal, background = separate([3, 1, 2, 5], [1, 0, 1, 0])
    assert signal.tolist() == [3.0, 2.0]
    assert background.tolist() == [1.0, 5.0]


@pytest.mark.parametrize(
    ("scores", "labels", "sentence"),
    [
        ([], [], "There are no scores"),
        ([[1.0], [2.0]], [0, 1], r"shape \(2, 1\)"),
        ([1.0, np.nan, np.inf], [0, 1, 1], "2 of the 3 scores are NaN or infinite"),
        ([1.0, 2.0], [0, 1, 1], "there are 2 events to label"),
        ([1.0, 2.0], [0, 2], "neither 0"),
        ([1.0, 2.0], [0, np.nan], "neither 0"),
        ([1.0, 2.0], [1, 1], "one class only"),
        ([1.0, 2.0], [0, 0], "one class only"),
    ],
)
def test_bad_input_gets_a_sentence(scores: list[float], labels: list[float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        separate(scores, labels)
    with pytest.raises(ValueError, match=sentence):
        accuracy(scores, labels)


def test_boolean_and_integer_labels_mean_the_same() -> None:
    labels = np.array([True, False, True])
    for other in (labels.astype(np.uint8), labels.astype(np.float32), labels.tolist()):
        assert separate([1, 2, 3], other)[0].tolist() == separate([1, 2, 3], labels)[0].tolist()
