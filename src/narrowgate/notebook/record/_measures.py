"""What `metrics.json` says, as objects: the numbers that tables, pages and comparisons show."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self, TypeVar

from narrowgate.notebook.record._schema import (
    DisagreementRecord,
    MetricsRecord,
    PointRecord,
    RejectionRecord,
    metrics_record,
)
from narrowgate.trigger import Rejection, WorkingPoint
from narrowgate.units import cut_name

Kind = TypeVar("Kind", WorkingPoint, Rejection)


@dataclass(frozen=True)
class Disagreement:
    """How far the training graph's scores are from the exact integers' that a run is judged by.

    Of `events` (the test split) `differing` have another score, by `largest` at most; `changed` counts those on the
    other side of each working point's threshold.
    """

    events: int
    differing: int
    largest: float
    changed: tuple[int, ...]


@dataclass(frozen=True)
class Measures:
    """The metrics of a run; None or empty where a run has none.

    `accuracy` is the balanced one, `cuts` maps a reader's name of a cut to its working points, `volatility` and
    `verdict` speak of the validation loss, `seconds` is the time the training took, `stopped` says why it ended early.
    A run judged by exact integers has a `disagreement`: the training graph's with them.
    """

    accuracy: float | None = None
    plain_accuracy: float | None = None
    area_under_curve: float | None = None
    points: tuple[WorkingPoint, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    cuts: Mapping[str, tuple[WorkingPoint, ...]] = field(default_factory=dict)
    signal_events: int | None = None
    background_events: int | None = None
    crossing_rate: float | None = None
    volatility: float | None = None
    verdict: str = ""
    seconds: float | None = None
    stopped: str = ""
    disagreement: Disagreement | None = None

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> Self:
        """Read the metrics of a run: `Judgement.as_dict()` with `curve` (volatility, verdict), `seconds`, `stopped`,
        and `disagreement` where it was judged by exact integers.

        Raises:
            NotebookError: they are not of this form.
        """
        return cls.of_record(metrics_record(metrics))

    @classmethod
    def of_record(cls, found: MetricsRecord) -> Self:
        """The same of metrics that were parsed already."""
        return cls(
            accuracy=found.accuracy,
            plain_accuracy=found.plain_accuracy,
            area_under_curve=found.area_under_curve,
            points=_points(found.working_points),
            rejections=tuple(_made(Rejection, one) for one in found.rejections),
            cuts={cut_name(key): _points(points) for key, points in found.cuts.items()},
            signal_events=found.signal_events,
            background_events=found.background_events,
            crossing_rate=found.crossing_rate,
            volatility=found.curve.volatility,
            verdict=found.curve.verdict,
            seconds=found.seconds,
            stopped=found.stopped or "",
            disagreement=None if found.disagreement is None else _disagreement(found.disagreement),
        )

    def at_rate(self, rate: float) -> WorkingPoint | None:
        """The working point at `rate` (Hz), if the run was judged there."""
        return at_rate(self.points, rate)

    def cuts_at_rate(self, rate: float) -> dict[str, WorkingPoint]:
        """The cuts' working points at `rate` (Hz), by name."""
        found = ((name, at_rate(points, rate)) for name, points in self.cuts.items())
        return {name: point for name, point in found if point is not None}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know before trusting the working points and the rejections."""
        of_rates = [point.warning for point in self.points]
        return tuple(warning for warning in (*of_rates, *(one.warning for one in self.rejections)) if warning)


def at_rate(points: Sequence[WorkingPoint], rate: float) -> WorkingPoint | None:
    """The one of `points` at `rate` (Hz)."""
    return next((point for point in points if math.isclose(point.rate, rate)), None)


def all_rates(measures: Sequence[Measures]) -> list[float]:
    """Every rate (Hz) at which one of several runs was judged, ascending."""

    def rates() -> Iterator[float]:
        for one in measures:
            yield from (point.rate for point in one.points)

    return sorted(set(rates()))


def _points(points: Sequence[PointRecord]) -> tuple[WorkingPoint, ...]:
    return tuple(_made(WorkingPoint, point) for point in points)


def _disagreement(found: DisagreementRecord) -> Disagreement:
    changed = tuple(one.events for one in found.decisions_changed)
    return Disagreement(found.events, found.differing, found.largest_difference, changed)


def _made(kind: type[Kind], record: PointRecord | RejectionRecord) -> Kind:
    """An object of `narrowgate.trigger` from its record; JSON has no infinity, so the record has null in its place."""
    values: dict[str, Any] = {key: math.inf if value is None else value for key, value in record.model_dump().items()}
    return kind(**{one.name: values[one.name] for one in fields(kind) if one.name in values})
