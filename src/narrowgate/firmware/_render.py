"""Costs and verifications as tables for the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from narrowgate.firmware._verify import Verification
from narrowgate.firmware.vendor._result import Synthesis
from narrowgate.integers import Cost, find_part

STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow", "reported": "cyan"}


def render_cost(cost: Cost, *, title: str = "", part: str | None = None) -> Group:
    """A table by layer with its totals, and one of the parts, or of the one that is named.

    Raises:
        FirmwareError: the part is not known.
    """
    shown = list(cost.shares) if part is None else [find_part(part).name]
    by_layer = _table(
        title, "layer", "multiplications", "EBOPs", "weight bits", "activation bits", "adder depth", "LUTs"
    )
    for layer in cost.layers:
        counts = layer.counts
        by_layer.add_row(
            counts.name,
            f"{counts.multiplications:,}",
            f"{counts.ebops:,}",
            f"{counts.weight_bits + counts.normalisation_bits:,}",
            f"{counts.activation_bits:,}",
            str(layer.adder_depth),
            f"{layer.luts:,.0f}",
        )
    by_layer.add_section()
    by_layer.add_row(
        "all, estimated",
        f"{cost.multiplications:,}",
        f"{cost.ebops:,}",
        f"{cost.weight_bits + cost.normalisation_bits:,}",
        f"{cost.activation_bits:,}",
        "",
        f"{sum(layer.luts for layer in cost.layers):,.0f}",
        style="" if cost.traced else "bold",
    )
    if cost.traced:
        by_layer.add_row("all, traced", *[""] * 5, f"{cost.luts:,.0f}", style="bold")
    known, about = ("traced", "") if cost.traced else ("estimated", "about ")
    timing = (
        f"{known}: {cost.flip_flops:,.0f} flip-flops, {cost.dsps} DSPs; at {cost.clock:g} MHz {about}"
        f"{cost.latency_clocks} clocks = {cost.latency:.1f} ns, a new image every {cost.initiation_interval} clock"
    )
    if cost.normalisation_bits:
        timing += f"; batch norm adds {cost.normalisation_bits:,} bits of memory"
    parts = _table("", "part", "LUTs", "flip-flops", "DSPs")
    for name in shown:
        parts.add_row(name, *(f"{cost.shares[name][what]:.1%}" for what in ("luts", "flip_flops", "dsps")))
    return Group(by_layer, timing, parts)


def render_verification(result: Verification, *, title: str = "") -> Table:
    """Levels × mismatches, on scores and on decisions."""
    words = next((list(level.decisions) for level in result.levels if level.decisions is not None), [])
    table = _table(title, "level", "", "mismatches", *words, "first image", "layer", "seconds")
    table.caption = f"{result.real:,} real images and {result.events - result.real:,} adversarial ones"
    for level in result.levels:
        decisions = level.decisions or {}
        table.add_row(
            level.name,
            f"[{STYLES[level.status]}]{level.status}[/]",
            "" if level.mismatches is None else f"{level.mismatches:,}",
            *(f"{decisions[word]:,}" if word in decisions else "" for word in words),
            "" if level.first is None else str(level.first),
            escape(level.layer or level.reason),
            f"{level.seconds:.1f}",
        )
    return table


def render_synthesis(synthesis: Synthesis, *costs: Cost, title: str = "") -> Table:
    """What synthesis counted beside what was traced or estimated."""
    table = _table(title, "", "synthesis", *("traced" if cost.traced else "estimated" for cost in costs))
    table.add_row("LUTs", f"{synthesis.luts:,}", *(f"{cost.luts:,.0f}" for cost in costs))
    table.add_row("flip-flops", f"{synthesis.flip_flops:,}", *(f"{cost.flip_flops:,.0f}" for cost in costs))
    table.add_row("carry chains", f"{synthesis.carries:,}", *("" for _ in costs))
    table.add_row("DSPs", f"{synthesis.dsps:,}", *(f"{cost.dsps:,}" for cost in costs))
    if synthesis.block_rams:
        table.add_row("block RAMs", f"{synthesis.block_rams:g}", *("" for _ in costs))
    if synthesis.slack is not None:
        table.add_row("worst slack, ns", f"{synthesis.slack:.3f}", *("" for _ in costs))
    table.caption = f"{synthesis.tool}, {synthesis.seconds:.0f} s"
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=escape(title) or None)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    return table
