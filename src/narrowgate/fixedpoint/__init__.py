"""Fixed-point formats: what they are, the quantiser that training uses, and exact integer arithmetic."""

from narrowgate.fixedpoint._format import Format, FormatError, Overflow, Rounding
from narrowgate.fixedpoint._quantiser import Grid, Outside, grid, quantise

__all__ = ["Format", "FormatError", "Grid", "Outside", "Overflow", "Rounding", "grid", "quantise"]
