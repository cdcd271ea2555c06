"""How often the intervals of `narrowgate.trigger` cover the truth, by toy experiments.

    python benchmarks/interval_coverage.py [--toys 2000] [--seed 1] [--output benchmarks/results/coverage.md]
    python benchmarks/interval_coverage.py --ties [--toys 500] [--seed 1] [--output benchmarks/results/coverage_ties.md]

Only the ROC curve matters to a rank-based method, so the background is standard normal throughout and the signal takes
different shapes. Of a background sample only the highest scores matter; those are drawn exactly (Rényi's representation
of uniform order statistics) and the rest is filled with one low value, which makes a toy cheap.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special

from narrowgate.trigger import CROSSING_RATE, background_rejection, difference, efficiency_curve

FloatArray = NDArray[np.float64]
RATES = np.array([10e3, 30e3, 100e3])
LOWEST = -10.0


@dataclass(frozen=True)
class Shape:
    """A signal: how to draw scores, and the true efficiency above a threshold, beside a standard normal background."""

    name: str
    draw: Callable[[np.random.Generator, int], FloatArray]
    efficiency: Callable[[FloatArray], FloatArray]


def normal_shape(efficiency: float, width: float, rate: int = 0) -> Shape:
    """Normal scores of this width, a share `efficiency` of which lies above the threshold of the rate of this index."""
    mean = -special.ndtri(RATES[rate] / CROSSING_RATE) + width * special.ndtri(efficiency)
    return Shape(
        f"normal, σ = {width:g}, ε({RATES[rate] / 1e3:g} kHz) = {efficiency:g}",
        lambda generator, events: generator.normal(mean, width, events),
        lambda threshold: special.ndtr((mean - threshold) / width),
    )


def two_part_shape() -> Shape:
    """Nine tenths well separated, one tenth hardly: the shape of a trained network's scores."""

    def draw(generator: np.random.Generator, events: int) -> FloatArray:
        hard = generator.random(events) < 0.1
        return np.where(hard, generator.normal(2.0, 1.0, events), generator.normal(6.0, 1.2, events))

    return Shape(
        "nine tenths N(6, 1.2), one tenth N(2, 1)",
        draw,
        lambda threshold: 0.9 * special.ndtr((6.0 - threshold) / 1.2) + 0.1 * special.ndtr(2.0 - threshold),
    )


SHAPES = (
    normal_shape(0.3, 0.5),
    normal_shape(0.6, 1.0),
    normal_shape(0.9, 0.3, rate=1),
    normal_shape(0.9, 1.0),
    normal_shape(0.9, 3.0),
    normal_shape(0.95, 1.0),
    two_part_shape(),
)


def draw_background(generator: np.random.Generator, events: int, top: int) -> FloatArray:
    """A standard normal sample of which all but the `top` highest scores are replaced by one low value."""
    spacings = generator.exponential(size=top)
    acceptance = np.cumsum(spacings) / (spacings.sum() + generator.gamma(events + 1 - top))
    scores = np.full(events, LOWEST)
    scores[:top] = -special.ndtri(acceptance)
    return scores


def enough(events: int, rate: float) -> int:
    """Background scores that a toy at this rate needs, with nine standard deviations to spare."""
    mean = events * rate / CROSSING_RATE
    return min(events, int(mean + 9.0 * np.sqrt(mean) + 30.0))


@dataclass
class Tally:
    """Counts of intervals that lie above or below the truth, and the sums for bias and width; per column."""

    above: FloatArray
    below: FloatArray
    offset: FloatArray
    width: FloatArray
    toys: int = 0

    @classmethod
    def empty(cls, columns: int) -> "Tally":
        """No toys yet."""
        return cls(np.zeros(columns), np.zeros(columns), np.zeros(columns), np.zeros(columns))

    def add(self, value: FloatArray, low: FloatArray, high: FloatArray, truth: FloatArray) -> None:
        """Count one toy."""
        self.above += low > truth
        self.below += high < truth
        self.offset += value - truth
        self.width += 0.5 * (high - low)
        self.toys += 1

    @property
    def coverage(self) -> FloatArray:
        """Share of the intervals that contain the truth."""
        return 1.0 - (self.above + self.below) / self.toys

    @property
    def bias(self) -> FloatArray:
        """Mean offset of the estimate in units of the mean half width."""
        return self.offset / self.width


