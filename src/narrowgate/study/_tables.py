"""The table of the best: for the terminal, and as CSV, JSON and a MyST `list-table`."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from narrowgate.study._outcome import Outcome, Row

SAME = "≈"
"""Marks a row that cannot be told from the first."""


def render(outcome: Outcome) -> Group:
    """The table for the terminal, what the marks mean, and how far the rungs told the truth."""
    table = Table(title=f"{outcome.study.name}: {_title(outcome)}", title_justify="left", header_style="bold")
    for heading in headings(outcome):
        table.add_column(heading, justify="left" if heading in ("", "settings", "verdict", "network") else "right")
    for place, row in enumerate(outcome.rows, start=1):
        table.add_row(*cells(outcome, row, place))
    lines = [Text(sentence) for sentence in notes(outcome)]
    return Group(table, *lines)


def as_json(outcome: Outcome) -> str:
    """Everything about the outcome as JSON."""
    return json.dumps(outcome.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(outcome: Outcome) -> str:
    """One line a row, numbers in full; a column for every parameter of the study."""
    parameters = list(outcome.study.space.parameters)
    plain = [
        *("configuration", "schedule", "steps", "seeds", "measure", "validation", "noise"),
        *("accuracy", "volatility", "verdict", "bits_per_weight", "bit_operations", "cost", "same_as_first"),
    ]
    measured = ["value", "low", "high", "threshold", "deciding", "worst_seed", "best_seed"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["place", *plain, *(f"efficiency_{name}" for name in measured), *parameters])
    for place, row in enumerate(outcome.rows, start=1):
        table = row.as_dict()
        efficiency = table["efficiency"] or {}
        values = [place, *(table[name] for name in plain), *(efficiency.get(name) for name in measured)]
        writer.writerow([*values, *(row.settings.get(name) for name in parameters)])
    return text.getvalue()


def as_myst(outcome: Outcome) -> str:
    """A MyST `list-table` with a label of its own, and the notes below it."""
    lines = [
        "```{list-table} " + _title(outcome),
        f":name: {label(outcome)}",
        ":header-rows: 1",
        "",
        *_list_row(headings(outcome)),
    ]
    for place, row in enumerate(outcome.rows, start=1):
        lines += _list_row(cells(outcome, row, place))
    return "\n".join([*lines, "```", "", *notes(outcome)]) + "\n"


def label(outcome: Outcome) -> str:
    """The table's label, of the study's name and its text, so that two studies never share one."""
    from hashlib import sha256

    name = re.sub(r"[^a-z0-9]+", "-", outcome.study.name.lower()).strip("-")
    return f"study-{name}-{sha256(outcome.study.text.encode()).hexdigest()[:8]}"


def headings(outcome: Outcome) -> list[str]:
    """The column heads of the short table."""
    rate = f"efficiency at {outcome.study.ranking.rate / 1e3:g} kHz"
    middle = (
        [rate, "seeds from … to", "accuracy", "volatility", "verdict"] if outcome.judged else ["validation", "accuracy"]
    )
    return ["", "network", *middle, "bits a weight", "bit operations", "settings"]


def cells(outcome: Outcome, row: Row, place: int) -> list[str]:
    """A row of the short table, as text."""
    mark = f"{place} {SAME}" if row.same_as_first and place > 1 else f"{place}"
    if outcome.judged:
        found = row.efficiency
        middle = [
            "diverged"
            if found is None
            else f"{found.value:.4f} +{found.high - found.value:.4f} −{found.value - found.low:.4f}",
            "" if found is None else f"{found.worst_seed:.4f} … {found.best_seed:.4f} ({row.seeds})",
            _number(row.accuracy, ".4f"),
            _number(row.volatility, ".3f"),
            row.verdict or "",
        ]
    else:
        value = None if row.validation is None else abs(row.validation)
        shown = "diverged" if value is None else f"{row.measure} {value:.4f} ± {row.noise:.4f} at {row.steps} steps"
        middle = [shown, _number(row.accuracy, ".4f")]
    return [
        mark,
        row.configuration,
        *middle,
        f"{row.bits_per_weight:.1f}",
        f"{row.bit_operations:,.0f}",
        _settings(row.settings),
    ]


def notes(outcome: Outcome) -> list[str]:
    """What a reader should know before trusting the table."""
    found = [
        f"The search is {outcome.state}." if outcome.state.startswith(("finished", "not")) else f"{outcome.state}."
    ]
    if any(row.same_as_first for row in outcome.rows[1:]):
        how = "the events' and the seeds' scatter" if outcome.judged else "the noise of the ranking"
        found.append(f"{SAME} cannot be told from the first within {how}.")
    if outcome.judged:
        found.append(
            "In the order of the validation split; the numbers are those of the test split, for the seed with the "
            "median efficiency, with 68 % intervals."
        )
    return found + [one.sentence for one in outcome.fidelities]


def _title(outcome: Outcome) -> str:
    return f"the best {len(outcome.rows)} of {len(outcome.ranked)} configurations on {outcome.data}"


def _list_row(texts: Sequence[str]) -> list[str]:
    return [f"{'* -' if index == 0 else '  -'} {text}".rstrip() for index, text in enumerate(texts)]


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {f'{value:.3g}' if isinstance(value, float) else value}" for name, value in settings.items()
    )


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
