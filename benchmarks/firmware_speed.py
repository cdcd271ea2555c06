"""Images per second of the exact integers (`firmware.evaluate`) beside hls4ml's C simulation of the same network.

    python benchmarks/firmware_speed.py --output benchmarks/results/firmware_speed.md

Both compute the demo's fixed-point networks, with random weights and statistics, on the shipped sample's test split, in
turns within one call, and must agree on every image. hls4ml's C simulation is its own library, compiled by its own
script with `-O3`, which uses one core; ours is shown on one core and on all. The extra `hls4ml` and g++ are needed.
Ratios are what counts: machines differ and are noisy.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from narrowgate.events import load_sample
from narrowgate.firmware.hls4ml._project import convert
from narrowgate.firmware.keras._model import codes_of, energies
from narrowgate.integers import IntegerNetwork, evaluate, find_part, integer_network
from narrowgate.network import Configuration, ImageShape, layers
from narrowgate.runs import read_configuration

DEMO = Path(__file__).parent.parent / "examples/demo"
NETWORKS = ("8-2-dropout.toml", "12-2-batch-norm.toml")


def network_of(configuration: Configuration, image: ImageShape) -> IntegerNetwork:
    """Its integers with weights that keep activations near 1, and batch norm that does something."""
    random = np.random.default_rng(1)
    expected = layers(configuration.network, image)
    weights = {}
    for name, shape in (expected.weight_shapes() | expected.statistics_shapes()).items():
        values = random.normal(size=shape)
        match name.split(".")[1]:
            case "kernel":
                values *= (2 / np.prod(shape[:-1])) ** 0.5
            case "scale":
                values = 1 + 0.3 * values
            case "variance":
                values = 0.1 + values**2
            case _:
                values *= 0.3
        weights[name] = values.astype(np.float32)
    return integer_network(configuration, weights, image)


def seconds_of(function: Callable[[], Any]) -> tuple[float, Any]:
    start = perf_counter()
    result = function()
    return perf_counter() - start, result


def on_one_core(function: Callable[[], Any]) -> Any:
    """The result of a function whose threads share one core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        return function()
    finally:
        os.sched_setaffinity(0, allowed)


def measure(network: IntegerNetwork, images: Any, few: int, repetitions: int) -> dict[str, float]:
    """Images per second, the median of some repetitions in turns; hls4ml is given only `few` images."""
    with TemporaryDirectory() as folder:
        graph = convert(network, Path(folder), find_part("VU13P"), 200.0)
        with contextlib.redirect_stdout(io.StringIO()):
            compilation, _ = seconds_of(graph.compile)
        pixels = np.ascontiguousarray(energies(network, images[:few]))
        rates: dict[str, list[float]] = {"hls4ml": [], "one": [], "all": []}
        evaluate(network, images[:1000])
        for _ in range(repetitions):
            seconds, logits = seconds_of(lambda: graph.predict(pixels))
            rates["hls4ml"].append(few / seconds)
            seconds, codes = seconds_of(lambda: on_one_core(lambda: evaluate(network, images)))
            rates["one"].append(len(images) / seconds)
            seconds, codes = seconds_of(lambda: evaluate(network, images))
            rates["all"].append(len(images) / seconds)
        differing = int((codes_of(np.asarray(logits).reshape(-1), network.output.fraction) != codes[:few]).sum())
    if differing:
        raise SystemExit(f"They differ on {differing} of {few} images.")
    return {name: median(found) for name, found in rates.items()} | {"compilation": compilation}


def report(images: int, few: int, repetitions: int) -> str:
    dataset = load_sample()
    shown = dataset.test.images[:images]
    cores = len(os.sched_getaffinity(0))
    lines = [
        "# Exact integers beside hls4ml's C simulation",
        "",
        "Command: `python benchmarks/firmware_speed.py --output benchmarks/results/firmware_speed.md`. "
        f"hls4ml {version('hls4ml')}, HGQ2 {version('hgq2')}, NumPy {np.__version__}, {cores} cores of "
        f"{platform.machine()}.",
        f"Images per second, the median of {repetitions} turns, on {len(shown):,} images, of which hls4ml is given "
        f"{few:,}; the logits of all of those are equal.",
        "",
        "| network | hls4ml, one | ours, one core | ours, all | ratio, one core | ratio, all | compiled in |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in NETWORKS:
        configuration = read_configuration(DEMO / name).configuration.for_counts(10)
        rows, columns, channels = shown.shape[1:]
        found = measure(network_of(configuration, (rows, columns, channels)), shown, few, repetitions)
        ratios = " | ".join(f"**{found[which] / found['hls4ml']:.0f}**" for which in ("one", "all"))
        rates = " | ".join(f"{found[which]:,.0f}" for which in ("hls4ml", "one", "all"))
        filters = configuration.network.filters
        title = f"{configuration.name}, filters {filters}"
        lines.append(f"| {title} | {rates} | {ratios} | {found['compilation']:.0f} s |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=104_000, help="for the exact integers")
    parser.add_argument("--few", type=int, default=8_000, help="for hls4ml")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--output", type=Path, help="also write the table to this file")
    arguments = parser.parse_args()
    text = report(arguments.images, arguments.few, arguments.repetitions)
    print(text, end="")
    if arguments.output:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
