"""Runs in the terminal: the same tables as elsewhere, made of Rich."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from narrowgate.notebook._compare import Comparison, OnData, labels
from narrowgate.notebook._spelling import fraction, seconds, setting, significant, with_interval
from narrowgate.notebook._tables import RunsTable
from narrowgate.notebook._verdict import data_sentence, exactness_sentence, verdict_sentence, verdict_words
from narrowgate.notebook.record._load import Run
from narrowgate.notebook.record._measures import all_rates
from narrowgate.notebook.record._state import Status
from narrowgate.units import in_kilohertz

_STATUS = {
    Status.FINISHED: "green",
    Status.RUNNING: "cyan",
    Status.INTERRUPTED: "yellow",
    Status.FAILED: "red",
    Status.DAMAGED: "red",
}
_INTERVAL = len("(0.891–0.910)")
_NUMBERS = {"accuracy", "area_under_curve", "volatility", "seconds"}


def render_runs(table: RunsTable) -> RenderableType:
    """The table of runs, and below it the data set of all, and a sentence for every run that did not finish."""
    if not table.runs:
        return Text("No run meets the conditions.")
    shown = _table()
    for column in table.columns:
        efficiency = column.startswith("efficiency.")
        shown.add_column(
            _heading(column),
            justify="right" if efficiency or column in _NUMBERS else "left",
            no_wrap=column in ("id", "status"),
            min_width=_INTERVAL if efficiency else None,
            max_width=28 if column == "data" else None,
            overflow="fold",
        )
    for run, row in zip(table.runs, table.rows, strict=True):
        shown.add_row(*(_cell(run, column, row.get(column)) for column in table.columns))
    reasons = [Text.assemble((run.id, "bold"), f" {run.status}: {run.reason}") for run in table.runs if run.reason]
    names = {str(row["data"]) for row in table.rows if row.get("data") is not None}
    data = [Text(f"data: {name}", style="dim") for name in names if len(names) == 1 and "data" not in table.columns]
    return Group(shown, *data, *reasons)


def render_run(run: Run) -> RenderableType:
    """Everything about one run: verdict, efficiencies beside the cuts, rejections, configuration, notes."""
    title = Text.assemble(
        (run.id, "bold"), f"  {run.name}" if run.name else "", "  ", (run.status, _STATUS[run.status])
    )
    parts: list[RenderableType] = [
        title,
        *([Text(data_sentence(run))] if run.data else []),
        Text(verdict_sentence(run)),
    ]
    parts += [Text(warning, style="yellow") for warning in run.measures.warnings]
    if run.measures.points:
        parts += [Text(), _efficiencies(run)]
    if exactness := exactness_sentence(run):
        parts.append(Text(exactness))
    if run.measures.rejections:
        parts += [Text(), _rejections(run)]
    if run.configuration:
        parts += [Text(), _configuration(run.configuration)]
    if run.notes:
        parts.append(Text())
        parts += [Text.assemble((f"{note.when:%Y-%m-%d %H:%M}  ", "bold"), note.text) for note in run.notes]
    return Group(*parts, Text(), Text(str(run.folder), style="dim"))


def render_comparison(comparison: Comparison, rates: Sequence[float] = (10e3, 100e3)) -> RenderableType:
    """The runs side by side with the cuts below them, and the settings in which the runs differ.

    Efficiencies are shown at `rates` (Hz), or at every rate there is when none of these is among them. The best at a
    rate is in bold; ≈ marks the runs that cannot be told from it.
    """
    parts: list[RenderableType] = []
    chosen = {at.rate for at in comparison.at_rates if at.rate in rates} or {at.rate for at in comparison.at_rates}
    names = dict(zip((run.id for run in comparison.runs), labels(comparison.runs), strict=True))
    for one in comparison.on_data:
        parts += [Text.assemble(("data: ", "bold"), one.name), _measures(one, sorted(chosen), names), Text()]
    if any(len(at.alike) > 1 for at in comparison.at_rates if at.rate in chosen):
        parts.append(Text("bold: the best; ≈: not to be told from it", style="dim"))
    if comparison.differences:
        parts += [Text(), _differences(comparison)]
    else:
        parts += [Text(), Text("The configurations do not differ.")]
    parts += [Text(warning, style="yellow") for warning in comparison.warnings]
    return Group(*parts)


def _measures(found: OnData, rates: Sequence[float], names: Mapping[str, str]) -> Table:
    """The runs on one data set and, below them, what the cuts keep of it."""
    shown = _table("run", ">accuracy")
    for rate in rates:
        shown.add_column(f"efficiency at {in_kilohertz(rate)}", justify="right", min_width=_INTERVAL)
    shown.add_column("volatility", justify="right")
    shown.add_column("verdict")
    shown.add_column("time", justify="right", no_wrap=True)
    at = {one.rate: one for one in found.at_rates}
    for run in found.runs:
        cells = []
        for rate in rates:
            point, here = run.measures.at_rate(rate), at.get(rate)
            text = "–" if point is None else with_interval(point.efficiency, point.low, point.high)
            is_best = here is not None and run.id == here.best
            mark = "≈ " if here is not None and run.id in here.alike and not is_best else ""
            cells.append(Text(mark + text, style="bold" if is_best else ""))
        measures = run.measures
        shown.add_row(
            escape(names[run.id]),
            fraction(measures.accuracy),
            *cells,
            significant(measures.volatility, 2),
            verdict_words(run),
            seconds(measures.seconds),
        )
    cuts = {name: None for run in found.runs for name in run.measures.cuts}
    if cuts:
        shown.add_section()
    for name in cuts:
        points = [found.cuts_at_rate(rate).get(name) for rate in rates]
        texts = ["–" if point is None else with_interval(point.efficiency, point.low, point.high) for point in points]
        shown.add_row(f"{name} cut", "", *texts, "", "", "", style="dim")
    return shown


def _differences(comparison: Comparison) -> Table:
    shown = _table("setting", *labels(comparison.runs))
    for key, values in comparison.differences.items():
        shown.add_row(key, *(escape(setting(value)) for value in values))
    return shown


def _efficiencies(run: Run) -> Table:
    measures = run.measures
    shown = _table(
        "rate", ">threshold", ">signal efficiency", ">background events", *(f">{name}" for name in measures.cuts)
    )
    for rate in all_rates([measures]):
        point, cuts = measures.at_rate(rate), measures.cuts_at_rate(rate)
        if point is not None:
            shown.add_row(
                in_kilohertz(rate),
                significant(point.threshold, 4),
                with_interval(point.efficiency, point.low, point.high),
                str(point.deciding),
                *(with_interval(cut.efficiency, cut.low, cut.high) for cut in cuts.values()),
            )
    return shown


def _rejections(run: Run) -> Table:
    shown = _table(">signal efficiency", ">background rejection", ">interval", ">background events")
    for one in run.measures.rejections:
        shown.add_row(
            fraction(one.signal_efficiency),
            significant(one.rejection) if one.deciding else f"> {significant(one.low)}",
            f"{significant(one.low)}–{significant(one.high)}" if one.deciding else "–",
            str(one.deciding),
        )
    return shown


def _configuration(configuration: Mapping[str, Any]) -> Table:
    shown = _table("", "setting", "value")
    for section, content in configuration.items():
        if isinstance(content, Mapping):
            for number, (key, value) in enumerate(content.items()):
                shown.add_row(section if number == 0 else "", key.replace("_", " "), escape(setting(value)))
    return shown


def _table(*columns: str) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold")
    for column in columns:
        shown.add_column(escape(column.removeprefix(">")), justify="right" if column.startswith(">") else "left")
    return shown


def _heading(column: str) -> str:
    if column.startswith("efficiency."):
        return f"efficiency at {column.removeprefix('efficiency.').replace('kHz', ' kHz').replace('MHz', ' MHz')}"
    return {"seconds": "time", "area_under_curve": "AUC"}.get(column, column.rpartition(".")[2].replace("_", " "))


def _cell(run: Run, column: str, value: Any) -> Text:
    if column == "status":
        return Text(str(value), style=_STATUS[run.status])
    if column == "seconds":
        return Text(seconds(value))
    if column in ("accuracy", "area_under_curve"):
        return Text(fraction(value))
    if column == "volatility":
        return Text(significant(value, 2))
    for point in run.measures.points:
        if column == f"efficiency.{in_kilohertz(point.rate).replace(' ', '')}":
            return Text(with_interval(point.efficiency, point.low, point.high))
    return Text(setting(value))
