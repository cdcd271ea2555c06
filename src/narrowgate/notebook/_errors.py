"""What the notebook says when it cannot do what was asked."""

from narrowgate.errors import NarrowgateError


class NotebookError(NarrowgateError, ValueError):
    """A sentence for the reader: what is wrong with a run or a request, where, and what is allowed."""
