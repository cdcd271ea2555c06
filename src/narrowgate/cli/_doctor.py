"""The command `doctor`."""

from __future__ import annotations

from rich import box
from rich.table import Table

from narrowgate.cli._shared import AsJson, show_content


def doctor(as_json: AsJson = False) -> None:
    """Show what narrowgate finds of this machine: paste it into a report of a fault.

    Processor, cores and accelerator, versions, whether convolutions are compiled here and how much faster they are, the
    optional packages and programs, and the cache's folder.
    """
    from narrowgate.doctor import examine, sentences

    found = examine()
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for about, sentence in sentences(found).items():
        table.add_row(about, sentence)
    show_content(found if as_json else table, as_json)
