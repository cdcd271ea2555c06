"""From a recipe to a data set file. Pythia and Numba are loaded only when a simulation is asked for."""

from __future__ import annotations

from pathlib import Path

from narrowgate.events._dataset import Dataset
from narrowgate.events._errors import DatasetError
from narrowgate.events._recipe import Recipe
from narrowgate.events._simulation_progress import Progress


def simulate(
    recipe: Recipe,
    output: str | Path,
    *,
    pools: str | Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Make the data set that `recipe` describes, save it at `output`, and return it.

    Collisions are kept in the folder `pools` (default: `pools` beside `output`) and used again by other recipes that
    need the same ones; images in the making lie in `<output>.parts`, which goes when the file is there. Interrupted
    at any instant and called again, it goes on where it was and ends with the same bits, whatever the number of
    `workers` (processes; default: one a core). Several workers first finish the chunks under way when Ctrl-C is
    pressed, which takes up to a minute; a script calls it under `if __name__ == "__main__":`, as for every use of
    `multiprocessing`.

    Raises `DatasetError` when Pythia or Numba is missing, Pythia fails, a worker dies, or a file cannot be written.
    """
    try:
        from narrowgate.events import _production
    except ImportError as error:
        raise DatasetError(
            f"simulation needs Pythia 8 and Numba ({error}); install narrowgate with its pythia extra: "
            f"narrowgate[pythia]"
        ) from error
    return _production.produce(recipe, output, pools=pools, workers=workers, progress=progress)
