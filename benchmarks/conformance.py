"""Our fixed-point arithmetic against two independent implementations, value by value: `make conformance`.

The oracles are QKeras 0.9 (tensorflow 2.15) and the `quantizers` package 1.2.2, each in an environment of its own that
is made on the first call. Prints a report in Markdown on stdout and progress on stderr; exits with 1 on a mismatch.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np
import numpy.typing as npt

from environments import run
from narrowgate.fixedpoint import Format, Overflow, Rounding, from_codes, grid, quantise, to_codes

Values = npt.NDArray[np.float32]
Exact = npt.NDArray[np.floating]
Ours = Callable[[Values, Format], Exact]

ROUNDING = {Rounding.HALF_EVEN: "RND_CONV", Rounding.HALF_UP: "RND", Rounding.TRUNCATE: "TRN"}
OVERFLOW = {Overflow.SATURATE: "SAT", Overflow.WRAP: "WRAP"}
LARGEST = float(np.finfo(np.float32).max)

LIMITS = """\
## What the oracles cannot be asked

Every value is compared where the oracle has an answer; where it has none, the other one is asked.

- QKeras in float32 knows signed formats of 2 to 25 bits and unsigned ones of 1 to 24: beyond, its upper bound `m - 1`
  or `1 - 1/m` is not a float32 and it saturates one lsb too high. Wider formats are compared with QKeras in float64 and
  with `quantizers`. `quantized_bits(1, I)` is a binary (-1, +1) quantiser, so that W = 1 signed is `quantizers`' alone.
- QKeras forms `x * 2^bits / 2^I` first; where that overflows float32 (and for infinities) it returns NaN. Those values
  are compared with `quantizers` only.
- The largest value of a format with more than 24 bits beside the sign is not a float32. The JAX quantiser saturates at
  the largest float32 below it, and is compared with the oracle's value cut there; the integers are exact.
- `quantizers` wraps in float64 and loses low bits of huge values: with WRAP, |x| < 2^50 lsb is compared.
- The sign of a zero is not compared. NaN has no integer code: only the JAX quantiser is compared there (it stays NaN).
- QKeras' quantised value q is compared (`use_ste=False`). By default it returns x + (q - x), rounded to float32 twice,
  which is q in the format's range, but for signed formats not always beyond it:"""

compiled = jax.jit(quantise)


@dataclass
class Row:
    """One comparison: what was compared with what, on how many values, and how many differed."""

    ours: str
    oracle: str
    formats: int = 0
    values: int = 0
    fewest: int = 0
    mismatches: int = 0
    example: str = ""
    judged: bool = True

    def add(self, format: Format, x: Values, found: Exact, expected: Exact) -> None:
        """Count the values of one format; NaN equals NaN, and the sign of zero is not looked at."""
        wrong = ~((found == expected) | (np.isnan(found) & np.isnan(expected)))
        self.fewest = min(self.fewest, x.size) if self.formats else x.size
        self.formats += 1
        self.values += x.size
        self.mismatches += int(wrong.sum())
        if wrong.any() and not self.example:
            first = int(np.argmax(wrong))
            self.example = f"{format.ap()}: x = {x[first]:.9g} gives {found[first]:.17g}, not {expected[first]:.17g}"


