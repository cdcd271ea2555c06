"""Who writes a folder: a process, known well enough that another machine's, or a later one's, is not taken for it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Process:
    """A process: its machine, its number there, and when the kernel started it (ticks).

    `kernel` names the running kernel and the space of process numbers: a container, or a machine that was started anew,
    may have the name of another. It is empty where the system does not tell it, and in records before version 1.
    """

    host: str
    number: int
    ticks: str
    kernel: str = ""

    @classmethod
    def current(cls) -> Self:
        """This process."""
        return cls(socket.gethostname(), os.getpid(), _ticks(os.getpid()), _kernel())

    def is_here(self) -> bool:
        """Whether its numbers are those that this process sees."""
        return self.host == socket.gethostname() and (not self.kernel or self.kernel == _kernel())

    def is_alive_here(self) -> bool:
        """Whether it is seen to live; False too for one that this process cannot see."""
        if not self.is_here():
            return False
        try:
            os.kill(self.number, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except PermissionError:
            pass
        return _ticks(self.number) == self.ticks

    def has_ended(self) -> bool:
        """Whether it is known to be gone; one on another machine may live."""
        return self.is_here() and not self.is_alive_here()

    def __str__(self) -> str:
        return f"process {self.number} on {self.host}"


def _ticks(number: int) -> str:
    """Start time of a process where the kernel tells it (Linux), so that a number used again is not taken for it."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _kernel() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except (OSError, ValueError):
        return ""
