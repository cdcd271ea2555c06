"""Look at data sets, and simulate them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from narrowgate.cli._shared import AsJson, out, settings_of, show_content


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
    from narrowgate.files import write_whole
    from narrowgate.inspection import inspect_dataset, render_inspection

    source = file or events.sample_path()
    dataset = events.read(source, images=images, labels=labels)
    target = picture or Path(f"{source.stem}.png")
    found = inspect_dataset(dataset)
    drawn, kind = events.picture(dataset), target.suffix.removeprefix(".") or "png"
    write_whole(target, lambda file: drawn.savefig(file, dpi=120, format=kind))
    show_content(found | {"picture": str(target)} if as_json else render_inspection(found), as_json)
    if not as_json:
        out.print(f"Mean images: {target}", markup=False)


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

    recipe = events.recipe_with(settings_of(settings))
    if show_recipe:
        out.print_json(recipe.model_dump_json())
        return
    with simulation_progress(Console(stderr=True)) as report:
        dataset = events.simulate(recipe, output, pools=pools, workers=workers, progress=report)
    out.print(f"{output}: {len(dataset.train) + len(dataset.validation) + len(dataset.test):,} events", markup=False)
