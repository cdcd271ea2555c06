"""From a journal's lines to what is known: each line was checked alone when it was read, here they are put together."""

from __future__ import annotations

from collections.abc import Iterable

from narrowgate.network import Configuration
from narrowgate.study._entries import BracketDrawn, FinalistsChosen, Judged, Opened, RungRanked, Traced, UnitTrained
from narrowgate.study._errors import StudyError
from narrowgate.study._journal import Journal
from narrowgate.study._member_id import MemberId
from narrowgate.study._record import Record
from narrowgate.study._study import Study


def opened_in(journal: Journal) -> Opened:
    """The first line.

    Raises:
        StudyError: there is none.
    """
    opened = journal.find(Opened, "opened")
    if opened is None:
        raise StudyError("a journal begins with the line of its study; this one has none.")
    return opened


def record_of(study: Study, journal: Journal) -> Record:
    """What a journal's lines say.

    Raises:
        StudyError: they do not belong together: one is about a configuration that was not drawn, say.
    """
    opened = opened_in(journal)
    record = Record(study, opened.crossing_rate, None if opened.validation is None else opened.validation.signal)
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


def _draw(record: Record, line: BracketDrawn) -> None:
    for name, drawn in line.configurations.items():
        if not drawn.point.keys() <= record.study.space.parameters.keys():
            raise StudyError(
                f"the journal's {line.step} gives {name} another point than the study's space has; it is another "
                f"version's, or was changed."
            )
        configuration = Configuration.parse(drawn.configuration, where=f"configuration {name}")
        record.draw(name, drawn.point, configuration, drawn.cost)


def _check(record: Record, step: str, names: Iterable[str]) -> None:
    stranger = next((name for name in names if name not in record.configurations), None)
    if stranger is not None:
        raise StudyError(
            f"the journal's {step} is about {stranger}, which was not drawn before; it is another version's, or was "
            f"changed."
        )
