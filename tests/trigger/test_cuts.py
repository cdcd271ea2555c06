"""The cut-based triggers against plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from narrowgate.trigger import fourth_pixel, ht

images = arrays.arrays(np.uint16, st.tuples(st.integers(0, 5), st.integers(2, 5), st.integers(2, 4), st.integers(1, 2)))


@given(images, st.sampled_from([0.5, 1.0, 0.25]))
def test_cuts_are_what_they_say(image: NDArray[np.uint16], lsb: float) -> None:
    pixels = [sorted(int(tower.sum()) for row in event for tower in row) for event in image.astype(int)]
    assert ht(image, lsb).tolist() == [sum(event) * lsb for event in pixels]
    assert fourth_pixel(image, lsb).tolist() == [event[-4] * lsb for event in pixels]


def test_more_images_than_one_chunk() -> None:
    generator = np.random.default_rng(0)
    many = generator.integers(0, 1024, (40_000, 3, 4, 1), dtype=np.uint16)
    np.testing.assert_array_equal(ht(many, 0.5), many.astype(float).sum(axis=(1, 2, 3)) * 0.5)
    np.testing.assert_array_equal(fourth_pixel(many, 0.5), np.sort(many.reshape(40_000, 12))[:, -4] * 0.5)


def test_small_integers_do_not_wrap_round() -> None:
    full = np.full((1, 20, 12, 2), 255, dtype=np.uint8)
    assert ht(full, 0.5).tolist() == [255 * 480 * 0.5]
    assert fourth_pixel(full, 0.5).tolist() == [255.0]


def test_bad_images_get_a_sentence() -> None:
    for cut in (ht, fourth_pixel):
        with pytest.raises(ValueError, match="integers of shape"):
            cut(np.zeros((2, 20, 12), dtype=np.uint16), 0.5)
        with pytest.raises(ValueError, match="integers of shape"):
            cut(np.zeros((2, 20, 12, 1)), 0.5)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="lsb is 0"):
            cut(np.zeros((2, 20, 12, 1), dtype=np.uint16), 0.0)
    with pytest.raises(ValueError, match="no fourth-highest pixel"):
        fourth_pixel(np.zeros((2, 3, 1, 1), dtype=np.uint16), 0.5)
