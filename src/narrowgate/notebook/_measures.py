"""What `metrics.json` says, as objects: the numbers that tables, pages and comparisons show."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from narrowgate.notebook._errors import NotebookError
from narrowgate.notebook._layout import METRICS
from narrowgate.trigger import Rejection, WorkingPoint
from narrowgate.units import cut_name


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

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Read `narrowgate.integers.Disagreement.as_dict()`."""
        changed = tuple(int(one["events"]) for one in content["decisions_changed"])
        return cls(int(content["events"]), int(content["differing"]), float(content["largest_difference"]), changed)


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
        try:
            curve = metrics.get("curve", {})
            return cls(
                accuracy=_number(metrics.get("accuracy")),
                plain_accuracy=_number(metrics.get("plain_accuracy")),
                area_under_curve=_number(metrics.get("area_under_curve")),
                points=_points(metrics.get("working_points", ())),
                rejections=tuple(_rejection(rejection) for rejection in metrics.get("rejections", ())),
                cuts={cut_name(key): _points(points) for key, points in metrics.get("cuts", {}).items()},
                signal_events=metrics.get("signal_events"),
                background_events=metrics.get("background_events"),
                crossing_rate=_number(metrics.get("crossing_rate")),
                volatility=_number(curve.get("volatility")),
                verdict=str(curve.get("verdict", "")),
                seconds=_number(metrics.get("seconds")),
                stopped=str(metrics.get("stopped") or ""),
                disagreement=Disagreement.of(metrics["disagreement"]) if "disagreement" in metrics else None,
            )
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise NotebookError(f"{METRICS} is not a judgement of narrowgate.trigger ({error})") from error

    def at_rate(self, rate: float) -> WorkingPoint | None:
        """The working point at `rate` (Hz), if the run was judged there."""
        return at_rate(self.points, rate)

    def cuts_at_rate(self, rate: float) -> dict[str, WorkingPoint]:
        """The cuts' working points at `rate` (Hz), by name."""
        found = ((name, at_rate(points, rate)) for name, points in self.cuts.items())
        return {name: point for name, point in found if point is not None}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know before trusting the working points."""
        return tuple(point.warning for point in self.points if point.warning)


def at_rate(points: Sequence[WorkingPoint], rate: float) -> WorkingPoint | None:
    """The one of `points` at `rate` (Hz)."""
    return next((point for point in points if math.isclose(point.rate, rate)), None)


def all_rates(measures: Sequence[Measures]) -> list[float]:
    """Every rate (Hz) at which one of several runs was judged, ascending."""

    def rates() -> Iterator[float]:
        for one in measures:
            yield from (point.rate for point in one.points)

    return sorted(set(rates()))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _points(points: Sequence[Mapping[str, Any]]) -> tuple[WorkingPoint, ...]:
    return tuple(WorkingPoint(**point) for point in points)


def _rejection(values: Mapping[str, Any]) -> Rejection:
    """JSON has no infinity: the record holds null for a rejection, or an upper end of one, that is infinite."""
    finite: dict[str, Any] = {key: math.inf if value is None else value for key, value in values.items()}
    return Rejection(**finite)
