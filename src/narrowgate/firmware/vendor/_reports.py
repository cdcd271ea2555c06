"""AMD's reports as numbers: Vivado's utilisation and timing summary, and Vitis HLS's estimate after C synthesis.

The formats are those of `report_utilization` and `report_timing_summary` (UG906) and of `csynth_design` (UG1399), as
in reports of versions 2017.3 to 2025.2 in public repositories.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from narrowgate.integers import FirmwareError

_LUTS = ("CLB LUTs", "Slice LUTs")
_REGISTERS = ("Register as Flip Flop", "CLB Registers", "Slice Registers")
_CARRIES = ("CARRY8", "CARRY4")


@dataclass(frozen=True)
class Utilisation:
    """What a report counts: block RAMs in units of 36 Kbit, `cells` by the primitive's name, empty of an estimate.

    `version` is the tool's own, e.g. "Vivado v.2022.1".
    """

    version: str
    luts: int
    flip_flops: int
    carries: int
    dsps: int
    block_rams: float
    cells: Mapping[str, int] = field(default_factory=dict)


def utilisation(report: str) -> Utilisation:
    """Read what `report_utilization` wrote, not hierarchical, of 7 series, UltraScale or UltraScale+ devices.

    Raises:
        FirmwareError: a row that every such report has is missing.
    """
    used: dict[str, str] = {}
    for row in _rows(report):
        if len(row) >= 4:  # with its site type, used, fixed, … ; of the rows of one name the first is the total
            used.setdefault(row[0].rstrip("*").strip(), row[1])
    cells = _primitives(report)
    version = re.search(r"Tool Version\s*:\s*(Vivado \S+)", report)
    return Utilisation(
        version[1] if version else "Vivado",
        int(_first(used, _LUTS, "utilisation")),
        int(_first(used, _REGISTERS, "utilisation")),
        sum(cells.get(name, int(used.get(name, "0"))) for name in _CARRIES),
        int(_first(used, ("DSPs", "DSP Slices"), "utilisation")),
        float(_first(used, ("Block RAM Tile",), "utilisation")),
        cells,
    )


def worst_slack(report: str) -> float | None:
    """The worst negative slack (WNS) in ns, negative if timing fails, as `report_timing_summary` wrote it.

    `None` where the design has no constrained path.

    Raises:
        FirmwareError: there is no design timing summary.
    """
    summary = re.search(r"WNS\(ns\).*\n[ -]+\n\s*(\S+)", report)
    if summary is None:
        raise FirmwareError("Vivado's timing report has no design timing summary.")
    return None if summary[1] == "NA" else float(summary[1])


def synthesis_estimate(report: str) -> Utilisation:
    """Read Vitis HLS's estimate, `<top>_csynth.rpt`; it tells no carries and no cells, and block RAMs of 18 Kbit.

    Raises:
        FirmwareError: there is no table of utilisation estimates.
    """
    _, found, tables = report.partition("== Utilization Estimates")
    rows = _rows(tables)
    header = next((row for row in rows if row[0] == "Name"), [])
    total = next((row for row in rows if row[0] == "Total"), [])
    if not found or len(total) != len(header) or not total:
        raise FirmwareError("Vitis HLS's report has no table of utilisation estimates.")
    used = {name: "0" if count == "-" else count for name, count in zip(header, total, strict=True)}
    version = re.search(r"\* Version:\s*(\S+)", report)
    return Utilisation(
        f"Vitis HLS {version[1]}" if version else "Vitis HLS",
        int(_first(used, ("LUT",), "synthesis")),
        int(_first(used, ("FF",), "synthesis")),
        0,
        int(_first(used, ("DSP", "DSP48E"), "synthesis")),
        int(_first(used, ("BRAM_18K",), "synthesis")) / 2,
    )


def estimated_slack(report: str) -> float | None:
    """Target less uncertainty less estimated period in ns, as Vitis HLS has it; `None` where it is not told."""
    number = r"([\d.]+)(?: ns)?\s*\|"
    row = re.search(rf"\|\s*Clock\s*\|.*\n.*\n\s*\|\s*\S+\s*\|\s*{number}\s*{number}\s*{number}", report)
    if row is None:
        return None
    target, estimated, uncertainty = map(float, row.groups())
    return round(target - uncertainty - estimated, 6)


def _primitives(report: str) -> dict[str, int]:
    """The table of primitives: reference name, used, functional category."""
    _, _, tables = report.partition("Ref Name")
    cells = {}
    for line in tables.splitlines()[2:]:
        row = _cells(line)
        if len(row) != 3:
            break
        cells[row[0]] = int(row[1])
    return cells


def _rows(report: str) -> Iterator[list[str]]:
    return (row for row in map(_cells, report.splitlines()) if row)


def _cells(line: str) -> list[str]:
    line = line.strip()
    return [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []


def _first(used: Mapping[str, str], names: Sequence[str], report: str) -> str:
    for name in names:
        if name in used:
            return used[name]
    raise FirmwareError(f"The {report} report has no row {' or '.join(map(repr, names))}.")
