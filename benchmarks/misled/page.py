"""The tables of `benchmarks/results/misled.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .report import Found

WORDS = {
    "raw_loss": "loss, live weights",
    "loss": "loss, averaged weights",
    "raw_settled_loss": "loss, live weights, settled statistics",
    "settled_loss": "loss, averaged weights, settled statistics",
    "raw_auc": "AUC, live weights",
    "auc": "AUC, averaged weights",
    "raw_near-auc": "near-AUC, live weights",
    "near-auc": "near-AUC, averaged weights",
    "settled_near-auc": "near-AUC, averaged weights, settled statistics",
    "raw_efficiency": "efficiency, live weights",
    "efficiency": "efficiency, averaged weights",
}


def opening(found: Found, judged: Mapping[str, Any]) -> Iterator[str]:
    """What was done."""
    trainings = sum(map(len, found.trainings.values()))
    yield "# Was the search of July 2022 misled, and is ours not?"
    yield ""
    yield "By `benchmarks/misled/`; the story is told in `docs/misled.md`. Search 1's space, 135 configurations,"
    yield f"batch norm on. Truth: {trainings} full trainings (2250 steps, cosine) of {len(found.trainings)}, each"
    yield f"with a seed of its own, judged on {judged['signal']} signal and {judged['background']} background events,"
    yield "joined by a mixed model over the grid (`benchmarks/misled/model.py`)."


def at_rate(
    found: Found,
    shapes: Sequence[Mapping[str, Any]],
    correlations: Sequence[Mapping[str, Any]],
    outcomes: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    """What was found at one rate."""
    best, rate = found.draws.max(axis=1), f"{found.rate / 1e3:g} kHz"
    mean = found.draws.mean(axis=1)
    yield from ("", f"## At {rate}", "")
    yield f"Best configuration: {best.mean():.4f} ± {best.std():.4f}; all: {mean.mean():.4f} ± {mean.std():.4f},"
    yield f"so a configuration drawn by lot loses {(best - mean).mean():.4f} ± {(best - mean).std():.4f}."
    yield f"One interval: {found.interval:.4f}, by which the"
    yield "68 % interval of a good network on the sample's test split goes below its value. Standard deviations of the"
    yield f"model: {', '.join(f'{name} {value:.4f}' for name, value in found.truth.deviations.items())}."
    yield from ("", f"### What each ranking picks, {rate}", "")
    yield "Regret: true efficiency of the best configuration less that of the pick. Repetitions share no first seed."
    if any("repetitions" not in row for row in outcomes):
        yield "Rankings that want members which the pool does not have are left out, or have fewer repetitions."
    yield ""
    yield (
        "| ranking | repetitions | mean regret | worst | within one interval | within 0.005 | best of its five "
        "| cheapest of its five | it within one interval | member-steps | filters of the picks |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|"
    for row in outcomes:
        one = row.get("repetitions")
        if one is None:
            continue
        filters = ", ".join(f"({name}) {count}" for name, count in one["filters"].items())
        yield (
            f"| {row['rule']} | {one['count']} | {one['regret']:.4f} ± {one['error']:.4f} | {one['worst']:.4f} "
            f"| {one['within interval']:.0%} | {one['within 0.005']:.0%} | {one['regret of the best of five']:.4f} "
            f"| {one['regret of the cheapest of five']:.4f} ± {one['error of the cheapest of five']:.4f} "
            f"| {one['cheapest within interval']:.0%} "
            f"| {one['steps']:,.0f} | {filters} |"
        )
    yield from ("", f"### What the shapes are worth, and how they look, {rate}", "")
    heads = [f"{what} at {steps}" for steps in (50, 150, 450) for what in ("raw_loss", "raw_settled_loss", "near-auc")]
    yield f"| filters | true efficiency | {' | '.join(_in_words(head) for head in heads)} |"
    yield f"|---|---:|{'---:|' * len(heads)}"
    for row in shapes:
        cells = ["" if row[head] is None else f"{row[head]:.4f}" for head in heads]
        yield f"| {row['filters']} | {row['efficiency']:.4f} ± {row['error']:.4f} | {' | '.join(cells)} |"
    yield from ("", f"### Kendall's τ with the truth at {rate}, over all 135 configurations", "")
    yield "One evaluation at that step, mean over the repetitions and their standard deviation; positive is right."
    yield ""
    steps = sorted({row["steps"] for row in correlations})
    yield f"| measure | {' | '.join(f'{one} steps' for one in steps)} |"
    yield f"|---|{'---:|' * len(steps)}"
    for column, words in WORDS.items():
        cells = []
        for one in steps:
            taus = [row["taus"] for row in correlations if row["column"] == column and row["steps"] == one]
            cells.append(f"{np.mean(taus[0]):+.2f} ± {np.std(taus[0]):.2f}" if taus else "")
        if any(cells):
            yield f"| {words} | {' | '.join(cells)} |"


def steadiness(volatilities: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """How much the curves jump."""
    if volatilities:
        yield from ("", "## Volatility of the live validation loss, 1350 steps, constant learning rate", "")
        yield "| | networks | median volatility | lowest | highest | verdicts | scatter of the efficiency |"
        yield "|---|---:|---:|---:|---:|---|---:|"
        for row in volatilities:
            verdicts = ", ".join(f"{name} {count}" for name, count in row["verdicts"].items())
            yield (
                f"| {row['variant']} | {row['networks']} | {row['median']:.3f} | {row['lowest']:.3f} "
                f"| {row['highest']:.3f} | {verdicts} | {row['efficiency']:.4f} |"
            )


def _in_words(head: str) -> str:
    column, _, steps = head.partition(" at ")
    return f"{WORDS[column]}, {steps} steps"
