"""What each bit buys: narrowgate's search beside HGQ2's learned bit-widths, same data, same machine, same time.

    python benchmarks/hgq2_pareto.py [--seconds 300] [--stages narrowgate hgq2 float]

Each tool has the machine alone for `--seconds`. narrowgate runs `examples/studies/efficiency-against-luts.toml` with
that as its time budget, tracing and judging included; HGQ2 (`hgq2_learned.py`, in an environment of its own) trains one
network whose bit-widths it learns, with a penalty on EBOPs that grows, and keeps a Pareto front; its tracing comes on
top. Both are judged on the sample's test split with the same code. A stage that was done is read from `build/hgq2/`.
The table goes into `benchmarks/results/hgq2_pareto.md`, the picture into `docs/images/hgq2-pareto.png`.

The cheapest network is chosen by the validation split: the one of fewest EBOPs whose validation efficiency is not below
the lower end of the float baseline's interval there. (LUTs are not known of all: alkaid cannot trace some of HGQ2's.)
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

import environments
from narrowgate.events import Dataset, Split, load_sample
from narrowgate.integers import cost, integer_network
from narrowgate.runs import read_configuration
from narrowgate.study import folder_of, search
from narrowgate.training import score, train, use_all_cores
from narrowgate.trigger import efficiency_at_rate

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "hgq2"
STUDY = ROOT / "examples" / "studies" / "efficiency-against-luts.toml"
RATE = 10e3
NAMES = {"narrowgate": "narrowgate", "hgq2": "HGQ2"}
LEARNED: dict[str, Any] = {
    "filters": [4, 8],
    "units": [32],
    "batch_size": 512,
    "steps_per_epoch": 50,
    "learning_rate": 0.003,
    "seed": 1,
    "beta": [1e-8, 1e-5],
    "trace_most": 8,
}

Found = dict[str, Any]


def judged(scores: NDArray[Any], split: Split, dataset: Dataset) -> dict[str, float]:
    """The efficiency at 10 kHz, with its 68 % interval."""
    signal, background = scores[split.labels == 1], scores[split.labels == 0]
    point = efficiency_at_rate(signal, background, RATE, crossing_rate=dataset.crossing_rate)
    return {"efficiency": point.efficiency, "low": point.low, "high": point.high}


def by_narrowgate(dataset: Dataset, seconds: float) -> Found:
    """The finalists of a two-objective search."""
    start = time.perf_counter()
    studies = FOLDER / "studies"
    shutil.rmtree(studies, ignore_errors=True)
    outcome = search(STUDY, dataset, studies, time_budget=seconds)
    folder = folder_of(studies, outcome.study) / "finalists"
    rows = []
    for row in outcome.rows:
        if row.efficiency is None or row.efficiency.value == 0:
            continue
        weights = load_file(folder / f"{row.configuration}.safetensors")
        network = integer_network(row.full, weights, dataset.geometry.shape)
        rows.append(
            {
                "name": row.configuration,
                "ebops": cost(network).ebops,
                "luts": row.traced_luts,
                "validation": row.validation,
                "test": {"efficiency": row.efficiency.value, "low": row.efficiency.low, "high": row.efficiency.high},
            }
        )
    return {"rows": rows, "seconds": time.perf_counter() - start, "about": outcome.state}


def by_hgq2(dataset: Dataset, seconds: float) -> Found:
    """The front of one training."""
    models = FOLDER / "models"
    shutil.rmtree(models, ignore_errors=True)
    data = FOLDER / "data.npz"
    arrays = {
        f"{name}_{part}": getattr(split, part) for name, split in dataset.splits() for part in ("images", "labels")
    }
    np.savez(data, **arrays)
    asked = LEARNED | {
        "data": str(data),
        "folder": str(models),
        "seconds": seconds,
        "acceptance": RATE / dataset.crossing_rate,
    }
    printed = environments.run("hgq2", "hgq2_learned.py", json.dumps(asked))
    found = json.loads([line for line in printed.splitlines() if line.startswith("{")][-1])
    rows = [
        {
            "name": f"number {place}",
            "ebops": one["ebops"],
            "luts": one["luts"],
            "validation": one["efficiency"],
            "test": judged(np.load(one["scores"]), dataset.test, dataset),
        }
        for place, one in enumerate(found["front"], start=1)
    ]
    about = (
        f"{found['epochs']} epochs of {LEARNED['steps_per_epoch']} steps, {found['on_front']} networks on its front, "
        f"tracing {len(rows)} of them took {found['tracing_seconds']:.0f} s more; {found['versions']}"
    )
    return {"rows": rows, "seconds": found["seconds"], "about": about}


def by_float(dataset: Dataset, seconds: float) -> Found:
    """The demo's float baseline on both splits."""
    configuration = read_configuration(ROOT / "examples/demo/float-baseline.toml").configuration
    start = time.perf_counter()
    (trained,) = train([configuration], dataset)
    splits = {"validation": dataset.validation, "test": dataset.test}
    points = {
        name: judged(score(trained.configuration, trained.weights, split.images), split, dataset)
        for name, split in splits.items()
    }
    return {"points": points, "seconds": time.perf_counter() - start}


