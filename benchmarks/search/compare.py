"""One search, three tools: narrowgate, QKeras + KerasTuner, HGQ2 + Optuna; same space, data, budget and machine.

`make bench-search` runs every stage that is not done yet and writes `benchmarks/results/search.md`. A stage keeps
what it found in `build/search/`, so that an interrupted comparison goes on; `--stages` does some of them. The spaces
are those of `examples/studies/notebook-search-2.toml` ("dropout") and `notebook-search-1.toml` ("batch-norm"). Every
tool gets the same number of configurations and the same longest training (one iteration of Hyperband); beside them
stands the shipped study as a whole ("shipped"). The winner's true efficiency is then measured by one trainer.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from pathlib import Path
from statistics import mean, stdev
from time import perf_counter
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from narrowgate.training import use_all_cores  # noqa: E402

use_all_cores()

import jax  # noqa: E402
import numpy as np  # noqa: E402
import space  # noqa: E402

import environments  # noqa: E402
from narrowgate.events import Dataset, load_sample  # noqa: E402
from narrowgate.integers import exact_scores  # noqa: E402
from narrowgate.network import Configuration  # noqa: E402
from narrowgate.study import Progress, Study, search  # noqa: E402
from narrowgate.training import curve_events, train  # noqa: E402
from narrowgate.trigger import efficiency_at_rate  # noqa: E402

ROOT = HERE.parents[1]
FOLDER = ROOT / "build" / "search"
SPACES = {"dropout": "notebook-search-2", "batch-norm": "notebook-search-1"}
NAMES = {
    "narrowgate": "narrowgate",
    "qkeras": "QKeras + KerasTuner",
    "rungs": "QKeras + KerasTuner, epochs of 150 steps",
    "hgq2": "HGQ2 + Optuna",
    "shipped": "narrowgate, the shipped study",
}
BESIDE = {"qkeras": ("narrowgate", "hgq2", "shipped"), "rungs": ("shipped",)}
"""Which tools have their speed divided by which of KerasTuner's two."""
RATE = 10e3
STEPS, EPOCHS, FACTOR, BATCH, TRIALS, SEED = 50, 27, 3, 256, 49, 1
"""Steps of an epoch, epochs of the longest training, Hyperband's η, events of a batch, configurations, seed."""
RUNGS = {"steps_per_epoch": 150, "max_epochs": 9}
"""KerasTuner on the rungs of the shipped studies, 150, 450 and 1350 steps, evaluated as seldom: one more iteration."""
FULL = {"epochs": 45, "steps_per_epoch": 50}
FRESH = range(9001, 9006)
BUDGET = f"""
[strategy]
kind = "hyperband"
smallest = {STEPS}
largest = {STEPS * EPOCHS}
reduction = {FACTOR}
evaluate_every = {STEPS}
seed = {SEED}

[ranking]
measure = "efficiency"
early_measure = "near-auc"
rate = {RATE}
last = 3
seeds = [1]
tie_factor = 1.0

[finalists]
count = 1
steps = {STEPS * EPOCHS}
seeds = 1
"""


def shipped(which: str) -> str:
    """A shipped study's file."""
    return (ROOT / "examples" / "studies" / f"{SPACES[which]}.toml").read_text()


def space_of(which: str) -> str:
    """The same down to its space."""
    return shipped(which).split("[strategy]")[0]


def data_file(dataset: Dataset) -> Path:
    """The events for the other tools; of the validation split those that narrowgate's rungs look at."""
    file = FOLDER / "data.npz"
    if not file.exists():
        arrays: dict[str, Any] = {}
        for name, split in dataset.splits():
            images, labels = split.images, split.labels
            if name == "validation":
                chosen = curve_events(split, 4096)
                images, labels = images[chosen], labels[chosen]
            arrays |= {f"{name}_images": images, f"{name}_labels": labels}
        np.savez(file, **arrays)
    return file