def draw_formats(generator: np.random.Generator, count: int) -> list[Format]:
    """`count` signed and `count` unsigned formats that QKeras knows in float32, then a quarter as many of any width."""
    formats = []
    for signed, narrowest, widest, number in (
        (True, 2, 25, count),
        (False, 1, 24, count),
        (True, 1, 32, count // 4),
        (False, 1, 32, count // 4),
    ):
        for width in generator.integers(narrowest, widest + 1, number):
            formats.append(Format(int(width), int(generator.integers(-8, width + 9)), signed))
    return formats


def draw_values(generator: np.random.Generator, format: Format, count: int) -> Values:
    """`count` float32 values: around the range, ties and their neighbours, any magnitude, subnormals, the ends."""
    part = count // 5
    in_range = generator.uniform(-1.25, 1.25, part) * 2.0**format.integer
    halves = generator.integers(2 * format.code_min - 16, 2 * format.code_max + 16, part)
    ties = np.ldexp(halves.astype(np.float64), -format.fraction - 1).astype(np.float32)
    beside = np.nextafter(ties, generator.choice([-np.inf, np.inf], part).astype(np.float32))
    anything = generator.integers(0, 2**32, part, np.uint32).view(np.float32)  # every bit pattern, NaN and infinities
    ends = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, LARGEST, -LARGEST, format.minimum, format.maximum]
    small = np.ldexp(generator.uniform(-1, 1, count - 4 * part - len(ends)), generator.integers(-150, -100))
    parts = (in_range, ties, beside, anything, small, np.array(ends))
    with np.errstate(invalid="ignore"):
        return np.concatenate([part.astype(np.float32) for part in parts])


def by_quantiser(x: Values, format: Format) -> Exact:
    return np.asarray(compiled(x, grid(format)), np.float64)


def by_integers(x: Values, format: Format) -> Exact:
    return from_codes(to_codes(x, format), format)


def judge(folder: Path, formats: list[Format], values: Values) -> Iterator[Row]:
    """Every comparison, with the oracles' answers computed on the way."""
    run("qkeras", "oracle_qkeras.py", str(folder))
    single, default, double = (np.load(folder / f"{name}.npy") for name in ("float32", "default", "float64"))
    for signed, call in ((True, "quantized_bits(W, I, alpha=1)"), (False, "quantized_relu(W, I)")):
        jax_row, integer_row = Row("JAX quantiser", f"{call}, float32"), Row("NumPy integers", f"{call}, float32")
        inside = Row("JAX quantiser", f"{call} as returned by default, x in range")
        beyond = Row("JAX quantiser", f"{call} as returned by default, x out of range", judged=False)
        for format, x, q, returned in zip(formats, values, single, default, strict=True):
            if format.signed is not signed or not qkeras_knows(format, single=True):
                continue
            known = np.isfinite(scaled_by_qkeras(x, format))
            x, q, returned = x[known], q[known], returned[known]
            ours = by_quantiser(x, format)
            jax_row.add(format, x, ours, q)
            integer_row.add(format, x, by_integers(x, format), q)
            in_range = (x >= format.minimum) & (x <= format.maximum)
            for row, part in ((inside, in_range), (beyond, ~in_range)):
                row.add(format, x[part], ours[part], returned[part])
        yield from (jax_row, integer_row, inside, beyond)
    row = Row("NumPy integers", "quantized_bits(W, I, alpha=1, keep_negative=sign), float64")
    for format, x, q in zip(formats, values, double, strict=True):
        if qkeras_knows(format, single=False):
            known = np.isfinite(x)
            row.add(format, x[known], by_integers(x[known], format), q[known])
    yield row
    yield from against_quantizers(folder, formats, values)


def against_quantizers(folder: Path, formats: list[Format], values: Values) -> Iterator[Row]:
    for rounding in Rounding:
        for overflow in Overflow:
            words = ROUNDING[rounding], OVERFLOW[overflow]
            run("quantizers", "oracle_quantizers.py", str(folder), *words)
            answer = folder / f"{'_'.join(words)}.npy"
            row = Row("NumPy integers", f"quantizers, {' '.join(words)}, float64")
            trained = Row("JAX quantiser", row.oracle)
            for plain, x, q in zip(formats, values, np.load(answer, mmap_mode="r"), strict=True):
                format = replace(plain, rounding=rounding, overflow=overflow)
                known = ~np.isnan(x) if overflow is Overflow.SATURATE else np.abs(x) < 2.0**50 * format.lsb
                row.add(format, x[known], by_integers(x[known], format), q[known])
                if format == plain:
                    trained.add(format, x, by_quantiser(x, format), np.minimum(q, float(grid(format).high)))
            answer.unlink()
            yield from (trained, row) if trained.formats else (row,)


def qkeras_knows(format: Format, *, single: bool) -> bool:
    """Whether QKeras computes this format as fixed point, in float32 (`single`) or in float64."""
    widest = (25 if format.signed else 24) if single else 32
    return (2 if format.signed else 1) <= format.width <= widest


def scaled_by_qkeras(x: Values, format: Format) -> Values:
    """`x / lsb` in float32 as QKeras forms it, which may overflow on the way."""
    bits = format.width - int(format.signed)
    with np.errstate(over="ignore", invalid="ignore"):
        return x * np.float32(2.0**bits) / np.float32(2.0**format.integer)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--formats", type=int, default=120, help="signed formats, and as many unsigned (120)")
    options.add_argument("--values", type=int, default=120_000, help="values per format (120 000)")
    options.add_argument("--seed", type=int, default=2022)
    chosen = options.parse_args()
    generator = np.random.default_rng(chosen.seed)
    formats = draw_formats(generator, chosen.formats)
    values = np.stack([draw_values(generator, format, chosen.values) for format in formats])
    with tempfile.TemporaryDirectory(prefix="narrowgate-conformance-") as name:
        folder = Path(name)
        np.save(folder / "values.npy", values)
        (folder / "formats.json").write_text(json.dumps([(f.width, f.integer, f.signed) for f in formats]))
        rows = list(judge(folder, formats, values))
    print(report(rows, formats, chosen.values, " ".join(sys.argv[1:])))
    sys.exit(any(row.mismatches for row in rows if row.judged))


def report(rows: list[Row], formats: list[Format], count: int, arguments: str) -> str:
    """The page: one table, then what the oracles cannot be asked."""
    judged = [row for row in rows if row.judged]
    mismatches = sum(row.mismatches for row in judged)
    lines = [
        "# Fixed-point conformance",
        "",
        f"Command: `{f'python benchmarks/conformance.py {arguments}'.strip()}`, JAX {jax.__version__} on "
        f"{jax.default_backend()}, NumPy {np.__version__}.",
        f"{len(formats)} random formats; {count} values each, less those the oracle has no answer for (below).",
        "",
        "| ours | oracle | formats | values | fewest per format | mismatches |",
        "|---|---|---:|---:|---:|---:|",
        *(
            f"| {row.ours} | {row.oracle} | {row.formats} | {row.values} | {row.fewest} | {row.mismatches} |"
            for row in judged
        ),
        "",
        f"{sum(row.values for row in judged)} comparisons, {mismatches} mismatches.",
        "",
        *(f"- {row.ours}, {row.oracle}: {row.example}\n" for row in judged if row.example),
        LIMITS,
        *(
            f"  {row.mismatches} of {row.values} values for {row.oracle}, the first {row.example}."
            for row in rows
            if row.mismatches and not row.judged
        ),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
