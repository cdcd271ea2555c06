"""What the commands share: options, where tables go, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from narrowgate.files import as_utf8

WIDE = 140
"""Columns of a table that goes into a file or a pipe: wide enough that no word of it is cut."""

out = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDE)

Root = Annotated[Path, typer.Option("--runs", help="Folder that holds the runs.", envvar="NARROWGATE_RUNS")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
RunName = Annotated[str, typer.Argument(help="A run's id, the beginning of one, or `latest`.", metavar="RUN")]
DataFile = Annotated[
    Path | None, typer.Option("--data", help="A data set: narrowgate's own file, HDF5 or NPZ. Default: the sample.")
]

TakeOver = Annotated[
    bool,
    typer.Option(
        "--take-over",
        help="Also if a process on another machine (host) is said to work on it: for when that machine is gone.",
    ),
]


def speak_any_encoding() -> None:
    """Let a terminal, a pipe or a log in another encoding than UTF-8 have `?` for what it cannot hold."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def settings_of(texts: list[str] | None) -> dict[str, str]:
    """The pairs of `--set key=value …`."""
    pairs = {}
    for text in texts or []:
        key, separator, value = as_utf8(text).partition("=")
        if not separator or not key:
            raise typer.BadParameter(f"{text!r} is not of the form key=value.", param_hint="--set")
        pairs[key.strip()] = value.strip()
    return pairs


def seconds_of(text: str) -> float:
    """A time as people write it, in seconds: `300`, `90s`, `5m`, `1h30m`."""
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text.strip().lower().replace(" ", ""))
    if text.strip().isdecimal():
        return float(text)
    if parts is None or not any(parts.groups()):
        raise typer.BadParameter(f"{text!r} is not a time; write seconds, or something like 90s, 5m or 1h30m.")
    hours, minutes, seconds = (float(part or 0) for part in parts.groups())
    return 3600 * hours + 60 * minutes + seconds


def prepare_to_train() -> None:
    """Let JAX have every core, compile what trains faster than JAX alone, and say so if that cannot be."""
    from narrowgate import machine, native
    from narrowgate.training import use_all_cores

    machine.check()
    use_all_cores()
    machine.device()
    with Console(stderr=True).status("preparing the convolutions for this machine"):
        reason = native.falls_short()
    if reason:
        note_to_user(f"training takes about twice as long as it could: {reason}")


def note_to_user(sentence: str) -> None:
    """Say something that is no error, on the error output, so that it is in nobody's table."""
    Console(stderr=True).print(f"note: {sentence}", style="dim", highlight=False, markup=False, soft_wrap=True)


Progress = TypeVar("Progress")
Heeding = Callable[[Callable[[Progress], None]], Callable[[Progress], None]]


class Stopped(KeyboardInterrupt):
    """The process was asked to stop, by Ctrl-C or by the batch system; the text is the reason that a record gives."""


STOPS = {
    signal.SIGINT: (130, "stopped from the keyboard"),
    signal.SIGTERM: (143, "stopped by SIGTERM, as batch systems send it"),
    signal.SIGHUP: (129, "stopped by SIGHUP: its terminal was closed"),
}
"""Signals that ask to stop: exit code, and the reason that a record gives."""


@contextmanager
def resumable(command: str) -> Iterator[Heeding[Any]]:
    """On Ctrl-C, SIGTERM or a closed terminal, let what is under way say that it was interrupted; say what goes on.

    A batch system sends SIGTERM and waits half a minute or so before it kills. Python loses a signal's exception that
    comes while a callback of the garbage collector runs, and JAX has one. Therefore gives a function for whatever hears
    of progress: wrapped in it, that raises a lost one again.
    """
    received: list[int] = []

    def stop(number: int, frame: object) -> None:
        received.append(number)
        raise Stopped(STOPS[signal.Signals(number)][1])

    def heeding(report: Callable[[Progress], None]) -> Callable[[Progress], None]:
        def reported(progress: Progress) -> None:
            if received:
                raise Stopped(STOPS[signal.Signals(received[-1])][1])
            report(progress)

        return reported

    usual = {one: signal.getsignal(one) for one in STOPS}
    ours = [one for one, handler in usual.items() if handler in (signal.default_int_handler, signal.SIG_DFL)]
    try:
        for one in ours:
            signal.signal(one, stop)
        yield heeding
    except KeyboardInterrupt:
        with suppress(OSError):  # a closed terminal
            print(f"narrowgate: stopped; nothing is lost: `{command}` goes on.", file=sys.stderr)
        code = STOPS[signal.Signals(received[-1])][0] if received else 130
        raise typer.Exit(code) from None
    finally:
        for one in ours:
            signal.signal(one, usual[one])


def show_content(content: Any, as_json: bool) -> None:
    """Print a table, or what it says as JSON."""
    if as_json:
        print(json.dumps(content, indent=1))
    else:
        out.print(content)
