"""The table of all runs: its rows, its columns, and what is chosen of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowgate.files import plain
from narrowgate.notebook._filter import Row, arrange, choose, flatten, keys_of, resolve
from narrowgate.notebook.record._load import Run, list_runs
from narrowgate.units import in_kilohertz

COLUMNS = (
    "id",
    "name",
    "status",
    "accuracy",
    "efficiency.10kHz",
    "efficiency.100kHz",
    "volatility",
    "verdict",
    "seconds",
    "data",
)
"""Columns that are shown unless others are asked for; the last one only where there are several data sets."""


@dataclass(frozen=True)
class RunsTable:
    """Runs that were chosen, in the order asked for: `rows[i]` is the flat row of `runs[i]`."""

    columns: tuple[str, ...]
    runs: tuple[Run, ...]
    rows: tuple[Row, ...]

    def as_list(self) -> list[dict[str, Any]]:
        """The runs as plain data for JSON, see `run_as_dict`; curves are left out."""
        return [run_as_dict(run) for run in self.runs]


def runs_table(
    root: Path | str, conditions: Iterable[str] = (), *, sort: str = "id", descending: bool = False
) -> RunsTable:
    """The runs under `root` that meet every condition, sorted by a key.

    Conditions are `key=value`, `key!=value`, `key>value`, `key>=value`, `key<value`, `key<=value` or words to be found
    anywhere. Keys are `id`, `name`, `status`, `started`, `accuracy`, `area_under_curve`, `efficiency.10kHz` (and so on
    for every rate), `volatility`, `verdict`, `seconds`, `data`, `notes`, every dotted key of the configuration
    (`precision.conv`), and the ends of these where they are unambiguous (`conv`). Keys that a condition or the order
    names are shown as columns.

    Raises:
        NotebookError: a condition or the sorting key cannot be understood.
    """
    conditions = tuple(conditions)
    runs = list_runs(root)
    names = data_names(runs)
    pairs = [(row_of(run) | {"data": names.get(run.data.fingerprint) if run.data else None}, run) for run in runs]
    everything = [row for row, _ in pairs]
    rows = arrange(choose(everything, conditions), sort, descending=descending) if everything else []
    by_id = {row["id"]: run for row, run in pairs}
    named = [resolve(key, everything) for key in (*keys_of(conditions), sort)]
    columns = [column for column in COLUMNS if any(row.get(column) is not None for row in rows)]
    if len({row.get("data") for row in rows} - {None}) < 2:
        columns = [column for column in columns if column != "data"]  # one for all stands below the table
    columns += [key for key in dict.fromkeys(named) if key not in columns]
    return RunsTable(tuple(columns), tuple(by_id[row["id"]] for row in rows), tuple(rows))


def row_of(run: Run) -> dict[str, Any]:
    """A run as one flat row; see `runs_table` for its keys."""
    measures = run.measures
    row: dict[str, Any] = {
        "id": run.id,
        "name": run.name or None,
        "status": str(run.status),
        "reason": run.reason or None,
        "started": run.started.isoformat(sep=" ", timespec="seconds") if run.started else None,
        "accuracy": measures.accuracy,
        "area_under_curve": measures.area_under_curve,
    }
    for point in measures.points:
        row[f"efficiency.{in_kilohertz(point.rate).replace(' ', '')}"] = point.efficiency
    row |= {
        "volatility": measures.volatility,
        "verdict": measures.verdict or None,
        "seconds": measures.seconds,
        "data": (run.data.name or None) if run.data is not None else None,
        "notes": "\n".join(note.text for note in run.notes) or None,
    }
    return row | {key: value for key, value in flatten(run.configuration).items() if key not in row}


def data_names(runs: Sequence[Run]) -> dict[str, str]:
    """What to call the data sets of several runs, by fingerprint: the name, and where it is several's, that as well."""
    known = {run.data.fingerprint: run.data.name or "a data set" for run in runs if run.data is not None}
    names = list(known.values())
    return {key: name if names.count(name) == 1 else f"{name} ({key[:8]})" for key, name in known.items()}


def run_as_dict(run: Run, *, curve: bool = False) -> dict[str, Any]:
    """A run as plain data for JSON: its record without the weights, and without the curve unless asked for."""
    content: Mapping[str, Any] = {
        "id": run.id,
        "name": run.name,
        "status": run.status,
        "reason": run.reason,
        "started": run.started.isoformat() if run.started else None,
        "ended": run.ended.isoformat() if run.ended else None,
        "folder": run.folder,
        "configuration": run.configuration,
        "environment": run.environment,
        "metrics": run.metrics,
        "notes": [{"when": note.when.isoformat(), "text": note.text} for note in run.notes],
        **({"curve": run.curve} if curve else {}),
    }
    plain_content: dict[str, Any] = plain(content)
    return plain_content
