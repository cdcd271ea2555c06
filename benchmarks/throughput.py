"""Member-events per second in steady state, beside QKeras doing the same training in the same call.

`make bench` runs this and keeps what it prints in `benchmarks/results/throughput.md`. QKeras trains one network at a
time; narrowgate is shown for populations of several sizes, with its native functions and without. Both train (12,2)
everywhere, batches of 256 on the shipped sample, Adam. Ratios are what counts: machines differ and are noisy.

`--march x86-64-v3 x86-64-v4` measures several instruction sets on one machine that has them: narrowgate compiles for
each (`NARROWGATE_MARCH`), and XLA (`--xla_cpu_max_isa`) and TensorFlow's oneDNN (`ONEDNN_MAX_CPU_ISA`) are held to it.
What is compared takes turns, several times over, and the best of each counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import environments
from narrowgate.events import load_sample

NETWORKS = ([4, 8], [8, 16])
LOOPS = {"fit": "Keras' default", "fit-many": "50 steps a call"}
LIMITS = {
    "x86-64-v2": ("SSE4_2", "SSE41"),
    "x86-64-v3": ("AVX2", "AVX2"),
    "x86-64-v4": ("AVX512", "AVX512_CORE"),
}
"""How XLA and oneDNN call the instruction sets."""

ONEDNN = "ONEDNN_MAX_CPU_ISA"

Found = dict[str, Any]


@dataclass
class Row:
    """One network on one instruction set: QKeras by loop, ours by number of members, native and without."""

    filters: list[int]
    batch_norm: bool
    peers: dict[str, Found] = field(default_factory=dict)
    native: dict[str, Found] = field(default_factory=dict)
    without: dict[str, Found] = field(default_factory=dict)

    @property
    def head(self) -> str:
        """The first cells of a table's row."""
        return f"| {self.filters} | {'on' if self.batch_norm else 'off'} |"

    def best(self) -> tuple[str, float]:
        """The population size at which the native functions do most, and what they do there."""
        members = max(self.native, key=lambda size: float(self.native[size]["rate"]))
        return members, self.native[members]["rate"]


def limits(march: str) -> dict[str, str]:
    """The environment that holds narrowgate and XLA to an instruction set; empty for all that there is."""
    if march == "native":
        return {}
    held = {"XLA_FLAGS": f"--xla_cpu_max_isa={LIMITS[march][0]}"} if march in LIMITS else {}
    return {"NARROWGATE_MARCH": march} | held


def lacks(march: str) -> str:
    """Why an instruction set cannot be measured here; empty if it can."""
    code = "from narrowgate import native; print(native.why_not())"
    return _python(["-c", code], limits(march)).strip()


def ours(march: str, is_native: bool, asked: Found) -> Found:
    """What `throughput_one.py` reports."""
    switch = {"NARROWGATE_NATIVE": "on" if is_native else "off"}
    script = str(Path(__file__).with_name("throughput_one.py"))
    found: Found = json.loads(_python([script, json.dumps(asked)], limits(march) | switch))
    return found


def _python(arguments: list[str], variables: dict[str, str]) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=os.environ | variables, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:2])} failed under {variables}.")
    return done.stdout


def measure_peer(data: Path, row: Row, loop: str, steps: int, march: str) -> Found:
    """What QKeras reports of itself; see `qkeras_peer.py`."""
    os.environ.pop(ONEDNN, None)
    if march in LIMITS:
        os.environ[ONEDNN] = LIMITS[march][1]
    asked = {"data": str(data), "filters": row.filters, "batch_norm": row.batch_norm, "loop": loop, "steps": steps}
    found: Found = json.loads(environments.run("qkeras", "qkeras_peer.py", json.dumps(asked)))
    return found


def measure(march: str, data: Path, chosen: argparse.Namespace) -> tuple[list[Row], Found]:
    """All rows of one instruction set, and what the last of our processes said about itself."""
    rows, about = [], {}
    for filters in NETWORKS:
        for batch_norm in (False, True):
            row = Row(filters, batch_norm)
            asked = {"filters": filters, "batch_norm": batch_norm, "seconds": chosen.seconds}
            for loop in () if chosen.no_peer else LOOPS:
                row.peers[loop] = measure_peer(data, row, loop, chosen.peer_steps, march)
            for _ in range(chosen.rounds):
                about = ours(march, True, asked | {"members": chosen.members})
                _keep_best(row.native, about["by_members"])
                _keep_best(row.without, ours(march, False, asked | {"members": chosen.without})["by_members"])
            rows.append(row)
            print(f"{march}, {filters}, batch norm {batch_norm}: done", file=sys.stderr)
    return rows, about


