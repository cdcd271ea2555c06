"""Mutations of files, and a place to try them in: another process, with limits of time and memory.

A module of targets (`tests.fuzz._readers` is one) has a table `TARGETS` from names to `Target`. `fuzz` lets workers,
one process after the other, mutate the targets' seeds and call them. What a target may raise is `NarrowgateError`;
another exception, a process that dies, more than `SECONDS` for one call or more than `MEMORY` is a fault, and is given
with the number of the execution, from which `mutant` makes the same bytes again.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

SECONDS = 5
"""For one call, in processor time: a busy machine makes no fault."""

MEMORY = 2**30
"""Bytes that one call may take beyond what the process had before."""

MOST_FAULTS = 20
"""After so many a target is left."""

ROOT = Path(__file__).resolve().parents[2]

NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
WORDS = (
    *(
        "null",
        "true",
        "[]",
        "{}",
        '""',
        "-1",
        "0",
        "1e400",
        "-0.0",
        "NaN",
        "Infinity",
        "1e-320",
        "9" * 5000,
        "10" * 150,
    ),
    *('"\\ud800"', '"\\u0000"', "[" * 2000, '{"a":' * 2000, '"../../etc/passwd"', "1.5", '"1"', "[1]", "'", '"', "\n"),
)


@dataclass(frozen=True)
class Target:
    """What is tried: `call` gets the path of a file (named `name`) whose content is a mutation of one of `seeds`.

    With `text` the mutations know of numbers, words and brackets as well.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    call: Callable[[Path], object]
    text: bool = False


@dataclass(frozen=True)
class Fault:
    """One execution that did what none may: the last lines of its traceback, or how the process ended."""

    target: str
    number: int
    what: str


@dataclass(frozen=True)
class Report:
    """How many executions there were, how many of them were refused with a sentence, and the faults."""

    executions: int
    refused: int
    faults: tuple[Fault, ...]


def mutant(target: Target, number: int) -> bytes:
    """The content of execution `number`: the same whenever and wherever it is made."""
    random = Random(f"{target.name} {number}")
    content = random.choice(target.seeds())
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        content = (_text if target.text and random.random() < 0.7 else _bytes)(content, random)
    return content


def _bytes(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    if not changed:
        return random.randbytes(random.randrange(1, 64))
    at = random.randrange(len(changed))
    length = min(len(changed) - at, random.choice((1, 2, 4, 8, 16, 64, 256)))
    match random.randrange(9):
        case 0:
            changed[at] ^= 1 << random.randrange(8)
        case 1:
            changed[at] = random.choice((0, 1, 127, 128, 254, 255, random.randrange(256)))
        case 2:
            size = random.choice((1, 2, 4, 8))
            number = random.choice(NUMBERS) % (1 << 8 * size)
            changed[at : at + size] = number.to_bytes(size, random.choice(("little", "big")))
        case 3:
            del changed[at : at + length]
        case 4:
            changed[at:at] = changed[at : at + length] * random.choice((1, 2, 10))
        case 5:
            changed[at : at + length] = random.randbytes(length)
        case 6:
            del changed[at:]
        case 7:
            there = random.randrange(len(changed))
            changed[at : at + length] = changed[there : there + length]
        case _:
            changed[at : at + length] = bytes([random.choice((0, 255))]) * length
    return bytes(changed)


_TOKEN = re.compile(rb'-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|"(?:[^"\\]|\\.)*"|true|false|null|\[[^\[\]]*\]|[A-Za-z_]+')


def _text(content: bytes, random: Random) -> bytes:
    tokens = list(_TOKEN.finditer(content))
    if not tokens:
        return _bytes(content, random)
    one, other = random.choice(tokens), random.choice(tokens)
    match random.randrange(5):
        case 0 | 1 | 2:
            put = random.choice(WORDS).encode("utf-8", "surrogatepass")
        case 3:
            put = other.group()
        case _:
            put = b""
    return content[: one.start()] + put + content[one.end() :]


def fuzz(module: str, name: str, executions: int, *, seconds: float, first: int = 0) -> Report:
    """Executions `first` to `first + executions` of target `name` in `module`, as far as `seconds` reach."""
    end, number, refused = time.monotonic() + seconds, first, 0
    faults: list[Fault] = []
    while number < first + executions and time.monotonic() < end and len(faults) < MOST_FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            given = [module, name, str(number), str(first + executions), str(end - time.monotonic())]
            worker = subprocess.run(
                [sys.executable, "-m", "tests.fuzz._mutate", *given, folder],
                cwd=ROOT,
                capture_output=True,
                env=os.environ | {"XDG_CACHE_HOME": folder},
                check=False,
            )
        stopped = False
        for line in worker.stdout.decode().splitlines():
            word, count, *rest = line.split(" ", 2)
            number = int(count)
            if word == "refused":
                refused += int(rest[0])
            elif word == "fault":
                faults.append(Fault(name, number, json.loads(rest[0])))
            stopped = stopped or word == "time"
        if worker.returncode != 0:
            faults.append(Fault(name, number, _ending(worker.returncode, worker.stderr.decode(errors="replace"))))
            number += 1
        if stopped:
            break
    return Report(number - first, refused, tuple(faults))


def _ending(code: int, errors: str) -> str:
    ending = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return f"{ending}: {errors[-2000:]}"


def _work(module: str, name: str, first: int, end: int, seconds: float, folder: Path) -> None:
    """One worker: tells the number of every execution before it begins, and of every fault what it was."""
    target: Target = importlib.import_module(module).TARGETS[name]
    raised, started, refused = _may_raise(), time.monotonic(), 0
    path = folder / target.name
    os.chdir(folder)
    target.seeds()
    limit = _address_space() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open(1, "wb", buffering=0, closefd=False) as out:
        for number in range(first, end):
            if time.monotonic() - started > seconds:
                out.write(f"refused {number} {refused}\ntime {number}\n".encode())
                return
            out.write(f"at {number}\n".encode())
            path.unlink(missing_ok=True)
            path.write_bytes(mutant(target, number))
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # its signal ends the process, in whatever code it is
            signal.setitimer(signal.ITIMER_REAL, 20 * SECONDS)  # and so does that of the clock
            try:
                target.call(path)
            except raised:
                refused += 1
            except Exception:
                out.write(f"fault {number} {json.dumps(traceback.format_exc()[-2000:])}\n".encode())
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                signal.setitimer(signal.ITIMER_REAL, 0)
        out.write(f"refused {end} {refused}\n".encode())


def _may_raise() -> type[Exception]:
    from narrowgate.errors import NarrowgateError

    return NarrowgateError


def _address_space() -> int:
    """Bytes that this process has mapped; on systems that do not tell, a generous guess."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 2**33


if __name__ == "__main__":
    module_name, target_name, first_number, last_number, at_most, where = sys.argv[1:]
    _work(module_name, target_name, int(first_number), int(last_number), float(at_most), Path(where))
