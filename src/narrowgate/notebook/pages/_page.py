"""The page of a run: `run.md` in MyST Markdown, made from its record and nothing else."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from narrowgate.files import locked, write_text
from narrowgate.notebook._spelling import fraction, seconds, setting, significant, with_interval
from narrowgate.notebook._tables import data_names
from narrowgate.notebook._verdict import data_sentence, exactness_sentence, verdict_sentence
from narrowgate.notebook.pages._markdown import Markdown, escape, escape_lines, table
from narrowgate.notebook.plots._draw import PICTURES
from narrowgate.notebook.record._layout import PAGE, PLOTS
from narrowgate.notebook.record._load import Run, find, list_runs, read_run
from narrowgate.notebook.record._notes import Note, append_note
from narrowgate.notebook.record._state import Status
from narrowgate.units import in_kilohertz

INDEX = "index.md"


def write_page(folder: Path) -> Path:
    """Write the page of the run in `folder` as it now stands, and say where it is."""
    with locked(folder):
        write_text(folder / PAGE, page(read_run(folder)))
    return folder / PAGE


def write_pages(root: Path | str) -> Path:
    """Write the page of every run under `root` and an index of them, the newest first; say where the index is.

    The folder is then a Sphinx source: `index.md` has the table of contents, every page a label `run-<id>`.
    """
    runs = list_runs(root)[::-1]
    for run in runs:
        write_page(run.folder)
    write_text(Path(root) / INDEX, index(runs))
    return Path(root) / INDEX


def add_note(root: Path | str, text: str, words: str) -> Note:
    """Keep dated words with the run under `root` that `text` names (see `find`), and write its page anew.

    Raises:
        NotebookError: no such run, no words, or the folder cannot be written.
    """
    folder = Path(root) / find(root, text)
    note = append_note(folder, words, datetime.now().astimezone())
    write_page(folder)
    return note


def page(run: Run) -> str:
    """The page of a run: configuration, loss curve, accuracy, efficiencies, rejections, verdict, notes."""
    blocks = [f"(run-{run.id})=", f"# `{run.id}`"]
    if run.name:
        blocks.append(f"*{escape(run.name)}*")
    blocks.append(f"**Verdict.** {escape(verdict_sentence(run))}")
    if run.data is not None:
        blocks.append(escape(data_sentence(run)))
    warnings = run.measures.warnings
    if warnings:
        blocks.append("```{warning}\n" + escape("\n".join(warnings)) + "\n```")
    sections = (
        ("Configuration", _configuration(run)),
        ("Training", _training(run)),
        ("Performance", _performance(run)),
        ("Notes", _notes(run)),
        ("Environment", _environment(run)),
    )
    for heading, content in sections:
        if content:
            blocks += [f"## {heading}", *content]
    return "\n\n".join(blocks) + "\n"


def index(runs: Sequence[Run]) -> str:
    """A page that lists runs in the order given, with a table of contents for Sphinx."""
    names = data_names(runs)
    rows = [
        (
            Markdown(f"[`{run.id}`]({run.id}/{PAGE})"),
            run.name or "–",
            run.status if run.status is Status.FINISHED else f"{run.status}: {run.reason}".removesuffix(": "),
            fraction(run.measures.accuracy),
            ", ".join(
                f"{with_interval(point.efficiency, point.low, point.high)} at {in_kilohertz(point.rate)}"
                for point in run.measures.points[:1]
            )
            or "–",
            run.measures.verdict or "–",
            names.get(run.data.fingerprint, "–") if run.data else "–",
        )
        for run in runs
    ]
    columns = ("run", "name", "status", "accuracy", "signal efficiency", "validation loss", "data")
    contents = "\n".join(f"{run.id}/{PAGE.removesuffix('.md')}" for run in runs)
    toctree = "```{toctree}\n:hidden:\n" + contents + "\n```"
    blocks = ["# Runs", table(columns, rows), toctree] if rows else ["# Runs", "There are no runs yet."]
    return "\n\n".join(blocks) + "\n"


def _configuration(run: Run) -> list[str]:
    rows: list[tuple[str, str, str]] = []
    for section, content in run.configuration.items():
        if isinstance(content, Mapping):
            for number, (key, value) in enumerate(content.items()):
                rows.append((section if number == 0 else "", key.replace("_", " "), setting(value)))
    return [table(("", "setting", "value"), rows)] if rows else []


def _training(run: Run) -> list[str]:
    blocks = _pictures(run, "Training")
    final = {name: values[-1] for name, values in run.curve.items() if values}
    if "loss" in final:
        columns = ("after the last epoch", "averaged weights", "live weights")
        rows = [
            (f"validation {words}", *(significant(final.get(prefix + key), 4) for prefix in ("", "raw_")))
            for key, words in (("loss", "loss"), ("accuracy", "accuracy"), ("auc", "AUC"))
        ]
        blocks.append(table(columns, rows))
    if run.measures.seconds is not None:
        blocks.append(f"Trained in {seconds(run.measures.seconds)}.")
    return blocks


def _performance(run: Run) -> list[str]:
    measures = run.measures
    if not measures.points:
        return []
    events = ""
    if measures.signal_events is not None and measures.background_events is not None:
        events = f" on {measures.signal_events:,} signal and {measures.background_events:,} background events".replace(
            ",", "\u202f"
        )
    blocks = [
        f"Test split{events}. Accuracy {fraction(measures.accuracy)} (both classes counting alike), area under the ROC "
        f"curve {significant(measures.area_under_curve, 5)}."
    ]
    if exactness := exactness_sentence(run):
        blocks.append(exactness)
    columns = ("rate", "threshold", "signal efficiency", "background events above", *measures.cuts)
    rows = []
    for point in measures.points:
        cuts = measures.cuts_at_rate(point.rate)
        beside = [
            with_interval(cuts[name].efficiency, cuts[name].low, cuts[name].high) if name in cuts else "–"
            for name in measures.cuts
        ]
        kept = with_interval(point.efficiency, point.low, point.high)
        rows.append((in_kilohertz(point.rate), significant(point.threshold, 4), kept, str(point.deciding), *beside))
    blocks.append(table(columns, rows))
    confidence = f"{measures.points[0].confidence:.0%}".replace("%", " %")
    crossing = f"; the crossing rate is {in_kilohertz(measures.crossing_rate)}" if measures.crossing_rate else ""
    blocks.append(f"In brackets, {confidence} intervals{crossing}.")
    if measures.rejections:
        limits = [
            (
                fraction(rejection.signal_efficiency),
                significant(rejection.rejection) if rejection.deciding else f"> {significant(rejection.low)}",
                f"{significant(rejection.low)}–{significant(rejection.high)}" if rejection.deciding else "–",
                str(rejection.deciding),
            )
            for rejection in measures.rejections
        ]
        blocks.append(table(("signal efficiency", "background rejection", "interval", "background events"), limits))
    return blocks + _pictures(run, "Performance")


def _notes(run: Run) -> list[str]:
    return [f"**{note.when:%Y-%m-%d %H:%M}** {escape_lines(note.text)}" for note in run.notes]


def _environment(run: Run) -> list[str]:
    rows = [
        (key.replace("_", " "), shlex.join(map(str, value)) if key == "command" else setting(value))
        for key, value in run.environment.items()
    ]
    return [table(("", ""), rows)] if rows else []


def _pictures(run: Run, section: str) -> list[str]:
    present = [picture for picture in PICTURES if (run.folder / PLOTS / picture.file).is_file()]
    return [f"![{one.caption}]({PLOTS}/{one.file})" for one in present if one.section == section]
