"""Synthesis out of context: Yosys, and AMD's tools where somebody has them."""