def judged(scores: Any, dataset: Dataset) -> dict[str, float]:
    """The efficiency at 10 kHz on the test split, with its interval."""
    labels = dataset.test.labels
    found = efficiency_at_rate(scores[labels == 1], scores[labels == 0], RATE, crossing_rate=dataset.crossing_rate)
    return {"value": found.efficiency, "low": found.low, "high": found.high}


def search_ours(text: str, dataset: Dataset) -> dict[str, Any]:
    """narrowgate's search, timed from its first line to its table."""
    last: list[Progress] = []

    def report(progress: Progress) -> None:
        last[:] = [progress]

    start = perf_counter()
    studies = FOLDER / f"studies-{int(start)}"
    outcome = search(Study.parse(text), dataset, studies, report=report)
    seconds = perf_counter() - start
    row = outcome.rows[0]
    assert row.efficiency is not None
    return {
        "seconds": seconds,
        "member_events": last[0].done * BATCH,
        "trials": len(outcome.ranked),
        "configurations": len(outcome.ranked),
        "winner": dict(row.settings),
        "own": {"value": row.efficiency.value, "low": row.efficiency.low, "high": row.efficiency.high},
        "versions": f"jax {jax.__version__}, {jax.local_device_count()} × {jax.local_devices()[0].device_kind}",
    }


