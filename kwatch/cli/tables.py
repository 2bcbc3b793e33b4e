"""Tables for terminals, and a line each for other programs."""

import sys
from collections.abc import Iterable, Sequence

from kwatch.telemetry import strip_controls

_PIPE_WIDTH = 1000  # columns: a line each, for grep and the like


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, nothing: str) -> None:
    """Print rows under their columns, the first of which is to be copied whole; `nothing` where there are none."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = tuple(rows)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(columns[0], no_wrap=True, min_width=max((len(row[0]) for row in rows), default=0))
    for column in columns[1:]:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(strip_controls(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(table if rows else nothing)
