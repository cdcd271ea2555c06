"""What is kept of every run, and how it is shown.

A run is a folder of plain files, `runs/<id>/`. Writing one takes plain tables and arrays, and knows no network::

    with create("runs", configuration=table, environment=environment(device="cpu"), given=text) as run:
        run.write_curve(curve)
        run.write_weights(weights)
        run.write_scores(scores, labels)
        run.write_metrics(metrics)
        draw(run.path, curve=curve, scores=scores, labels=labels, cuts=cuts, title=run.id)

Leaving the block seals the run: finished, interrupted or failed, with the reason.
"""

from narrowgate.files import to_toml
from narrowgate.notebook._compare import AtRate, Comparison, compare
from narrowgate.notebook._errors import NotebookError
from narrowgate.notebook._tables import RunsTable, run_as_dict, runs_table
from narrowgate.notebook.pages._page import add_note, write_page, write_pages
from narrowgate.notebook.pages._terminal import render_comparison, render_run, render_runs
from narrowgate.notebook.plots._draw import draw
from narrowgate.notebook.record._environment import environment
from narrowgate.notebook.record._load import Run, find, list_runs, load
from narrowgate.notebook.record._measures import Measures
from narrowgate.notebook.record._notes import Note
from narrowgate.notebook.record._reserve import give_up, is_begun, reserve
from narrowgate.notebook.record._schema import DataRecord, StudyRecord
from narrowgate.notebook.record._state import Status
from narrowgate.notebook.record._write import RunFolder, create, reopen

__all__ = [
    "AtRate",
    "Comparison",
    "DataRecord",
    "Measures",
    "Note",
    "NotebookError",
    "Run",
    "RunFolder",
    "RunsTable",
    "Status",
    "StudyRecord",
    "add_note",
    "compare",
    "create",
    "draw",
    "environment",
    "find",
    "give_up",
    "is_begun",
    "list_runs",
    "load",
    "render_comparison",
    "render_run",
    "render_runs",
    "reopen",
    "reserve",
    "run_as_dict",
    "runs_table",
    "to_toml",
    "write_page",
    "write_pages",
]