def efficiency_toys(
    generator: np.random.Generator,
    shape: Shape,
    signal_events: int,
    background_events: int,
    toys: int,
    *,
    confidence: float = 0.6827,
    step: float | None = None,
) -> Tally:
    """Toys of `efficiency_curve` at the three rates.

    With `step`, scores are rounded down to a grid of this step, whose place is drawn anew in each toy: tied scores, as
    of a fixed-point network. The truth is then the efficiency of the lowest threshold whose true rate is allowed.
    """
    top = enough(background_events, RATES.max())
    exact = -special.ndtri(RATES / CROSSING_RATE)
    tally = Tally.empty(RATES.size)
    for _ in range(toys):
        signal = shape.draw(generator, signal_events)
        background = draw_background(generator, background_events, top)
        truth = shape.efficiency(exact)
        if step is not None:
            offset = generator.random() * step
            signal, background = (np.floor((scores - offset) / step) for scores in (signal, background))
            truth = shape.efficiency(np.ceil((exact - offset) / step) * step + offset)
        curve = efficiency_curve(signal, background, RATES, confidence=confidence)
        tally.add(curve.efficiency, curve.low, curve.high, truth)
    return tally


PLACES = (0.8, 0.9, 0.97, 1.0, 1.0001, 1.03, 1.1, 1.25)
"""Of a tie's upper edge, in units of the acceptance asked for: at 1 the tie just passes, beyond it it fails."""


def edge_toys(
    generator: np.random.Generator,
    shape: Shape,
    step: float | None,
    place: float,
    toys: int,
    *,
    rate: float = 10e3,
    signal_events: int = 6_000,
    background_events: int = 100_000,
) -> Tally:
    """Toys of `efficiency_curve` on a fixed grid, one of whose lines has `place` × the acceptance of the rate above it.

    Scores are rounded down to the grid; without a step they are as they are, and saturate at that line.
    """
    exact, edge = -special.ndtri(rate / CROSSING_RATE), -special.ndtri(place * rate / CROSSING_RATE)
    if step is not None:
        truth = float(shape.efficiency(np.atleast_1d(edge + step * np.ceil((exact - edge) / step - 1e-9)))[0])
    else:
        truth = float(shape.efficiency(np.atleast_1d(exact))[0]) if place <= 1.0 else 0.0
    top, tally = enough(background_events, 2.0 * rate), Tally.empty(1)
    for _ in range(toys):
        signal, background = shape.draw(generator, signal_events), draw_background(generator, background_events, top)
        if step is None:
            signal, background = np.minimum(signal, edge), np.minimum(background, edge)
        else:
            signal, background = (np.floor((scores - edge) / step + 1e-9) for scores in (signal, background))
        curve = efficiency_curve(signal, background, [rate])
        tally.add(curve.efficiency, curve.low, curve.high, np.array([truth]))
    return tally


def few_events_toys(generator: np.random.Generator, expected: float, toys: int) -> Tally:
    """Toys of `background_rejection` at 0.9 with so many background events expected, of 100 000, as acceptances."""
    mean, events = 10.0, 100_000
    threshold = mean - special.ndtri(0.9)
    tally = Tally.empty(1)
    for _ in range(toys):
        signal = generator.normal(mean, 1.0, 20_000)
        # Where the true threshold lies, the background falls by a factor e a unit of the score.
        highest = threshold + np.log(expected) - np.log(np.cumsum(generator.exponential(size=200)))
        background = np.concatenate([highest, np.full(events - highest.size, LOWEST)])
        (point,) = background_rejection(signal, background, (0.9,))
        value, low, high = (np.array([1.0 / getattr(point, name)]) for name in ("rejection", "high", "low"))
        tally.add(value, low, high, np.array([expected / events]))
    return tally


