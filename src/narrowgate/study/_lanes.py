"""How many members train side by side, and what is done when the memory does not hold them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax

from narrowgate.study._errors import StudyError
from narrowgate.training import Placement

Found = TypeVar("Found")

MOST = 256
"""Members side by side on an accelerator at most."""


class Lanes:
    """The number of members that one call trains; halved when they do not fit, for the rest of the study."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count or usual_lanes()

    def size(self, members: int) -> int:
        """How large a population `members` are filled up to: few sizes, so that few programs are compiled."""
        return self.count if on_processor() else min(self.count, 1 << (members - 1).bit_length())

    def placement(self, size: int) -> Placement:
        """Members dealt evenly to the devices; one at a time on a processor's cores, all at once on an accelerator."""
        devices = min(size, jax.local_device_count())
        return Placement(devices, 1 if on_processor() else -(-size // devices))

    def run(self, work: Callable[[], Found], report: Callable[[str], None]) -> Found:
        """Do `work`, which reads `count`; halve it and try again as often as the memory overflows.

        Raises:
            StudyError: not even one member fits.
        """
        while True:
            try:
                return work()
            except (MemoryError, jax.errors.JaxRuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.count == 1:
                    raise StudyError(
                        f"not even one member fits into the memory ({error}); lower training.batch_size or "
                        f"ranking.events in the study file."
                    ) from error
            self.count //= 2
            report(f"out of memory: going on with {self.count} members at a time")


def usual_lanes() -> int:
    """One member a core, or as many as an accelerator is offered at once."""
    return jax.local_device_count() if on_processor() else MOST


def on_processor() -> bool:
    """Whether there is no accelerator."""
    return jax.default_backend() == "cpu"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error)
