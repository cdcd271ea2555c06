"""The folder of a run: what lies where, how it is written, and how it is read back, damaged or not."""
