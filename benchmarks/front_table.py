"""What each LUT buys: the table of `docs/firmware.md` and its picture, from runs that were trained before.

    narrowgate train examples/demo/*.toml --runs demo/runs
    narrowgate search examples/studies/efficiency-against-luts.toml --studies studies --runs demo/runs
    python benchmarks/front_table.py demo/runs [RUN ...] [--limit SECONDS] [--synthesised RUN=FILE]

For every fixed-point run, or those that are named: estimate, trace, export, check with the tracer's interpreter on
1 000 real images and 256 adversarial ones, and synthesise with Yosys. What was measured is kept in
`results/front.jsonl`, so that the script goes on where it stopped. Seconds are wall-clock on a shared machine.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from narrowgate import firmware, hardware, notebook
from narrowgate.trigger import CROSSING_RATE, efficiency_at_rate

RESULTS = Path(__file__).parent / "results"
MEASURED = RESULTS / "front.jsonl"
PICTURE = Path(__file__).parent.parent / "docs/images/front.png"
RATE, CLOCK = 10e3, 200.0
Result = TypeVar("Result")


def timed(function: Callable[[], Result]) -> tuple[Result, float]:
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def efficiency(run: notebook.Run) -> dict[str, float]:
    """From the scores that the run keeps, with today's intervals."""
    scores, labels = run.scores()
    crossing_rate = run.measures.crossing_rate or CROSSING_RATE
    point = efficiency_at_rate(scores[labels == 1], scores[labels == 0], RATE, crossing_rate=crossing_rate)
    return {"efficiency": point.efficiency, "low": point.low, "high": point.high}


def measure(root: Path, name: str, limit: float, earlier: Path | None) -> dict[str, Any]:
    """Everything about one run."""
    run = notebook.load(root, name)
    trained = hardware.trained_network(root, name)
    precision, shape = trained.configuration.precision, trained.configuration.network
    network, integers_seconds = timed(trained.integers)
    estimated, estimate_seconds = timed(lambda: firmware.cost(network, clock=CLOCK))
    circuit, trace_seconds = timed(lambda: firmware.trace(network))
    traced = firmware.cost(network, clock=CLOCK, circuit=circuit)
    images = hardware.real_images(trained, 1000).images
    checked, verify_seconds = timed(
        lambda: firmware.verify(network, images, tools=["alkaid"], circuit=circuit, thresholds=trained.working_points())
    )
    assert checked.passed, checked
    record: dict[str, Any] = {
        "run": name,
        "name": run.name,
        "formats": [str(one) for one in (precision.conv, precision.dense, precision.activation)],
        "filters": list(shape.filters),
        "units": list(shape.units),
        "ebops": estimated.ebops,
        "estimated": [estimated.luts, estimated.flip_flops, estimated.latency_clocks],
        "traced": [traced.luts, traced.flip_flops, traced.latency_clocks],
        "synthesised": None,
        "seconds": {
            "integers": integers_seconds,
            "estimate": estimate_seconds,
            "trace": trace_seconds,
            "interpreter": verify_seconds,
        },
    }
    with TemporaryDirectory() as folder:
        project, record["seconds"]["export"] = timed(
            lambda: firmware.export(circuit, Path(folder) / "project", "verilog", images[:100], clock=CLOCK)
        )
        if earlier is not None:
            before = json.loads(earlier.read_text())
            record["synthesised"] = [before["luts"], before["flip_flops"]]
            record["seconds"]["yosys"] = before["seconds"]
        elif limit > 0:
            try:
                found = firmware.synthesise(project, tool="yosys", seconds=limit)
                record["synthesised"] = [found.luts, found.flip_flops]
                record["seconds"]["yosys"] = found.seconds
            except firmware.FirmwareError as error:
                record["why not synthesised"] = str(error)
    return record


