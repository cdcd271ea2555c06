"""Train runs, and look at their records."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from narrowgate.cli._shared import (
    AsJson,
    DataFile,
    Root,
    RunName,
    TakeOver,
    note_to_user,
    out,
    prepare_to_train,
    resumable,
    settings_of,
    show_content,
)
from narrowgate.files import as_utf8

RUNS = Path("runs")


def train(
    configurations: Annotated[
        list[Path] | None, typer.Argument(help="One or more configurations (TOML); they train together.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Replace a setting, e.g. `--set precision.conv=(8,2)`; may be given again."),
    ] = None,
    data: DataFile = None,
    root: Root = RUNS,
    resume: Annotated[
        str | None, typer.Option(help="Go on with an interrupted run (and those that it was started with).")
    ] = None,
    take_over: TakeOver = False,
    picture: Annotated[Path | None, typer.Option(help="Also draw the comparison of the runs into this PNG.")] = None,
) -> None:
    """Train, judge on the test split, and keep the record in `runs/<id>/`.

    Several configurations train together and are compared at the end. Ctrl-C and a batch system's SIGTERM lose nothing:
    `--resume latest` goes on. With `--data`, a resumed run takes its data from another place than it began with.
    """
    chosen = settings_of(settings)
    if resume is not None and (configurations or chosen):
        raise typer.BadParameter("--resume takes no configurations and no --set: the run has its own.")
    if resume is None and take_over:
        raise typer.BadParameter("--take-over goes with --resume.")
    if resume is None and not configurations:
        raise typer.BadParameter("Name one configuration at least (a TOML file), or --resume a run.")
    prepare_to_train()
    from narrowgate import notebook, runs
    from narrowgate.progress import training_progress

    given = [runs.read_configuration(path, chosen) for path in configurations or []]
    going_on = resumable(_resume_command(root, data))
    with going_on as heeding, training_progress(Console(stderr=True)) as report:
        if resume is not None:
            ids = runs.resume(root, resume, data=data, take_over=take_over, report=heeding(report))
        else:
            ids = runs.run(given, root, data=data, report=heeding(report), tell=note_to_user)
    if len(ids) == 1:
        out.print(notebook.render_run(notebook.load(root, ids[0])))
    else:
        _compare(root, ids, picture)


def runs(
    conditions: Annotated[
        list[str] | None,
        typer.Argument(help="Show only runs that meet these: `precision.conv=(12,2)`, `accuracy>0.98`, or a word."),
    ] = None,
    root: Root = RUNS,
    sort: Annotated[str, typer.Option(help="Sort by this column or dotted key, e.g. `efficiency.10kHz`.")] = "id",
    descending: Annotated[bool, typer.Option("--descending", help="Largest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the runs: a table, sorted and filtered."""
    from narrowgate import notebook

    table = notebook.runs_table(root, [as_utf8(one) for one in conditions or []], sort=sort, descending=descending)
    show_content(table.as_list() if as_json else notebook.render_runs(table), as_json)


def show(run: RunName, root: Root = RUNS, as_json: AsJson = False) -> None:
    """Show everything about one run."""
    from narrowgate import notebook

    found = notebook.load(root, notebook.find(root, run))
    show_content(notebook.run_as_dict(found, curve=True) if as_json else notebook.render_run(found), as_json)


def compare(
    names: Annotated[list[str], typer.Argument(help="Two or more runs.", metavar="RUN…")],
    root: Root = RUNS,
    picture: Annotated[Path | None, typer.Option(help="Also draw the comparison into this PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare runs: what differs in their settings, and which cannot be told from the best."""
    _compare(root, names, picture, as_json)


def note(
    run: RunName,
    text: Annotated[str, typer.Argument(help="What to write down.")],
    root: Root = RUNS,
) -> None:
    """Write a dated note into a run's record."""
    from narrowgate import notebook

    written = notebook.add_note(root, run, as_utf8(text))
    out.print(f"{written.when:%Y-%m-%d %H:%M}  {written.text}", markup=False)


def _resume_command(root: Path, data: Path | None) -> str:
    words = ["narrowgate", "train", "--resume", "latest"]
    words += [] if root == RUNS else ["--runs", str(root)]
    return shlex.join(words if data is None else [*words, "--data", str(data)])


def _compare(root: Path, names: list[str], picture: Path | None, as_json: bool = False) -> None:
    from narrowgate import notebook

    comparison = notebook.compare(root, names)
    if picture is not None:
        comparison.draw(picture)
    show_content(comparison.as_dict() if as_json else notebook.render_comparison(comparison), as_json)
    if picture is not None and not as_json:
        out.print(f"Comparison: {picture}", markup=False)
