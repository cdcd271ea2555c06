"""kill -9 at random moments, then go on: the same journal, winners and bits as without."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .small_study import find
from .test_search import files

PROGRAM = Path(__file__).with_name("small_study.py")


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_ends_the_same(tmp_path: Path) -> None:
    outcome = find(tmp_path / "whole")
    # Compiled programs are kept between processes, so that most of each one's life is searching.
    settings = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    start = time.monotonic()
    subprocess.run([sys.executable, PROGRAM, tmp_path / "warm"], check=True, env=settings)
    whole_time = time.monotonic() - start
    dice = random.Random(20220718)
    kills = 0
    for _ in range(20):
        with subprocess.Popen([sys.executable, PROGRAM, tmp_path / "killed"], env=settings) as process:
            try:
                process.wait(dice.uniform(0.2, 1.0) * whole_time)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += 1
            else:
                assert process.returncode == 0
                assert files(tmp_path / "killed" / "small") == files(tmp_path / "whole" / "small")
                for path in sorted((tmp_path / "killed").rglob("*"), reverse=True):
                    path.unlink() if path.is_file() else path.rmdir()
    assert kills >= 5
    assert find(tmp_path / "killed") == outcome
    assert files(tmp_path / "killed" / "small") == files(tmp_path / "whole" / "small")
