"""The making of a simulated data set: pools, overlay, detector, in chunks that survive an interruption."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from narrowgate.events._dataset import CROSSING_RATE, LSB, SPLITS, Dataset, Split
from narrowgate.events._detector import COLUMNS, MAXIMUM_COUNT, ROWS, Deposits
from narrowgate.events._errors import DatasetError
from narrowgate.events._file import save
from narrowgate.events._geometry import Geometry
from narrowgate.events._overlay import draw, hard_collisions, hard_slices, overlay
from narrowgate.events._pools import PoolChunk, all_chunks, generator_versions, load_deposits, signal_masses
from narrowgate.events._recipe import FRACTIONS, Recipe, Slice, assumptions
from narrowgate.events._simulation_progress import Progress
from narrowgate.files import aside
from narrowgate.machine import cores

CROSSINGS = 2_000
"""Crossings of one overlay chunk: a few seconds of work at a pile-up of 200."""

Job = TypeVar("Job")


def produce(
    recipe: Recipe, output: str | Path, *, pools: str | Path | None, workers: int | None, progress: Progress | None
) -> Dataset:
    """Make the data set that `recipe` describes: see `narrowgate.events.simulate`."""
    target = Path(output)
    pool_folder = Path(pools) if pools is not None else target.parent / "pools"
    versions = generator_versions()
    parts_folder = target.with_name(target.name + ".parts") / recipe.digest(sorted(versions.items()))
    try:
        pool_folder.mkdir(parents=True, exist_ok=True)
        parts_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"{target}: the folders for the simulation cannot be made ({error})") from error
    number = max(1, workers if workers is not None else cores())
    tell = progress or (lambda what, done, total: None)

    chunks = all_chunks(recipe)
    make_pool = partial(_make_pool, folder=pool_folder)
    paths = [chunk.path(pool_folder) for chunk in chunks]
    _make_missing(make_pool, chunks, paths, [chunk.events for chunk in chunks], "collisions", number, tell)
    images = _image_chunks(recipe)
    make_images = partial(_make_images, recipe=recipe, pools=pool_folder, folder=parts_folder)
    paths = [_image_path(chunk, parts_folder) for chunk in images]
    sizes = [stop - start for _, _, start, stop in images]
    _make_missing(make_images, images, paths, sizes, "crossings", number, tell)

    train, validation, test = (_assemble(recipe, name, pool_folder, parts_folder) for name in SPLITS)
    dataset = Dataset(
        train,
        validation,
        test,
        geometry=Geometry.uniform(ROWS, COLUMNS, channels=(f"{recipe.image.value} transverse energy",)),
        lsb=LSB,
        crossing_rate=CROSSING_RATE,
        provenance={
            "source": "narrowgate simulate",
            "recipe": recipe.model_dump(mode="json"),
            "assumptions": assumptions(recipe),
            "pools": {name: {kind.value: recipe.pool_size(kind, name) for kind in Slice} for name in SPLITS},
            "versions": versions,
        },
        name=f"{recipe.scenario.value}, pile-up {recipe.pileup:g}, {recipe.image.value} images",
        full_scale=MAXIMUM_COUNT,
    )
    save(target, dataset)
    shutil.rmtree(parts_folder.parent, ignore_errors=True)
    return dataset


ImageChunk = tuple[str, bool, int, int]
"""Split, whether signal, and the places (from, up to) among the split's events of that class."""


def _image_chunks(recipe: Recipe) -> list[ImageChunk]:
    return [
        (name, signal, start, min(start + CROSSINGS, total))
        for name in SPLITS
        for signal, total in ((True, recipe.signal.of(name)), (False, recipe.background.of(name)))
        for start in range(0, total, CROSSINGS)
    ]


