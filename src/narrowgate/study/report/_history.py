"""What a search did with one configuration: every rung it was ranked on, and the curve of every seed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.text import Text

from narrowgate.network import Configuration
from narrowgate.study._errors import StudyError
from narrowgate.study.journal._entries import RankedConfiguration, RungRanked
from narrowgate.study.journal._journal import Journal
from narrowgate.study.journal._members import Column
from narrowgate.study.journal._reading import read_study, record_of
from narrowgate.study.report._tables import table_of


@dataclass(frozen=True)
class RungPlace:
    """A configuration's place at a rung of a bracket, both counted from 1.

    `place` of `among` configurations, by `measure` after `steps` steps; `value` is larger for better (a loss negative),
    `None` for what diverged, and `noise` one standard deviation of it. `fate` says what followed: "promoted", "tied",
    "cut", "diverged", or "at the end" on a bracket's last rung.
    """

    bracket: int
    rung: int
    steps: int
    measure: str
    value: float | None
    noise: float
    place: int
    among: int
    fate: str


@dataclass(frozen=True)
class History:
    """Everything that a study knows about one configuration.

    `settings` is its point in the space, `full` the configuration itself. `curves` holds for every member (seed, and
    schedule of a finalist) equally long columns, an entry an evaluation: `step`, `loss`, `accuracy`, `auc`, `near-auc`
    and `efficiency` of the averaged weights, `raw_…` of the live ones (on rungs only where these rank), `train_loss`,
    `learning_rate`; `None` for what was not measured or not finite. `diverged_at` holds the step at which a member
    diverged.
    """

    study: str
    configuration: str
    settings: Mapping[str, Any]
    full: Configuration
    cost: float | None
    places: tuple[RungPlace, ...]
    curves: Mapping[str, Mapping[str, Column]]
    diverged_at: Mapping[str, int]

    def as_json(self) -> str:
        """Everything as JSON."""
        table = vars(self) | {"full": self.full.as_table(), "places": [asdict(place) for place in self.places]}
        return json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def as_csv(self) -> str:
        """The curves, a line an evaluation of a member, numbers in full."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = list(next(iter(self.curves.values()), {}))
        writer.writerow(["member", *columns])
        for member, curve in self.curves.items():
            writer.writerows([member, *values] for values in zip(*(curve[name] for name in columns), strict=True))
        return text.getvalue()

    def render(self) -> Group:
        """For the terminal: settings, places, and every member's curve at some ten evaluations."""
        about = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.settings.items())
        parts: list[Any] = [Text(f"{self.study}, {self.configuration}: {about}", style="bold"), Text()]
        heads = ["bracket", "rung", "steps", "measure", "value", "place", "what followed"]
        parts.append(table_of(heads, [_cells(place) for place in self.places]))
        for member, curve in self.curves.items():
            end = f", diverged at step {self.diverged_at[member]}" if member in self.diverged_at else ""
            shown = ["step", *(name for name in SHOWN if any(value is not None for value in curve.get(name, [])))]
            count = len(curve["step"])
            chosen = [index for index in range(count) if (count - 1 - index) % -(-count // 10) == 0]
            rows = [[_number(name, curve[name][index]) for name in shown] for index in chosen]
            heads = [name.replace("raw_", "live ") for name in shown]
            parts += [Text(), Text(f"{member}{end}", style="bold"), table_of(heads, rows)]
        return Group(*parts)


SHOWN = ("loss", "accuracy", "near-auc", "efficiency", "raw_loss", "learning_rate")
"""Columns of a curve for the terminal."""


def history(folder: Path | str, configuration: str) -> History:
    """What the search kept in `folder` did with a configuration, by its name in the tables (`c012`).

    Raises:
        StudyError: there is no study in `folder`, or no configuration of this name in it.
    """
    study, journal = read_study(Path(folder))
    record = record_of(study, journal)
    if configuration not in record.configurations:
        names = list(record.configurations)
        there = f"there are {names[0]} to {names[-1]}" if names else "none is drawn yet"
        raise StudyError(f"{folder} has no configuration {configuration!r}; {there}.")
    known = {str(member): one for member, one in record.of(configuration).items()}
    return History(
        study=study.name,
        configuration=configuration,
        settings=record.points[configuration],
        full=record.configurations[configuration],
        cost=record.costs.get(configuration),
        places=tuple(_places(journal, configuration)),
        curves={name: dict(one.curve) for name, one in known.items()},
        diverged_at={name: one.diverged_at for name, one in known.items() if one.diverged_at is not None},
    )


def _places(journal: Journal, configuration: str) -> list[RungPlace]:
    found = []
    for line in journal.all(RungRanked):
        order = [one.configuration for one in line.order]
        if configuration not in order:
            continue
        place = order.index(configuration)
        own = line.order[place]
        bracket, rung = (int(number) for number in re.findall(r"\d+", line.step))
        found.append(
            RungPlace(
                bracket=bracket,
                rung=rung,
                steps=line.steps,
                measure=line.measure,
                value=own.value,
                noise=own.noise,
                place=place + 1,
                among=len(order),
                fate=_fate(line, own),
            )
        )
    return found


def _fate(line: RungRanked, own: RankedConfiguration) -> str:
    if own.value is None:
        return "diverged"
    if own.configuration in line.promoted:
        return "promoted"
    if own.configuration in line.tied:
        return "tied"
    return "cut" if line.promoted or line.places_left else "at the end"


def _cells(one: RungPlace) -> list[str]:
    value = "" if one.value is None else f"{abs(one.value):.4f} ± {one.noise:.4f}"
    return [
        *(str(one.bracket), str(one.rung), str(one.steps), one.measure, value),
        *(f"{one.place} of {one.among}", one.fate),
    ]


def _number(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if name == "step" else f"{value:.2g}" if name == "learning_rate" else f"{value:.4f}"
