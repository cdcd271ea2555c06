"""Everything one wants to know about a trigger's scores, in one call."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from numpy.typing import ArrayLike

from narrowgate.trigger._classification import accuracy, area_under_curve
from narrowgate.trigger._cuts import Images, cut_scores
from narrowgate.trigger._errors import TriggerError
from narrowgate.trigger._interval import ONE_SIGMA
from narrowgate.trigger._plain import as_plain
from narrowgate.trigger._rates import CROSSING_RATE, RATES
from narrowgate.trigger._rejection import Rejection, background_rejection
from narrowgate.trigger._scores import checked_labels, separate
from narrowgate.trigger._working_point import WorkingPoint, working_points


@dataclass(frozen=True)
class Judgement:
    """A trigger judged on a sample.

    Attributes:
        accuracy: the headline: class-balanced accuracy at score 0 (see `accuracy`).
        plain_accuracy: share of all events on the right side of score 0; depends on the sample's mix of classes.
        area_under_curve: of the ROC curve, exact.
        working_points: signal efficiency at each rate.
        rejections: background rejection at each signal efficiency.
        cuts: working points of the cut-based triggers at the same rates, by name ("ht", "fourth_pixel"; thresholds in
            GeV); empty if no images were given.
        signal_events: size of the signal sample.
        background_events: size of the background sample.
        crossing_rate: bunch crossings per second, Hz.
        confidence: of all intervals.
    """

    accuracy: float
    plain_accuracy: float
    area_under_curve: float
    working_points: tuple[WorkingPoint, ...]
    rejections: tuple[Rejection, ...]
    signal_events: int
    background_events: int
    crossing_rate: float
    confidence: float
    cuts: Mapping[str, tuple[WorkingPoint, ...]] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the working points and of the rejections."""
        of_rates = [point.warning for point in self.working_points]
        return tuple(warning for warning in (*of_rates, *(one.warning for one in self.rejections)) if warning)

    def at_rate(self, rate: float) -> WorkingPoint:
        """The working point at `rate` (Hz).

        Raises:
            TriggerError: if the trigger was not judged at this rate.
        """
        for point in self.working_points:
            if math.isclose(point.rate, rate):
                return point
        known = ", ".join(f"{point.rate:g}" for point in self.working_points)
        raise TriggerError(f"The trigger was not judged at {rate:g} Hz; its rates are {known} Hz.")

    def as_dict(self) -> dict[str, Any]:
        """The same as dictionaries, lists, numbers, strings and None (for infinity), ready for JSON."""
        plain: dict[str, Any] = as_plain(asdict(self))
        return plain


def judge(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    rates: Sequence[float] = RATES,
    signal_efficiencies: Sequence[float] = (0.8, 0.9, 0.95),
    crossing_rate: float = CROSSING_RATE,
    confidence: float = ONE_SIGMA,
    images: Images | None = None,
    lsb: float | None = None,
) -> Judgement:
    """Judge a trigger: accuracies, area under the curve, efficiencies at rates, rejections, and the cuts beside them.

    Args:
        scores: shape (events,), larger means more signal-like; the decision is score > threshold.
        labels: shape (events,), 1 for signal and 0 for background.
        rates: Hz, at which the signal efficiency is wanted.
        signal_efficiencies: at which the background rejection is wanted.
        crossing_rate: bunch crossings per second, Hz.
        confidence: of all intervals.
        images: of the same events, unsigned integers of shape (events, rows, columns, channels), for the cut-based
            triggers; without them these are left out.
        lsb: the transverse energy of one unit of the images, GeV; needed with them.

    Raises:
        TriggerError: if shapes differ, a score is not finite, a class is empty, a rate, an efficiency or the confidence
            is out of range, or images come without an lsb.
    """
    signal, background = separate(scores, labels)
    options = {"crossing_rate": crossing_rate, "confidence": confidence}
    return Judgement(
        accuracy=accuracy(scores, labels),
        plain_accuracy=accuracy(scores, labels, balanced=False),
        area_under_curve=area_under_curve(scores, labels),
        working_points=working_points(signal, background, rates, **options),
        rejections=background_rejection(signal, background, signal_efficiencies, confidence=confidence),
        signal_events=signal.size,
        background_events=background.size,
        crossing_rate=float(crossing_rate),
        confidence=float(confidence),
        cuts={} if images is None else judge_cuts(images, lsb, labels, rates=rates, **options),
    )


def judge_cuts(
    images: Images,
    lsb: float | None,
    labels: ArrayLike,
    *,
    rates: Sequence[float] = RATES,
    crossing_rate: float = CROSSING_RATE,
    confidence: float = ONE_SIGMA,
) -> dict[str, tuple[WorkingPoint, ...]]:
    """Working points of the cuts on HT ("ht") and on the fourth-highest pixel ("fourth_pixel"); thresholds in GeV.

    Images of fewer than four pixels have no second cut.

    Arguments and errors: as for `judge`.
    """
    if lsb is None:
        raise TriggerError("The images come without an lsb; the transverse energy of one unit, in GeV, is needed.")
    signal = checked_labels(labels, len(images))
    options = {"crossing_rate": crossing_rate, "confidence": confidence}
    energies = cut_scores(images, lsb)
    return {name: working_points(gev[signal], gev[~signal], rates, **options) for name, gev in energies.items()}
