"""Room `notebook`: what is kept of every run, and how it is shown.

A run is a folder of plain files (`_layout` names them); writing takes plain tables and arrays and knows nothing of networks.
"""

from narrowgate.notebook._errors import NotebookError
from narrowgate.notebook._notes import Note

__all__ = ["Note", "NotebookError"]
