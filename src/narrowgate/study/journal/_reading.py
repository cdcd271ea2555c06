"""From a journal's lines to what is known: each line was checked alone when it was read, here they are put together."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from narrowgate.network import Configuration
from narrowgate.study._errors import StudyError
from narrowgate.study._study import Study
from narrowgate.study.journal._entries import (
    BracketDrawn,
    FinalistsChosen,
    Judged,
    Opened,
    RungRanked,
    Traced,
    UnitTrained,
)
from narrowgate.study.journal._findings import Findings
from narrowgate.study.journal._journal import JOURNAL, Journal
from narrowgate.study.journal._member_id import MemberId


def read_study(folder: Path) -> tuple[Study, Journal]:
    """The study kept in `folder`, and its journal as far as it is sound.

    Raises:
        StudyError: there is none, or its journal is damaged from its first line on, or another version's.
    """
    journal = Journal.read(folder)
    opened = journal.find(Opened, "opened")
    if opened is None and (journal.warning or journal.entries):
        raise StudyError(
            f"{folder / JOURNAL} is damaged from its first line on, and nothing can be read from it; searching anew "
            f"with the study's file sets it aside."
        )
    if opened is None:
        raise StudyError(f"{folder} holds no study; a study's folder has a {JOURNAL} in it.")
    return Study.parse(opened.text, where=f"{folder / JOURNAL}").for_counts(opened.bits), journal


def opened_in(journal: Journal) -> Opened:
    """The first line.

    Raises:
        StudyError: there is none.
    """
    opened = journal.find(Opened, "opened")
    if opened is None:
        raise StudyError("a journal begins with the line of its study; this one has none.")
    return opened


def record_of(study: Study, journal: Journal) -> Findings:
    """What a journal's lines say.

    Raises:
        StudyError: they do not belong together: one is about a configuration that was not drawn, say.
    """
    opened = opened_in(journal)
    record = Findings(study, opened.crossing_rate, None if opened.validation is None else opened.validation.signal)
    for line in journal.entries.values():
        if isinstance(line, BracketDrawn):
            _draw(record, line)
        elif isinstance(line, UnitTrained):
            _check(record, line.step, (MemberId.parse(name).configuration for name in line.members))
            record.learn(line)
        elif isinstance(line, RungRanked):
            _check(record, line.step, [*(one.configuration for one in line.order), *line.promoted, *line.tied])
            drawn = journal.find(BracketDrawn, line.step.partition(" rung ")[0] + " drawn")
            if drawn is not None and drawn.unpruned and " rung 1 ranked" in line.step:
                record.never_cut(list(drawn.configurations))
        elif isinstance(line, FinalistsChosen | Traced):
            names = line.configurations if isinstance(line, FinalistsChosen) else line.finalists
            _check(record, line.step, names)
        elif isinstance(line, Judged):
            _check(record, line.step, (one.configuration for one in line.finalists))
    return record


def _draw(record: Findings, line: BracketDrawn) -> None:
    for name, drawn in line.configurations.items():
        if not drawn.point.keys() <= record.study.space.parameters.keys():
            raise StudyError(
                f"the journal's {line.step} gives {name} another point than the study's space has; it is another "
                f"version's, or was changed."
            )
        configuration = Configuration.parse(drawn.configuration, where=f"configuration {name}")
        record.draw(name, drawn.point, configuration, drawn.cost)


def _check(record: Findings, step: str, names: Iterable[str]) -> None:
    stranger = next((name for name in names if name not in record.configurations), None)
    if stranger is not None:
        raise StudyError(
            f"the journal's {step} is about {stranger}, which was not drawn before; it is another version's, or was "
            f"changed."
        )
