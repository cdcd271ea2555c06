"""The command line: words in, library called, tables out."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from narrowgate import __version__

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="**narrowgate** finds the cheapest fixed-point network that keeps the signal at a level-1 trigger's rate.\n\n"
    "Begin with `narrowgate train examples/demo/float-baseline.toml`, which trains on the shipped sample of simulated "
    "collisions and keeps everything about the run in `runs/<id>/`.",
)
out = Console()

Root = Annotated[Path, typer.Option("--runs", help="Folder that holds the runs.", envvar="NARROWGATE_RUNS")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
RunName = Annotated[str, typer.Argument(help="A run's id, the beginning of one, or `latest`.", metavar="RUN")]
DataFile = Annotated[
    Path | None, typer.Option("--data", help="A data set: narrowgate's own file, HDF5 or NPZ. Default: the sample.")
]


@app.command()
def train(
    configurations: Annotated[
        list[Path] | None, typer.Argument(help="One or more configurations (TOML); they train together.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Replace a setting, e.g. `--set precision.conv=(8,2)`; may be given again."),
    ] = None,
    data: DataFile = None,
    root: Root = Path("runs"),
    resume: Annotated[
        str | None, typer.Option(help="Go on with an interrupted run (and those that it was started with).")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Also draw the comparison of the runs into this PNG.")] = None,
) -> None:
    """Train, judge on the test split, and keep the record in `runs/<id>/`.

    Several configurations train together and are compared at the end. Ctrl-C loses nothing: `--resume latest` goes on.
    """
    from narrowgate.training import use_all_cores

    use_all_cores()
    from narrowgate import notebook, runs
    from narrowgate.progress import training_progress

    chosen = _settings(settings or [])
    if resume is not None and (configurations or chosen):
        raise typer.BadParameter("--resume takes no configurations and no --set: the run has its own.")
    if resume is None and not configurations:
        raise typer.BadParameter("Name one configuration at least (a TOML file), or --resume a run.")
    given = [runs.read_configuration(path, chosen) for path in configurations or []]
    with _resumable(), training_progress(Console(stderr=True)) as report:
        if resume is not None:
            ids = runs.resume(root, resume, report=report)
        else:
            ids = runs.run(given, root, data=data, report=report)
    if len(ids) == 1:
        out.print(notebook.render_run(notebook.load(root, ids[0])))
    else:
        _compare(root, ids, picture)


@app.command()
def runs(
    conditions: Annotated[
        list[str] | None,
        typer.Argument(help="Show only runs that meet these: `precision.conv=(12,2)`, `accuracy>0.98`, or a word."),
    ] = None,
    root: Root = Path("runs"),
    sort: Annotated[str, typer.Option(help="Sort by this column or dotted key, e.g. `efficiency.10kHz`.")] = "id",
    descending: Annotated[bool, typer.Option("--descending", help="Largest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the runs: a table, sorted and filtered."""
    from narrowgate import notebook

    table = notebook.runs_table(root, conditions or [], sort=sort, descending=descending)
    _print(table.as_list() if as_json else notebook.render_runs(table), as_json)


@app.command()
def show(run: RunName, root: Root = Path("runs"), as_json: AsJson = False) -> None:
    """Show everything about one run."""
    from narrowgate import notebook

    found = notebook.load(root, notebook.find(root, run))
    _print(notebook.run_as_dict(found, curve=True) if as_json else notebook.render_run(found), as_json)


@app.command()
def compare(
    names: Annotated[list[str], typer.Argument(help="Two or more runs.", metavar="RUN…")],
    root: Root = Path("runs"),
    picture: Annotated[Path | None, typer.Option(help="Also draw the comparison into this PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare runs: what differs in their settings, and which cannot be told from the best."""
    _compare(root, names, picture, as_json)


@app.command()
def note(
    run: RunName,
    text: Annotated[str, typer.Argument(help="What to write down.")],
    root: Root = Path("runs"),
) -> None:
    """Write a dated note into a run's record."""
    from narrowgate import notebook

    written = notebook.add_note(root, run, text)
    out.print(f"{written.when:%Y-%m-%d %H:%M}  {written.text}", markup=False)


@app.command()
def inspect(
    file: Annotated[Path | None, typer.Argument(help="A data set. Default: the shipped sample.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Where to draw the mean images. Default: <file's name>.png here.")
    ] = None,
    images: Annotated[str, typer.Option(help="Name of the images' array in somebody else's file.")] = "images",
    labels: Annotated[str, typer.Option(help="Name of the labels' array in it.")] = "labels",
    as_json: AsJson = False,
) -> None:
    """Look at a data set: counts, occupancy, energies, mean images, and what simple cuts keep at the rates."""
    from narrowgate import events
    from narrowgate.inspection import inspect_dataset, render_inspection

    source = file or events.sample_path()
    dataset = events.read(source, images=images, labels=labels)
    target = picture or Path(f"{source.stem}.png")
    found = inspect_dataset(dataset)
    events.picture(dataset).savefig(target, dpi=120)
    _print(found | {"picture": str(target)} if as_json else render_inspection(found), as_json)
    if not as_json:
        out.print(f"Mean images: {target}", markup=False)


@app.command()
def simulate(
    output: Annotated[Path, typer.Argument(help="The HDF5 file to make.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Replace an entry of the recipe, e.g. `--set pileup=140`, `--set scenario=reconstructed-vertex`, "
            "`--set background.test=200000`, `--set heavy_masses=[300,500]`.",
        ),
    ] = None,
    pools: Annotated[
        Path | None, typer.Option(help="Folder of generated collisions, used again. Default: beside the output.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes. Default: one a core.", min=1)] = None,
    show_recipe: Annotated[bool, typer.Option("--show-recipe", help="Print the recipe and stop.")] = False,
) -> None:
    """Simulate a data set with Pythia 8 (extra `pythia`): collisions, pile-up, detector, event images.

    Without settings it makes the shipped sample again. Ctrl-C loses nothing: the same command goes on.
    """
    from narrowgate import events
    from narrowgate.progress import simulation_progress

    recipe = events.recipe_with(_settings(settings or []))
    if show_recipe:
        out.print_json(recipe.model_dump_json())
        return
    with simulation_progress(Console(stderr=True)) as report:
        dataset = events.simulate(recipe, output, pools=pools, workers=workers, progress=report)
    out.print(f"{output}: {len(dataset.train) + len(dataset.validation) + len(dataset.test):,} events", markup=False)


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
    return isinstance(error, OSError) or Path(raised_in).is_relative_to(Path(__file__).parent)


@contextmanager
def _resumable() -> Iterator[None]:
    """Ctrl-C: the runs have said that they were interrupted; say how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        print("narrowgate: stopped; nothing is lost: `narrowgate train --resume latest` goes on.", file=sys.stderr)
        raise typer.Exit(130) from None


def _settings(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise typer.BadParameter(f"{text!r} is not of the form key=value.", param_hint="--set")
        pairs[key.strip()] = value.strip()
    return pairs


def _compare(root: Path, names: list[str], picture: Path | None, as_json: bool = False) -> None:
    from narrowgate import notebook

    comparison = notebook.compare(root, names)
    if picture is not None:
        comparison.draw(picture)
    _print(comparison.as_dict() if as_json else notebook.render_comparison(comparison), as_json)
    if picture is not None and not as_json:
        out.print(f"Comparison: {picture}", markup=False)


def _print(content: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(content, indent=1))
    else:
        out.print(content)
