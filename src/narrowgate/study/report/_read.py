"""What a search has found so far, read from its folder."""

from __future__ import annotations

from pathlib import Path

from narrowgate.study._errors import StudyError
from narrowgate.study.journal._reading import read_study
from narrowgate.study.report._outcome import BestRow, Outcome, outcome_of


def show(folder: Path | str) -> Outcome:
    """What the search kept in `folder` has found so far; reads only, also while it runs.

    A damaged end of the journal is left out, and the outcome's state says so.

    Raises:
        StudyError: there is no study in `folder`, or its journal is damaged from the beginning.
    """
    study, journal = read_study(Path(folder))
    state = "finished" if "finished" in journal else "not finished"
    damage = f"{state}; {journal.warning.rstrip('.')}" if journal.warning else ""
    return outcome_of(study, journal, stopped=damage)


def best(folder: Path | str, place: int = 1) -> BestRow:
    """The row at a place (1 is the first) of what the search kept in `folder` has found so far.

    Raises:
        StudyError: there is no study in `folder`, or nothing in it has that place yet.
    """
    rows = show(folder).rows
    if not rows:
        raise StudyError(f"{folder}: nothing is ranked yet; let the search go on.")
    if not 1 <= place <= len(rows):
        raise StudyError(f"{folder}: the table of the best has the places 1 to {len(rows)}; found {place}.")
    return rows[place - 1]
