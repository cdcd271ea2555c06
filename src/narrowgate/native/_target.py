"""Which instruction set is compiled for, as the compiler itself describes it.

A processor is not told by its name, nor by what its system prints of it: what matters is what the compiler would use.
So it is asked for its predefined macros, of which every instruction set has one, on any platform.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

CHOICE = "NARROWGATE_MARCH"
"""An environment variable: the instruction set, as `-march` calls it (`x86-64-v3`); without it, all that there is."""

NATIVE = ("-march=native",), ("-mcpu=native",), ()
"""How compilers are told to use all that this processor has, in the order of trial; not all know all."""

LEVELS = {
    "x86-64-v4": ("AVX512F", "AVX512BW", "AVX512CD", "AVX512DQ", "AVX512VL"),
    "x86-64-v3": ("AVX2", "BMI", "BMI2", "F16C", "FMA", "LZCNT", "MOVBE"),
    "x86-64-v2": ("SSE3", "SSSE3", "SSE4_1", "SSE4_2", "POPCNT"),
    "x86-64": ("x86_64",),
    "arm64 SVE": ("ARM_FEATURE_SVE",),
    "arm64": ("aarch64",),
}
"""Levels of instruction sets by the macros that they define (x86-64 psABI, table 3.1), the higher ones first."""

Macros = Mapping[str, str]


class TargetError(Exception):
    """An instruction set that the compiler does not know or the processor does not have."""


@dataclass(frozen=True)
class Target:
    """The compiler's flags, and all that it says about the instruction set that they mean."""

    flags: tuple[str, ...]
    described: str

    @property
    def level(self) -> str:
        """Its name: the highest level of which everything is there."""
        macros = read(self.described)
        for level, needed in LEVELS.items():
            if all(f"__{name}__" in macros or f"__{name}" in macros for name in needed):
                return level
        return "unknown"


def choose(choice: str, compiler: tuple[str, ...], ask: Callable[..., str | None]) -> Target:
    """The instruction set `choice`; without one that of the `compiler`'s arguments, or all that this processor has.

    `ask(*flags)` gives the compiler's predefined macros under these flags, or `None` where it refuses them.

    Raises:
        TargetError: the compiler knows no such instruction set, or this processor lacks part of it.
    """
    here = next((Target(flags, found) for flags in NATIVE if (found := ask(*flags)) is not None), None)
    if here is None:
        raise TargetError(f"{compiler[0]} failed to preprocess an empty file")
    in_arguments = next((word for word in compiler[1:] if word.startswith(("-march=", "-mcpu="))), None)
    if choice and choice != "native":
        wish, more = f"{CHOICE} asks for {choice}", [f"-march={choice}"]
    elif in_arguments is not None and not choice:
        wish, more = f"CXX asks for {in_arguments}", []
    else:
        return here
    found = ask(*more)
    if found is None:
        raise TargetError(f"{wish}, which {compiler[0]} does not know")
    if missing := lacking(read(found), read(here.described)):
        raise TargetError(f"{wish}, of which this processor lacks {', '.join(missing)}")
    return Target(tuple(more), found)


def read(described: str) -> Macros:
    """Names and values of macros as `-dM` prints them."""
    return dict(re.findall(r"^#define (\w+) ?(.*)$", described, re.MULTILINE))


def lacking(wanted: Macros, here: Macros) -> list[str]:
    """The instructions that `wanted` has and `here` does not, by the names of their macros without the underscores.

    Macros of instructions are in capitals; the others name a model of processor.
    """
    capitals = [name for name in wanted if re.fullmatch(r"__[A-Z0-9_]+", name)]
    return sorted(
        name.strip("_") for name in capitals if name not in here or _is_higher(wanted[name], here[name], name)
    )


def _is_higher(value: str, other: str, name: str) -> bool:
    return name == "__ARM_ARCH" and int(value) > int(other)
