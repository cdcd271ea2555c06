"""The space of a study: which configurations there are, enumerated or drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from narrowgate.fixedpoint import Format
from narrowgate.network import Configuration
from narrowgate.study._errors import StudyError
from narrowgate.study.space._keys import Table, canonical, check_key, fixed_keys, look_up, with_value
from narrowgate.study.space._parameter import Parameter

Point = dict[str, Any]
"""A value for every parameter that applies, by the parameters' names."""

LISTED_UP_TO = 20_000
"""Spaces of at most this many combinations are enumerated, so that nothing is drawn twice."""

CHECKED_UP_TO = 2_000
"""Of spaces of at most this many combinations, all are looked at when the file is read; of larger ones, some."""


TRIED = 300
"""Of larger spaces, so many configurations are drawn when the file is read, to see that their values go together."""


@dataclass(frozen=True)
class DrawnPoint:
    """A configuration and the point of the space that it stands for."""

    point: Point
    configuration: Configuration


@dataclass(frozen=True)
class Space:
    """Fixed settings and parameters. Make one with `Space.parse`, which checks that they fit together.

    `parameters` are in such an order that a condition speaks only of parameters before its own.
    """

    fixed: Table
    parameters: Mapping[str, Parameter]
    bits: int | None = None
    """Of the data set's pixels, from which an input format follows where the file gives none; `None` without data."""

    @classmethod
    def parse(cls, fixed: Mapping[str, Any], parameters: Mapping[str, Parameter], *, where: str = "study") -> Space:
        """Check every key and value against what a configuration allows.

        Raises:
            StudyError: an unknown key, one that is fixed and searched or searched twice, a value that the configuration
                does not allow for every key it is to set, a condition that can never hold or goes in a circle, values
                that no network has together (of a space too large to be listed, some are tried).
        """
        try:
            table = Configuration.parse(fixed, where=f"{where}: fixed").as_table()
        except ValueError as error:
            raise StudyError(str(error)) from None
        given = fixed_keys(fixed)
        for key in given:
            check_key(table, key, f"{where}: fixed")
        owner: dict[str, str] = {}
        for name, parameter in parameters.items():
            for key in parameter.sets:
                here = f"{where}: space.{name}.sets"
                check_key(table, key, here)
                if key in given:
                    raise StudyError(f"{here}: {key} is also in [fixed]; a setting is fixed or searched, not both.")
                for other, taken_by in owner.items():
                    if key == other or key.startswith(f"{other}.") or other.startswith(f"{key}."):
                        raise StudyError(
                            f"{here}: {key} is already set by space.{taken_by}; one parameter sets a key, "
                            f"and keys that move together are one parameter with several entries in sets."
                        )
            owner |= dict.fromkeys(parameter.sets, name)
        if "precision.count" not in (*given, *owner):
            _check_steps(parameters, owner, where)
        checked = {name: _checked(parameter, name, table, where) for name, parameter in parameters.items()}
        space = cls(table, _ordered(checked, owner, table, where))
        try:
            if space.combinations is not None and space.combinations <= CHECKED_UP_TO:
                _ = space.listed
            else:
                generator = np.random.default_rng(1)
                for _ in range(TRIED):
                    space.draw(generator)
        except StudyError as error:
            raise StudyError(f"{where}: {error}") from None
        return space

    @property
    def combinations(self) -> int | None:
        """How many combinations of values there are, conditions aside; `None` with a range of real numbers."""
        total = 1
        for parameter in self.parameters.values():
            if parameter.count is None:
                return None
            total *= parameter.count
        return total

    @cached_property
    def listed(self) -> tuple[DrawnPoint, ...] | None:
        """Every configuration once, in the order of the file; `None` for a space too large or continuous."""
        if self.combinations is None or self.combinations > LISTED_UP_TO:
            return None
        lists = [parameter.values or () for parameter in self.parameters.values()]
        found: dict[str, DrawnPoint] = {}
        for values in product(*lists):
            drawn = self.at(dict(zip(self.parameters, values, strict=True)))
            found.setdefault(_identity(drawn), drawn)
        return tuple(found.values())

    def at(self, values: Mapping[str, Any]) -> DrawnPoint:
        """The configuration at a value for every parameter; those whose condition fails are left out of its point.

        Raises:
            StudyError: the values do not go together (a tie of filters and units that no network has, say).
        """
        table, point = self.fixed, {}
        for name, parameter in self.parameters.items():
            applies = all(look_up(table, key) in allowed for key, allowed in parameter.when.items())
            if applies:
                point[name] = values[name]
            value = values[name] if applies else parameter.otherwise
            if value is not None:
                for key in parameter.sets:
                    table = with_value(table, key, value)
        try:
            configuration = Configuration.parse(table, where="")
            drawn = DrawnPoint(point, configuration if self.bits is None else configuration.for_counts(self.bits))
        except ValueError as error:
            together = ", ".join(f"space.{name} = {json.dumps(value)}" for name, value in point.items())
            raise StudyError(f"these do not go together: {together}: {str(error).removeprefix(': ')}") from None
        if configuration.precision.learns:
            raise StudyError(
                "a study's networks have given formats; one whose widths are learned is trained by `narrowgate train`"
            )
        return drawn

    def draw(self, generator: np.random.Generator) -> DrawnPoint:
        """A configuration at random, every parameter by itself."""
        return self.at({name: parameter.draw(generator) for name, parameter in self.parameters.items()})

    def sequence(self, seed: int) -> Iterator[DrawnPoint]:
        """Configurations in a random order that the seed decides.

        A space that is listed comes whole before it starts again in another order; from a larger one, a configuration
        comes again only after a thousand draws in a row brought nothing new.
        """
        generator = np.random.default_rng(seed)
        while self.listed is not None:
            yield from (self.listed[int(index)] for index in generator.permutation(len(self.listed)))
        seen: set[str] = set()
        while True:
            for _ in range(1000):
                drawn = self.draw(generator)
                if _identity(drawn) not in seen:
                    break
            seen.add(_identity(drawn))
            yield drawn


