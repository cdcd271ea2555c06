"""Progress on the terminal for whatever takes longer than two seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from narrowgate.training import Progress as TrainingProgress


@contextmanager
def training_progress(console: Console) -> Iterator[Callable[[TrainingProgress], None]]:
    """A bar for each population that trains: epochs, the best and worst validation loss, throughput."""
    with _bars(console, "epochs") as bars:
        tasks: dict[tuple[int, ...], TaskID] = {}
        compiling = bars.add_task("preparing data and compiling", total=None, about="")

        def report(progress: TrainingProgress) -> None:
            bars.update(compiling, visible=False)
            if progress.members not in tasks:
                numbers = ", ".join(str(member + 1) for member in progress.members[:4])
                more = "…" if len(progress.members) > 4 else ""
                tasks[progress.members] = bars.add_task(f"training {numbers}{more}", total=progress.of_epochs, about="")
            losses = [point["loss"] for point in progress.points]
            span = f"{min(losses):.4f}" if len(losses) == 1 else f"{min(losses):.4f} to {max(losses):.4f}"
            about = f"validation loss {span}   {progress.member_events_per_second:,.0f} member-events/s"
            bars.update(tasks[progress.members], completed=progress.epochs, about=about)

        yield report


@contextmanager
def simulation_progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each stage of a simulation: collisions, then images."""
    with _bars(console, "") as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, of: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=of, about="")
            bars.update(tasks[stage], completed=done)

        yield report


@contextmanager
def step_progress(console: Console) -> Iterator[Callable[[str], None]]:
    """One line on a terminal: the step that is under way, and the time since the first began."""
    columns = SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as line:
        task = line.add_task("reading", total=None)

        def report(step: str) -> None:
            line.update(task, description=step)

        yield report


def _bars(console: Console, unit: str) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}  {{task.fields[about]}}"),
        TimeRemainingColumn(),
        console=console,
    )
