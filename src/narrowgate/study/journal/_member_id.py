"""Who a member is: a configuration of the study, the schedule of a finalist, and the number of its seed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_FORM = re.compile(r"(c\d+(?:-r\d+)?)(?:-([a-z]+(?:-[a-z]+)*))?-s(\d{1,10})", re.ASCII)


@dataclass(frozen=True)
class MemberId:
    """A member's identity; `schedule` is `None` on the rungs, where all have one.

    >>> str(MemberId("c012", 1)), str(MemberId("c012", 1001, "cosine"))
    ('c012-s1', 'c012-cosine-s1001')
    >>> MemberId.parse("c012-warm-up-s1001").schedule
    'warm-up'
    """

    configuration: str
    seed: int
    schedule: str | None = None

    def __str__(self) -> str:
        schedule = "" if self.schedule is None else f"-{self.schedule}"
        return f"{self.configuration}{schedule}-s{self.seed}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The member of this name.

        Raises:
            ValueError: no member has such a name.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:60]!r} is no member's name; those look like c012-s1 or c012-cosine-s1001")
        return cls(found[1], int(found[3]), found[2])
