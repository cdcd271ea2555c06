"""Threads that do work side by side."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

Found = TypeVar("Found")


class Workers:
    """As many threads as wanted. Whoever leaves the `with` early abandons what they have not done yet."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count)
        self._abandoned = Event()

    def begin(self, work: Callable[[Event], Found]) -> Future[Found]:
        """Have `work` done when its turn comes; it had better end soon once the event it is given is set."""
        return self._pool.submit(work, self._abandoned)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)  # nothing is left to do unless an error ends it all
        self._abandoned.set()
        self._pool.shutdown()
