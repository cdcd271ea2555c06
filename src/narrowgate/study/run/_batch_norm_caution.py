"""A caution: rungs so early that batch norm's moving statistics still remember their start, ranked by the loss."""

from __future__ import annotations

from narrowgate.network import MOMENTUM
from narrowgate.study._study import Study

SETTLED = 0.05
"""A share of the starting values in batch norm's moving statistics that no longer matters."""


def batch_norm_caution(study: Study) -> str:
    """A sentence when a rung ranks networks with batch norm by a loss that says little about them yet; else empty.

    Moving means start at 0 and moving variances at 1, and after n steps momentum^n of that is left (22 % after 150
    steps, as in Keras). A network in training does not notice; its validation loss does, and the more so the more its
    layers' outputs differ from mean 0 and variance 1. Measured: `docs/misled.md`.
    """
    early = [
        budget
        for budget in study.budgets
        if study.measure_at(budget) == "loss" and MOMENTUM**budget > SETTLED and _has_batch_norm(study)
    ]
    if not early:
        return ""
    return (
        f"the rung at {early[0]} steps ranks by the loss while batch norm's moving statistics still hold "
        f"{MOMENTUM ** early[0]:.0%} of their starting values; that favours networks which change these little, often "
        f"the smallest; ranking.early_measure = 'near-auc', or longer first rungs, rank more truly"
    )


def _has_batch_norm(study: Study) -> bool:
    """Whether some configuration of the space has batch norm."""
    found = [study.space.fixed["network"]["batch_norm"]]
    for parameter in study.space.parameters.values():
        if "network.batch_norm" in parameter.sets:
            found = [*(parameter.values or ()), *([] if parameter.otherwise is None else [parameter.otherwise])]
    return any(value != "off" for value in found)
