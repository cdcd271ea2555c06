"""How much trains at once, and what is done when the memory does not hold it.

On a processor a unit of work is one member, and as many units are worked on as there are cores, each in a thread: XLA
and the compiled convolutions keep one core busy with one member, and members of different shapes go side by side. On an
accelerator one unit has many members, which train at once, and units follow one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import TypeVar

import jax

from narrowgate.study._errors import StudyError

Found = TypeVar("Found")

MOST = 256
"""Members side by side on an accelerator at most."""


class Concurrency:
    """`count` members train in one call, `workers` calls go on at once; both only shrink, when memory runs out."""

    def __init__(self, count: int | None = None, workers: int | None = None) -> None:
        self.count = count or usual_count()
        self.workers = workers or (jax.local_device_count() if on_processor() else 1)
        self._at_work = 0
        self._changed = Condition()

    def size(self, members: int) -> int:
        """How large a population `members` are filled up to: few sizes, so that few programs are compiled."""
        return self.count if on_processor() else min(self.count, 1 << (members - 1).bit_length())

    def run(self, work: Callable[[], Found], report: Callable[[str], None]) -> Found:
        """Do `work`, which reads `count`, as soon as fewer than `workers` are at work.

        As often as the memory overflows it is tried again with half as many members at a time.

        Raises:
            StudyError: not even one member fits.
        """
        while True:
            with self._place():
                try:
                    return work()
                except (MemoryError, jax.errors.JaxRuntimeError) as error:
                    if not is_out_of_memory(error):
                        raise
                    fits = self._shrink()
                    if not fits:
                        raise StudyError(
                            f"not even one member fits into the memory ({error}); lower training.batch_size or "
                            f"ranking.events in the study file."
                        ) from error
            report(f"out of memory: going on with {fits} members at a time")

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._at_work < self.workers)
            self._at_work += 1
        try:
            yield
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()

    def _shrink(self) -> int:
        """How many members there are at a time from now on; 0 if there was but one."""
        with self._changed:
            if self.count > 1:
                self.count //= 2
            elif self.workers > 1:
                self.workers //= 2
            else:
                return 0
            return self.count * self.workers


def usual_count() -> int:
    """One member, or as many as an accelerator is offered at once."""
    return 1 if on_processor() else MOST


def on_processor() -> bool:
    """Whether there is no accelerator."""
    return jax.default_backend() == "cpu"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error)
