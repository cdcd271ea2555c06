"""Who is better and who goes on: brackets, measures, costs, fronts, rank fidelity. Pure functions."""
