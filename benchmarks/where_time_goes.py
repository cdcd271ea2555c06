"""Where the time of a training step and of a whole search goes.

    python benchmarks/where_time_goes.py --output benchmarks/results/where_time_goes.md

The steps are those of the shipped searches' networks, two or more members side by side as in a search; the share of the
products is read from JAX's profiler. The search is `examples/studies/notebook-search-2.toml` unless another is
named, run as a whole on the shipped sample.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from threading import Lock, current_thread, local, main_thread
from time import perf_counter
from typing import Any

from narrowgate.training import use_all_cores

use_all_cores()

import jax  # noqa: E402

from narrowgate.events import Dataset, load_sample  # noqa: E402
from narrowgate.study import Progress, Study, search  # noqa: E402
from narrowgate.study.journal._members import rung_member  # noqa: E402
from narrowgate.study.run import _finalists  # noqa: E402
from narrowgate.study.run._engines import Engines  # noqa: E402
from narrowgate.study.run._evaluation import Evaluation, event_scores  # noqa: E402
from narrowgate.study.run._executor import Threads  # noqa: E402
from narrowgate.study.run._rungs import Search  # noqa: E402
from narrowgate.study.run._states import StateFolder  # noqa: E402
from narrowgate.training import Engine, Population, usual_placement  # noqa: E402

STUDIES = Path(__file__).parent.parent / "examples" / "studies"
PRODUCTS = ("dot", "ynn", "ffi_call")
"""How the profiler names matrix products (and, of the second, some sums) and what the room `native` does."""


def steps(dataset: Dataset) -> list[str]:
    """A table: member-events per second, microseconds of a step of all lanes, and the products' share."""
    lines = [
        "| search | filters | member-events/s | µs a step | products | scores/s |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name in ("notebook-search-2", "notebook-search-1"):
        study = Study.load(STUDIES / f"{name}.toml").for_counts(10)
        evaluation, size = Evaluation(study, dataset), jax.local_device_count()
        engines = Engines(dataset, evaluation)
        drawn = next(iter(study.space.sequence(1))).configuration
        for filters in ([4, 8], [4, 16], [8, 8], [8, 16]):
            one = drawn.with_settings({"network.filters": filters})
            members = [rung_member(study, "c", one, seed) for seed in range(1, size + 1)]
            engine = engines.of(members[0].configuration, size, usual_placement(size))
            population, every = engine.population, engine.population.program.steps_per_epoch
            settings = population.settings([member.configuration for member in members], every)
            state = population.initial_state(settings)
            epoch = partial(_epoch, population, settings, state, engine.images)
            trained, _ = epoch()
            averaged = settings, trained.averaged_weights, trained.averaged_statistics
            some = evaluation.batches(population)
            seconds, scoring = best(epoch), best(partial(event_scores, population, *averaged, some))
            events = some.shape[0] * some.shape[-1]
            lines.append(
                f"| {name} | {tuple(filters)} | {size * every * one.training.batch_size / seconds:,.0f} | "
                f"{1e6 * seconds / every:,.0f} | {products(epoch) / size:.0%} | {size * events / scoring:,.0f} |"
            )
    return lines


def _epoch(population: Population, *arguments: Any) -> Any:
    return jax.block_until_ready(population.train_epoch(*arguments))


def best(run: Callable[[], Any], times: int = 8) -> float:
    """The shortest of several runs, in seconds."""
    found = []
    for _ in range(times):
        start = perf_counter()
        run()
        found.append(perf_counter() - start)
    return min(found)


def products(run: Callable[[], Any]) -> float:
    """Seconds in products, over all members, for each second of a run."""
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, create_perfetto_trace=True):
            start = perf_counter()
            run()
            seconds = perf_counter() - start
        (trace,) = Path(folder).rglob("perfetto_trace.json.gz")
        events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    spent = sum(event["dur"] for event in events if event.get("ph") == "X" and event["name"].startswith(PRODUCTS))
    return float(spent) / 1e6 / seconds


class Clock:
    """Seconds by activity; an activity inside another counts for itself alone, and one of `workers` by its share."""

    def __init__(self, workers: int) -> None:
        self.seconds: dict[str, float] = {}
        self.of_workers = 0.0
        self._workers, self._lock, self._local = workers, Lock(), local()

    @contextmanager
    def of(self, activity: str) -> Iterator[None]:
        """Times what is done inside."""
        start = perf_counter()
        inside: list[float] = self._local.__dict__.setdefault("inside", [])
        inside.append(0.0)
        try:
            yield
        finally:
            whole = perf_counter() - start
            own = whole - inside.pop()
            if inside:
                inside[-1] += whole
            with self._lock:
                if current_thread() is not main_thread():
                    own /= self._workers
                    self.of_workers += own
                self.seconds[activity] = self.seconds.get(activity, 0.0) + own

    def watch(self, owner: Any, name: str, activity: str) -> None:
        """Let every call of a function be timed."""
        called = getattr(owner, name)

        @wraps(called)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.of(activity):
                return jax.block_until_ready(called(*args, **kwargs))

        setattr(owner, name, timed)


def whole_search(name: str, dataset: Dataset) -> list[str]:
    """A table: the seconds of a search by what they went into."""
    study = Study.load(STUDIES / f"{name}.toml").for_counts(10)
    batch = next(iter(study.space.sequence(1))).configuration.training.batch_size
    clock, done = Clock(jax.local_device_count()), [0]

    def report(progress: Progress) -> None:
        done[0] = progress.done

    clock.watch(Population, "train_epoch", "training")
    clock.watch(Evaluation, "rows", "looking at validation")
    clock.watch(StateFolder, "keep", "keeping states")
    clock.watch(Engine, "prepare", "compiling")
    clock.watch(Search, "_found", "waiting")
    clock.watch(Threads, "prepare", "waiting")
    clock.watch(_finalists, "_judged", "judging finalists on the test split")
    with tempfile.TemporaryDirectory() as studies, clock.of("everything else"):
        search(study, dataset, studies, report=report)
    clock.seconds["cores without a member"] = clock.seconds.pop("waiting") - clock.of_workers
    whole = sum(clock.seconds.values())
    lines = [
        f"`{name}.toml`: {whole:.0f} s, {done[0] * batch:,} member-events, {done[0] * batch / whole:,.0f}/s.",
        "",
        "| what | seconds | share |",
        "|---|---:|---:|",
    ]
    for activity, seconds in sorted(clock.seconds.items(), key=lambda entry: -entry[1]):
        lines.append(f"| {activity} | {seconds:.1f} | {seconds / whole:.0%} |")
    return lines


def main() -> None:
    """Measure and write the page."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--study", default="notebook-search-2", help="the name of a shipped study")
    options.add_argument("--output", type=Path, help="also write the page to this file")
    chosen = options.parse_args()
    dataset = load_sample()
    searched = whole_search(chosen.study, dataset)  # first, while nothing is compiled
    page = [
        "# Where the time goes",
        "",
        f"Command: `python benchmarks/where_time_goes.py {' '.join(sys.argv[1:])}`. "
        f"JAX {jax.__version__}, {jax.local_device_count()} × {jax.default_backend()}.",
        "",
        *searched,
        "",
        *steps(dataset),
    ]
    text = "\n".join(page) + "\n"
    print(text)
    if chosen.output:
        chosen.output.write_text(text)


if __name__ == "__main__":
    main()
