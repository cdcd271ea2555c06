"""What a trigger is worth: efficiencies at rates with intervals, rejections, cuts, comparisons, and loss curves.

Scores are real numbers, larger meaning more signal-like; the decision is always score > threshold. Everything here is a
pure function of arrays. The methods, with their sources and their measured coverage, are told in `docs/statistics.md`.
"""

from narrowgate.trigger._classification import Roc, accuracy, area_under_curve, near_auc, roc
from narrowgate.trigger._comparison import Difference, difference, indistinguishable, mean_difference_half_width
from narrowgate.trigger._cuts import cut_scores, fourth_pixel, has_fourth_pixel, ht
from narrowgate.trigger._interval import ONE_SIGMA, wilson
from narrowgate.trigger._judgement import Judgement, judge, judge_cuts
from narrowgate.trigger._rates import CROSSING_RATE, RATES, possible_rates, rate_above
from narrowgate.trigger._rejection import Rejection, background_rejection
from narrowgate.trigger._scores import separate
from narrowgate.trigger._stability import Stability, Verdict, stability, verdict, volatility
from narrowgate.trigger._turn_on import TurnOn, turn_on
from narrowgate.trigger._working_point import (
    EfficiencyCurve,
    WorkingPoint,
    efficiency_at_rate,
    efficiency_curve,
    working_points,
)

__all__ = [
    "CROSSING_RATE",
    "ONE_SIGMA",
    "RATES",
    "Difference",
    "EfficiencyCurve",
    "Judgement",
    "Rejection",
    "Roc",
    "Stability",
    "TurnOn",
    "Verdict",
    "WorkingPoint",
    "accuracy",
    "area_under_curve",
    "background_rejection",
    "cut_scores",
    "difference",
    "efficiency_at_rate",
    "efficiency_curve",
    "fourth_pixel",
    "has_fourth_pixel",
    "ht",
    "indistinguishable",
    "judge",
    "judge_cuts",
    "mean_difference_half_width",
    "near_auc",
    "possible_rates",
    "rate_above",
    "roc",
    "separate",
    "stability",
    "turn_on",
    "verdict",
    "volatility",
    "wilson",
    "working_points",
]
