"""The command line: words in, library called, tables out. One module a group of commands."""

from __future__ import annotations

import sys

import typer

from narrowgate import __version__
from narrowgate.cli._data import inspect, simulate
from narrowgate.cli._doctor import doctor
from narrowgate.cli._firmware import cost, export, synth, verify
from narrowgate.cli._runs import compare, note, runs, show, train
from narrowgate.cli._shared import out, speak_any_encoding
from narrowgate.cli._study import search, study
from narrowgate.errors import NarrowgateError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="**narrowgate** finds the cheapest fixed-point network that keeps the signal at a level-1 trigger's rate.\n\n"
    "Begin with `narrowgate train examples/demo/float-baseline.toml`, which trains on the shipped sample of simulated "
    "collisions and keeps everything about the run in `runs/<id>/`.",
)

for command in (train, runs, show, compare, note, inspect, simulate, search, cost, export, verify, synth, doctor):
    app.command()(command)
app.add_typer(study, name="study")


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__, highlight=False)


def main() -> None:
    """Run the command line.

    What a user may have caused is a `NarrowgateError` and ends in its sentence and exit code 2, never in a traceback;
    a mistake of narrowgate's own keeps its traceback.
    """
    speak_any_encoding()
    try:
        app()
    except NarrowgateError as error:
        print(f"narrowgate: {error}", file=sys.stderr)
        sys.exit(2)
