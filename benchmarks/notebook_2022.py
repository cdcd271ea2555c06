"""The twelve runs of July 2022 replayed on the shipped sample, several seeds each: numbers, a table, pictures.

    python benchmarks/notebook_2022.py [--seeds 5] [--way 2022|today] [--work build/notebook-2022]

The configurations are those of `examples/notebook-2022/` and the float baseline in its folder `baseline/`, each with
seeds 1, 2, …; all of them train in one call. `--way today` trains the same with the defaults of today (learning rate
0.002 on a cosine, averaged weights) instead. Stopped or killed, the same command goes on from the folder `--work`. The
results go into `benchmarks/results/notebook_2022*.json`; `notebook_2022_tables.py` makes tables and pictures of them.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgate.events import Dataset, load_sample
from narrowgate.integers import exact_scores
from narrowgate.network import Configuration
from narrowgate.runs import read_configuration
from narrowgate.training import Trained, score, train, use_all_cores
from narrowgate.trigger import difference, judge, mean_difference_half_width, stability

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples" / "notebook-2022"
RATE = 10e3
TODAY = {"training.learning_rate": "0.002", "training.schedule": "cosine"}
COMPARED = ((2, 1), (3, 1), (4, 2), (5, 4), (6, 5), (7, 4), (9, 8), (10, 9), (11, 9), (12, 11))
"""Pairs of runs that a claim of the notebook compares; 0 stands for the float baseline."""

Scores = NDArray[np.floating[Any]]


def configurations(way: str) -> list[Configuration]:
    """The float baseline and the twelve in their order, with averaged weights kept beside the live ones.

    The averages do not act on the training: live weights are those of `training.ema = 0`.
    """
    settings = {"training.ema": "0.99"} | (TODAY if way == "today" else {})
    files = [*sorted((EXAMPLES / "baseline").glob("*.toml")), *sorted(EXAMPLES.glob("*.toml"))]
    return [read_configuration(path, settings).configuration for path in files]


def members(way: str, seeds: int) -> list[Configuration]:
    """Every configuration with every seed."""
    return [one.with_settings({"training.seed": seed}) for one in configurations(way) for seed in range(1, seeds + 1)]


def judged(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    """What is kept of a member: its curve, and the test split's verdict on its live and on its averaged weights."""
    losses = {"live": trained.curve["raw_loss"], "averaged": trained.curve["loss"]}
    found: dict[str, Any] = {"seed": trained.configuration.training.seed, "stopped": trained.stopped}
    for kind, weights in (("live", trained.last_weights), ("averaged", trained.weights)):
        test = dataset.test
        exact = exact_scores(trained.configuration, weights, test.images)
        scores: Scores = score(trained.configuration, weights, test.images) if exact is None else exact
        judgement = judge(scores, test.labels, crossing_rate=dataset.crossing_rate)
        curve = losses[kind]
        found[kind] = {
            "judgement": judgement.as_dict(),
            "stability": stability(curve).as_dict(),
            "final_loss": float(np.median(curve[-5:])),
            "curve": [round(loss, 6) for loss in curve],
        }
        if kind == "live":
            found["scores"] = scores
    return found


def typical(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The seed with the median efficiency at 10 kHz."""
    return sorted(found, key=efficiency)[(len(found) - 1) // 2]


def efficiency(one: dict[str, Any]) -> float:
    """At 10 kHz, of the live weights."""
    return float(one["live"]["judgement"]["working_points"][0]["efficiency"])


def compared(first: list[dict[str, Any]], second: list[dict[str, Any]], dataset: Dataset) -> dict[str, float]:
    """The mean efficiency of a run's seeds less that of another's, with a 95 % interval.

    Two independent uncertainties in quadrature: the events', from the paired comparison of the typical networks, and
    the seeds', from their scatter (`mean_difference_half_width`).
    """
    one, two = ([efficiency(seed) for seed in run] for run in (first, second))
    paired = difference(
        typical(first)["scores"],
        typical(second)["scores"],
        dataset.test.labels,
        RATE,
        crossing_rate=dataset.crossing_rate,
        confidence=0.95,
    )
    half = float(np.hypot((paired.high - paired.low) / 2, mean_difference_half_width(one, two, confidence=0.95)))
    value = float(np.mean(one) - np.mean(two))
    return {"value": value, "low": value - half, "high": value + half}


def train_all(way: str, seeds: int, dataset: Dataset, work: Path) -> list[list[dict[str, Any]]]:
    """Train and judge everything: a list of seeds for every configuration."""
    start = time.perf_counter()
    every = train(
        members(way, seeds),
        dataset,
        checkpoint=work / f"{way}-{seeds}",
        report=lambda now: print(
            f"{time.perf_counter() - start:5.0f} s  {len(now.members)} members, epoch {now.epochs} of {now.of_epochs}, "
            f"{now.member_events_per_second:,.0f} member-events/s",
            flush=True,
        ),
    )
    seconds = time.perf_counter() - start
    print(f"trained: {seconds:.0f} s", flush=True)
    found = [judged(one, dataset) for one in every]
    print(f"judged: {time.perf_counter() - start - seconds:.0f} s", flush=True)
    return [found[index : index + seeds] for index in range(0, len(found), seeds)]


def main() -> None:
    """Train, judge, compare, and write the numbers."""
    parser = argparse.ArgumentParser(description="The twelve runs of July 2022 on the shipped sample.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--way", choices=["2022", "today"], default="2022")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build" / "notebook-2022")
    arguments = parser.parse_args()
    use_all_cores()
    dataset = load_sample()
    arguments.work.mkdir(parents=True, exist_ok=True)
    runs = train_all(arguments.way, arguments.seeds, dataset, arguments.work)
    pairs = [{"first": one, "second": two, **compared(runs[one], runs[two], dataset)} for one, two in COMPARED]
    for run in runs:
        for seed in run:
            del seed["scores"]
    table = {
        "way": arguments.way,
        "data": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "runs": [
            {"configuration": configuration.as_table(), "seeds": seeds}
            for configuration, seeds in zip(configurations(arguments.way), runs, strict=True)
        ],
        "compared": pairs,
    }
    suffix = "" if arguments.way == "2022" else "_today"
    path = HERE / "results" / f"notebook_2022{suffix}.json"
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
