"""The tables of `benchmarks/results/misled.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from misled_report import Found

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


def page(
    found: Found,
    judged: Mapping[str, Any],
    shapes: Sequence[Mapping[str, Any]],
    correlations: Sequence[Mapping[str, Any]],
    outcomes: Sequence[Mapping[str, Any]],
    volatilities: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    """The results as lines of Markdown."""
    trainings = sum(map(len, found.trainings.values()))
    best = found.draws.max(axis=1)
    yield "# Was the search of July 2022 misled, and is ours not?"
    yield ""
    yield "By `benchmarks/misled.py`; the story is told in `docs/misled.md`. Search 1's space, 135 configurations,"
    yield f"batch norm on. Truth: {trainings} full trainings (2250 steps, cosine) of {len(found.trainings)}, each"
    yield f"with a seed of its own, judged at 10 kHz on {judged['signal']} signal and {judged['background']} background"
    yield "events, joined by a mixed model over the grid (`benchmarks/misled_model.py`)."
    yield ""
    yield f"Best configuration: {best.mean():.4f} ± {best.std():.4f}. One interval: {found.interval:.4f}, by which the"
    yield "68 % interval of a good network on the sample's test split goes below its value. Standard deviations of the"
    yield f"model: {', '.join(f'{name} {value:.4f}' for name, value in found.truth.deviations.items())}."
    yield from ("", "## What each ranking picks", "")
    yield "Regret: true efficiency of the best configuration less that of the pick. Repetitions share no first seed."
    yield ""
    yield (
        "| ranking | repetitions | mean regret | worst | within one interval | within 0.005 | best of its five "
        "| member-steps | filters of the picks |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---|"
    for row in outcomes:
        one = row.get("repetitions")
        if one is None:
            yield f"| {row['rule']} | 0 | | | | | | | |"
            continue
        filters = ", ".join(f"({name}) {count}" for name, count in one["filters"].items())
        yield (
            f"| {row['rule']} | {one['count']} | {one['regret']:.4f} ± {one['error']:.4f} | {one['worst']:.4f} "
            f"| {one['within interval']:.0%} | {one['within 0.005']:.0%} | {one['regret of the best of five']:.4f} "
            f"| {one['steps']:,.0f} | {filters} |"
        )
    yield from ("", "## What the shapes are worth, and how they look", "")
    heads = [f"{what} at {steps}" for steps in (50, 150, 450) for what in ("raw_loss", "raw_settled_loss", "near-auc")]
    yield f"| filters | true efficiency | {' | '.join(_in_words(head) for head in heads)} |"
    yield f"|---|---:|{'---:|' * len(heads)}"
    for row in shapes:
        cells = ["" if row[head] is None else f"{row[head]:.4f}" for head in heads]
        yield f"| {row['filters']} | {row['efficiency']:.4f} ± {row['error']:.4f} | {' | '.join(cells)} |"
    yield from ("", "## Kendall's τ with the truth, over all 135 configurations", "")
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
