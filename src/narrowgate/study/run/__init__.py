"""Doing a search: units of work, who does them and where states lie, rungs, finalists."""
