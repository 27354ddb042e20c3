"""Text, tables and a progress bar on a terminal; plain text of the same content in a pipe."""

import os
import shutil
import sys
import textwrap
from importlib.util import find_spec

HAS_RICH = find_spec("rich") is not None
_NARROWEST_CELL = 8


def get_width():
    """Return the number of characters in a line: the terminal's, and 80 in a pipe."""
    return min(100, max(40, shutil.get_terminal_size((80, 24)).columns))


def is_rich():
    """Return whether the output is a terminal and rich is installed."""
    return HAS_RICH and sys.stdout.isatty() and "NO_COLOR" not in os.environ


def print_text(text="", indent=""):
    """Print a paragraph, wrapped to the width of the terminal."""
    # The path of a file stays in one piece, to be copied.
    whole_words = {"break_on_hyphens": False, "break_long_words": False}
    print(textwrap.fill(str(text), get_width(), subsequent_indent=indent, **whole_words))


def print_heading(text):
    """Print a heading after an empty line."""
    print()
    for line in textwrap.wrap(text, get_width()):
        _print_line(line, False, True)


def print_table(headers, rows, emphasized=()):
    """Print rows of text under headers; the first column is aligned left, the others right.

    Parameters
    ----------
    headers : list of str
        The first line.
    rows : list of list of str
        The others, of as many cells each.
    emphasized : container of int, default=()
        Numbers of the rows that are bold on a terminal.
    """
    columns = list(zip(*[headers, *rows], strict=True))
    widths = _fit_widths([max(map(len, column)) for column in columns], get_width())
    for number, row in enumerate([headers, *rows]):
        cells = [
            _shorten(cell, width).ljust(width) if i == 0 else _shorten(cell, width).rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        _print_line("  ".join(cells).rstrip(), number == 0, number - 1 in emphasized)


def _print_line(line, is_header, is_bold):
    if is_rich() and (is_header or is_bold):
        from rich import get_console

        style = "bold" if is_bold else "dim"
        get_console().print(line, style=style, markup=False, highlight=False, soft_wrap=True)
    else:
        print(line)


def _fit_widths(widths, line):
    """Return the widths of columns, the widest cut until a line holds them all."""
    widths = list(widths)
    while sum(widths) + 2 * (len(widths) - 1) > line and max(widths) > _NARROWEST_CELL:
        widths[widths.index(max(widths))] -= 1
    return widths


def _shorten(cell, width):
    return cell if len(cell) <= width else cell[: width - 3] + "..."


class ProgressBar:
    """A progress bar on the error stream if that is a terminal; nothing otherwise.

    Calling it with the number of finished steps, the number of all, and what runs now draws it.
    """

    def __enter__(self):
        self._bar = None
        return self

    def __call__(self, n_done, n_total, what):
        if not sys.stderr.isatty():
            return
        if not HAS_RICH:
            self._draw_plain(n_done, n_total, what)
            return
        if self._bar is None:
            self._bar = _make_rich_bar(n_total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=n_done, description=what or "done")

    def __exit__(self, *details):
        if self._bar is not None:
            self._bar.stop()
        elif not HAS_RICH and sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    @staticmethod
    def _draw_plain(n_done, n_total, what):
        n_drawn = 20 * n_done // n_total
        bar = f"[{'#' * n_drawn}{'.' * (20 - n_drawn)}] {what}"[: get_width() - 1]
        print(f"\r\033[K{bar}", end="", file=sys.stderr, flush=True)


def _make_rich_bar(n_total):
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    bar.add_task("", total=n_total)
    return bar
