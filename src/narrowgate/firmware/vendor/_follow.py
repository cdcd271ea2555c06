"""Long programs run with progress and a time limit, at whose end they and what they started are gone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from narrowgate.firmware._tools import DEEP_STACK
from narrowgate.integers import FirmwareError


def follow(
    command: Sequence[str],
    folder: Path,
    log: Path,
    *,
    tool: str,
    step: re.Pattern[str],
    seconds: float,
    progress: Callable[[str], None],
) -> None:
    """Run a program in `folder`, its output in the file `log`; tell each `step`, a group of a line, as it begins.

    Raises:
        FirmwareError: it fails, with its first complaint, or runs longer than `seconds`, with its last step.
    """
    deadline = time.perf_counter() + seconds
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [*DEEP_STACK, *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    steps = _Steps(log, step, progress)
    try:
        while process.poll() is None:
            steps.tell()
            if time.perf_counter() > deadline:
                raise FirmwareError(
                    f"{tool} took longer than {seconds:.0f} s and was stopped; its last step: {steps.last or 'none'}."
                )
            time.sleep(0.2)
        steps.tell()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").splitlines()
        complaint = next((line for line in said if line.startswith("ERROR")), f"see {log.name}")
        raise FirmwareError(f"{tool} failed in {folder}: {complaint}")


@dataclass
class _Steps:
    """What a growing log tells, each step once."""

    log: Path
    pattern: re.Pattern[str]
    progress: Callable[[str], None]
    last: str = ""
    position: int = 0

    def tell(self) -> None:
        """Read on, to the end of the last whole line."""
        with self.log.open("rb") as log:
            log.seek(self.position)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.position += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            match = self.pattern.match(line)
            if match and match["step"] != self.last:
                self.last = match["step"]
                self.progress(self.last)