def search_theirs(which: str, tool: str, dataset: Dataset) -> dict[str, Any]:
    """The search of another tool, in its own environment; its winner's own scores are judged here."""
    script = "search/optuna_peer.py" if tool == "hgq2" else "search/kerastuner_peer.py"
    scores = FOLDER / f"{which}-{tool}.npy"
    asked = {
        "study": {name: table for name, table in tomllib.loads(space_of(which)).items() if name in ("space", "fixed")},
        "data": str(data_file(dataset)),
        "folder": str(FOLDER / f"{which}-{tool}-trials"),
        "steps_per_epoch": STEPS,
        "max_epochs": EPOCHS,
        "factor": FACTOR,
        "batch_size": BATCH,
        "seed": SEED,
        "steps_per_call": 1,
        "trials": TRIALS,
        "cache": None,
        "scores": str(scores),
    }
    if tool == "rungs":
        asked |= RUNGS
    printed = environments.run("hgq2" if tool == "hgq2" else "qkeras", script, json.dumps(asked))
    lines = [line for line in printed.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(lines[-1])
    return found | {"own": judged(np.load(scores), dataset)}


def truth(which: str, winner: dict[str, Any], dataset: Dataset) -> dict[str, Any]:
    """The winner's efficiencies over five full trainings on fresh seeds, all by narrowgate's trainer."""
    one = Configuration.parse(_tables(tomllib.loads(space_of(which)), winner)).for_counts(10)
    members = [one.with_settings({f"training.{key}": value for key, value in FULL.items()})] * len(FRESH)
    members = [each.with_settings({"training.seed": seed}) for each, seed in zip(members, FRESH, strict=True)]
    points = []
    for trained in train(members, dataset):
        scores = exact_scores(trained.configuration, trained.weights, dataset.test.images)
        points.append(judged(scores, dataset))
    values = [point["value"] for point in points]
    events = mean(point["high"] - point["low"] for point in points) / 2
    half = float(np.hypot(events, stdev(values) / len(values) ** 0.5))
    return {"values": values, "value": mean(values), "low": mean(values) - half, "high": mean(values) + half}


def _tables(table: dict[str, Any], winner: dict[str, Any]) -> dict[str, Any]:
    wanted = space.network(table, winner)
    fixed = table["fixed"]
    precision = {name: f"({width},{integer})" for name, (width, integer) in wanted["precision"].items()}
    network = fixed["network"] | {"filters": wanted["filters"], "dropout": wanted["dropout"]}
    return {"network": network, "precision": precision, "training": fixed["training"]}


def stage(name: str, dataset: Dataset) -> dict[str, Any]:
    """What a stage (`dropout-qkeras`, `dropout-qkeras-truth`, …) found, now or earlier."""
    file = FOLDER / f"{name}.json"
    if not file.exists():
        print(f"{name} ...", file=sys.stderr)
        search_name = name.removesuffix("-truth")
        which, tool = search_name.rsplit("-", 1)
        if name.endswith("-truth"):
            found = truth(which, stage(search_name, dataset)["winner"], dataset)
        elif tool == "narrowgate":
            found = search_ours(space_of(which) + BUDGET, dataset)
        elif tool == "shipped":
            found = search_ours(shipped(which), dataset)
        else:
            found = search_theirs(which, tool, dataset)
        file.write_text(json.dumps(found))
    loaded: dict[str, Any] = json.loads(file.read_text())
    return loaded


def page(dataset: Dataset) -> str:
    """The tables of what is there."""
    done = {file.stem: stage(file.stem, dataset) for file in FOLDER.glob("*.json")}
    lines = [
        "# One search, three tools",
        "",
        f"Command: `make bench-search`. Every tool may try {TRIALS} configurations for at most {EPOCHS} epochs of "
        f"{STEPS} steps, batches of {BATCH}, seed {SEED}, on the shipped sample. The shipped studies have "
        "budgets of their own, all of their space, several seeds and finalists trained in full; KerasTuner with epochs "
        f"of {RUNGS['steps_per_epoch']} steps, {RUNGS['max_epochs']} at most, has their rungs.",
        "",
        "| space | tool | seconds | models trained | member-events | member-events/s | times QKeras + KerasTuner "
        "| the same, epochs of 150 steps |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for which in SPACES:
        for tool in NAMES:
            if (found := done.get(f"{which}-{tool}")) is not None:
                peers = [done.get(f"{which}-{peer}") if tool in tools else None for peer, tools in BESIDE.items()]
                ratios = ["" if peer is None else f"**{_speed(found) / _speed(peer):.1f}**" for peer in peers]
                lines.append(
                    f"| {which} | {NAMES[tool]} | {found['seconds']:.0f} | {found['trials']} "
                    f"| {found['member_events']:,} | {_speed(found):,.0f} | {' | '.join(ratios)} |"
                )
    lines += [
        "",
        f"Signal efficiency at {RATE / 1e3:g} kHz on the test split, with 68 % intervals: of the tool's own winning "
        f"network, and of the winning configuration trained {len(FRESH)} times on fresh seeds "
        f"({FULL['epochs'] * FULL['steps_per_epoch']} steps, cosine, narrowgate's trainer; mean).",
        "",
        "| space | tool | winner | its own network | five full trainings |",
        "|---|---|---|---|---|",
    ]
    for which in SPACES:
        for tool in NAMES:
            if (found := done.get(f"{which}-{tool}")) is not None:
                full = done.get(f"{which}-{tool}-truth")
                winner = ", ".join(f"{key} {value}" for key, value in found["winner"].items())
                lines.append(
                    f"| {which} | {NAMES[tool]} | {winner} | {_interval(found['own'])} "
                    f"| {'not measured' if full is None else _interval(full)} |"
                )
    versions = dict.fromkeys(
        f"{NAMES[tool]}: {done[key]['versions']}"
        for key in done
        for tool in NAMES
        if key in {f"{which}-{tool}" for which in SPACES}
    )
    return "\n".join([*lines, "", *(f"- {line}" for line in sorted(versions))]) + "\n"


def _speed(found: dict[str, Any]) -> float:
    return float(found["member_events"] / found["seconds"])


def _interval(found: dict[str, Any]) -> str:
    return f"{found['value']:.3f} ({found['low']:.3f}–{found['high']:.3f})"


def main() -> None:
    every = [f"{which}-{tool}" for which in SPACES for tool in NAMES]
    every += [f"{name}-truth" for name in every]
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--stages", nargs="*", choices=every, default=every, help="do only these")
    options.add_argument("--output", type=Path, help="also write the page to this file")
    chosen = options.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    dataset = load_sample()
    for name in chosen.stages:
        stage(name, dataset)
    text = page(dataset)
    print(text)
    if chosen.output:
        chosen.output.write_text(text)


if __name__ == "__main__":
    main()
