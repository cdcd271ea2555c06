"""What is searched: parameters, the points that they span, and mistakes in a study file as sentences."""
