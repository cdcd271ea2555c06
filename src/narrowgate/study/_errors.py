"""What goes wrong in a study, said in a sentence."""

from narrowgate.errors import NarrowgateError


class StudyError(NarrowgateError, ValueError):
    """A study that cannot be read, run or gone on with; the message says where, what was found and what is allowed."""
