"""How numbers and settings are put into words, the same in tables, pages and pictures."""

import math
from collections.abc import Mapping
from typing import Any


def fraction(value: float | None) -> str:
    """Print an efficiency or an accuracy: `0.902`, or a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}"


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """Print an efficiency with its interval: `0.902 (0.891–0.910)`."""
    return "–" if value is None else f"{fraction(value)} ({fraction(low)}–{fraction(high)})"


def significant(value: float | None, digits: int = 3) -> str:
    """Print a number to a few significant digits, thousands apart: `12 400`, `0.0123`, or a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}".replace(",", "\u202f") if abs(rounded) >= 10**digits else f"{rounded:.{digits}g}"


def seconds(value: float | None) -> str:
    """Print a time given in seconds, in the unit that suits it: `0.4 s`, `42 s`, `3.3 min`, `2.1 h`."""
    if value is None or not math.isfinite(value):
        return "–"
    if value < 120:
        return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"
    return f"{value / 60:.1f} min" if value < 7200 else f"{value / 3600:.1f} h"


def setting(value: Any) -> str:
    """Print a setting as a reader would write it: `(12,2)`, `4, 8`, `yes`, or a dash for none."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(setting, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {setting(item)}" for key, item in value.items()) or "none"
    return str(value)
