"""Killed at random moments, half of them while it judges and draws, then gone on with: the same bits, the same runs."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from narrowgate import notebook
from narrowgate.events import save

from .small_study import TEXT, data
from .test_search import files

KILLS = 50
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
"""How it is killed, at random; the first is what most of the promise is about."""

JUDGED = b'"step": "judged"'


class Home:
    """A folder with a data set and a study file, in which the command `search` works."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        save(folder / "small.h5", data())
        (folder / "small.toml").write_text(TEXT)
        # Compiled programs are kept between processes, so that most of each one's life is searching.
        self.settings = os.environ | {
            "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }

    def begin(self, name: str) -> subprocess.Popen[bytes]:
        """A process that searches in `name`, or goes on there."""
        root = self.folder / name
        command = [sys.executable, "-m", "narrowgate", "search", str(self.folder / "small.toml")]
        places = [
            "--data",
            str(self.folder / "small.h5"),
            "--studies",
            str(root / "studies"),
            "--runs",
            str(root / "runs"),
        ]
        return subprocess.Popen(command + places, env=self.settings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def is_judged(self, name: str) -> bool:
        """Whether the journal says what the finalists are worth: from there on runs are written and drawn."""
        journal = self.folder / name / "studies" / "small" / "journal.jsonl"
        return journal.exists() and JUDGED in journal.read_bytes()

    def runs(self, name: str) -> list[notebook.Run]:
        return notebook.list_runs(self.folder / name / "runs")


def study_files(home: Home, name: str) -> dict[str, bytes]:
    """All of the study's folder; only the ids of the runs depend on the clock."""
    found = files(home.folder / name / "studies" / "small")
    assert found.pop("runs.json")
    return found


def assert_same_runs(found: list[notebook.Run], wanted: list[notebook.Run]) -> None:
    """As many runs, each once, finished, with the same bits in every file that holds numbers, and all pictures."""
    assert [run.name for run in found] == [run.name for run in wanted]
    for run, other in zip(found, wanted, strict=True):
        assert run.status is notebook.Status.FINISHED
        assert run.curve == other.curve
        assert run.metrics == other.metrics
        for name, values in other.weights().items():
            np.testing.assert_array_equal(run.weights()[name], values)
        np.testing.assert_array_equal(run.scores()[0], other.scores()[0])
        there, wanted_there = (
            sorted(str(path.relative_to(one.folder)) for path in one.folder.rglob("*")) for one in (run, other)
        )
        assert there == wanted_there


@pytest.mark.slow
def test_killed_at_fifty_random_moments_it_ends_the_same(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for time_taken in ("filling the cache", "with it"):
        start = time.monotonic()
        with home.begin(time_taken) as process:
            while not home.is_judged(time_taken) and process.poll() is None:
                time.sleep(0.02)
            judged = time.monotonic()
        assert process.returncode == 0, (tmp_path / "log").read_text()[-2000:]
        whole_time, tail = time.monotonic() - start, time.monotonic() - judged
    wanted, wanted_runs = study_files(home, "with it"), home.runs("with it")
    assert study_files(home, "filling the cache") == wanted
    assert wanted_runs
    dice = random.Random(20220718)
    kills = {"anywhere": 0, "judging and drawing": 0}
    searches, pace = 0, 1.0  # the machine may be busier or less busy than it was just now
    while sum(kills.values()) < KILLS:
        name = f"killed {searches}"
        while True:
            late = kills["judging and drawing"] < kills["anywhere"]
            with home.begin(name) as process:
                if late:
                    resumed = home.is_judged(name)
                    while not home.is_judged(name) and process.poll() is None:
                        time.sleep(0.02)
                    wait = dice.uniform(0.0, tail) + (0.3 * whole_time if resumed else 0.0)
                else:
                    wait = dice.uniform(0.1, 1.0) * whole_time
                try:
                    process.wait(pace * wait)
                except subprocess.TimeoutExpired:
                    how = dice.choice(SIGNALS)
                    process.send_signal(how)
                    kills["judging and drawing" if home.is_judged(name) else "anywhere"] += 1
                    process.wait()
                    pace = min(1.0, 1.1 * pace)
                    continue
            assert process.returncode == 0, (tmp_path / "log").read_text()[-2000:]
            break
        assert study_files(home, name) == wanted
        assert_same_runs(home.runs(name), wanted_runs)
        searches, pace = searches + 1, max(0.05, 0.8 * pace)
        shutil.rmtree(tmp_path / name)
    print(f"{kills}: {sum(kills.values())} kills, {searches} searches, all the same")
    assert kills["judging and drawing"] >= KILLS // 3
