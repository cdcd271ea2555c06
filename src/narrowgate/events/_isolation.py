"""The first look at an HDF5 file from elsewhere: in another process, with limits of time and memory.

A few damaged bytes can end the HDF5 library with a segmentation fault, or let it run for minutes and take gigabytes.
So another process reads the file first; what becomes of that process is told in a sentence. A file that was read well
is remembered by its SHA-256 in the cache folder and is not looked at again.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import monotonic

import h5py

from narrowgate.events._errors import DatasetError
from narrowgate.events._hdf5 import is_hdf5
from narrowgate.files import cache_folder
from narrowgate.files import sha256 as digest_of

SECONDS = 4
"""Of processor time that a file may take to be read, with one more for every `BYTES_A_SECOND` it has."""

BYTES_A_SECOND = 2**20

MEMORY = 2**29
"""Bytes that reading may take in parts, and eight times the file's own size: a chunk may be as large as the file."""

PATIENCE = 15
"""So many times longer may it take by the clock: disks and busy machines are slow."""

SAMPLE = Path(__file__).parent / "data" / "sample.h5"

PROGRAM = """
import json, sys
path, keys, optional, seconds, memory, sys.path[:] = json.loads(sys.argv[1])
from pathlib import Path
from narrowgate.events._isolation import look
said = look(Path(path), keys, optional, seconds, memory)
sys.stdout.buffer.write(said.encode("utf-8", "surrogateescape"))
"""


def check_hdf5(path: Path, keys: Sequence[str] = (), optional: Sequence[str] = ()) -> None:
    """Have another process read what `narrowgate.events._scan.scan` reads, unless it is known that this ends well.

    Raises `DatasetError` when the file is missing or no HDF5, with what the other process has to say against it, or
    with what became of that process.
    """
    if _is_the_sample(path):
        return
    try:
        if not is_hdf5(path):
            raise DatasetError(f"{path}: this is not an intact HDF5 file (it has not the signature of one)")
    except FileNotFoundError:
        raise DatasetError(f"{path}: there is no such file") from None
    except OSError as error:
        raise DatasetError(f"{path}: the file cannot be read ({error.strerror or error})") from error
    with suppress(OSError):
        mark = _mark(path, keys, optional)
        if mark.exists():
            return
    size = path.stat().st_size
    seconds, memory = SECONDS + size // BYTES_A_SECOND, MEMORY + 8 * size
    forks = sys.platform == "linux" and "jax" not in sys.modules  # whose threads a fork would leave behind
    elsewhere = _in_a_fork if forks else _in_a_process
    sentence = elsewhere(path, keys, optional, seconds, memory)
    if sentence:
        raise DatasetError(sentence)
    remember(path, keys, optional)


def remember(path: Path, keys: Sequence[str] = (), optional: Sequence[str] = ()) -> None:
    """Note down that a file is read well; a cache that cannot be written is no error."""
    with suppress(OSError):
        mark = _mark(path, keys, optional)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def look(path: Path, keys: Sequence[str], optional: Sequence[str], seconds: int, memory: int) -> str:
    """Read in this process, which takes on the limits; gives what there is to say against the file."""
    from narrowgate.events._scan import scan

    _limit(seconds, memory)
    try:
        scan(path, keys, optional)
    except DatasetError as error:
        return str(error)
    except MemoryError:
        return f"{path}: this is not an intact HDF5 file (reading it takes more than {memory} bytes of memory)"
    return ""


def _is_the_sample(path: Path) -> bool:
    try:
        return path.samefile(SAMPLE)
    except OSError:
        return False


def _mark(path: Path, keys: Sequence[str], optional: Sequence[str]) -> Path:
    what = json.dumps([digest_of(path), list(keys), list(optional), h5py.version.hdf5_version])
    return cache_folder() / "sound-files" / sha256(what.encode()).hexdigest()


def _limit(seconds: int, memory: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows: the clock alone
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    limits = {
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + seconds + 1,
        resource.RLIMIT_AS: memory + _mapped(resource.getpagesize()),
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in limits.items():
        with suppress(ValueError, OSError):  # stricter limits of the system stay
            resource.setrlimit(kind, (limit, limit))


def _mapped(page: int) -> int:
    """Bytes of address space that this process has; where nobody tells, as much as libraries may map."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * page
    except OSError:
        return 2**34


def _in_a_fork(path: Path, keys: Sequence[str], optional: Sequence[str], seconds: int, memory: int) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            os.write(writing, look(path, keys, optional, seconds, memory).encode("utf-8", "surrogateescape")[:60_000])
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    said, end, late = b"", monotonic() + PATIENCE * seconds, False
    try:
        while not late:
            late = not select.select([reading], [], [], max(0.0, end - monotonic()))[0]
            part = b"" if late else os.read(reading, 65_536)
            if not part:
                break
            said += part
    finally:
        os.close(reading)
        if late or sys.exc_info()[0] is not None:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return _verdict(path, os.waitstatus_to_exitcode(status), late, said, seconds)


def _in_a_process(path: Path, keys: Sequence[str], optional: Sequence[str], seconds: int, memory: int) -> str:
    if not sys.executable:  # Python inside another program
        return ""
    given = json.dumps([str(path), list(keys), list(optional), seconds, memory, sys.path])
    command = [sys.executable, "-c", PROGRAM, given]
    try:
        found = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE * seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return _verdict(path, 0, True, b"", seconds)
    except OSError:  # Python cannot be started anew, say for a user who may not read where it lies
        return ""
    return _verdict(path, found.returncode, False, found.stdout, seconds)


def _verdict(path: Path, code: int, late: bool, said: bytes, seconds: int) -> str:
    """What there is to say against the file; a process that could not do its work (a code above 0) says nothing."""
    if late or -code in (getattr(signal, "SIGXCPU", None), signal.SIGKILL if os.name == "posix" else None):
        return f"{path}: this is not an intact HDF5 file (the HDF5 library did not come to its end within {seconds} s)"
    if code < 0:
        return f"{path}: this is not an intact HDF5 file (it ends the HDF5 library, {signal.Signals(-code).name})"
    return said.decode("utf-8", "surrogateescape") if code == 0 else ""
