"""What is said to whoever uses narrowgate."""


class NarrowgateError(Exception):
    """A sentence for the one who uses narrowgate: what is wrong, where, and what is allowed or can be done.

    Every error that a user can cause derives from it; each room has its own. The command line prints the sentence and
    ends with exit code 2. Anything else that is raised is a mistake in narrowgate and keeps its traceback.
    """
