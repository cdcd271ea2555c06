"""What a study's journal says, line by line: every kind of line is a class, and its shape is checked when it is read.

`VERSION` is that of what is written now. Journals without a version are those of before (November 2026); they have the
same lines with fewer keys, and are read as they are.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, model_validator

from narrowgate.study.journal._member_id import MemberId

VERSION = 1

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


def _value(found: Any) -> Any:
    """A number as it is (a step stays whole, so that a line comes back byte for byte), or `None`."""
    if found is not None and (type(found) not in (int, float) or not isfinite(found)):
        raise ValueError("is no finite number")
    return found


Value = Annotated[float | None, PlainValidator(_value)]
Name = Annotated[str, Field(pattern=r"^c\d+$")]
"""A configuration's name in its study: c001, c002, …"""


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


class Entry(_Model):
    """A line; `step` is the name of what was done."""

    step: str

    def as_json(self) -> dict[str, Any]:
        """What the line says, as plain JSON."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class DataSeen(_Model):
    """The data set that a study was begun with."""

    name: str
    fingerprint: str


class EventCounts(_Model):
    """How many events of each class there are; `deciding` of the background lie in the tail that decides a measure."""

    signal: Count
    background: Count
    deciding: Count = 0


class Versions(_Model):
    """Of what a study was begun with."""

    narrowgate: str
    jax: str


class Opened(Entry):
    """The first line: what is searched, on which data, and with what; `image` is (rows, columns, channels)."""

    version: Annotated[int, Field(ge=0, lt=2**31)] = 0
    study: str
    text: str
    data: DataSeen
    image: Annotated[list[Annotated[int, Field(ge=1, le=2**20)]], Field(min_length=3, max_length=3)]
    bits: Annotated[int, Field(ge=1, le=64)] = 10
    """Of the pixels; earlier versions read ten."""
    crossing_rate: Positive
    validation: EventCounts | None = None
    lanes: Annotated[int, Field(ge=1)]
    device: str
    versions: Versions


class RungPlan(_Model):
    """How many configurations a rung has places for, and its budget in steps."""

    places: Count
    budget: Annotated[int, Field(ge=1)]


class DrawnConfiguration(_Model):
    """A configuration: its point in the space, in full, and what it costs, if that is an objective."""

    point: dict[str, Any]
    configuration: dict[str, Any]
    cost: float | None


class BracketDrawn(Entry):
    """The configurations of a bracket."""

    rungs: Annotated[list[RungPlan], Field(min_length=1)]
    unpruned: bool
    configurations: dict[Name, DrawnConfiguration]


class MemberTrained(_Model):
    """What a unit of work found about a member: where it stands, the digest of its state, and its curve since before.

    A curve is equally long columns, a value an evaluation, `None` for what was not measured or is not finite.
    """

    step: Count
    diverged_at: Count | None
    state: str
    curve: dict[str, list[Value]]
    luts: float | None = None

    @model_validator(mode="after")
    def _columns_are_equally_long(self) -> Self:
        lengths = {len(column) for column in self.curve.values()}
        if len(lengths) > 1 or (self.curve and "step" not in self.curve):
            raise ValueError("the columns of a curve are equally long, and one of them is the step")
        return self


class UnitTrained(Entry):
    """A unit of work: members by name, trained from one step to another, `lanes` of them at a time."""

    start: Annotated[int, Field(ge=0, alias="from")]
    end: Annotated[int, Field(ge=1, alias="to")]
    lanes: Annotated[int, Field(ge=1)]
    members: dict[str, MemberTrained]

    @model_validator(mode="after")
    def _members_have_names(self) -> Self:
        for name in self.members:
            MemberId.parse(name)
        return self


class RankedConfiguration(_Model):
    """A configuration's value at a rung, larger for better (`None`: diverged), and one standard deviation of it."""

    configuration: Name
    value: float | None
    noise: float
    cost: float | None


class RungRanked(Entry):
    """The order at a rung, who goes on, who goes on for being within noise, and how many places were left."""

    steps: Annotated[int, Field(ge=1)]
    measure: str
    events: EventCounts | None = None
    order: list[RankedConfiguration]
    promoted: list[Name]
    tied: list[Name]
    places_left: Annotated[int, Field(ge=0, alias="places left")]


class Stopped(Entry):
    """The unit before which a part of the search was ended, and why."""

    before: str
    why: str


class FinalistsChosen(Entry):
    """Who is trained in full."""

    configurations: list[Name]


class WorkingPointFound(_Model):
    """The rate (Hz) with efficiency, interval, threshold, and how many background events decide it."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Any] = Field(init=False)

    rate: Positive
    threshold: float
    efficiency: float
    low: float
    high: float
    deciding: Count


class JudgementFound(_Model):
    """What `narrowgate.trigger.judge` found; the first working point is at the study's rate."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Any] = Field(init=False)

    accuracy: float
    working_points: Annotated[list[WorkingPointFound], Field(min_length=1)]


class DifferenceFound(_Model):
    """The mean efficiency less the first finalist's, with its 95 % interval."""

    value: float
    low: float
    high: float
    indistinguishable: bool


class JudgedFinalist(_Model):
    """A finalist on the test split: each seed's efficiency, and everything about its typical network."""

    configuration: Name
    schedule: str
    network: str
    seeds: Annotated[int, Field(ge=1)]
    seeds_diverged: Count
    validation: float | None
    validation_noise: float
    cost: float | None
    efficiencies: Annotated[list[float], Field(min_length=1)]
    judgement: JudgementFound | None
    volatility: float | None
    verdict: str
    difference: DifferenceFound | None


class Judged(Entry):
    """The finalists at `rate` (Hz), in the order of the validation split."""

    rate: Positive
    finalists: list[JudgedFinalist]


class TracedCircuit(_Model):
    """What a circuit consists of."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Any] = Field(init=False)

    luts: float


class Traced(Entry):
    """The circuits of the finalists' typical networks."""

    finalists: dict[Name, TracedCircuit]


class Finished(Entry):
    """The last line: how well the rungs foretold one another, in words."""

    fidelities: list[str]


KINDS: dict[str, type[Entry]] = {
    r"opened": Opened,
    r"bracket \d+ drawn": BracketDrawn,
    r"bracket \d+ rung \d+ ranked": RungRanked,
    r".+, unit \d+": UnitTrained,
    r"(rungs|finalists) stopped": Stopped,
    r"finalists chosen": FinalistsChosen,
    r"judged": Judged,
    r"traced": Traced,
    r"finished": Finished,
}
"""What a line is, by the name of its step."""


def kind_of(step: str) -> type[Entry] | None:
    """The class of the line of this name; `None` for a name that this version does not know."""
    return next((kind for pattern, kind in KINDS.items() if re.fullmatch(pattern, step)), None)
