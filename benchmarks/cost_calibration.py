"""Fit the fast cost estimate to traced networks, and state its error.

    python benchmarks/cost_calibration.py trace [--networks 48]   # minutes: traces random networks with alkaid
    python benchmarks/cost_calibration.py fit                     # seconds: fits, prints, draws

Half of the networks are kept out of the fit; the error that is stated is theirs.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from narrowgate.firmware import trace
from narrowgate.integers import (
    FITTED,
    Coefficients,
    IntegerNetwork,
    LayerCounts,
    count,
    delay,
    flip_flops,
    integer_network,
    luts,
)
from narrowgate.network import Configuration, layers

RESULTS = Path(__file__).parent / "results"
NETWORKS = RESULTS / "cost_networks.jsonl"
CLOCKS = (200.0, 400.0)


def random_network(seed: int) -> tuple[Configuration, IntegerNetwork]:
    """A network of random shape and formats, its weights with the long tails that training gives."""
    random = np.random.default_rng(seed)

    def pick(*choices: Any) -> Any:
        return choices[random.integers(len(choices))]

    filters = pick([2], [4], [2, 4], [2, 4], [4, 8], [3, 6], [2, 2, 2])
    kernels = [pick(3, 3, 3, 5) for _ in filters]
    pools = [2 if index < 2 and random.random() < 0.85 else 1 for index in range(len(filters))]
    image = pick((20, 12, 1), (20, 12, 1), (10, 12, 1), (18, 14, 1), (8, 8, 2))
    conv, dense, activation = (int(random.integers(low, high)) for low, high in ((2, 13), (2, 11), (3, 15)))
    table = {
        "network": {
            "filters": filters,
            "kernels": kernels,
            "pools": pools,
            "units": pick([], [8], [16], [16, 8], [64]),
            "batch_norm": pick("off", "off", "hidden", "all"),
        },
        "precision": {
            "conv": [conv, pick(0, 1, 2)],
            "dense": [dense, pick(0, 1, 2)],
            "batchnorm": [max(conv, 6), 2],
            "activation": [activation, pick(2, 3, 4)],
        },
    }
    configuration = Configuration.parse(table).for_counts(10)
    expected = layers(configuration.network, image)
    weights = {}
    for name, shape in (expected.weight_shapes() | expected.statistics_shapes()).items():
        values = random.standard_t(4, size=shape)
        match name.split(".")[1]:
            case "kernel":
                values *= (1.5 / np.prod(shape[:-1])) ** 0.5
            case "scale":
                values = 1 + 0.2 * values
            case "variance":
                values = 0.2 + values**2
            case _:
                values *= 0.2
        weights[name] = values.astype(np.float32)
    return configuration, integer_network(configuration, weights, image)


def trace_networks(number: int) -> None:
    done = {json.loads(line)["seed"] for line in NETWORKS.read_text().splitlines()} if NETWORKS.exists() else set()
    for seed in range(number):
        if seed in done:
            continue
        configuration, network = random_network(seed)
        start = time.perf_counter()
        circuit = trace(network)
        seconds = time.perf_counter() - start
        record = {
            "seed": seed,
            "image": network.image,
            "network": configuration.as_table()["network"],
            "precision": configuration.as_table()["precision"],
            "layers": [asdict(count(layer)) for layer in network],
            "luts": circuit.luts,
            "delay": circuit.delay,
            "registers": {clock: circuit.flip_flops(clock) for clock in CLOCKS},
            "seconds": seconds,
        }
        with NETWORKS.open("a") as file:
            file.write(json.dumps(record) + "\n")
        print(f"{seed}: {circuit.luts:.0f} LUTs, {circuit.delay:.1f} ns, traced in {seconds:.1f} s", flush=True)


def read() -> list[dict[str, Any]]:
    """All traced networks but those whose output is constant: there is nothing to build."""
    records = [json.loads(line) for line in NETWORKS.read_text().splitlines()]
    records = [record for record in records if record["luts"] > 0]
    for record in records:
        record["counts"] = [LayerCounts(**layer) for layer in record["layers"]]
    return records


def predicted(factors: Coefficients, record: dict[str, Any]) -> list[float]:
    """LUTs, delay, and registers at each clock."""
    values = [sum(luts(layer, factors) for layer in record["counts"])]
    values.append(sum(delay(layer, factors) for layer in record["counts"]))
    for clock in CLOCKS:
        values.append(flip_flops(record["luts"], stages_of(record, clock), factors))
    return values


def stages_of(record: dict[str, Any], clock: float) -> int:
    return max(int(np.ceil(record["delay"] * clock / 1000)), 1)


def logarithms(values: dict[str, float], records: list[dict[str, Any]]) -> NDArray[np.float64]:
    factors = Coefficients(**values)
    rows = []
    for record in records:
        measured = [record["luts"], record["delay"], *record["registers"].values()]
        rows.append(np.log(np.maximum(predicted(factors, record), 1e-9) / np.array(measured)))
    return np.array(rows)


def fit() -> None:
    records = read()
    names = [field.name for field in fields(Coefficients)]
    start = np.array([getattr(FITTED, name) for name in names])
    fitted, kept = records[::2], records[1::2]

    def residuals(point: NDArray[np.float64]) -> NDArray[np.float64]:
        return logarithms(dict(zip(names, point, strict=True)), fitted).reshape(-1)

    found = least_squares(residuals, start, bounds=(0, np.inf), loss="soft_l1").x
    values = {name: float(f"{value:.4g}") for name, value in zip(names, found, strict=True)}
    print("FITTED = Coefficients(")
    for name, value in values.items():
        print(f"    {name}={value},")
    print(")")
    summary: dict[str, Any] = {"networks": len(records), "fitted": len(fitted), "kept_out": len(kept)}
    for group, chosen in (("fitted", fitted), ("kept_out", kept)):
        errors = np.abs(np.expm1(logarithms(values, chosen)))
        for index, what in enumerate(("luts", "delay", "registers_200", "registers_400")):
            column = errors[:, index]
            summary[f"{group}_{what}"] = {"median": float(np.median(column)), "largest": float(column.max())}
            print(f"{group:9} {what:14} median error {np.median(column):5.1%}, largest {column.max():5.1%}")
    (RESULTS / "cost_calibration.json").write_text(json.dumps({"coefficients": values} | summary, indent=2) + "\n")
    draw(values, fitted, kept)


def draw(values: dict[str, float], fitted: list[dict[str, Any]], kept: list[dict[str, Any]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for chosen, style, label in ((fitted, "o", "in the fit"), (kept, "^", "kept out")):
        estimates = np.array([predicted(Coefficients(**values), record) for record in chosen])
        axes[0].plot([record["luts"] for record in chosen], estimates[:, 0], style, label=label)
        axes[1].plot([record["delay"] for record in chosen], estimates[:, 1], style, label=label)
    for axis, unit in zip(axes, ("LUTs", "delay (ns)"), strict=True):
        axis.set(xscale="log", yscale="log", xlabel=f"traced {unit}", ylabel=f"estimated {unit}")
        ends = axis.get_xlim()
        axis.plot(ends, ends, color="grey", linewidth=1)
        axis.legend()
    figure.savefig(RESULTS / "cost_calibration.png", dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["trace", "fit"])
    parser.add_argument("--networks", type=int, default=48)
    given = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if given.what == "trace":
        trace_networks(given.networks)
    else:
        fit()
