"""Words and tables as Markdown that Sphinx reads as they were meant."""

import re
from collections.abc import Iterable, Sequence


class Markdown(str):
    """Text that is Markdown already, to be left as it is."""


def escape(text: str) -> str:
    """Keep words inside a line from being read as Markdown."""
    return re.sub(r"([\\`*<\[{$]|(?<!\w)_|_(?!\w))", r"\\\1", text)


def escape_lines(text: str) -> str:
    """Keep lines of words from being read as Markdown, but for line breaks, lists made with dashes, and tables."""
    return re.sub(r"(?m)^(\s*)(?!- )([!-/:-@\]^}~])", r"\1\\\2", escape(text))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells are words unless they are `Markdown`."""
    lines = [columns, [Markdown("---")] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(cell: str) -> str:
    if isinstance(cell, Markdown):
        return cell
    return escape(" ".join(cell.split())).replace("|", "\\|")
