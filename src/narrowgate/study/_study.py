"""The study file: what is searched, with which budget, how it is ranked, and what the finalists get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from narrowgate.files import LARGEST_TOML, FileError, parse_toml, read_text
from narrowgate.integers import is_fixed_point
from narrowgate.study._errors import StudyError
from narrowgate.study.ranking._brackets import Bracket, hyperband, in_steps, successive_halving, unpruned
from narrowgate.study.space._parameter import Parameter, Section
from narrowgate.study.space._sentences import sentences
from narrowgate.study.space._space import Space
from narrowgate.units import in_kilohertz

if TYPE_CHECKING:
    from narrowgate.study.run._handle import StudyFolder

LOOKED_AT = 1000
"""Configurations of a space without end that are looked at before a search begins."""

Count = Annotated[int, Field(ge=1, strict=True)]
Measure = Literal["efficiency", "near-auc", "auc", "loss"]
WHOLE_SPLIT: tuple[Measure, ...] = ("efficiency", "near-auc")
"""Measures of few background events, taken on the whole validation split."""
Schedule = Literal["constant", "warm-up", "cosine", "warm-up-stable-decay", "reduce-on-plateau"]


class Strategy(Section):
    """Which brackets are run; budgets are optimiser steps.

    `smallest` and `largest` are the budgets of the first rung and the last, `reduction` is η: one configuration in η
    goes on from a rung, to η times the steps. `configurations` is how many "successive-halving" and "random" start
    with, "all" for every one of a space that can be listed; `unpruned` how many more successive halving trains to the
    end without asking (Hyperband and random search have such a bracket anyway). Validation is looked at every
    `evaluate_every` steps. On the rungs the learning rate rises over the first `warm_up` of `largest` steps and then
    stays, so that the state after n steps is the same whatever budget was meant; `schedule = "as-configured"` lays
    each configuration's own schedule over `largest` steps instead. `seed` decides which configurations are drawn and in
    what order, and the members' own seeds: a study repeated with another seed repeats nothing of its luck.
    """

    kind: Literal["hyperband", "successive-halving", "random", "grid"] = "hyperband"
    smallest: Count = 150
    largest: Count = 4050
    reduction: Annotated[int, Field(ge=2, strict=True)] = 3
    evaluate_every: Count = 50
    configurations: Count | Literal["all"] = "all"
    unpruned: Annotated[int, Field(ge=0, strict=True)] = 5
    schedule: Literal["warm-up", "as-configured"] = "warm-up"
    warm_up: Annotated[float, Field(ge=0.0, le=1.0)] = 0.02
    seed: Annotated[int, Field(ge=0, lt=2**31, strict=True)] = 1

    @model_validator(mode="after")
    def _budgets_fit(self) -> Self:
        if self.largest < self.smallest or self.largest % self.smallest:
            raise ValueError(f"largest is a whole multiple of smallest; found {self.largest} and {self.smallest}")
        if self.smallest % self.evaluate_every:
            raise ValueError(
                f"smallest is a whole multiple of evaluate_every; found {self.smallest} and {self.evaluate_every}"
            )
        return self


class Ranking(Section):
    """How members are ranked.

    "robust": the median of the `last` evaluations of the averaged weights, by `measure` on the last rung and by the
    smoother `early_measure` on those before it; `seeds` grow from rung to rung; who is within noise of the last place
    goes on too, up to `tie_factor` times the places. "best-epoch" is the 2022 way: the best validation loss of the live
    weights over all evaluations, one seed, no ties.

    Measures: "efficiency" at `rate` (Hz), "near-auc" (mean efficiency over rates up to `near` times `rate`), "auc" and
    "loss". The first two look at the whole validation split, the others at `events` events of each class.
    `cost` names a second objective, smaller for better; the ranking is then by non-dominated fronts.
    """

    kind: Literal["robust", "best-epoch"] = "robust"
    measure: Measure = "efficiency"
    early_measure: Measure = "near-auc"
    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10e3
    near: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 30.0
    last: Count = 5
    events: Count = 4096
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 3)
    tie_factor: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.5
    cost: Literal["none", "weight-bits", "bit-operations", "luts"] = "none"

    @property
    def rate_in_words(self) -> str:
        """The rate for a reader: `10 kHz`, `1.5 MHz`."""
        return in_kilohertz(self.rate)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if list(self.seeds) != sorted(self.seeds):
            raise ValueError(f"seeds grow toward the top; found {list(self.seeds)}")
        if self.kind == "best-epoch" and self.seeds != (1,) and "seeds" in self.model_fields_set:
            raise ValueError(f"best-epoch ranks on one seed; found seeds = {list(self.seeds)}, allowed is [1]")
        return self


class Finalists(Section):
    """What the best get: `count` of them are trained afresh for `steps` steps with `seeds` fresh seeds each.

    Every schedule in `schedules` is tried, and each configuration keeps the one that did best on validation. Then they
    are judged on the test split, once. With `trace` the circuit of each is built (extra `rtl`) and its LUTs counted.
    """

    count: Count = 5
    steps: Count = 4500
    seeds: Count = 5
    schedules: Annotated[tuple[Schedule, ...], Field(min_length=1)] = ("cosine",)
    trace: bool = False


class _File(Section):
    name: Annotated[str, Field(min_length=1)]
    fixed: dict[str, Any] = Field(default_factory=dict)
    space: Annotated[dict[str, Parameter], Field(min_length=1)]
    strategy: Strategy = Strategy()
    ranking: Ranking = Ranking()
    finalists: Finalists = Finalists()


@dataclass(frozen=True)
class Study:
    """A search as its file describes it; `text` is that file."""

    name: str
    space: Space
    strategy: Strategy
    ranking: Ranking
    finalists: Finalists
    text: str

    @classmethod
    def load(cls, path: Path | str) -> Study:
        """Read a study file.

        Raises:
            StudyError: the file cannot be read, is not TOML, or says something that is not allowed.
        """
        if not Path(path).exists():
            raise StudyError(f"{path}: there is no such file; give a study in TOML.")
        try:
            text = read_text(Path(path), LARGEST_TOML)
        except FileError as error:
            raise StudyError(f"{path}: the study file cannot be read ({error}).") from None
        return cls.parse(text, where=str(path))

    @staticmethod
    def open(folder: Path | str) -> StudyFolder:
        """The study that a search keeps in `folder`: `Study.open("studies/small").best()`.

        Raises:
            StudyError: there is none, or it cannot be read.
        """
        from narrowgate.study.journal._reading import read_study
        from narrowgate.study.run._handle import StudyFolder

        read_study(Path(folder))
        return StudyFolder(Path(folder))

    @classmethod
    def parse(cls, text: str, *, where: str = "study") -> Study:
        """Make a study from the text of a file.

        Raises:
            StudyError: it is not TOML, or says something that is not allowed.
        """
        try:
            table: Mapping[str, Any] = parse_toml(text, where)
        except FileError as error:
            raise StudyError(f"{error}.") from None
        try:
            file = _File.model_validate(table)
        except ValidationError as error:
            raise StudyError(sentences(error, _File, where)) from None
        space = Space.parse(file.fixed, file.space, where=where)
        study = cls(file.name, space, file.strategy, file.ranking, file.finalists, text)
        study._check(where)
        return study

    @cached_property
    def brackets(self) -> tuple[Bracket, ...]:
        """What is run, budgets in steps. No bracket starts with more configurations than the space has."""
        strategy, most = self.strategy, self._configurations()
        units = strategy.largest // strategy.smallest
        if strategy.kind == "hyperband":
            brackets = hyperband(units, strategy.reduction)
        elif strategy.kind == "successive-halving":
            assert most is not None
            halving = successive_halving(most, units, strategy.reduction)
            check = unpruned(strategy.unpruned, units)
            brackets = (halving,) if halving.unpruned or not strategy.unpruned else (halving, check)
        else:
            assert most is not None
            brackets = (unpruned(most, units),)
        return tuple(self._no_larger_than_the_space(in_steps(bracket, strategy.smallest)) for bracket in brackets)

    def for_counts(self, bits: int) -> Study:
        """The study on a data set whose pixels have so many bits: every input format is then known."""
        return replace(self, space=replace(self.space, bits=bits))

    @property
    def budgets(self) -> tuple[int, ...]:
        """Every budget of a rung, in steps, rising."""
        return tuple(sorted({rung.budget for bracket in self.brackets for rung in bracket.rungs}))

    @property
    def work(self) -> int:
        """Member-steps that the study plans, ties aside: all brackets, and the finalists."""
        finalists = self.finalists
        rungs = sum(bracket.work([self.seeds_at(rung.budget) for rung in bracket.rungs]) for bracket in self.brackets)
        return rungs + finalists.count * len(finalists.schedules) * finalists.seeds * finalists.steps

    def seeds_at(self, budget: int) -> int:
        """How many seeds of a configuration are ranked at a budget; the last entry of `ranking.seeds` stands for all
        further rungs, and equal budgets mean equal seeds in every bracket."""
        counts = (1,) if self.ranking.kind == "best-epoch" else self.ranking.seeds
        return counts[min(self.budgets.index(budget), len(counts) - 1)]

    def measure_at(self, budget: int) -> Measure:
        """What a rung ranks on."""
        if self.ranking.kind == "best-epoch":
            return "loss"
        return self.ranking.measure if budget >= self.strategy.largest else self.ranking.early_measure

    def _configurations(self) -> int | None:
        """How many configurations successive halving or random search start with; `None` for Hyperband."""
        kind, wanted = self.strategy.kind, self.strategy.configurations
        if kind == "hyperband":
            return None
        if kind == "grid" or wanted == "all":
            return None if self.space.listed is None else len(self.space.listed)
        return wanted

    def _no_larger_than_the_space(self, bracket: Bracket) -> Bracket:
        if self.space.listed is None:
            return bracket
        most = len(self.space.listed)
        return Bracket(tuple(type(rung)(min(rung.places, most), rung.budget) for rung in bracket.rungs))

    def _check(self, where: str) -> None:
        """What only file and space together can tell."""
        if self.strategy.kind != "hyperband" and self._configurations() is None:
            raise StudyError(
                f"{where}: strategy.configurations: this space cannot be listed (it has a range of real numbers, or "
                f"too many combinations); give a number, and not kind = 'grid'."
            )
        searched = next((n for n, one in self.space.parameters.items() if "training.schedule" in one.sets), None)
        if searched is not None and self.strategy.schedule != "as-configured":
            raise StudyError(
                f"{where}: space.{searched}.sets: training.schedule makes no difference on the rungs, whose learning "
                f"rate rises and stays; list schedules to be tried in finalists.schedules, or set strategy.schedule = "
                f"'as-configured'."
            )
        if self.ranking.cost == "luts":
            first = self.space.listed or islice(self.space.sequence(self.strategy.seed), LOOKED_AT)
            unfit = next((drawn for drawn in first if not is_fixed_point(drawn.configuration)), None)
            if unfit is not None:
                point = ", ".join(f"{name} = {value}" for name, value in unfit.point.items())
                raise StudyError(
                    f"{where}: ranking.cost: 'luts' counts those of an integer network, but the configuration with "
                    f"{point} has a float format; give every precision a format such as (12,2), or take "
                    f"'bit-operations'."
                )
        if self.finalists.steps % self.strategy.evaluate_every:
            raise StudyError(
                f"{where}: finalists.steps: {self.finalists.steps} is not a whole multiple of "
                f"strategy.evaluate_every = {self.strategy.evaluate_every}; choose one that is."
            )
