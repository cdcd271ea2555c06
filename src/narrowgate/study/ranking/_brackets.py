"""Brackets: how many configurations train for how long, and how many go on. Whole numbers throughout.

Hyperband is that of L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar, Journal of Machine Learning
Research 18 (2018) 185, algorithm 1; successive halving that of K. Jamieson and A. Talwalkar, arXiv:1502.07943.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rung:
    """`places` configurations trained to `budget`, counted from their first step."""

    places: int
    budget: int


@dataclass(frozen=True)
class Bracket:
    """Rungs of rising budgets and falling places; with one rung, nothing is pruned."""

    rungs: tuple[Rung, ...]

    @property
    def unpruned(self) -> bool:
        """Whether every configuration trains to the end, whatever it looks like on the way."""
        return len(self.rungs) == 1

    def work(self, seeds: Sequence[int] | None = None) -> int:
        """Budget that the bracket spends in all, when each configuration goes on from where it stood.

        `seeds` says how many seeds of a configuration train on each rung (one, if not given); a seed that joins later
        trains from the beginning.
        """
        total, old, before = 0, 0, 0
        for rung, here in zip(self.rungs, seeds or [1] * len(self.rungs), strict=True):
            total += rung.places * (old * (rung.budget - before) + (here - old) * rung.budget)
            old, before = here, rung.budget
        return total


def whole_logarithm(value: int, base: int) -> int:
    """The largest s with base^s ≤ value; `math.log(243, 3)` is 4.999… and would lose a bracket.

    Raises:
        ValueError: for a value below 1 or a base below 2.
    """
    if value < 1 or base < 2:
        raise ValueError(f"a whole logarithm needs a value from 1 and a base from 2; found {value} and {base}")
    exponent = 0
    while base ** (exponent + 1) <= value:
        exponent += 1
    return exponent


def hyperband(largest: int, reduction: int) -> tuple[Bracket, ...]:
    """All brackets of Hyperband, the one with the most configurations first, the unpruned one last.

    `largest` is the paper's R in units of the smallest budget, `reduction` its η. Bracket s starts with
    n = ⌈(s_max + 1)·η^s / (s + 1)⌉ configurations at R·η^−s; ⌊n·η^−i⌋ of them are on rung i, at ⌊R·η^(i−s)⌋.

    Raises:
        ValueError: for a largest budget below 1 or a reduction below 2.
    """
    most = whole_logarithm(largest, reduction)
    brackets = []
    for halvings in range(most, -1, -1):
        configurations = -(-(most + 1) * reduction**halvings // (halvings + 1))
        brackets.append(_bracket(configurations, halvings, largest, reduction))
    return tuple(brackets)


def successive_halving(configurations: int, largest: int, reduction: int) -> Bracket:
    """One bracket that ends at the largest budget: of `configurations`, one in `reduction` goes on from each rung.

    It has as many rungs as fit above the smallest budget, or fewer, so that somebody reaches the last.

    Raises:
        ValueError: for no configuration, a largest budget below 1 or a reduction below 2.
    """
    if configurations < 1:
        raise ValueError(f"a bracket needs at least one configuration; found {configurations}")
    halvings = min(whole_logarithm(largest, reduction), whole_logarithm(configurations, reduction))
    return _bracket(configurations, halvings, largest, reduction)


def unpruned(configurations: int, largest: int) -> Bracket:
    """Every configuration to the largest budget: random search, a grid, and the check on every other bracket."""
    return Bracket((Rung(configurations, largest),))


def in_steps(bracket: Bracket, smallest: int) -> Bracket:
    """The bracket with budgets in optimiser steps, `smallest` of them a unit."""
    return Bracket(tuple(Rung(rung.places, rung.budget * smallest) for rung in bracket.rungs))


def _bracket(configurations: int, halvings: int, largest: int, reduction: int) -> Bracket:
    return Bracket(
        tuple(
            Rung(configurations // reduction**index, largest // reduction ** (halvings - index))
            for index in range(halvings + 1)
        )
    )
