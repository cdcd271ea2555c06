"""Where a search stands: what its callers hear, and a live view of it for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
    """A view of a search that is redrawn in place: phase, members alive, best so far, throughput, time left.

    With a console that is no terminal, a line is printed when the phase changes.
    """
    if not console.is_terminal:
        yield _line_by_line(console)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield lambda progress: live.update(render(progress))


def render(progress: Progress) -> Group:
    """One picture of the live view."""
    bar = ProgressBar(total=max(progress.planned, 1), completed=min(progress.done, progress.planned), width=44)
    share = min(1.0, progress.done / max(progress.planned, 1))
    head = Table.grid(padding=(0, 2))
    head.add_row(Text(progress.study, style="bold"), bar, f"{share:4.0%}", f"{_time(progress.seconds_left)} left")
    facts = Table.grid(padding=(0, 2))
    facts.add_row("now", f"{progress.phase}, {progress.alive} configurations")
    facts.add_row("best so far", progress.best or "not ranked yet")
    facts.add_row(
        "throughput", f"{progress.member_events_per_second:,.0f} member-events/s for {_time(progress.seconds)}"
    )
    if progress.notice:
        facts.add_row("note", progress.notice)
    return Group(head, facts)


def _line_by_line(console: Console) -> Report:
    phases: list[str] = []

    def report(progress: Progress) -> None:
        if progress.phase not in phases:
            phases.append(progress.phase)
            share = min(1.0, progress.done / max(progress.planned, 1))
            best = f"; best so far {progress.best}" if progress.best else ""
            console.print(f"{share:4.0%}  {progress.phase}, {progress.alive} configurations{best}", highlight=False)

    return report


def _time(seconds: float) -> str:
    if seconds == float("inf"):
        return "unknown time"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
