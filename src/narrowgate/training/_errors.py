"""What goes wrong in a training, said in a sentence."""

from narrowgate.errors import NarrowgateError


class TrainingError(NarrowgateError, ValueError):
    """A training that cannot begin, or whose weights do not fit; the message is a full sentence."""
