"""Room `network`."""
