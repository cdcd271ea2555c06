"""What a journal says, read back: configurations, curves, rankings, finalists. Needs neither data nor JAX arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from narrowgate.network import Configuration
from narrowgate.study._study import WHOLE_SPLIT, Measure, Study
from narrowgate.study.journal._entries import UnitTrained
from narrowgate.study.journal._member_id import MemberId
from narrowgate.study.journal._members import Known
from narrowgate.study.ranking._fidelity import Fidelity, fidelity
from narrowgate.study.ranking._ranking import (
    WORST,
    Standing,
    Worth,
    best_value,
    rank,
    robust_value,
    sampling_noise,
    separates,
    standing,
)
from narrowgate.study.space._space import Point
from narrowgate.trigger import CROSSING_RATE

ENOUGH_UNPRUNED = 8
"""With this many configurations that no rung had a say in, rank fidelity is told from them alone."""


@dataclass
class Findings:
    """Everything found so far; `known` is by member, `points` and `configurations` by configuration.

    `crossing_rate` (Hz) and `signal_events` (of the validation split, `None` where a journal does not say) are those of
    the study's data.
    """

    study: Study
    crossing_rate: float = CROSSING_RATE
    signal_events: int | None = None
    points: dict[str, Point] = field(default_factory=dict)
    configurations: dict[str, Configuration] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    known: dict[MemberId, Known] = field(default_factory=lambda: defaultdict(Known))
    unpruned: set[str] = field(default_factory=set)

    def draw(self, identifier: str, point: Point, configuration: Configuration, cost: float | None) -> None:
        """Take in a configuration of the study."""
        self.points[identifier] = point
        self.configurations[identifier] = configuration
        if cost is not None:
            self.costs[identifier] = cost

    def learn(self, unit: UnitTrained) -> None:
        """Take in what a unit of work found."""
        for name, found in unit.members.items():
            self.known[MemberId.parse(name)].extend(found)

    def of(self, identifier: str) -> dict[MemberId, Known]:
        """What is known of each member of a configuration."""
        return {member: one for member, one in self.known.items() if member.configuration == identifier and one.curve}

    def standing(self, identifier: str, budget: int) -> Standing:
        """What a configuration is worth at a rung, from the seeds that count there."""
        members = self._seeds(identifier, budget)
        measure = self.study.measure_at(budget)
        values = [self.value(member, budget, measure) for member in members]
        return standing(identifier, values, self.cost(identifier, members, budget), self.coin(measure))

    def coin(self, measure: Measure) -> float:
        """The value of a network that lets a random share of the events through; a loss has no such value.

        A young network's loss may well be above the ln 2 of one that says nothing, and separate.
        """
        ranking = self.study.ranking
        acceptance = ranking.rate / self.crossing_rate
        known = {"efficiency": acceptance, "near-auc": min(1.0, acceptance * ranking.near) / 2, "auc": 0.5}
        return known.get(measure, WORST)

    def cost(self, identifier: str, members: Sequence[MemberId], step: int) -> float | None:
        """What a configuration costs: with the weights of its members at a step, the median (the lower of two).

        Where that is not known, what was found when it was drawn.
        """
        found = sorted(self.known[one].luts[step] for one in members if step in self.known[one].luts)
        return found[(len(found) - 1) // 2] if found else self.costs.get(identifier)

    def value(self, member: MemberId, budget: int, measure: str) -> Worth:
        """What a member is worth at a budget."""
        known, ranking = self.known[member], self.study.ranking
        sign = -1.0 if measure == "loss" else 1.0
        if ranking.kind == "best-epoch" and measure == "loss":
            found = best_value([-value for value in known.values("raw_loss", budget)])
            return Worth(*found, separates(known.values("raw_auc", budget), ranking.last))
        if known.diverged_at is not None and known.diverged_at < budget:
            return Worth(WORST, 0.0)
        seen = [sign * value for value in known.values(measure, budget)]
        value, noise = robust_value(seen, ranking.last)
        if value != WORST and len(seen[-ranking.last :]) == 1:
            noise = sampling_noise(value, measure, self._signal_at(measure))
        return Worth(value, noise, separates(known.values("auc", budget), ranking.last))

    def _signal_at(self, measure: str) -> int:
        """How many signal events a measure looks at."""
        events = self.study.ranking.events
        if self.signal_events is None:
            return events
        return self.signal_events if measure in WHOLE_SPLIT else min(events, self.signal_events)

    def reached(self, identifier: str, budget: int) -> bool:
        """Whether the seeds that count at a budget were all trained up to it, or diverged before."""
        known = [self.known.get(member) for member in self._seeds(identifier, budget)]
        return all(one is not None and (one.step >= budget or one.diverged_at is not None) for one in known)

    def _seeds(self, identifier: str, budget: int) -> list[MemberId]:
        """The members of a configuration that count at a budget."""
        return [MemberId(identifier, number) for number in range(1, self.study.seeds_at(budget) + 1)]

    def leaders(self) -> list[tuple[int, Standing]]:
        """Every ranked configuration with the highest budget it reached: higher budgets first, then by value.

        What separates nothing is behind all others, and what diverged is last, wherever it did.
        """
        found: list[tuple[int, Standing]] = []
        for budget in reversed(self.study.budgets):
            here = [
                self.standing(identifier, budget)
                for identifier in self.configurations
                if self.reached(identifier, budget) and identifier not in {entry.configuration for _, entry in found}
            ]
            found += [(budget, entry) for entry in rank(here)]
        return sorted(found, key=lambda entry: entry[1].merit[:2], reverse=True)

    def never_cut(self, bracket: Sequence[str]) -> None:
        """Take in that an unpruned bracket came to its end: no rung had a say in who of it got there.

        Before that, who of it is at the top may have got there in another bracket, by surviving.
        """
        self.unpruned.update(bracket)

    def fidelities(self) -> list[Fidelity]:
        """For every pair of rungs, how well the earlier foretold the later."""
        budgets = self.study.budgets
        return [self._fidelity(early, late) for late in budgets for early in budgets if early < late]

    def _fidelity(self, early: int, late: int) -> Fidelity:
        there = [identifier for identifier in self.configurations if self.reached(identifier, late)]
        asked = [identifier for identifier in there if identifier in self.unpruned]
        chosen = asked if len(asked) >= ENOUGH_UNPRUNED or len(asked) == len(there) else there
        return fidelity(
            early,
            late,
            _places([self.standing(identifier, early) for identifier in chosen]),
            _places([self.standing(identifier, late) for identifier in chosen]),
            selected=len(chosen) > len(asked),
        )


def _places(standings: Sequence[Standing]) -> list[float]:
    """Numbers in the order of the standings by value, equals alike."""
    merits = sorted({entry.merit for entry in standings})
    return [float(merits.index(entry.merit)) for entry in standings]
