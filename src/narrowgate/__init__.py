"""narrowgate: the cheapest fixed-point network that still keeps the signal at a level-1 trigger's rate."""

__version__ = "0.1.0"
