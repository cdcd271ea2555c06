"""The command line: words in, library called, tables out. One module a group of commands."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from narrowgate import __version__
from narrowgate.cli._data import inspect, simulate
from narrowgate.cli._firmware import cost, export, synth, verify
from narrowgate.cli._runs import compare, note, runs, show, train
from narrowgate.cli._shared import out
from narrowgate.cli._study import search, study

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="**narrowgate** finds the cheapest fixed-point network that keeps the signal at a level-1 trigger's rate.\n\n"
    "Begin with `narrowgate train examples/demo/float-baseline.toml`, which trains on the shipped sample of simulated "
    "collisions and keeps everything about the run in `runs/<id>/`.",
)

for command in (train, runs, show, compare, note, inspect, simulate, search, cost, export, verify, synth):
    app.command()(command)
app.add_typer(study, name="study")


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__, highlight=False)


def main() -> None:
    """Run the command line. What a user may have caused ends in a sentence and a non-zero exit, never a traceback."""
    with _sentences():
        app()


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:
        if not _is_sentence(error):
            raise
        print(f"narrowgate: {error}", file=sys.stderr)
        sys.exit(2)


def _is_sentence(error: Exception) -> bool:
    """Errors of the operating system, and those that our own code raised on purpose, wherever it runs from."""
    raised_in = traceback.extract_tb(error.__traceback__)[-1].filename
    return isinstance(error, OSError) or Path(raised_in).is_relative_to(Path(__file__).parents[1])
