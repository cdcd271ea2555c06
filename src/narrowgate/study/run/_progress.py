"""Where a search stands: what its callers hear, and a live view of it for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Progress:
    """Where a search stands.

    `done` of `planned` are member-steps of the whole search, ties aside; `alive` configurations are in the present
    phase; `best` is the best so far in words, empty before the first ranking; `notice` is the latest sentence about
    something that went otherwise than planned. Rates are those of this process; `seconds_left` is infinite before
    anything was done.
    """

    study: str
    phase: str
    alive: int
    best: str
    done: int
    planned: int
    member_events_per_second: float
    seconds: float
    seconds_left: float
    notice: str = ""


Report = Callable[[Progress], None]


class Meter:
    """Counts member-steps, and says how fast they come and how long the rest will take."""

    def __init__(self, planned: int, *, time_budget: float | None, clock: Callable[[], float] = perf_counter) -> None:
        self.planned, self.done = planned, 0
        self._clock, self._start, self._budget = clock, clock(), time_budget
        self._worked = 0
        self._events = 0

    def recall(self, steps: int) -> None:
        """Count what an earlier process had done."""
        self.done += steps

    def count(self, steps: int, events: int) -> None:
        """Count what was just done: member-steps, and the training events in them."""
        self.done += steps
        self._worked += steps
        self._events += events

    @property
    def seconds(self) -> float:
        """Since this process began."""
        return self._clock() - self._start

    @property
    def events_per_second(self) -> float:
        """Member-events trained a second, evaluations and compilations included in the time."""
        return self._events / max(self.seconds, 1e-9)

    def seconds_for(self, steps: int) -> float:
        """How long so many member-steps will take; infinite while nothing is known."""
        return steps * self.seconds / self._worked if self._worked else float("inf")

    def time_is_up(self, *, keep_for: int = 0) -> bool:
        """Whether the time budget is used up, or would be by the `keep_for` member-steps that are to follow.

        What is to follow never claims more than half of the budget, and nothing while its speed is not known.
        """
        if self._budget is None:
            return False
        reserve = min(self.seconds_for(keep_for), self._budget / 2) if self._worked and keep_for else 0.0
        return self.seconds + reserve >= self._budget


@contextmanager
def live_view(console: Console) -> Iterator[Report]:
    """A view of a search that is redrawn in place: phase, configurations alive, best so far, throughput, time left.

    With a console that is no terminal, a line is printed when the phase changes, and for every further tenth of the
    work. Notices are printed once and stay.
    """
    if not console.is_terminal:
        yield _with_notices(console, _line_by_line(console))
        return
    view = _View()
    with Live(get_renderable=view.picture, console=console, refresh_per_second=4, transient=True) as live:
        yield _with_notices(live.console, view.hear)


class _View:
    """The latest progress, whose clock goes on between reports: compiling a program takes a while."""

    def __init__(self) -> None:
        self._latest: tuple[Progress, float] | None = None

    def hear(self, progress: Progress) -> None:
        """Take in a report."""
        self._latest = progress, perf_counter()

    def picture(self) -> Group | Text:
        """What is to be seen now."""
        if self._latest is None:
            return Text("preparing the data")
        progress, when = self._latest
        return render(replace(progress, seconds=progress.seconds + perf_counter() - when))


def render(progress: Progress) -> Group:
    """One picture of the live view."""
    bar = ProgressBar(total=max(progress.planned, 1), completed=min(progress.done, progress.planned), width=44)
    head = Table.grid(padding=(0, 2))
    head.add_row(Text(progress.study, style="bold"), bar, f"{_share(progress):.0%}", _left(progress))
    facts = Table.grid(padding=(0, 2))
    facts.add_row("now", _now(progress))
    facts.add_row("best so far", progress.best or "not ranked yet")
    speed = f"{progress.member_events_per_second:,.0f} member-events/s" if progress.done else "compiling"
    facts.add_row("throughput", f"{speed}, {_time(progress.seconds)} so far")
    return Group(head, facts)


def _line_by_line(console: Console) -> Report:
    told: set[str | int] = set()

    def report(progress: Progress) -> None:
        tenth = int(10 * _share(progress))
        if progress.phase in told and tenth in told:
            return
        told.update((progress.phase, tenth))
        best = f"; best so far {progress.best}" if progress.best else ""
        line = f"{_share(progress):4.0%}  {_now(progress)}; {_left(progress)}{best}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    return report


def _with_notices(console: Console, report: Report) -> Report:
    """Print every notice once, before `report` hears of it."""
    told: set[str] = set()

    def both(progress: Progress) -> None:
        if progress.notice and progress.notice not in told:
            told.add(progress.notice)
            console.print(f"note: {progress.notice}", highlight=False, markup=False, soft_wrap=True)
        report(progress)

    return both


def _share(progress: Progress) -> float:
    return min(1.0, progress.done / max(progress.planned, 1))


def _now(progress: Progress) -> str:
    return f"{progress.phase}, {progress.alive} configuration{'' if progress.alive == 1 else 's'}"


def _left(progress: Progress) -> str:
    return (
        "time left not known yet" if progress.seconds_left == float("inf") else f"{_time(progress.seconds_left)} left"
    )


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
