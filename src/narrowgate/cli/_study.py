"""Search among configurations, and look at what searches found."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from narrowgate.cli._shared import AsJson, DataFile, Root, TakeOver, out, prepare_to_train, resumable, seconds_of
from narrowgate.files import write_text

if TYPE_CHECKING:
    from narrowgate.study import Outcome

STUDIES, RUNS = Path("studies"), Path("runs")

Studies = Annotated[Path, typer.Option("--studies", help="Folder that holds the studies.", envvar="NARROWGATE_STUDIES")]
StudyName = Annotated[str, typer.Argument(help="A study's name, its folder, or its file.", metavar="STUDY")]
TimeBudget = Annotated[
    float | None,
    typer.Option(
        parser=seconds_of,
        metavar="TIME",
        help="Be done in about this time, finalists included: `5m`, `1h30m`, `300` (seconds). "
        "The table then says what was left out; a search that was cut short so is finished and does not go on.",
    ),
]


def search(
    file: Annotated[Path, typer.Argument(help="What to search, and how (TOML).", metavar="STUDY.toml")],
    data: DataFile = None,
    studies: Studies = STUDIES,
    root: Root = RUNS,
    time_budget: TimeBudget = None,
    take_over: TakeOver = False,
    as_json: AsJson = False,
) -> None:
    """Search for the best of many configurations: train them together, cut the worse ones rung by rung.

    The best are trained afresh with several seeds and judged on the test split, once; each becomes a run in `runs/`.
    Journal, tables and pictures are kept in `studies/<name>/`.

    Begin with `narrowgate search examples/studies/notebook-search-2.toml`. Ctrl-C and a batch system's SIGTERM leave a
    table of the best so far and lose nothing: the same command goes on, and so does `narrowgate study resume`.
    """
    prepare_to_train()
    from narrowgate.events import Dataset
    from narrowgate.study import Study, folder_of
    from narrowgate.study import search as begin

    given = Study.load(file)

    def work(dataset: Dataset, **hooks: object) -> Outcome:
        return begin(given, dataset, studies, time_budget=time_budget, take_over=take_over, **hooks)  # type: ignore[arg-type]

    _carry_out(work, given.name, folder_of(studies, given), data, root, as_json, take_over)


study = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Look at the searches in `studies/`, go on with one, take the winner of one.",
)


@study.command()
def show(
    name: StudyName,
    studies: Studies = STUDIES,
    root: Root = RUNS,
    as_json: AsJson = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV: numbers in full, a column a parameter.")] = False,
    myst: Annotated[bool, typer.Option("--myst", help="Print a MyST `list-table` for a page.")] = False,
    configuration: Annotated[
        str | None,
        typer.Option(
            metavar="C",
            help="Show one configuration instead, e.g. `c012`: its settings, its place on every rung, and the curve of "
            "each of its seeds. Goes with --json and --csv.",
        ),
    ] = None,
) -> None:
    """Show what a search has found so far, also while it runs.

    The table of the best, how well the cheap rungs foretold the later ones, and where pictures and runs are.
    """
    from narrowgate.study import as_csv, as_myst, find, history
    from narrowgate.study import as_json as json_of
    from narrowgate.study import show as read

    if as_json + csv + myst > 1:
        raise typer.BadParameter("Choose one of --json, --csv and --myst.")
    folder = find(studies, name)
    if configuration is not None:
        if myst:
            raise typer.BadParameter("--configuration goes with --json or --csv, not with --myst.")
        found = history(folder, configuration)
        if as_json or csv:
            sys.stdout.write(found.as_json() if as_json else found.as_csv())
        else:
            out.print(found.render())
        return
    outcome = read(folder)
    for chosen, form in ((as_json, json_of), (csv, as_csv), (myst, as_myst)):
        if chosen:
            sys.stdout.write(form(outcome))
            return
    _print(outcome, folder, root)
    if not outcome.finished:
        out.print(
            f"The search goes on with `{_resume_command(folder, None, root)}`",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@study.command()
def resume(
    name: StudyName,
    data: DataFile = None,
    studies: Studies = STUDIES,
    root: Root = RUNS,
    time_budget: TimeBudget = None,
    take_over: TakeOver = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a search that was stopped or killed; it ends with the same numbers as if it had not been.

    Name the same data set that it was begun with.
    """
    prepare_to_train()
    from narrowgate.events import Dataset
    from narrowgate.study import find
    from narrowgate.study import resume as go_on
    from narrowgate.study import show as read

    folder = find(studies, name)

    def work(dataset: Dataset, **hooks: object) -> Outcome:
        return go_on(folder, dataset, time_budget=time_budget, take_over=take_over, **hooks)  # type: ignore[arg-type]

    _carry_out(work, read(folder).study.name, folder, data, root, as_json, take_over)


