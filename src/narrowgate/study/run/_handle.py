"""A study that lies in a folder, as one thing to ask and to go on with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowgate.events import Dataset
from narrowgate.study._study import Study
from narrowgate.study.journal._reading import read_study
from narrowgate.study.report._history import History, history
from narrowgate.study.report._outcome import BestRow, Outcome
from narrowgate.study.report._read import best, show
from narrowgate.study.run._search import resume


@dataclass(frozen=True)
class StudyFolder:
    """What `Study.open` gives. Everything is read anew whenever it is asked for, also while the search goes on.

    Every method raises `StudyError` where the folder holds no study, or one that cannot be read.
    """

    folder: Path

    @property
    def study(self) -> Study:
        """What is searched."""
        return read_study(self.folder)[0]

    @property
    def outcome(self) -> Outcome:
        """What the search has found so far."""
        return show(self.folder)

    def best(self, place: int = 1) -> BestRow:
        """The row at a place of the table of the best, 1 is the first; raises `StudyError` if there is none yet."""
        return best(self.folder, place)

    def history(self, configuration: str) -> History:
        """What the search did with a configuration, by its name in the tables (`c012`)."""
        return history(self.folder, configuration)

    def resume(self, dataset: Dataset, **options: Any) -> Outcome:
        """Go on with the search on the data set that it was begun with; options are those of `search`."""
        return resume(self.folder, dataset, **options)