def _check_steps(parameters: Mapping[str, Parameter], owner: Mapping[str, str], where: str) -> None:
    """Refuse input formats of several steps while a count is worth one step: they would scale the images."""
    if "precision.input" in owner:
        name = owner["precision.input"]
        choices = [choice for choice in parameters[name].choices or () if not _is_word(choice)]
        steps = {Format.parse(choice, signed=False).lsb for choice in choices}
        if len(steps) > 1:
            raise StudyError(
                f"{where}: space.{name}: the input formats have several steps ({', '.join(map(str, sorted(steps)))}), "
                f"and without precision.count a pixel's count is worth one step, whichever it is. Fix what it is "
                f"worth, e.g. precision.count = {min(steps)}."
            )


def _is_word(choice: Any) -> bool:
    """Whether it says where a format comes from, and gives none: `data`, `learned`."""
    return isinstance(choice, str) and choice.strip().split(" ")[0].isalpha()


def _identity(drawn: DrawnPoint) -> str:
    return json.dumps(drawn.configuration.as_table(), sort_keys=True)


def _checked(parameter: Parameter, name: str, table: Table, where: str) -> Parameter:
    """The parameter with its values as a configuration spells them."""
    here = f"{where}: space.{name}"
    changes: dict[str, Any] = {}
    if parameter.choices is not None:
        changes["choices"] = tuple(_for_all(parameter, table, value, f"{here}.choices") for value in parameter.choices)
        if len({json.dumps(value) for value in changes["choices"]}) < len(parameter.choices):
            raise StudyError(f"{here}.choices: a value is there twice; found {list(parameter.choices)}.")
    for end in parameter.range or ():
        _for_all(parameter, table, end, f"{here}.range")
    if parameter.otherwise is not None:
        changes["otherwise"] = _for_all(parameter, table, parameter.otherwise, f"{here}.otherwise")
    conditions = {}
    for key, allowed in parameter.when.items():
        check_key(table, key, f"{here}.when")
        conditions[key] = tuple(canonical(table, key, value, f"{here}.when") for value in allowed)
    return parameter.model_copy(update=changes | {"when": conditions})


def _for_all(parameter: Parameter, table: Table, value: Any, where: str) -> Any:
    """The value as every tied key spells it."""
    spelt = [canonical(table, key, value, where) for key in parameter.sets]
    if any(other != spelt[0] for other in spelt):
        raise StudyError(
            f"{where}: {value!r} would mean {spelt[0]!r} for {parameter.sets[0]} and other things for the keys tied "
            f"to it; tie keys of one kind."
        )
    return spelt[0]


def _ordered(
    parameters: Mapping[str, Parameter], owner: Mapping[str, str], table: Table, where: str
) -> dict[str, Parameter]:
    """The parameters with those that conditions speak of first, otherwise as in the file."""
    ordered: dict[str, Parameter] = {}
    waiting = dict(parameters)
    while waiting:
        ready = [
            name
            for name, parameter in waiting.items()
            if all(owner.get(key) is None or owner[key] in ordered for key in parameter.when)
        ]
        if not ready:
            raise StudyError(f"{where}: the conditions of space.{', space.'.join(waiting)} go in a circle; break it.")
        for name in ready:
            ordered[name] = waiting.pop(name)
            _check_condition(ordered[name], ordered, owner, table, f"{where}: space.{name}.when")
    return ordered


def _check_condition(
    parameter: Parameter, ordered: Mapping[str, Parameter], owner: Mapping[str, str], table: Table, where: str
) -> None:
    for key, allowed in parameter.when.items():
        searched = ordered[owner[key]] if key in owner else None
        possible = [look_up(table, key)] if searched is None else searched.values
        if possible is None:
            raise StudyError(f"{where}: {key} is a range of real numbers; a condition needs one with a list of values.")
        if searched is not None and searched.when:
            possible = [*possible, look_up(table, key) if searched.otherwise is None else searched.otherwise]
        if not any(value in possible for value in allowed):
            raise StudyError(
                f"{where}: {key} is never {' or '.join(map(repr, allowed))}; in this study it is "
                f"{' or '.join(map(repr, possible))}."
            )
