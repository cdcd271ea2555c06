"""A data set at a glance: what it holds, and what simple cuts on it keep at the rates."""

from __future__ import annotations

import math
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from narrowgate.checks import in_percent
from narrowgate.events import Dataset, summarise
from narrowgate.trigger import RATES, judge_cuts, possible_rates
from narrowgate.units import cut_name, in_kilohertz


def inspect_dataset(dataset: Dataset) -> dict[str, Any]:
    """Counts, occupancy and energies by split and class, and the cut-based triggers on the test split, for JSON."""
    test, rates = dataset.test, possible_rates(RATES, dataset.crossing_rate)
    judged = (
        judge_cuts(test.images, dataset.lsb, test.labels, rates=rates, crossing_rate=dataset.crossing_rate)
        if rates and 0 < int(test.labels.sum()) < len(test)
        else {}
    )
    cuts = {name: [vars(point) for point in points] for name, points in judged.items()}
    return summarise(dataset).as_dict() | {"cuts": cuts, "provenance": dict(dataset.provenance)}


def render_inspection(found: dict[str, Any]) -> RenderableType:
    """The same as tables for the terminal: occupied share of pixels, mean HT, pixels at the full scale."""
    rows, columns, channels = found["shape"]
    head = Text.assemble(
        (found["name"], "bold"),
        f"  images {rows} (η) × {columns} (φ) × {channels}, {found['bits']} bits, {found['lsb']:g} GeV a count, "
        f"crossing rate {in_kilohertz(found['crossing_rate'])}",
    )
    parts: list[RenderableType] = [head, _counts(found)]
    if saturated := _saturated(found):
        parts.append(Text(saturated, style="yellow"))
    if found["shared"]:
        events = ", ".join(
            f"{in_percent(count / sum(numbers['events'] for numbers in found['splits'][name].values()))} of {name}"
            for name, count in found["shared_events"].items()
            if count
        )
        parts.append(
            Text(f"{found['shared']:,} images are in more than one split ({events}): they overlap.", style="yellow")
        )
    if found["cuts"]:
        parts += [Text("Cuts on the test split"), _cuts(found["cuts"])]
        warnings = {point["warning"] for points in found["cuts"].values() for point in points if point["warning"]}
        parts += [Text(warning, style="yellow") for warning in sorted(warnings)]
    return Group(*parts)


def _saturated(found: dict[str, Any]) -> str:
    """Says what share of the pixels lies at the full scale, in each class; empty where none does."""
    pixels, shares = math.prod(found["shape"]), []
    for name in ("signal", "background"):
        numbers = [classes[name] for classes in found["splits"].values()]
        events = sum(one["events"] for one in numbers)
        at_top = sum(one["saturated"] or 0 for one in numbers)
        if at_top:
            shares.append(f"{in_percent(at_top / (events * pixels))} in {name}")
    return f"Pixels at the full scale of {found['bits']} bits: {', '.join(shares)}." if shares else ""


def _counts(found: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("split")
    table.add_column("class")
    for heading in ("events", "occupied", "HT / GeV", "largest / GeV", "saturated", "empty"):
        table.add_column(heading, justify="right")
    for split, classes in found["splits"].items():
        for name, numbers in classes.items():
            if not numbers["events"]:
                table.add_row(split, name, "0", "–", "–", "–", "–", "–")
                continue
            table.add_row(
                split,
                name,
                f"{numbers['events']:,}",
                f"{numbers['occupancy']:.1%}",
                f"{numbers['mean_ht']:.1f}",
                f"{numbers['largest'] * found['lsb']:g}",
                str(numbers["saturated"]),
                str(numbers["empty"]),
            )
    return table


def _cuts(cuts: dict[str, list[dict[str, Any]]]) -> Table:
    table = Table("cut", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("rate", "threshold", "signal efficiency", "background"):
        table.add_column(heading, justify="right")
    for name, points in cuts.items():
        for point in points:
            table.add_row(
                cut_name(name),
                in_kilohertz(point["rate"]),
                f"{point['threshold']:.1f} GeV",
                f"{point['efficiency']:.3f} ({point['low']:.3f}–{point['high']:.3f})",
                str(point["deciding"]),
            )
    return table
