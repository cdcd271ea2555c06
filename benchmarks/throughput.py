"""Member-events per second in steady state, beside QKeras doing the same training in the same call.

`make bench` runs this and keeps what it prints in `benchmarks/results/throughput.md`. QKeras trains one network at a
time; narrowgate is shown for populations of several sizes. Both train (12,2) everywhere, batches of 256 on the shipped
sample, Adam. Ratios are what counts: machines differ and are noisy.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from narrowgate.training import Placement, Population, TrainingImages, program_of, use_all_cores

use_all_cores()

import jax  # noqa: E402
import numpy as np  # noqa: E402

import environments  # noqa: E402 (the devices must be there before JAX is used)
from narrowgate.events import Dataset, load_sample  # noqa: E402
from narrowgate.network import Configuration  # noqa: E402

NETWORKS = ([4, 8], [8, 16])
LOOPS = {"fit": "Keras' default", "fit-many": "50 steps a call"}


@dataclass(frozen=True)
class Row:
    """One network: QKeras' events per second by loop, ours by number of members."""

    filters: list[int]
    batch_norm: bool
    peers: dict[str, dict[str, Any]]
    ours: dict[int, tuple[float, float, Placement]]


def configuration(filters: list[int], batch_norm: bool) -> Configuration:
    """The notebook's network with (12,2) everywhere."""
    formats = dict.fromkeys(("conv", "dense", "batchnorm", "activation"), "(12,2)")
    network = {"filters": filters, "batch_norm": "hidden" if batch_norm else "off"}
    return Configuration.parse({"network": network, "precision": formats}).for_counts(10)


def measure_ours(one: Configuration, dataset: Dataset, members: int, seconds: float) -> tuple[float, float, Placement]:
    """Member-events per second (best of three epochs of about `seconds`), seconds of compilation, and the placement."""
    images = TrainingImages.of(dataset.train)
    chosen = [one.with_settings({"training.seed": seed}) for seed in range(members)]
    steps = max(4, int(seconds * 60_000 / members / one.training.batch_size))
    program = program_of(one.with_settings({"training.steps_per_epoch": steps}), dataset.geometry.shape)
    population = Population(program, members)
    settings = population.settings(chosen, 1000)
    state = population.initial_state(settings)
    population = population.tuned(settings, state, images)
    images = population.share(images)
    times = []
    for _ in range(4):
        start = perf_counter()
        state, losses = population.train_epoch(settings, state, images)
        jax.block_until_ready(losses)
        times.append(perf_counter() - start)
    best = min(times[1:])
    return members * steps * one.training.batch_size / best, times[0] - best, population.placement


def measure_peer(data: Path, filters: list[int], batch_norm: bool, loop: str, steps: int) -> dict[str, Any]:
    """What QKeras reports of itself; see `qkeras_peer.py`."""
    asked = {"data": str(data), "filters": filters, "batch_norm": batch_norm, "loop": loop, "steps": steps}
    found: dict[str, Any] = json.loads(environments.run("qkeras", "qkeras_peer.py", json.dumps(asked)))
    return found


def page(rows: list[Row], command: str) -> str:
    """The table, ratios first."""
    device = jax.local_devices()[0]
    best = [max(row.ours.items(), key=lambda item: item[1][0]) for row in rows]
    peers = next((row.peers for row in rows if row.peers), {})
    versions = {f"tensorflow {found['tensorflow']}, qkeras {found['qkeras']}" for found in peers.values()}
    lines = [
        "# Training throughput",
        "",
        f"Command: `{command}`. JAX {jax.__version__}, {jax.local_device_count()} × {device.device_kind}"
        f"{'; ' + versions.pop() if versions else ''}.",
        "Member-events per second in steady state, the best of three; compilation and tracing apart.",
        "",
    ]
    if peers:
        lines += [
            "| filters | batch norm | QKeras, Keras' default | QKeras, 50 steps a call | ours, best | members "
            "| ratio to default | ratio to 50 steps a call |",
            "|---|---|---:|---:|---:|---:|---:|---:|",
        ]
        for row, (members, (rate, _, _)) in zip(rows, best, strict=True):
            peer = {loop: row.peers[loop]["events_per_second"] for loop in LOOPS}
            lines.append(
                f"| {row.filters} | {'on' if row.batch_norm else 'off'} | {peer['fit']:,.0f} | {peer['fit-many']:,.0f} "
                f"| {rate:,.0f} | {members} | **{rate / peer['fit']:.1f}** | {rate / peer['fit-many']:.1f} |"
            )
        lines.append("")
    lines += [
        "| filters | batch norm | members | member-events/s | compilation | devices × chunk |",
        "|---|---|---:|---:|---:|---|",
    ]
    for row in rows:
        for members, (rate, seconds, placement) in row.ours.items():
            lines.append(
                f"| {row.filters} | {'on' if row.batch_norm else 'off'} | {members} | {rate:,.0f} | {seconds:.1f} s "
                f"| {placement.devices} × {placement.chunk} |"
            )
    for row in rows:
        for loop, found in row.peers.items():
            lines.append(
                f"\nQKeras {row.filters}, batch norm {'on' if row.batch_norm else 'off'}, {LOOPS[loop]}: "
                f"{found['tracing_seconds']:.1f} s of tracing, {found['cores_used']:.2f} cores used."
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--members", type=int, nargs="+", default=[1, 8, 64], help="population sizes (1 8 64)")
    options.add_argument("--seconds", type=float, default=3.0, help="length of a timed epoch, about (3)")
    options.add_argument("--peer-steps", type=int, default=200, help="steps that QKeras is timed for (200)")
    options.add_argument("--no-peer", action="store_true", help="ours only, as on a GPU")
    options.add_argument("--output", type=Path, help="also write the page to this file")
    chosen = options.parse_args()
    dataset = load_sample()
    rows = []
    with tempfile.TemporaryDirectory(prefix="narrowgate-bench-") as folder:
        data = Path(folder) / "train.npz"
        np.savez(data, images=dataset.train.images, labels=dataset.train.labels)
        for filters in NETWORKS:
            for batch_norm in (False, True):
                loops = () if chosen.no_peer else tuple(LOOPS)
                peers = {loop: measure_peer(data, filters, batch_norm, loop, chosen.peer_steps) for loop in loops}
                one = configuration(filters, batch_norm)
                ours = {n: measure_ours(one, dataset, n, chosen.seconds) for n in chosen.members}
                rows.append(Row(filters, batch_norm, peers, ours))
                print(f"{filters}, batch norm {batch_norm}: done", file=sys.stderr)
    text = page(rows, f"python benchmarks/throughput.py {' '.join(sys.argv[1:])}".strip())
    print(text)
    if chosen.output:
        chosen.output.write_text(text)


if __name__ == "__main__":
    main()