@study.command()
def best(
    name: StudyName,
    studies: Studies = STUDIES,
    place: Annotated[int, typer.Option(help="Another place of the table, e.g. a cheaper one marked ≈.", min=1)] = 1,
    cheapest: Annotated[
        bool,
        typer.Option(
            "--cheapest", help="The one with the fewest bit operations that validation cannot tell from the first."
        ),
    ] = False,
    output: Annotated[Path | None, typer.Option(help="Write into this file instead of printing.")] = None,
) -> None:
    """Print the winner's configuration as TOML, which `narrowgate train` takes.

    It has the finalist's length, schedule and seed.
    """
    from narrowgate.files import to_toml
    from narrowgate.study import best as row_of
    from narrowgate.study import find
    from narrowgate.study import show as read

    if cheapest and place != 1:
        raise typer.BadParameter("--cheapest and --place exclude each other.")
    folder = find(studies, name)
    outcome = read(folder)
    place = outcome.cheapest if cheapest else place
    row, rate = row_of(folder, place), outcome.study.ranking.rate_in_words
    about = f"place {place} of the study {folder.name} ({row.configuration}), "
    if row.efficiency is None:
        about += "not judged on the test split yet"
    else:
        found = row.efficiency
        about += f"signal efficiency {found.value:.3f} ({found.low:.3f}–{found.high:.3f}) at {rate}"
    text = f"# {about}\n{to_toml(row.full.as_table())}"
    if output is None:
        sys.stdout.write(text)
    else:
        write_text(output, text)
        out.print(f"{output}: {about}", markup=False, highlight=False, soft_wrap=True)


def _carry_out(
    work: Callable[..., Outcome],
    name: str,
    folder: Path,
    data: Path | None,
    root: Path,
    as_json: bool,
    take_over: bool,
) -> None:
    """Search with live progress, make runs of the finalists, print the table; Ctrl-C ends in exit code 130."""
    from narrowgate import checks, runs
    from narrowgate.study import as_json as json_of
    from narrowgate.study import live_view
    from narrowgate.training import Trained

    checks.refuse(checks.unwritable(root))
    dataset = runs.open_data(data)

    def keep(trained: Trained) -> None:
        runs.keep_finalist(trained, dataset, root, study=name, folder=folder, data=data, take_over=take_over)

    with resumable(_resume_command(folder, data, root)) as heeding:
        with live_view(Console(stderr=True)) as report:
            outcome = work(dataset, report=heeding(report), keep=keep)
        if as_json:
            sys.stdout.write(json_of(outcome))
        else:
            _print(outcome, folder, root)
        if not outcome.finished:
            raise KeyboardInterrupt


def _resume_command(folder: Path, data: Path | None, root: Path) -> str:
    words = ["narrowgate", "study", "resume", *_name(folder)]
    words += [] if data is None else ["--data", str(data)]
    words += [] if root == RUNS else ["--runs", str(root)]
    return shlex.join(words)


def _print(outcome: Outcome, folder: Path, root: Path) -> None:
    """The table, and where everything is."""
    from narrowgate import runs
    from narrowgate.study import render

    out.print(render(outcome, out.width))
    kept = runs.finalist_runs(root, folder)
    lines = {
        f"Runs of the finalists in {root}:": [f"{name.partition('-')[0]}  {kept[name]}" for name in kept],
        "Pictures:": [str(path) for path in sorted((folder / "pictures").glob("*.png"))],
        "Tables:": [str(path) for path in sorted(folder.glob("best.*"))],
    }
    for heading, each in lines.items():
        if each:
            out.print(
                "\n".join(["", heading, *(f"  {line}" for line in each)]), markup=False, highlight=False, soft_wrap=True
            )
    if outcome.rows:
        words = ["narrowgate", "study", "best", *_name(folder)]
        what = "winner's configuration" if outcome.finished else "configuration of the best so far"
        out.print(f"\nThe {what}: `{shlex.join(words)}`", markup=False, highlight=False, soft_wrap=True)


def _name(folder: Path) -> list[str]:
    return [folder.name if folder.parent == STUDIES else str(folder)]
