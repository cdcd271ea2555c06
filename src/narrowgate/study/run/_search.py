"""A search from its study file to its table; killed at any instant, it goes on with the same bits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from threading import RLock

import jax

from narrowgate import __version__, checks
from narrowgate.events import Dataset
from narrowgate.files import sweep
from narrowgate.study._errors import StudyError
from narrowgate.study._study import Study
from narrowgate.study.journal._entries import VERSION, DataSeen, EventCounts, Finished, Opened, UnitTrained, Versions
from narrowgate.study.journal._find import folder_of
from narrowgate.study.journal._findings import Findings
from narrowgate.study.journal._folder import held
from narrowgate.study.journal._journal import Journal
from narrowgate.study.journal._reading import read_study
from narrowgate.study.ranking._cost import COSTS, CostFunction
from narrowgate.study.report._outcome import Outcome, outcome_of
from narrowgate.study.report._write import write_outcome
from narrowgate.study.run._batch_norm_caution import batch_norm_caution
from narrowgate.study.run._concurrency import Concurrency, usual_count
from narrowgate.study.run._executor import Threads
from narrowgate.study.run._finalists import Keep, run_finals
from narrowgate.study.run._progress import Meter, Progress, Report
from narrowgate.study.run._rungs import Search, run_rungs
from narrowgate.study.run._states import StateFolder
from narrowgate.study.run._work import StudyData
from narrowgate.study.space._space import DrawnPoint
from narrowgate.training import device_in_words
from narrowgate.trigger import RATES

OPENED = "opened"
FINISHED = "finished"


def search(
    study: Study | Path | str,
    dataset: Dataset,
    root: Path | str,
    *,
    time_budget: float | None = None,
    report: Report | None = None,
    keep: Keep | None = None,
    cost: CostFunction | None = None,
    take_over: bool = False,
) -> Outcome:
    """Search, and leave everything about it in a folder of `root` that is named after the study.

    A search of the same study that was interrupted there goes on. A `KeyboardInterrupt` (Ctrl-C, or what a handler of
    SIGTERM raises) ends it early, and so does the end of `time_budget` (seconds, for this call; finalists included):
    the outcome is then what there is, and says so.

    Args:
        study: a study, or the path of its file.
        dataset: trains on its train split, ranks on its validation split, judges the finalists on its test split.
        root: the folder of all studies.
        time_budget: seconds.
        report: hears of progress several times a second at most.
        keep: hears of each finalist's typical network.
        cost: a second objective in place of the one the study names, smaller for better.
        take_over: also if a process on another machine is said to work on the study, for when that machine is gone.

    Raises:
        StudyError: the study cannot be read or does not fit the data, its folder holds another one or is in use, or a
            disk is full.
    """
    given = study if isinstance(study, Study) else Study.load(study)
    return _Run(given, dataset, folder_of(root, given), time_budget, report, keep, cost).finish(take_over)


def resume(
    folder: Path | str,
    dataset: Dataset,
    *,
    time_budget: float | None = None,
    report: Report | None = None,
    keep: Keep | None = None,
    cost: CostFunction | None = None,
    take_over: bool = False,
) -> Outcome:
    """Go on with the search kept in `folder`. Arguments and errors: see `search`."""
    study, _ = read_study(Path(folder))
    return _Run(study, dataset, Path(folder), time_budget, report, keep, cost).finish(take_over)


def _in_words(drawn: DrawnPoint) -> str:
    return ", ".join(f"space.{name} = {json.dumps(value)}" for name, value in drawn.point.items())


class _Run:
    """One process' part in a search."""

    def __init__(
        self,
        study: Study,
        dataset: Dataset,
        folder: Path,
        time_budget: float | None,
        report: Report | None,
        keep: Keep | None,
        cost: CostFunction | None,
    ) -> None:
        self.given = study
        opened = Journal.read(folder).find(Opened, OPENED)
        self.study = study.for_counts(dataset.bits if opened is None else opened.bits)
        self.dataset, self.folder, self.report, self.keep = dataset, folder, report, keep
        self.cost = cost or COSTS.get(study.ranking.cost)
        self.meter = Meter(study.work, time_budget=time_budget)
        self.record = Findings(study, dataset.crossing_rate, int(dataset.validation.labels.sum()))
        self.phase, self.alive, self.notice_given = "opening", 0, ""
        self.lock = RLock()

    def finish(self, take_over: bool) -> Outcome:
        """Search to the end, or as far as it goes."""
        self._check_data()
        with held(self.folder, take_over=take_over) as lease:
            sweep(self.folder)
            journal = Journal.open(self.folder, before_writing=lease.check)
            if journal.warning:
                self.notice(journal.warning)
            opened = journal.step(OPENED, self._opening)
            self._check(opened)
            stopped = ""
            try:
                self._search(journal, opened)
            except KeyboardInterrupt as asked:
                stopped = f"{str(asked) or 'stopped from the keyboard'}; resume goes on"
            outcome = outcome_of(self.study, journal, stopped=stopped)
            write_outcome(self.folder, outcome)
        return outcome

    def notice(self, sentence: str) -> None:
        """Pass on that something went otherwise than planned."""
        self.notice_given = sentence
        self.tell("", 0)

    def tell(self, phase: str, alive: int) -> None:
        """Report; an empty phase means the present one. Workers report too, one at a time."""
        with self.lock:
            self._tell(phase, alive)

    def _tell(self, phase: str, alive: int) -> None:
        if phase:
            self.phase, self.alive = phase, alive
        if self.report is None:
            return
        meter = self.meter
        left = max(0, meter.planned - meter.done)
        self.report(
            Progress(
                study=self.study.name,
                phase=self.phase,
                alive=self.alive,
                best=self._best(),
                done=meter.done,
                planned=meter.planned,
                member_events_per_second=meter.events_per_second,
                seconds=meter.seconds,
                seconds_left=meter.seconds_for(left) if left else 0.0,
                notice=self.notice_given,
            )
        )

    def _search(self, journal: Journal, opened: Opened) -> None:
        lanes = Concurrency(min([opened.lanes, *(unit.lanes for unit in journal.all(UnitTrained))]))
        states, data = StateFolder(self.folder / "states"), StudyData(self.study, self.dataset)
        parts = Search(
            study=self.study,
            journal=journal,
            record=self.record,
            data=data,
            executor=Threads(data, states, lanes, self.notice),
            states=states,
            meter=self.meter,
            unit_size=opened.lanes,
            cost=self.cost,
            tell=self._told,
            notice=self.notice,
            lock=self.lock,
        )
        if FINISHED not in journal:
            run_rungs(parts)
            run_finals(parts, self.folder / "finalists", self.keep)
            fidelities = [one.sentence for one in self.record.fidelities()]
            journal.step(FINISHED, lambda: Finished(step=FINISHED, fidelities=fidelities))
        states.forget_all_but(())

    def _told(self, phase: str, alive: int) -> None:
        if phase and not phase.startswith("out of time"):
            self._leading = ""
        self.tell(phase, alive)

    _leading = ""

    def _best(self) -> str:
        """The best so far in words, looked up once a phase."""
        if not self._leading:
            found = next(((budget, one) for budget, one in self.record.leaders() if not one.diverged), None)
            if found is not None:
                budget, one = found
                measure = self.study.measure_at(budget)
                value = -one.value if measure == "loss" else one.value
                self._leading = f"{one.configuration}, {measure} {value:.4f} after {budget} steps"
        return self._leading

    def _opening(self) -> Opened:
        signal = int(self.dataset.validation.labels.sum())
        return Opened(
            step=OPENED,
            version=VERSION,
            study=self.study.name,
            text=self.study.text,
            data=DataSeen(name=self.dataset.name, fingerprint=self.dataset.fingerprint),
            image=list(self.dataset.geometry.shape),
            bits=self.dataset.bits,
            crossing_rate=float(self.dataset.crossing_rate),
            validation=EventCounts(signal=signal, background=len(self.dataset.validation) - signal),
            lanes=usual_count(),
            device=device_in_words(),
            versions=Versions(narrowgate=__version__, jax=jax.__version__),
        )

    def _check(self, opened: Opened) -> None:
        if opened.text != self.study.text:
            raise StudyError(
                f"{self.folder} holds another study of this name (or an earlier version of its file); resume that one, "
                f"or give this one another name."
            )
        if opened.data.fingerprint != self.dataset.fingerprint:
            raise StudyError(
                f"{self.folder} was begun on the data set {opened.data.name!r}, which is not what was given now; "
                f"resume with the same data."
            )
        here = self._opening()
        for then, now in ((opened.device, here.device), (str(opened.versions), str(here.versions))):
            if then != now:
                self.notice(
                    f"the study was begun on {then} and goes on on {now}; from here on, numbers may "
                    f"differ in their last bits from what they would have been"
                )
        self._warn_of_few_events()
        for sentence in (
            *checks.saturation((drawn.configuration for drawn in self._drawn), self.dataset),
            *checks.overlapping(self.dataset),
            *checks.left_out((self.study.ranking.rate, *RATES), self.dataset),
        ):
            self.notice(sentence)
        caution = batch_norm_caution(self.study)
        if caution:
            self.notice(caution)

    def _check_data(self) -> None:
        """Refuse data that the study cannot be done on, before anything is written."""
        if self.study.finalists.trace and find_spec("alkaid") is None:
            raise StudyError(
                "finalists.trace = true builds circuits, and alkaid is not installed; `pip install 'narrowgate[rtl]'` "
                "gives it, or leave trace out."
            )
        wrong = [
            *checks.rates((self.study.ranking.rate,), self.dataset, "ranking.rate is"),
            *checks.classes(self.dataset),
            *checks.unfit(((_in_words(drawn), drawn.configuration) for drawn in self._drawn), self.dataset),
            *checks.unwritable(self.folder),
        ]
        if wrong:
            raise StudyError("\n".join(wrong))

    @cached_property
    def _drawn(self) -> Sequence[DrawnPoint]:
        """Every configuration that the search will draw, as the file gives it."""
        space = self.given.space
        count = sum(bracket.rungs[0].places for bracket in self.given.brackets)
        return space.listed or tuple(islice(space.sequence(self.given.strategy.seed), count))

    def _warn_of_few_events(self) -> None:
        validation, rate = self.dataset.validation, self.study.ranking.rate
        deciding = int((validation.labels == 0).sum()) * rate / self.dataset.crossing_rate
        if "efficiency" in (self.study.measure_at(budget) for budget in self.study.budgets) and deciding < 10:
            self.notice(
                f"at {rate:g} Hz only {deciding:.1f} background events of the validation split decide a threshold; "
                f"ranking.measure = 'near-auc', a higher ranking.rate or more data would rank more surely"
            )
