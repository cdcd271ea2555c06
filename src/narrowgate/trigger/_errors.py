"""What goes wrong in judging, said in a sentence."""

from narrowgate.errors import NarrowgateError


class TriggerError(NarrowgateError, ValueError):
    """Scores, labels, rates or images that cannot be judged; the message says what was found and what is allowed."""
