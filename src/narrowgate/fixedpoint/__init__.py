"""Fixed-point formats: what they are and how they are written, the quantiser of training, exact integer arithmetic."""

from narrowgate.fixedpoint._array import FormatArray, array_of_weights
from narrowgate.fixedpoint._format import FLOAT, INTEGER_LIMIT, Format, parse_optional, spell
from narrowgate.fixedpoint._integers import Codes, from_codes, requantise, to_codes
from narrowgate.fixedpoint._learned import (
    integer_bits,
    power_of_two,
    quantise_learned,
    quantise_weights,
    weight_bits,
    whole,
)
from narrowgate.fixedpoint._modes import FormatError, Overflow, Rounding
from narrowgate.fixedpoint._quantiser import Grid, Outside, grid, quantise

__all__ = [
    "FLOAT",
    "INTEGER_LIMIT",
    "Codes",
    "Format",
    "FormatArray",
    "FormatError",
    "Grid",
    "Outside",
    "Overflow",
    "Rounding",
    "array_of_weights",
    "from_codes",
    "grid",
    "integer_bits",
    "parse_optional",
    "power_of_two",
    "quantise",
    "quantise_learned",
    "quantise_weights",
    "requantise",
    "spell",
    "to_codes",
    "weight_bits",
    "whole",
]
