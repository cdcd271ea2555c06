"""The table of the best: for the terminal, and as CSV, JSON and a MyST `list-table`."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from textwrap import fill
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from narrowgate.study.report._outcome import BestRow, Outcome

SAME = "≈"
"""Marks a row that cannot be told from the first."""

WIDE = 100
"""Columns of a terminal in which a row of the table takes one line."""


def render(outcome: Outcome, width: int = WIDE) -> Group:
    """For the terminal: the table, its rows' settings, what the marks mean, and how far the rungs told the truth.

    In a terminal of less than `WIDE` columns, intervals stand below their values.
    """
    parameters = list(outcome.study.space.parameters)
    places = list(enumerate(outcome.rows, start=1))
    found = [cells(outcome, row, place)[:-1] for place, row in places]
    if width < WIDE:
        found = [[name, *map(_stacked, others)] for name, *others in found]
    results = table_of(headings(outcome)[:-1], found)
    settings = table_of(
        ["network", *(name.replace("_", " ") for name in parameters)],
        [[_name(row, place), *(_setting(row.settings.get(name)) for name in parameters)] for place, row in places],
    )
    title = Text(f"{outcome.study.name}: {_title(outcome)}", style="bold")
    tables = (Text(), results, Text(), settings, Text()) if outcome.rows else ()
    return Group(title, *tables, *(Text(sentence) for sentence in notes(outcome)))


def as_json(outcome: Outcome) -> str:
    """Everything about the outcome as JSON."""
    return json.dumps(outcome.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(outcome: Outcome) -> str:
    """One line a row, numbers in full; a column for every parameter of the study."""
    parameters = list(outcome.study.space.parameters)
    plain = [
        *("configuration", "schedule", "steps", "seeds", "measure", "validation", "noise"),
        *("accuracy", "volatility", "verdict", "bits_per_weight", "bit_operations", "cost", "traced_luts"),
        "same_as_first",
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
        "```{list-table} " + f"{outcome.study.name}: {_title(outcome)}",
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
    rate = f"efficiency at {outcome.study.ranking.rate_in_words}"
    middle = [rate, "over the seeds", "accuracy", "volatility"] if outcome.judged else ["validation", "accuracy"]
    costs = {"luts": ["LUTs, estimated"], "weight-bits": ["weight bits"]}.get(outcome.study.ranking.cost, [])
    if any(row.traced_luts is not None for row in outcome.rows):
        costs = [*costs, "LUTs, traced"]
    return ["network", *middle, "bits a weight", *(costs or ["bit operations"]), "settings"]


def cells(outcome: Outcome, row: BestRow, place: int) -> list[str]:
    """A row of the short table, as text."""
    if outcome.judged:
        found = row.efficiency
        middle = [
            "diverged" if found is None else f"{found.value:.3f} ({found.low:.3f}–{found.high:.3f})",
            "" if found is None else f"{found.worst_seed:.3f}–{found.best_seed:.3f} ({row.seeds})",
            _number(row.accuracy, ".4f"),
            f"{_number(row.volatility, '.3f')} {row.verdict or ''}".strip(),
        ]
    else:
        value = None if row.validation is None else abs(row.validation)
        shown = "diverged" if value is None else f"{row.measure} {value:.4f} ± {row.noise:.4f} ({row.steps} steps)"
        middle = [shown, _number(row.accuracy, ".4f")]
    return [
        _name(row, place),
        *middle,
        f"{row.bits_per_weight:.1f}",
        *_costs(outcome, row),
        ", ".join(f"{name.replace('_', ' ')} {_setting(value)}" for name, value in row.settings.items()),
    ]


def _costs(outcome: Outcome, row: BestRow) -> list[str]:
    costs = [row.cost] if outcome.study.ranking.cost in ("luts", "weight-bits") else []
    if any(one.traced_luts is not None for one in outcome.rows):
        costs.append(row.traced_luts)
    return ["" if cost is None else short(cost) for cost in costs or [row.bit_operations]]


def notes(outcome: Outcome) -> list[str]:
    """What a reader should know before trusting the table."""
    verb = "is" if outcome.state.startswith(("finished", "not")) else "was"
    found = [f"The search {verb} {outcome.state}."]
    if any(row.same_as_first for row in outcome.rows[1:]):
        how = "the events' and the seeds' scatter" if outcome.judged else "the noise of the ranking"
        found.append(f"{SAME} cannot be told from the first within {how}.")
    if outcome.judged:
        found.append(
            "In the order of the validation split; the numbers are those of the test split, for the seed that is the "
            "median on the validation split, with 68 % intervals."
        )
    return [
        *found,
        *(one.sentence for one in outcome.measures),
        *(one.sentence for one in outcome.fidelities if one.configurations),
    ]


def _title(outcome: Outcome) -> str:
    return f"the best {len(outcome.rows)} of {len(outcome.ranked)} configurations on {outcome.data}"


def _list_row(texts: Sequence[str]) -> list[str]:
    return [f"{'* -' if index == 0 else '  -'} {text}".rstrip() for index, text in enumerate(texts)]


def table_of(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table in the style of the notebook's; heads are broken so that no column is wider than it need be."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), show_edge=False)
    for heading, *column in zip(heads, *rows, strict=True):
        lines = [*heading.split(), *(line for cell in column for line in cell.splitlines())]
        names = heading in ("network", "volatility")
        table.add_column(fill(heading, max(map(len, lines))), justify="left" if names else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _stacked(cell: str) -> str:
    """A long cell in several lines."""
    return cell.replace(" (", "\n(") if " (" in cell else fill(cell, 10, break_long_words=False)


def _name(row: BestRow, place: int) -> str:
    return f"{place} {SAME if row.same_as_first and place > 1 else ' '} {row.configuration}"


def _setting(value: Any) -> str:
    """A value of a parameter; a dash where a condition left it out."""
    return "–" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def short(number: float) -> str:
    """A large number to three digits: `870 k`, `4.59 M`."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:#.3g}".rstrip(".") + f" {letter}"
    return f"{number:.0f}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