def _make_missing(
    make: Callable[[Job], object],
    jobs: Sequence[Job],
    paths: Sequence[Path],
    sizes: Sequence[int],
    what: str,
    workers: int,
    tell: Progress,
) -> None:
    """Do the jobs whose file (`paths`) is not there, in this process or in several; tell how many events are done."""
    missing = [place for place, path in enumerate(paths) if not path.exists()]
    total = sum(sizes)
    done = total - sum(sizes[place] for place in missing)
    tell(what, done, total)
    for finished in _finished(make, [jobs[place] for place in missing], workers):
        done += sizes[missing[finished]]
        tell(what, done, total)


def _finished(make: Callable[[Job], object], jobs: Sequence[Job], workers: int) -> Iterator[int]:
    if workers == 1 or len(jobs) < 2:
        for place, job in enumerate(jobs):
            make(job)
            yield place
        return
    context = multiprocessing.get_context("spawn")
    waiting = iter(enumerate(jobs))
    with ProcessPoolExecutor(min(workers, len(jobs)), context, _finish_when_interrupted) as executor:
        # as many jobs as workers and none in the queue: interrupted, it ends when the jobs under way have ended
        running = {executor.submit(make, job): place for place, job in islice(waiting, workers)}
        try:
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    future.result()
                    finished = running.pop(future)
                    running |= {executor.submit(make, job): place for place, job in islice(waiting, 1)}
                    yield finished
        except BrokenProcessPool as error:
            raise DatasetError(
                "a worker process of the simulation died; start again to go on from the chunks that are finished"
            ) from error


def _finish_when_interrupted() -> None:
    """Let a worker bring its chunk to an end when the user presses Ctrl-C; the parent then starts no other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make_pool(chunk: PoolChunk, folder: Path) -> None:
    chunk.make(folder)


@lru_cache(maxsize=1)
def _pool(recipe: Recipe, split_name: str, folder: Path) -> Deposits:
    return load_deposits(recipe, split_name, folder)


def _image_path(chunk: ImageChunk, folder: Path) -> Path:
    name, signal, start, stop = chunk
    return folder / f"{name}-{'signal' if signal else 'background'}-{start}-{stop}.npy"


def _make_images(chunk: ImageChunk, recipe: Recipe, pools: Path, folder: Path) -> None:
    path = _image_path(chunk, folder)
    if path.exists():
        return
    name, signal, start, stop = chunk
    sizes = {kind: recipe.pool_size(kind, name) for kind in FRACTIONS}
    if signal:
        hard = sum(sizes.values()) + np.arange(start, stop)
    else:
        generator = _generator(recipe, name, 0)
        slices = hard_slices(recipe.background.of(name), generator)
        hard = hard_collisions(slices, sizes, generator)[start:stop]
    generator = _generator(recipe, name, 1, int(signal), start)
    crossings = draw(hard, recipe.pileup, sizes, generator)
    images = overlay(_pool(recipe, name, pools), crossings, recipe, generator)
    with aside(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, images, allow_pickle=False)


def _assemble(recipe: Recipe, split_name: str, pools: Path, folder: Path) -> Split:
    """One split, its events in an order drawn with the seed, so that any stretch of it is a fair sample."""
    images: list[NDArray[np.uint16]] = [np.zeros((0, ROWS, COLUMNS, 1), np.uint16)]
    for chunk in _image_chunks(recipe):
        if chunk[0] == split_name:
            images.append(np.load(_image_path(chunk, folder), allow_pickle=False))
    signal, background = recipe.signal.of(split_name), recipe.background.of(split_name)
    labels = np.repeat(np.array([1, 0], np.uint8), [signal, background])
    m_hh = np.concatenate([signal_masses(recipe, split_name, pools), np.full(background, np.nan, np.float32)])
    order = _generator(recipe, split_name, 2).permutation(signal + background)
    return Split(np.concatenate(images)[order], labels[order], {"m_hh": m_hh[order]})


def _generator(recipe: Recipe, split_name: str, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([recipe.seed, SPLITS.index(split_name), *key])))
