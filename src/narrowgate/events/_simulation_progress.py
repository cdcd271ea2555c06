"""How the simulation tells where it stands."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Told what is being made ("collisions", "crossings"), how many of them are done, and of how many."""
