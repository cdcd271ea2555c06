"""kill -9 at random moments, then go on: the same journal, winners and bits as without."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .small_study import find
from .test_search import files

PROGRAM = Path(__file__).with_name("small_study.py")
KILLS = 20


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_ends_the_same(tmp_path: Path) -> None:
    outcome = find(tmp_path / "whole")
    wanted = files(tmp_path / "whole" / "small")
    # Compiled programs are kept between processes, so that most of each one's life is searching.
    settings = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    for time_taken in ("filling the cache", "with it"):
        start = time.monotonic()
        subprocess.run([sys.executable, PROGRAM, tmp_path / time_taken], check=True, env=settings)
        whole_time = time.monotonic() - start
        assert files(tmp_path / time_taken / "small") == wanted
    killed = tmp_path / "killed"
    dice = random.Random(20220718)
    kills, ends, places = 0, 0, set()
    while kills < KILLS:
        with subprocess.Popen([sys.executable, PROGRAM, killed], env=settings) as process:
            try:
                process.wait(dice.uniform(0.2, 1.0) * whole_time)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += 1
                journal = killed / "small" / "journal.jsonl"
                places.add(journal.read_bytes().count(b"\n") if journal.exists() else 0)
                continue
        assert process.returncode == 0
        assert files(killed / "small") == wanted
        ends += 1
        shutil.rmtree(killed)
    assert find(killed) == outcome
    assert files(killed / "small") == wanted
    print(f"{kills} kills, after {len(places)} different lines of the journal; {ends + 1} searches, all the same")
