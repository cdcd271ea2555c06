"""What goes wrong with event files, as sentences."""


class DatasetError(ValueError):
    """A data set, or a file that should hold one, is not as it must be; the message is a full sentence."""
