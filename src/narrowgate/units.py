"""Units and words that every room and every page writes the same way."""

from __future__ import annotations

CUTS = {"ht": "HT", "fourth_pixel": "fourth pixel"}
"""The cut-based triggers as records call them, and as readers do."""


def in_kilohertz(rate: float) -> str:
    """A rate given in Hz, in words; from a megahertz on in MHz, to four digits.

    >>> in_kilohertz(10e3), in_kilohertz(2.5e3), in_kilohertz(2760 * 11246.0)
    ('10 kHz', '2.5 kHz', '31.04 MHz')
    """
    return f"{rate / 1e6:.4g} MHz" if rate >= 1e6 else f"{rate / 1e3:g} kHz"


def cut_name(key: str) -> str:
    """The name of a cut-based trigger for a reader.

    >>> cut_name("ht"), cut_name("fourth_pixel")
    ('HT', 'fourth pixel')
    """
    return CUTS.get(key, key.replace("_", " "))
