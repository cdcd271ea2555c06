import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from narrowgate.files import FileError, HeldError, Lease, LostError, Process, holder_of, locked
from narrowgate.files import _lease as module

from ..notebook.notebook_example import run_elsewhere

HOLD = """
import time
from narrowgate.files import Lease
lease = Lease.take(folder, what="this")
time.sleep(600)
"""


def elsewhere(folder: Path, *, age: float = 0.0, **changes: Any) -> None:
    """Make the lease in `folder` one of another machine, `age` seconds after its last sign of life."""
    path = folder / "lease.json"
    content = json.loads(path.read_text())
    content["process"] |= {"host": "node-a.cluster"}
    path.write_text(json.dumps(content | changes))
    os.utime(path, (time.time() - age, time.time() - age))


def test_a_folder_is_held_once_and_given_back(tmp_path: Path) -> None:
    with Lease.take(tmp_path, what="the study") as lease:
        lease.check()
        with pytest.raises(HeldError, match=f"the study is held by process {os.getpid()} on .* at work; wait for it"):
            Lease.take(tmp_path, what="the study")
        with pytest.raises(HeldError, match="stop it"):  # nobody takes from a living process
            Lease.take(tmp_path, what="the study", take_over=True)
    assert not list(tmp_path.iterdir())
    Lease.take(tmp_path, what="the study").release()


def test_what_a_killed_process_held_is_free(tmp_path: Path) -> None:
    process = run_elsewhere(HOLD, folder=tmp_path)
    while holder_of(tmp_path) is None:
        time.sleep(0.002)
    with pytest.raises(HeldError, match=f"held by process {process.pid}"):
        Lease.take(tmp_path, what="this")
    process.kill()
    process.join()
    with Lease.take(tmp_path, what="this"):
        pass


def test_a_number_that_the_kernel_gave_again_is_not_the_holder() -> None:
    alive = Process.current()
    assert alive.is_alive_here()
    assert not alive.has_ended()
    later = Process(alive.host, alive.number, "1", alive.kernel)
    assert later.has_ended()
    assert not Process("node-a", alive.number, alive.ticks, alive.kernel).has_ended()
    same_name = Process(socket.gethostname(), alive.number, alive.ticks, "another boot pid:[1]")
    assert not same_name.is_alive_here()
    assert not same_name.has_ended()
    assert Process(alive.host, 2**40, alive.ticks, alive.kernel).has_ended()


def test_a_holder_on_another_machine_is_waited_for_unless_somebody_knows_better(tmp_path: Path) -> None:
    first = Lease.take(tmp_path, what="run x")
    elsewhere(tmp_path, age=42.0)
    with pytest.raises(HeldError, match=r"on node-a.cluster, whose last sign of life was 4\d s ago; .* --take-over"):
        Lease.take(tmp_path, what="run x")
    second = Lease.take(tmp_path, what="run x", take_over=True)
    with pytest.raises(LostError, match=f"taken over by process {os.getpid()}"):
        first.check()
    first.renew()
    first.release()  # no longer its own to give back
    second.check()
    second.release()


def test_a_holder_on_another_machine_counts_as_gone_after_five_silent_minutes(tmp_path: Path) -> None:
    Lease.take(tmp_path, what="run x")
    elsewhere(tmp_path, age=299.0)
    with pytest.raises(HeldError):
        Lease.take(tmp_path, what="run x")
    elsewhere(tmp_path, age=301.0)
    Lease.take(tmp_path, what="run x").release()


def test_a_holder_whose_clock_is_ahead_is_alive(tmp_path: Path) -> None:
    Lease.take(tmp_path, what="run x")
    elsewhere(tmp_path, age=-3600.0)
    with pytest.raises(HeldError, match="0 s ago"):
        Lease.take(tmp_path, what="run x")


def test_a_lease_is_renewed_while_its_process_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEWED", 0.02)
    monkeypatch.setattr(module, "_renewer", module._Renewer())
    with Lease.take(tmp_path, what="run x"):
        os.utime(tmp_path / "lease.json", (0, 0))
        deadline = time.monotonic() + 30
        while (tmp_path / "lease.json").stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        holder = holder_of(tmp_path)
        assert holder is not None
        assert holder.age < 60


@pytest.mark.parametrize(
    "text",
    ["", "[", "[" * 100_000, "[]", '{"process": 3}', '{"token": "a", "process": {"host": "a", "number": -1}}', "\xff"],
)
def test_a_damaged_lease_is_somebodys_until_it_is_old(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lease.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HeldError, match="another process"):
        Lease.take(tmp_path, what="run x")
    os.utime(path, (0, 0))
    Lease.take(tmp_path, what="run x").release()


def test_one_of_many_that_ask_at_once_holds_the_folder(tmp_path: Path) -> None:
    taken: list[Lease] = []

    def ask() -> None:
        try:
            taken.append(Lease.take(tmp_path, what="this"))
        except HeldError:
            return

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    taken[0].release()


def test_a_lock_where_the_file_system_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(descriptor: int, operation: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", unknown)
    inside = 0
    most = 0

    def count() -> None:
        nonlocal inside, most
        for _ in range(20):
            with locked(tmp_path):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert not list(tmp_path.iterdir())
    (tmp_path / ".lock").touch()  # left by a killed process
    monkeypatch.setattr("narrowgate.files._lock.PATIENCE", 0.05)
    with locked(tmp_path):
        pass


def test_a_folder_that_is_not_there_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"nowhere cannot be opened: No such file"), locked(tmp_path / "nowhere"):
        pass
