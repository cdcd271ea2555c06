"""alkaid 0.8.2, mended where it loses or confuses bits; `narrowgate verify` found all three.

- **The lowest bit of a number** is taken from a float32 (`get_lsb_loc` in `trace/affine_interval.py`,
  `fixed_variable.py` and others). Of constants, of their sums and of the coefficients of intervals with more than 24
  bits the lowest were lost, and with them those of the sum: batch norm and weights of 16 bits suffice.
- **A bit that is cut out** of a scaled variable is taken for its highest where the two have the same worth before
  scaling (`canonicalize_msb_wraps` in `trace/passes/canon.py` leaves the shift, `op.data`, out). Rounding half to even
  looks at such bits: ties went to the odd code where the scale happened to be so.
- **A choice by the highest bit** of a variable (`exec_op` in `types.py`, opcode 6) is traced anew with what became
  known of the variable meanwhile. One that turns out never to be negative has its highest bit elsewhere, and what
  saturated at the upper end came out at the lower one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import frexp
from typing import Any

from narrowgate.firmware._tools import package

_WITH_LOWEST_BITS = ("affine_interval", "fixed_variable", "fixed_variable_array", "tracer", "passes.canon")
_OF_ZERO = 127  # as alkaid has it
_CHOICE = 6  # the opcode


def lowest_bit(number: float) -> int:
    """The exponent of the lowest bit that is not zero.

    >>> lowest_bit(-0.375), lowest_bit(2.0**40 + 1)
    (-3, 0)
    """
    if not number:
        return _OF_ZERO
    mantissa, exponent = frexp(number)
    digits = int(mantissa * 2**53)
    return exponent - 53 + (digits & -digits).bit_length() - 1


@contextmanager
def mended() -> Iterator[None]:
    """alkaid with every bit in its place, while the context lasts: whatever traces belongs inside."""
    changes: list[tuple[Any, str, Any]] = [
        (package(f"alkaid.trace.{name}", "tracing"), "get_lsb_loc", lowest_bit) for name in _WITH_LOWEST_BITS
    ]
    changes.append((changes[-1][0], "canonicalize_msb_wraps", lambda logic: logic))
    program = package("alkaid.types", "tracing").CombLogic
    changes.append((program, "exec_op", _with_known_choices(program.exec_op)))
    theirs = [getattr(place, name) for place, name, _ in changes]
    for place, name, ours in changes:
        setattr(place, name, ours)
    try:
        yield
    finally:
        for (place, name, _), function in zip(changes, theirs, strict=True):
            setattr(place, name, function)


def _with_known_choices(execute: Callable[..., Any]) -> Callable[..., Any]:
    """alkaid's `exec_op` that takes the one of two variables which is known to be chosen, where it is."""
    variable = package("alkaid.trace", "tracing").FVariable

    def exec_op(program: Any, op: Any, buffer: Any, inputs: Any) -> Any:
        if op.opcode == _CHOICE:
            chosen, other, key = op.addr
            before, now = program.ops[key].qint, buffer[key]
            if isinstance(now, variable):
                signed, highest_bit = before.min < 0, 2.0 ** (before.kif[1] - 1)
                if now.low >= 0 if signed else now.high < highest_bit:
                    return buffer[other] * 2.0 ** op.data[0]
                if not signed and now.low >= highest_bit:
                    return buffer[chosen]
        return execute(program, op, buffer, inputs)

    return exec_op
