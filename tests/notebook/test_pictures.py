import struct
from pathlib import Path

import numpy as np
import pytest

from narrowgate.notebook import NotebookError, draw
from narrowgate.notebook.plots._comparison import Group, Panel, plot_comparison
from narrowgate.notebook.plots._scores import plot_scores, score_bins
from narrowgate.notebook.plots._training import plot_training
from narrowgate.trigger import fourth_pixel, ht

from .notebook_example import LABELS, LSB, curve, events


def size(path: Path) -> tuple[int, int]:
    """Width and height in the header of a PNG file."""
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content.endswith(b"IEND\xaeB`\x82")
    width, height = struct.unpack(">II", content[16:24])
    return int(width), int(height)


def test_a_run_gets_four_pictures_and_the_same_ones_again(tmp_path: Path) -> None:
    scores, images = events()
    cuts = {"HT": ht(images, LSB), "fourth pixel": fourth_pixel(images, LSB)}
    for folder in ("one", "two"):
        draw(tmp_path / folder, curve=curve(), scores=scores, labels=LABELS, cuts=cuts, title="a $ b $", subtitle="x")
    pictures = sorted((tmp_path / "one" / "plots").iterdir())
    assert [picture.name for picture in pictures] == ["efficiency.png", "roc.png", "scores.png", "training.png"]
    for picture in pictures:
        width, height = size(picture)
        assert width == 1120
        assert height >= 736
        assert picture.read_bytes() == (tmp_path / "two" / "plots" / picture.name).read_bytes()


def test_pictures_follow_the_data(tmp_path: Path) -> None:
    plot_training(tmp_path / "smooth.png", curve(), title="x")
    plot_training(tmp_path / "rough.png", curve(jumps=0.3), title="x")
    assert (tmp_path / "smooth.png").read_bytes() != (tmp_path / "rough.png").read_bytes()


def test_odd_trainings_are_drawn(tmp_path: Path) -> None:
    plot_training(tmp_path / "one.png", curve(1), title="one epoch")
    diverged = {**curve(3), "loss": [0.3, float("nan"), float("nan")]}
    plot_training(tmp_path / "diverged.png", diverged, title="diverged")
    plot_training(tmp_path / "bare.png", {"epoch": [1, 2], "loss": [0.2, 0.1]}, title="bare")
    for name in ("one", "diverged", "bare"):
        size(tmp_path / f"{name}.png")
    with pytest.raises(NotebookError, match="a training curve without an epoch"):
        plot_training(tmp_path / "none.png", {"epoch": []}, title="none")
    assert not (tmp_path / "none.png").exists()


def test_odd_scores_are_drawn(tmp_path: Path) -> None:
    labels = np.array([1, 1, 0, 0])
    plot_scores(tmp_path / "same.png", np.zeros(4), labels, threshold=0.0, rate=1e4, title="all the same")
    with_nan = np.array([1.0, np.nan, -np.inf, 0.0])
    plot_scores(tmp_path / "nan.png", with_nan, labels, threshold=np.inf, rate=1e4, title="not finite")
    size(tmp_path / "same.png")
    size(tmp_path / "nan.png")
    with pytest.raises(NotebookError, match="without a finite score of signal and one of background"):
        plot_scores(tmp_path / "none.png", np.zeros(4), np.ones(4), threshold=0.0, rate=1e4, title="no background")


@pytest.mark.parametrize("step", [0.25, 0.03125, 0.0625])
def test_bins_of_fixed_point_scores_hold_whole_steps(step: float) -> None:
    random = np.random.default_rng(2)
    scores = np.clip(np.round(random.normal(0, 3, 20000) / step) * step, -8, 8 - step)
    edges = score_bins(scores)
    assert edges[0] < scores.min()
    assert edges[-1] > scores.max()
    steps_per_bin = np.diff(edges) / step
    np.testing.assert_allclose(steps_per_bin, np.round(steps_per_bin[0]), rtol=1e-9)
    offset = np.abs((edges - scores.min()) / step % 1.0)
    np.testing.assert_allclose(offset, 0.5, atol=1e-6)


def test_bins_of_continuous_scores_cover_them() -> None:
    scores = np.random.default_rng(1).normal(size=1000)
    edges = score_bins(scores)
    assert len(edges) == 81
    assert edges[0] == scores.min()
    assert edges[-1] == scores.max()
    assert len(score_bins(np.full(3, 2.5))) == 2


def test_a_comparison_grows_with_its_runs(tmp_path: Path) -> None:
    one = Panel(1e4, [0.9], [0.88], [0.91], [True], [Group(1, {"HT": 0.86})])
    three = Panel(1e5, [0.9, 0.7, 0.8], [0.88, 0.7, 0.8], [0.91, 0.7, 0.85], [True, False, False], [Group(3, {})])
    plot_comparison(tmp_path / "one.png", ["float"], [one])
    plot_comparison(tmp_path / "three.png", ["float", "(12,2)", "$"], [three, three])
    assert size(tmp_path / "three.png")[0] > size(tmp_path / "one.png")[0]
    assert size(tmp_path / "three.png")[1] > size(tmp_path / "one.png")[1]
    with pytest.raises(NotebookError, match="there is no efficiency to compare"):
        plot_comparison(tmp_path / "none.png", ["float"], [])
