"""Who convolves: measured once, remembered, the same for everybody, and kept by a resumed training."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import numpy as np
import pytest

from narrowgate import native
from narrowgate.events import Dataset
from narrowgate.network import Configuration, _choice, convolutions, keep_convolutions
from narrowgate.network._choice import Choice, decide, measure
from narrowgate.training import CheckpointError, Progress, train
from narrowgate.training._population import forget_compiled

pytestmark = pytest.mark.skipif(not native.available(), reason=native.why_not() or "available")


def never() -> float:
    raise AssertionError("this has been measured")


@pytest.mark.parametrize(("ratio", "chosen"), [(0.25, False), (0.99, False), (1.0, True), (2.5, True)])
def test_native_functions_are_used_only_where_they_are_not_slower(ratio: float, chosen: bool, tmp_path: Path) -> None:
    found = decide(tmp_path / "cache" / "native.json", lambda: ratio)
    assert (found.native, found.ratio) == (chosen, ratio)
    assert f"{ratio:.2f} times as long" in found.reason
    assert decide(tmp_path / "cache" / "native.json", never) == found


def test_every_instruction_set_is_measured_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = tmp_path / "native.json"
    first = decide(memory, lambda: 3.0)
    monkeypatch.setattr(native, "instruction_set", lambda: "another")
    assert not decide(memory, lambda: 0.5).native
    monkeypatch.undo()
    assert decide(memory, never) == first


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 3}', "DAMAGED"])
def test_a_damaged_memory_is_written_anew(content: str, tmp_path: Path) -> None:
    memory = tmp_path / "native.json"
    decide(memory, lambda: 3.0)
    (key,) = json.loads(memory.read_text(encoding="utf-8"))
    entry = {key: {"native": "yes", "ratio": [], "reason": 3}}
    memory.write_text(json.dumps(entry) if content == "DAMAGED" else content, encoding="utf-8")
    assert not decide(memory, lambda: 0.5).native
    assert not decide(memory, never).native


def test_who_measures_at_once_chooses_alike(tmp_path: Path) -> None:
    """The first that is ready is everybody's."""

    def measuring(ratio: float) -> float:
        sleep(0.3 * ratio)
        return ratio

    with ThreadPoolExecutor(2) as pool:
        found = set(pool.map(lambda ratio: decide(tmp_path / "native.json", lambda: measuring(ratio)), [0.2, 2.0]))
    assert found == {decide(tmp_path / "native.json", never)}


@pytest.mark.parametrize(("ratio", "chosen"), [(0.5, False), (1.1, False), (1.5, True)])
def test_where_nothing_can_be_remembered_it_must_be_clear(ratio: float, chosen: bool, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the folder's place", encoding="utf-8")
    found = decide(tmp_path / "cache" / "native.json", lambda: ratio)
    assert found.native == chosen
    assert "could not be remembered" in found.reason


def test_the_measurement_compares_the_two() -> None:
    assert 0.01 < measure() < 100


@pytest.mark.parametrize(("said", "chosen"), [("off", False), pytest.param("ON ", True, marks=pytest.mark.slow)])
def test_the_environment_pins_it(said: str, chosen: bool, tmp_path: Path) -> None:
    """Without a measurement: there is no file afterwards."""
    code = "from narrowgate.network import convolutions as c; print(c().native, c().reason)"
    environment = os.environ | {native.SWITCH: said}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{chosen} {native.SWITCH} says so"


@pytest.fixture
def undone() -> Iterator[None]:
    kept = list(_choice._kept)
    yield
    _choice._kept[:] = kept
    forget_compiled()


SMALL = {"network": {"filters": [2], "units": [4]}, "training": {"epochs": 2, "steps_per_epoch": 3, "batch_size": 32}}


def test_a_resumed_training_keeps_the_choice_that_it_was_begun_with(
    small_dataset: Dataset, tmp_path: Path, undone: None
) -> None:
    here = convolutions().in_words
    configuration = Configuration.parse(SMALL)
    assert keep_convolutions("")
    forget_compiled()
    (whole,) = train([configuration], small_dataset)

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train([configuration], small_dataset, checkpoint=tmp_path, report=stop)
    _choice._kept.append(Choice(True, None, "another process"))
    forget_compiled()
    assert convolutions().native
    (resumed,) = train([configuration], small_dataset, checkpoint=tmp_path)
    assert not convolutions().native
    for name, weights in whole.weights.items():
        np.testing.assert_array_equal(weights, resumed.weights[name])
    assert keep_convolutions(here)


def test_a_checkpoint_of_another_instruction_set_is_refused(
    small_dataset: Dataset, tmp_path: Path, undone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    _choice._kept.append(Choice(True, None, "here"))
    configuration = Configuration.parse(SMALL)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(native, "instruction_set", lambda: "x86-64-v9")
        train([configuration], small_dataset, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match=r"written with native convolutions \(x86-64-v9\), here there would be"):
        train([configuration], small_dataset, checkpoint=tmp_path)