def rejection_toys(
    generator: np.random.Generator, width: float, signal_events: int, background_events: int, toys: int
) -> Tally:
    """Toys of `background_rejection` at 0.8, 0.9 and 0.95, as acceptances; the signal is normal about 4.5."""
    wanted = np.array([0.8, 0.9, 0.95])
    truth = special.ndtr(-(4.5 - width * special.ndtri(wanted)))
    tally = Tally.empty(wanted.size)
    for _ in range(toys):
        signal = generator.normal(4.5, width, signal_events)
        background = draw_background(generator, background_events, min(background_events, 20000))
        points = background_rejection(signal, background, wanted.tolist())
        value, low, high = (1.0 / np.array([getattr(p, n) for p in points]) for n in ("rejection", "high", "low"))
        tally.add(value, low, high, truth)
    return tally


def difference_toys(
    generator: np.random.Generator,
    correlation: float,
    signal_events: int,
    background_events: int,
    toys: int,
    confidence: float,
) -> Tally:
    """Toys of `difference` at 10 kHz: two triggers of efficiencies 0.9 and 0.86 whose scores are correlated."""
    exact = -special.ndtri(RATES[0] / CROSSING_RATE)
    means = exact + special.ndtri(np.array([0.9, 0.86]))
    labels = np.repeat([1, 0], [signal_events, background_events])
    tally = Tally.empty(1)
    for _ in range(toys):
        common = generator.normal(size=labels.size)
        first, second = (
            np.sqrt(correlation) * common
            + np.sqrt(1.0 - correlation) * generator.normal(size=labels.size)
            + mean * labels
            for mean in means
        )
        result = difference(first, second, labels, float(RATES[0]), confidence=confidence)
        value, low, high = (np.array([number]) for number in (result.value, result.low, result.high))
        tally.add(value, low, high, np.array([0.04]))
    return tally


