"""The files that a search leaves beside its journal: tables and pictures, each whole or as it was."""

from __future__ import annotations

from pathlib import Path

from narrowgate.files import write_text
from narrowgate.study.report._outcome import Outcome
from narrowgate.study.report._pictures import draw
from narrowgate.study.report._tables import as_csv, as_json, as_myst


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write `study.toml`, `best.csv`, `best.json`, `best.md` and `pictures/` into the study's folder.

    Raises:
        FileError: a file cannot be written.
    """
    write_text(folder / "study.toml", outcome.study.text)
    write_text(folder / "best.csv", as_csv(outcome))
    write_text(folder / "best.json", as_json(outcome))
    write_text(folder / "best.md", as_myst(outcome))
    draw(folder / "pictures", outcome)
