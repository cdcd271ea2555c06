"""Who does units of work: an executor takes them as they come, and gives what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Protocol, Self

import jax

from narrowgate.study.journal._entries import MemberTrained
from narrowgate.study.journal._members import Unit
from narrowgate.study.run._concurrency import Concurrency, on_processor
from narrowgate.study.run._states import StateStore
from narrowgate.study.run._work import Advanced, StudyData, UnitResult, side_by_side, work
from narrowgate.training import program_of

Notice = Callable[[str], None]


class Executor(Protocol):
    """Does units of work, in whatever order and place; used as a context, what is not done at its end is abandoned."""

    @property
    def at_once(self) -> int:
        """How many members train side by side in a unit at most, as of now."""

    def prepare(self, units: Iterable[Unit]) -> None:
        """Hear of the units that will come, to compile what they need, say."""

    def begin(self, unit: Unit, advanced: Advanced) -> Future[UnitResult]:
        """Have a unit done when its turn comes.

        `advanced` hears of 0 member-steps before it begins and of others as they are done, from any thread; what it
        raises ends the unit and is what the future raises.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class AbandonedError(Exception):
    """The unit was given up, because its result is not wanted any more."""


class Threads:
    """Does units of work in this process: on a processor a thread for every core, on an accelerator one by one.

    As often as the memory overflows it goes on with half as many members or threads; `notice` hears of that.
    """

    def __init__(self, data: StudyData, states: StateStore, lanes: Concurrency, notice: Notice) -> None:
        self._data, self._states, self._lanes, self._notice = data, states, lanes, notice
        self._pool = ThreadPoolExecutor(1)
        self._abandoned = Event()

    @property
    def at_once(self) -> int:
        """How many members train side by side in a unit at most, as of now."""
        return self._lanes.count

    def prepare(self, units: Iterable[Unit]) -> None:
        """Compile what the units will need that is not compiled yet, on all cores: one program keeps one core busy."""
        image = self._data.dataset.geometry.shape
        chosen = {program_of(unit.members[0].configuration, image): unit for unit in units}

        def compile_all() -> None:
            with ThreadPoolExecutor(jax.local_device_count() if on_processor() else None) as pool:
                list(pool.map(self._compile, chosen.values()))

        self._lanes.run(compile_all, self._notice)

    def begin(self, unit: Unit, advanced: Advanced) -> Future[UnitResult]:
        """Have a unit done by the next thread that is free."""
        return self._pool.submit(self._do, unit, advanced, self._abandoned)

    def _compile(self, unit: Unit) -> None:
        one = unit.members[0]
        self._data.engine(one, self._lanes.size(len(unit.members))).prepare(one.configuration)

    def _do(self, unit: Unit, advanced: Advanced, abandoned: Event) -> UnitResult:
        found: dict[str, MemberTrained] = {}

        def heard(steps: int) -> None:
            if abandoned.is_set():
                raise AbandonedError
            advanced(steps)

        def part() -> None:
            left = [member for member in unit.members if member.name not in found]
            while left:
                now, left = left[: self._lanes.count], left[self._lanes.count :]
                result = work(side_by_side(unit, now, self._lanes.size(len(now))), self._states, self._data, heard)
                found.update(result.members)
                for notice in result.notices:
                    self._notice(notice)

        heard(0)
        self._lanes.run(part, self._notice)
        return UnitResult(found)

    def __enter__(self) -> Self:
        self._abandoned = Event()
        self._pool = ThreadPoolExecutor(self._lanes.workers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)  # nothing is left to do unless an error ends it all
        self._abandoned.set()
        self._pool.shutdown()