def table(title: str, heads: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    """A Markdown table, line by line."""
    yield from ("", f"## {title}", "", "| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads))
    for row in rows:
        print("  ".join(row), file=sys.stderr, flush=True)
        yield "| " + " | ".join(row) + " |"


def cells(tally: Tally) -> list[str]:
    """Coverage and bias of every column, e.g. `68.4 % (+0.03)`."""
    return [f"{coverage:.1%} ({bias:+.2f})" for coverage, bias in zip(tally.coverage, tally.bias, strict=True)]


def report(toys: int, seed: int) -> Iterator[str]:
    """The whole study as lines of Markdown."""
    generator = np.random.default_rng(seed)
    error = np.sqrt(0.6827 * 0.3173 / toys)
    yield "# Coverage of the intervals, by toy experiments"
    yield ""
    yield f"`python benchmarks/interval_coverage.py --toys {toys} --seed {seed}`: {toys} toys a row, so that a"
    yield "coverage of 68 %"
    yield f"is known to ±{error:.1%}. In brackets: the estimate's bias in units of the interval's half width."
    fewer = max(1, toys // 4)
    yield f"The tables of acceptances and differences, whose toys are dearer, have {fewer} a row (±{2 * error:.1%})."
    at = ["10 kHz", "30 kHz", "100 kHz"]
    every: list[float] = []

    def efficiencies() -> Iterator[list[str]]:
        for background in (50_000, 100_000, 150_000):
            for signal in (2_000, 20_000):
                for shape in SHAPES:
                    tally = efficiency_toys(generator, shape, signal, background, toys)
                    every.extend(tally.coverage)
                    yield [f"{background}", f"{signal}", shape.name, *cells(tally)]

    sizes = ["background", "signal"]
    yield from table("Signal efficiency at a rate, 68.27 % intervals", [*sizes, "signal's scores", *at], efficiencies())
    yield ""
    spread = np.std(every) ** 2 - error**2
    yield f"All {len(every)}: mean {np.mean(every):.1%}, from {min(every):.1%} to {max(every):.1%}. With the scatter of"
    yield f"the toys taken off, the true coverages scatter by {np.sqrt(max(spread, 0.0)):.1%} about their mean."

    def wide() -> Iterator[list[str]]:
        for shape in SHAPES:
            tally = efficiency_toys(generator, shape, 6_000, 100_000, toys, confidence=0.95)
            yield ["100000", "6000", shape.name, *cells(tally)]

    yield from table("The same, 95 % intervals", [*sizes, "signal's scores", *at], wide())

    def rejections() -> Iterator[list[str]]:
        for width in (0.5, 1.0):
            for signal in (2_000, 20_000):
                yield [
                    "100000",
                    f"{signal}",
                    f"{width:g}",
                    *cells(rejection_toys(generator, width, signal, 100_000, fewer)),
                ]

    heads = [*sizes, "signal's σ", "ε = 0.8", "ε = 0.9", "ε = 0.95"]
    yield from table("Background acceptance at a signal efficiency, 68.27 % intervals", heads, rejections())

    def differences() -> Iterator[list[str]]:
        for correlation in (0.0, 0.7, 0.95):
            tallies = [difference_toys(generator, correlation, 5_000, 50_000, fewer, c) for c in (0.6827, 0.95)]
            yield ["50000", "5000", f"{correlation:g}", *(cells(tally)[0] for tally in tallies)]

    heads = [*sizes, "correlation of the scores", "68.27 %", "95 %"]
    yield from table("Difference of two triggers on the same events at 10 kHz", heads, differences())


def report_of_ties(toys: int, seed: int) -> Iterator[str]:
    """What ties do, and few events: lines of Markdown."""
    generator = np.random.default_rng([seed, 1])
    error = np.sqrt(0.6827 * 0.3173 / toys)
    yield "# Coverage of the intervals where scores tie, by toy experiments"
    yield ""
    yield f"`python benchmarks/interval_coverage.py --ties --toys {toys} --seed {seed}`: {toys} toys a cell, so that a"
    yield f"coverage of 68 % is known to ±{error:.1%}. 100 000 background events and 6 000 of signal, 68.27 %"
    yield "intervals."
    shapes, worst = (SHAPES[3], SHAPES[6]), [(1.0, 0.0, 0.0)]

    def edges() -> Iterator[list[str]]:
        for step in (0.03, 0.1, 0.3, 1.0, None):
            for shape in shapes:
                row = ["saturates" if step is None else f"{step:g}", shape.name]
                for place in PLACES:
                    tally = edge_toys(generator, shape, step, place, toys)
                    above, below = float(tally.above[0]) / tally.toys, float(tally.below[0]) / tally.toys
                    worst.append((1.0 - above - below, above, below))
                    row.append(f"{1.0 - above - below:.1%} ({below:.0%}, {above:.0%})")
                yield row

    heads = ["step", "signal's scores", *(f"{place:g}" for place in PLACES)]
    yield from table("On a fixed grid, by where a tie ends, at 10 kHz", heads, edges())
    covered, sides = [one[0] for one in worst[1:]], [max(one[1:]) for one in worst]
    yield ""
    yield "The columns say where the upper edge of a tie lies, in units of the acceptance asked for: at 1 the tie just"
    yield "passes, beyond it it fails. In brackets the shares of the intervals below and above the truth. `saturates`:"
    yield f"scores without a step, whose highest ends there. All {len(covered)}: from {min(covered):.1%} to"
    yield f"{max(covered):.1%}, misses on one side at most {max(sides):.1%}."

    def tied() -> Iterator[list[str]]:
        for step in (0.01, 0.05, 0.2):
            for shape in shapes:
                yield [
                    f"{step:g}",
                    shape.name,
                    *cells(efficiency_toys(generator, shape, 6_000, 100_000, toys, step=step)),
                ]

    heads = ["step", "signal's scores", "10 kHz", "30 kHz", "100 kHz"]
    yield from table("Averaged over the places of the grid", heads, tied())

    def few() -> Iterator[list[str]]:
        for expected in (0.5, 1.0, 1.6, 2.5, 4.0, 6.0, 10.0, 20.0, 50.0):
            yield [f"{expected:g}", f"{few_events_toys(generator, expected, toys).coverage[0]:.1%}"]

    yield from table("Background acceptance by how few events pass (without ties)", ["expected", "covered"], few())


def main() -> None:
    """Run the study, print it, and write it where `--output` says."""
    parser = argparse.ArgumentParser(description="Coverage of narrowgate's intervals, by toy experiments.")
    parser.add_argument("--toys", type=int, default=2000, help="toy experiments a row")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--ties", action="store_true", help="the tables of tied scores and few events in place of others"
    )
    parser.add_argument("--output", type=Path, help="a Markdown file to write the tables to as well")
    arguments = parser.parse_args()
    start = time.perf_counter()
    lines = (report_of_ties if arguments.ties else report)(arguments.toys, arguments.seed)
    text = "\n".join(lines) + "\n"
    print(text)
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