def _keep_best(kept: dict[str, Found], found: dict[str, Found]) -> None:
    for members, one in found.items():
        if members not in kept or one["rate"] > kept[members]["rate"]:
            kept[members] = one


def section(march: str, rows: list[Row], about: Found) -> list[str]:
    """The tables of one instruction set, ratios first."""
    peers = bool(rows[0].peers)
    head = ["filters", "batch norm", *(f"QKeras, {loop}" for loop in LOOPS.values() if peers)]
    head += ["without native functions", "with", "members", "with / without"]
    head += [f"with / QKeras, {loop}" for loop in LOOPS.values() if peers]
    named = "all that the processor has" if march == "native" else march
    lines = [f"## {named}", "", f"{about['device']}.", "", f"| {' | '.join(head)} |"]
    lines += [f"|---|---|{'---:|' * (len(head) - 2)}"]
    for row in rows:
        members, rate = row.best()
        without = max(float(one["rate"]) for one in row.without.values())
        rates = [row.peers[loop]["events_per_second"] for loop in LOOPS if peers]
        cells = [f"{value:,.0f}" for value in (*rates, without, rate)] + [members, f"**{rate / without:.2f}**"]
        cells += [f"**{rate / value:.1f}**" for value in rates]
        lines.append(f"{row.head} {' | '.join(cells)} |")
    lines += ["", "| filters | batch norm | convolutions | members | member-events/s | compilation | devices × chunk |"]
    lines += ["|---|---|---|---:|---:|---:|---|"]
    for row in rows:
        for by, found in (("native", row.native), ("XLA", row.without)):
            for members, one in found.items():
                measured = f"{one['rate']:,.0f} | {one['seconds']:.1f} s | {one['placement']}"
                lines.append(f"{row.head} {by} | {members} | {measured} |")
    for row in rows:
        for loop, found in row.peers.items():
            lines.append(
                f"\nQKeras {row.filters}, batch norm {'on' if row.batch_norm else 'off'}, {LOOPS[loop]}: "
                f"{found['tracing_seconds']:.1f} s of tracing, {found['cores_used']:.2f} cores used."
            )
    return [*lines, ""]


def page(measured: dict[str, tuple[list[Row], Found]], command: str) -> str:
    """All sections under what holds for all."""
    rows, about = next(iter(measured.values()))
    versions = {f"tensorflow {found['tensorflow']}, qkeras {found['qkeras']}" for found in rows[0].peers.values()}
    lines = [
        "# Training throughput",
        "",
        f"Command: `{command}`. JAX {about['jax']}{'; ' + versions.pop() if versions else ''}.",
        "Member-events per second in steady state, the best of three epochs and of all rounds; compilation and tracing",
        "apart. XLA and oneDNN are held to the instruction set that narrowgate compiles for.",
        "",
    ]
    for march, (found, words) in measured.items():
        lines += section(march, found, words)
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--march", nargs="+", default=["native"], help="instruction sets, e.g. x86-64-v3 (native)")
    options.add_argument("--members", type=int, nargs="+", default=[1, 8, 64], help="population sizes (1 8 64)")
    options.add_argument("--without", type=int, nargs="+", default=[8], help="the same without native functions (8)")
    options.add_argument("--rounds", type=int, default=3, help="how often what is compared takes turns (3)")
    options.add_argument("--seconds", type=float, default=3.0, help="length of a timed epoch, about (3)")
    options.add_argument("--peer-steps", type=int, default=200, help="steps that QKeras is timed for (200)")
    options.add_argument("--no-peer", action="store_true", help="ours only")
    options.add_argument("--output", type=Path, help="also write the page to this file")
    chosen = options.parse_args()
    marches = []
    for march in chosen.march:
        if why := lacks(march):
            print(f"{march} is left out: {why}", file=sys.stderr)
        else:
            marches.append(march)
    train = load_sample().train
    with tempfile.TemporaryDirectory(prefix="narrowgate-bench-") as folder:
        data = Path(folder) / "train.npz"
        np.savez(data, images=train.images, labels=train.labels)
        measured = {march: measure(march, data, chosen) for march in marches or ["native"]}
    text = page(measured, f"python benchmarks/throughput.py {' '.join(sys.argv[1:])}".strip())
    print(text)
    if chosen.output:
        chosen.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
