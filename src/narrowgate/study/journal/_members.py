"""Members of a study: a configuration with a seed and a schedule, what is known about each, and who trains together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from narrowgate.network import Configuration, ImageShape
from narrowgate.study._study import Study
from narrowgate.study.journal._entries import MemberTrained
from narrowgate.study.journal._member_id import MemberId
from narrowgate.training import program_of

Column = list[float | None]
"""Values at evaluations; `None` where one was not measured or not finite."""

FIRST_FRESH_SEED = 1001
"""Finalists train with seeds that no rung has seen: their luck there is not counted again."""

SEEDS_APART = 10_007
"""Between the member seeds of one `strategy.seed` and the next: a study repeated with another shares no member."""


@dataclass(frozen=True)
class Member:
    """Something to train: `configuration` holds seed, schedule and full length."""

    id: MemberId
    configuration: Configuration

    @property
    def name(self) -> str:
        """The id in words, as files and journal have it."""
        return str(self.id)

    @property
    def seed(self) -> int:
        """The seed of its weights, batches and dropout."""
        return self.configuration.training.seed


@dataclass
class Known:
    """What has been found about a member up to `step`: its curve, and the step at which it diverged, if it did.

    `luts` holds the estimate for its weights at the steps where units of work ended, in a study that counts LUTs.
    """

    step: int = 0
    curve: dict[str, Column] = field(default_factory=dict)
    diverged_at: int | None = None
    digest: str = ""
    luts: dict[int, float] = field(default_factory=dict)

    def extend(self, found: MemberTrained) -> None:
        """Take in what a unit of work found."""
        for name, values in found.curve.items():
            self.curve.setdefault(name, []).extend(values)
        self.step, self.diverged_at, self.digest = found.step, found.diverged_at, found.state
        if found.luts is not None:
            self.luts[self.step] = found.luts

    def values(self, column: str, budget: int) -> list[float]:
        """The evaluations of a column up to `budget` steps; NaN for what is not finite, and once it had diverged."""
        steps = self.curve.get("step", [])
        return [
            math.nan if value is None else value
            for step, value in zip(steps, self.curve.get(column, []), strict=True)
            if step is not None and step <= budget
        ]


@dataclass(frozen=True)
class Unit:
    """A piece of work: members of one program that stand at one step, to be trained to another. It may be repeated.

    `digests` are those of the members' states at `start`, unless that is 0; `size` is that of the population that they
    train in, by default as many as they are.
    """

    name: str
    members: tuple[Member, ...]
    start: int
    end: int
    digests: tuple[str, ...] = ()
    size: int = 0


def rung_member(study: Study, identifier: str, configuration: Configuration, number: int) -> Member:
    """Seed `number` (1, 2, …) of a configuration, as the rungs train it."""
    strategy = study.strategy
    training: dict[str, Any] = {
        "seed": _seed(study, number),
        "epochs": strategy.largest // strategy.evaluate_every,
        "steps_per_epoch": strategy.evaluate_every,
        "validation_events": study.ranking.events,
    }
    if strategy.schedule == "warm-up":
        training |= {"schedule": "warm-up", "warm_up": strategy.warm_up}
    return _member(MemberId(identifier, number), configuration, training)


def finalist_member(study: Study, identifier: str, configuration: Configuration, schedule: str, number: int) -> Member:
    """Fresh seed `number` (0, 1, …) of a configuration, trained in full with a schedule."""
    fresh = FIRST_FRESH_SEED + number
    every = study.strategy.evaluate_every
    training = {
        "seed": _seed(study, fresh),
        "epochs": study.finalists.steps // every,
        "steps_per_epoch": every,
        "schedule": schedule,
        "validation_events": study.ranking.events,
    }
    return _member(MemberId(identifier, fresh, schedule), configuration, training)


def in_full(study: Study, identifier: str, configuration: Configuration, network: str | None) -> Configuration:
    """A configuration as a finalist trains it, to be trained again alone.

    It has schedule and seed of the finalist's member `network`, or of its first one while there are none.
    """
    schedules, seeds = study.finalists.schedules, range(study.finalists.seeds)
    every = [finalist_member(study, identifier, configuration, one, number) for one in schedules for number in seeds]
    chosen = next((member for member in every if member.name == network), every[0])
    return chosen.configuration.model_copy(update={"name": f"{study.name}, {identifier}"})


def units(
    prefix: str, members: Iterable[Member], known: Mapping[MemberId, Known], end: int, image: ImageShape, size: int
) -> list[Unit]:
    """The work that brings members to `end`: those already there need none, and only equal programs go together.

    Members that stand first in `members` are trained first: what time runs out for is the end of the list.
    """
    groups: dict[Any, list[tuple[int, Member]]] = defaultdict(list)
    for place, member in enumerate(members):
        step = known[member.id].step
        if step < end:
            groups[step, program_of(member.configuration, image)].append((place, member))
    parts = [
        (group[first][0], start, tuple(member for _, member in group[first : first + size]))
        for (start, _), group in groups.items()
        for first in range(0, len(group), size)
    ]
    return [
        Unit(f"{prefix}, unit {number}", part, start, end, tuple(known[one.id].digest for one in part) if start else ())
        for number, (_, start, part) in enumerate(sorted(parts, key=lambda entry: entry[0]), start=1)
    ]


def _seed(study: Study, number: int) -> int:
    return (number + SEEDS_APART * (study.strategy.seed - 1)) % 2**31


def _member(identity: MemberId, configuration: Configuration, training: Mapping[str, Any]) -> Member:
    changed = configuration.training.model_copy(update=dict(training))
    return Member(identity, configuration.model_copy(update={"name": str(identity), "training": changed}))