def table(records: list[dict[str, Any]], floats: list[tuple[str, dict[str, float]]]) -> str:
    heads = (
        "network | formats: conv, dense, activation | filters; units | efficiency at 10 kHz | EBOPs | LUTs estimated | "
        "traced | Yosys | FFs estimated | traced | Yosys | clocks at 200 MHz | "
        "s: integers | estimate | trace | export | interpreter | Yosys"
    )
    lines = [f"| {heads} |", "|" + "---|" * (heads.count("|") + 1)]
    for one in records:
        seconds, yosys = one["seconds"], one["synthesised"] or ["–", "–"]
        cells = [
            one["name"],
            ", ".join(one["formats"]),
            f"{', '.join(map(str, one['filters']))}; {', '.join(map(str, one['units'])) or '–'}",
            interval(one),
            f"{one['ebops']:,}",
            *(f"{luts:,.0f}" for luts in (one["estimated"][0], one["traced"][0])),
            f"{yosys[0]:,}" if one["synthesised"] else "–",
            *(f"{registers:,.0f}" for registers in (one["estimated"][1], one["traced"][1])),
            f"{yosys[1]:,}" if one["synthesised"] else "–",
            str(one["traced"][2]),
            *(f"{seconds[step]:.2g}" for step in ("integers", "estimate")),
            *(f"{seconds[step]:.0f}" for step in ("trace", "export", "interpreter")),
            f"{seconds['yosys']:.0f}" if "yosys" in seconds else "–",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"\n{name}: {interval(found)}" for name, found in floats]
    if within := cheapest(records, floats):
        lines.append(
            f"\nThe cheapest whose efficiency lies within the float baseline's interval: {within['name']} "
            f"({within['run']}), {within['traced'][0]:,.0f} LUTs traced, {interval(within)}."
        )
    elif floats:
        lines.append("\nNone of these has an efficiency within the float baseline's interval.")
    return "\n".join(lines) + "\n"


def interval(found: dict[str, Any]) -> str:
    return f"{found['efficiency']:.3f} ({found['low']:.3f}–{found['high']:.3f})"


def cheapest(records: list[dict[str, Any]], floats: list[tuple[str, dict[str, float]]]) -> dict[str, Any] | None:
    if not floats:
        return None
    enough = [one for one in records if one["efficiency"] >= floats[0][1]["low"]]
    return min(enough, key=lambda one: float(one["traced"][0]), default=None)


def draw(records: list[dict[str, Any]], floats: list[tuple[str, dict[str, float]]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
    for name, found in floats:
        axes.axhspan(found["low"], found["high"], color="#D9D9D9", zorder=0)
        axes.axhline(found["efficiency"], color="#6E6E6E", linewidth=1, label=f"{name} and its interval")
    for one in records:
        errors = [[one["efficiency"] - one["low"]], [one["high"] - one["efficiency"]]]
        demo = "," not in one["name"] or one["name"].startswith("(")
        axes.errorbar(
            one["traced"][0], one["efficiency"], errors, fmt="o", capsize=3, color="#D55E00" if demo else "#0072B2"
        )
        label = one["name"] if demo else one["name"].rpartition(", ")[2]
        axes.annotate(label, (one["traced"][0], one["efficiency"]), (6, 4), textcoords="offset points", fontsize=8)
        if one["synthesised"]:
            axes.plot(one["synthesised"][0], one["efficiency"], "k|", markersize=9)
    axes.plot([], [], "o", color="#0072B2", label="the study's finalists: LUTs traced")
    axes.plot([], [], "o", color="#D55E00", label="the demo's networks: LUTs traced")
    if any(one["synthesised"] for one in records):
        axes.plot([], [], "k|", markersize=9, label="LUTs by Yosys")
    axes.set(xscale="log", xlabel="LUTs", ylabel="signal efficiency at 10 kHz (test split, 68 % intervals)")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12)
    axes.grid(color="#E8E8E8")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    figure.savefig(PICTURE, dpi=130, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("runs", nargs="*", help="ids; by default all that have fixed-point formats")
    parser.add_argument("--limit", type=float, default=1800, help="seconds that Yosys may take of each")
    parser.add_argument(
        "--synthesised",
        action="append",
        default=[],
        metavar="RUN=FILE",
        help="what `narrowgate synth RUN --json` gave before",
    )
    given = parser.parse_args()
    every = notebook.list_runs(given.root)
    floats = [
        (one.name, efficiency(one)) for one in every if one.configuration.get("precision", {}).get("conv") == "float"
    ]
    fixed = [
        one.id
        for one in every
        if one.configuration.get("precision", {}).get("conv") != "float" and efficiency(one)["efficiency"] > 0
    ]
    earlier = {name: Path(path) for name, _, path in (one.partition("=") for one in given.synthesised)}
    names = given.runs or fixed
    lines = MEASURED.read_text().splitlines() if MEASURED.exists() else []
    done = {record["run"]: record for record in map(json.loads, lines)}
    for name in names:
        if name not in done:
            done[name] = measure(given.root, name, given.limit, earlier.get(name))
            with MEASURED.open("a") as file:
                file.write(json.dumps(done[name], ensure_ascii=False) + "\n")
    measured = (done[name] | efficiency(notebook.load(given.root, name)) for name in names)
    records = sorted(measured, key=lambda one: -float(one["traced"][0]))
    text = table(records, floats)
    (RESULTS / "front.md").write_text(f"# What each LUT buys\n\n`python benchmarks/front_table.py`\n\n{text}")
    print(text)
    draw(records, floats)


if __name__ == "__main__":
    main()