STAGES = {"float": by_float, "narrowgate": by_narrowgate, "hgq2": by_hgq2}


def cheapest(rows: list[Found], least: float) -> Found | None:
    """The row of fewest EBOPs among those whose validation efficiency is at least `least`."""
    good = [row for row in rows if row["validation"] >= least]
    return min(good, key=lambda row: float(row["ebops"]), default=None)


def page(done: dict[str, Found], seconds: float) -> str:
    """The tables."""
    baseline = done["float"]["points"]
    least = baseline["validation"]["low"]
    lines = [
        "# Learned bit-widths or a search",
        "",
        f"Command: `python benchmarks/hgq2_pareto.py --seconds {seconds:g}`, two cores. Efficiencies at 10 kHz on the "
        "sample's test split, with 68 % intervals; EBOPs as HGQ2"
        " counts them, LUTs as traced by alkaid.",
        "",
        f"Float baseline: {interval(baseline['test'])}; on validation {interval(baseline['validation'])}.",
    ]
    for tool, name in NAMES.items():
        found = done[tool]
        chosen = cheapest(found["rows"], least)
        lines += ["", f"**{name}**, {found['seconds']:.0f} s ({found['about']}):", ""]
        lines += ["| network | EBOPs | LUTs traced | efficiency on validation | on test |", "|---|---:|---:|---:|---:|"]
        for row in sorted(found["rows"], key=lambda one: float(one["ebops"])):
            mark = " **(cheapest)**" if row is chosen else ""
            luts = "not traceable" if row["luts"] is None else f"{row['luts']:,.0f}"
            measured = f"{row['ebops']:,.0f} | {luts} | {row['validation']:.3f} | {interval(row['test'])}"
            lines.append(f"| {row['name']}{mark} | {measured} |")
        lines += ["", "None reaches the float baseline's interval on validation."] if chosen is None else []
    return "\n".join(lines) + "\n"


def interval(point: dict[str, float]) -> str:
    return f"{point['efficiency']:.3f} ({point['low']:.3f}–{point['high']:.3f})"


def draw(done: dict[str, Found], path: Path) -> None:
    """Efficiency against EBOPs, and the float baseline as a band."""
    figure, axes = plt.subplots(figsize=(7.0, 4.4), layout="constrained")
    band = done["float"]["points"]["test"]
    axes.axhspan(band["low"], band["high"], color="0.9", label="float baseline")
    for (tool, name), colour, marker in zip(NAMES.items(), ("#0072b2", "#d55e00"), ("o", "s"), strict=True):
        rows = sorted(done[tool]["rows"], key=lambda one: float(one["ebops"]))
        values = np.array([[row["test"][key] for key in ("efficiency", "low", "high")] for row in rows]).reshape(-1, 3)
        errors = np.abs(values[:, 1:].T - values[:, 0])
        axes.errorbar([row["ebops"] for row in rows], values[:, 0], errors, fmt=marker, color=colour, label=name)
    axes.set(xscale="log", xlabel="effective bit operations (EBOPs)", ylabel="signal efficiency at 10 kHz (test)")
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Do the stages that are not done, write table and picture."""
    parser = argparse.ArgumentParser(description="narrowgate's search beside HGQ2's learned bit-widths.")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--stages", nargs="*", choices=STAGES, default=list(STAGES))
    arguments = parser.parse_args()
    use_all_cores()
    FOLDER.mkdir(parents=True, exist_ok=True)
    dataset = load_sample()
    done = {}
    for stage, work in STAGES.items():
        file = FOLDER / f"{stage}-{arguments.seconds:g}.json"
        if stage in arguments.stages and not file.exists():
            print(f"{stage} ...", file=sys.stderr)
            file.write_text(json.dumps(work(dataset, arguments.seconds)))
        if file.exists():
            done[stage] = json.loads(file.read_text())
    if done.keys() >= STAGES.keys():
        text = page(done, arguments.seconds)
        (ROOT / "benchmarks/results/hgq2_pareto.md").write_text(text)
        draw(done, ROOT / "docs/images/hgq2-pareto.png")
        print(text)


if __name__ == "__main__":
    main()
