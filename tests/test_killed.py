"""Kill `train` at random moments, then go on: the same bits, the same set of runs, and nothing left over."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from narrowgate import notebook
from narrowgate.events import Dataset, save

KILLS = 50
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
CONFIGURATION = """
name = "{name}"
[network]
filters = [2]
units = [4]
[precision]
conv = "{conv}"
dense = "{conv}"
batchnorm = "{conv}"
activation = "{conv}"
[training]
epochs = 150
steps_per_epoch = 20
batch_size = 32
validation_events = 64
"""


class Trainings:
    """Processes that train the same two networks on the same data, in folders of their own."""

    def __init__(self, home: Path, dataset: Dataset) -> None:
        self.home = home
        save(home / "small.h5", dataset)
        for name, conv in (("float", "float"), ("fixed", "(8,2)")):
            (home / f"{name}.toml").write_text(CONFIGURATION.format(name=name, conv=conv))
        # Compiled programs are kept between processes, so that most of each one's life is training.
        self.settings = os.environ | {
            "JAX_COMPILATION_CACHE_DIR": str(home / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }

    def begin(self, root: Path) -> "subprocess.Popen[bytes]":
        """Train, or go on where runs were begun in `root`."""
        begun = bool(notebook.list_runs(root))
        words = ["--resume", "latest"] if begun else [self.home / "float.toml", self.home / "fixed.toml"]
        command = [sys.executable, "-m", "narrowgate", "train", *map(str, words), "--runs", str(root)]
        command += [] if begun else ["--data", str(self.home / "small.h5")]
        return subprocess.Popen(command, env=self.settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def content(root: Path) -> list[dict[str, Any]]:
    """Everything in the folders of the runs in `root`, but for times, and for what tells them."""
    found = []
    for run in notebook.list_runs(root):
        assert run.status is notebook.Status.FINISHED, run.reason
        notebook.load(root, run.id)
        files: dict[str, Any] = {
            str(path.relative_to(run.folder)): path.read_bytes() for path in run.folder.rglob("*") if path.is_file()
        }
        metrics = json.loads(files["metrics.json"])
        files["metrics.json"] = {key: value for key, value in metrics.items() if key != "seconds"}
        for name in ("run.json", "run.md", "environment.json"):
            files[name] = True
        found.append(files)
    return found


def judging(root: Path) -> bool:
    """Whether the training is over, and judging or drawing has begun."""
    return bool(list(root.glob("*/weights.safetensors")))


@pytest.mark.slow
def test_killed_at_fifty_random_moments_half_of_them_while_judging_it_ends_the_same(
    small_dataset: Dataset, tmp_path: Path
) -> None:
    trainings = Trainings(tmp_path, small_dataset)
    for name in ("filling the cache", "whole"):
        start = time.monotonic()
        process = trainings.begin(tmp_path / name)
        while not judging(tmp_path / name):
            time.sleep(0.005)
        until_judging = time.monotonic() - start
        assert process.wait() == 0
        rest = time.monotonic() - start - until_judging
    wanted = content(tmp_path / "whole")
    assert len(wanted) == 2
    assert sorted(wanted[0]) == sorted(wanted[1])
    assert sum(name.startswith("plots/") for name in wanted[0]) == 4
    dice, life, kills, late, ends = random.Random(20220718), 0, 0, 0, 0
    while kills < KILLS or notebook.list_runs(tmp_path / f"life {life}"):
        root = tmp_path / f"life {life}"
        process = trainings.begin(root)
        if kills < KILLS and dice.random() < 0.85:
            if late < kills / 2:  # half of the kills fall into judging and drawing
                while not judging(root) and process.poll() is None:
                    time.sleep(0.002)
                wait = dice.uniform(0.0, rest)
            else:
                wait = dice.uniform(0.3, 1.0) * until_judging
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                late += judging(root)
                process.send_signal(dice.choice(SIGNALS))
                kills += 1
        process.wait()
        statuses = [run.status for run in notebook.list_runs(root)]
        assert notebook.Status.DAMAGED not in statuses
        if len(statuses) == 1:
            life += 1  # killed between the making of the first folder and of the second
        elif statuses == [notebook.Status.FINISHED] * 2:
            found = content(root)
            assert [sorted(one) for one in found] == [sorted(one) for one in wanted]
            for one, other in zip(found, wanted, strict=True):
                assert [name for name in other if one[name] != other[name]] == []
            life, ends = life + 1, ends + 1
    print(f"{kills} kills, {late} of them while judging or drawing; {ends} trainings of two runs, all the same")
    assert late >= KILLS // 3
