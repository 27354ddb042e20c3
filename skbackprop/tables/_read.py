"""Read a table from a file, and detect its separator, header, missing cells and dates."""

import bz2
import csv
import gzip
import io
import lzma
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ._errors import TableError, import_pandas

#: Cells that stand for a missing value. Those of the second set do so among numbers only.
MISSING = frozenset({"", "?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "<NA>"})
MISSING_AMONG_NUMBERS = MISSING | {"-", ".", "None", "none", "missing"}

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_N_SAMPLE_LINES = 200
_ISO_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}.*)?")
_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})( +\d{1,2}:\d{2}(:\d{2})?)?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# A number of a person: with a percent sign, a currency sign, and commas between thousands.
_SIGNS = re.compile(r"^([+-]?)[$€£¥] *|(?: *[%$€£¥])$")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_COMMA_NUMBER = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*)(,\d+)?([eE][+-]?\d+)?")
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+|[+-]?\d*,\d+")


@dataclass(frozen=True)
class TableFormat:
    """How a table was read.

    Attributes
    ----------
    separator : str or None
        The character between cells; " " stands for any number of spaces, and None for a
        Parquet file.
    decimal : str
        The decimal mark, "." or ",".
    encoding : str
        The encoding of the text.
    header : bool
        Whether the first line holds the names of the columns.
    missing : dict of str to int
        What stood for a missing value, and how often.
    """

    separator: str | None = None
    decimal: str = "."
    encoding: str = "utf-8"
    header: bool = True
    missing: dict = field(default_factory=dict)

    def __str__(self):
        if self.separator is None:
            parts = ["Parquet"]
        else:
            parts = [f"cells separated by {_SEPARATORS.get(self.separator, 'spaces')}"]
            if self.decimal == ",":
                parts.append("decimal commas")
            if self.encoding != "utf-8":
                parts.append(f"encoded in {self.encoding}")
            if not self.header:
                parts.append("no header (columns are named column_1, column_2, ...)")
        cells = [
            f"{count:,} {repr(marker) if marker else 'empty'}"
            for marker, count in self.missing.items()
        ]
        parts.append("missing cells: " + (", ".join(cells) if cells else "none"))
        return "; ".join(parts)


def read_table(path, *, header="auto", text_columns=()):
    r"""Read a table from a file, and say how it was read.

    Text files may separate cells by commas, semicolons, tabs, vertical bars or spaces, quote
    them, use decimal commas, lack a header, and be compressed by gzip, bzip2 or xz. Lines
    before the table that begin with "#" are skipped, and a header with one name less than
    there are columns, as R writes it, lacks that of the first. Missing cells are empty or hold
    one of "?", "NA", "N/A", "#N/A", "NaN", "NULL" and "<NA>"; among numbers also "-", "." and
    "None". Percent and currency signs, and commas between thousands, are not part of a number.

    Parameters
    ----------
    path : str or path-like
        A text file, or a Parquet file, whose name ends with ".parquet" or ".pq".
    header : {"auto", True, False}, default="auto"
        Whether the first line holds the names of the columns. "auto" says no if it holds
        a number, or what stands again further down in most of its columns; whole numbers
        that count the columns from 0 or 1, or consecutive years, are names.
    text_columns : iterable of str, default=()
        Columns that are text, whatever they hold.

    Returns
    -------
    frame : pandas.DataFrame
        The table. Columns are numbers, dates, or text; missing cells are NaN.
    table_format : TableFormat
        How it was read.

    Raises
    ------
    TableError
        If there is no such file, or it does not hold a table.
    ImportError
        If pandas is not installed, or pyarrow for a Parquet file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from skbackprop.tables import read_table
    >>> path = pathlib.Path(tempfile.mkdtemp(), "plants.csv")
    >>> _ = path.write_text("height;kind\n1,5;moss\n2,25;fern\n?;fern\n")
    >>> frame, table_format = read_table(path)
    >>> print(table_format)
    cells separated by semicolons; decimal commas; missing cells: 1 '?'
    >>> frame["height"].tolist()
    [1.5, 2.25, nan]
    """
    pandas = import_pandas()
    path = Path(path)
    if path.suffix.lower() in (".parquet", ".pq"):
        return _read_parquet(pandas, path, set(text_columns))
    text, encoding = _decode(_read_bytes(path), path)
    text, separator = _without_preamble(text)
    lines = _sample_lines(text, path)
    separator = separator or _detect_separator(lines)
    if _lacks_a_name(lines, separator):
        text = f"row_names{separator}{text.lstrip()}"
    cells = _parse(pandas, text, separator, path)
    if header == "auto":
        header = _has_header(cells, "," if separator != "," else ".")
    if header:
        cells.columns = _unique_names(cells.iloc[0])
        cells = cells.iloc[1:].reset_index(drop=True)
    else:
        cells.columns = [f"column_{i + 1}" for i in range(cells.shape[1])]
    if not len(cells):
        raise TableError(f"{path} holds a header and no rows.")
    decimal = "," if separator != "," and _has_decimal_commas(cells) else "."
    missing: Counter = Counter()
    columns = {
        name: _convert(pandas, cells[name], decimal, name in set(text_columns), missing)
        for name in cells.columns
    }
    frame = pandas.DataFrame(columns)
    return frame, TableFormat(separator, decimal, encoding, bool(header), dict(missing))


def _read_bytes(path):
    try:
        with _OPENERS.get(path.suffix.lower(), open)(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise TableError(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise TableError(f"{path} is a folder. A table is one file.") from None
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise TableError(f"{path} cannot be read: {error}.") from None
    if not content.strip():
        raise TableError(f"{path} is empty.")
    return content


def _decode(content, path):
    """Return the text and its encoding."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace"), "utf-16"
    if b"\0" in content[:100_000]:
        raise TableError(
            f"{path} is not a table of text. Save it as CSV, or as Parquet under a name that "
            f"ends with .parquet."
        )
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), "cp1252"


def _without_preamble(text):
    """Return the text from the table on, and the separator if a line of Excel's names it."""
    lines = text.splitlines(keepends=True)
    n_skipped = 0
    while n_skipped < len(lines) and lines[n_skipped].lstrip().startswith("#"):
        n_skipped += 1
    text = "".join(lines[n_skipped:])
    found = _SEPARATOR_LINE.match(text)
    return (text[found.end() :], found[1]) if found else (text, None)


def _lacks_a_name(lines, separator):
    """Return whether the first line has one cell less than each of the others."""
    options = {"delimiter": separator, "skipinitialspace": separator == " "}
    first, *others = (len(row) for row in csv.reader(map(str.strip, lines), **options))
    return set(others) == {first + 1} and first > 0


def _sample_lines(text, path):
    lines = []
    for line in io.StringIO(text):
        if line.strip():
            lines.append(line)
        if len(lines) == _N_SAMPLE_LINES:
            break
    if len(lines) < 2:
        raise TableError(f"{path} holds a single line. A table needs a header and rows.")
    return lines


def _detect_separator(lines):
    """Return the separator that splits most lines into the same number of cells."""
    best = (0.0, 0, "")
    for separator in _SEPARATORS:
        n_cells = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        usual, count = Counter(n_cells).most_common(1)[0]
        if usual > 1:
            best = max(best, (count / len(n_cells), usual, separator))
    first, *others = (len(line.split()) for line in lines)
    if (
        best[0] < 0.5
        and len(set(others)) == 1
        and others[0] > 1
        and others[0] - first in (0, 1)
    ):
        return " "
    return best[2] or ","


def _parse(pandas, text, separator, path):
    """Return all cells as text, the header among them."""
    options = {"sep": r"\s+"} if separator == " " else {"sep": separator}
    try:
        cells = pandas.read_csv(
            io.StringIO(text), header=None, dtype=object, keep_default_na=False,
            skipinitialspace=True, **options,
        )  # fmt: skip
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError, ValueError) as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if not found:
            raise TableError(f"{path} is not a table: {error}.") from None
        expected, line, saw = found.groups()
        raise TableError(
            f"{path} is not a table: line {line} has {saw} cells, the lines before it have "
            f"{expected}. Quote cells that hold a separator."
        ) from None
    cells = cells.apply(
        lambda column: column.map(lambda cell: cell.strip() if isinstance(cell, str) else "")
    )
    # A separator at the end of each line makes no column.
    while cells.shape[1] > 1 and not cells.iloc[:, -1].any():
        cells = cells.iloc[:, :-1]
    return cells


def _has_header(cells, other_mark):
    """Return whether the first line holds names: no number, and nothing that comes again.

    Whole numbers that count the columns, some of which may be gone, or years are names.
    """
    first = cells.iloc[0]
    if len(first) > 2 and all(re.fullmatch(r"\d{1,9}", cell) for cell in first):
        steps = np.diff(first.astype(int))
        counts = int(first.iloc[0]) <= 1 and (steps > 0).all() and steps.sum() < 2 * len(first)
        return bool(counts or (steps == 1).all())
    if any(_is_number(cell.replace(other_mark, ".")) for cell in first):
        return False
    sample = cells.iloc[1:_N_SAMPLE_LINES]
    again = sum(first.iloc[i] in set(sample.iloc[:, i]) for i in range(cells.shape[1]))
    return again <= cells.shape[1] / 2


def _is_number(cell):
    return _NUMBER.fullmatch(cell) is not None


def _unique_names(cells):
    """Return the header's names; empty ones get a name, and doubles a number."""
    names: list[str] = []
    for i, cell in enumerate(cells):
        name = original = cell or f"column_{i + 1}"
        n = 1
        while name in names:
            n += 1
            name = f"{original}.{n}"
        names.append(name)
    return names


def _has_decimal_commas(cells):
    sample = cells.iloc[:_N_SAMPLE_LINES].to_numpy().ravel()
    commas = sum(_DECIMAL_COMMA.fullmatch(cell) is not None for cell in sample)
    points = sum("." in cell and _is_number(cell) for cell in sample)
    return commas > points


def _convert(pandas, column, decimal, is_text, missing):
    """Return a column of cells as numbers, dates or text, and count what was missing."""
    if not is_text:
        converted = _as_numbers(pandas, column, decimal, missing)
        if converted is None:
            converted = _as_dates(pandas, column, missing)
        if converted is not None:
            return converted
    return column.where(~_is_missing(column, MISSING, missing)).astype(object)


def _is_missing(column, markers, counts=None):
    is_missing = column.isin(markers)
    if counts is not None:
        counts.update(column[is_missing].value_counts().to_dict())
    return is_missing


def _as_numbers(pandas, column, decimal, missing):
    is_missing = _is_missing(column, MISSING_AMONG_NUMBERS)
    present = column[~is_missing]
    numbers = pandas.to_numeric(present.map(_READERS[decimal]), errors="coerce")
    if numbers.isna().any() or not len(present):
        return None
    _is_missing(column, MISSING_AMONG_NUMBERS, missing)
    return numbers.reindex(column.index)


def _with_points(cell):
    """Return a number of a table with decimal points without signs and thousands commas."""
    cell = _SIGNS.sub(r"\1", cell)
    return cell.replace(",", "") if _THOUSANDS.fullmatch(cell) else cell


def _with_commas(cell):
    """Return a number of a table with decimal commas as Python writes it, and others empty."""
    cell = _SIGNS.sub(r"\1", cell)
    if not _COMMA_NUMBER.fullmatch(cell):
        return ""
    return cell.replace(".", "").replace(",", ".")


_READERS = {".": _with_points, ",": _with_commas}


def _as_dates(pandas, column, missing):
    is_missing = _is_missing(column, MISSING)
    present = column[~is_missing]
    if not len(present):
        return None
    if present.map(lambda cell: _ISO_DATE.fullmatch(cell) is not None).all():
        dates = pandas.to_datetime(present, format="ISO8601", errors="coerce", utc=True)
        dates = dates.dt.tz_localize(None)
    else:
        found = present.map(_DATE.fullmatch)
        if not found.notna().all():
            return None
        dates = pandas.to_datetime(
            present, format="mixed", dayfirst=_day_comes_first(found), errors="coerce"
        )
    if dates.isna().any():
        return None
    _is_missing(column, MISSING, missing)
    return dates.reindex(column.index)


def _day_comes_first(found):
    """Return whether 3/4/2020 is in April: a number above 12 tells, or else the separator."""
    if any(int(match[1]) > 12 for match in found):
        return True
    if any(int(match[3]) > 12 for match in found):
        return False
    return found.iloc[0][2] == "."


def _read_parquet(pandas, path, text_columns):
    if not path.exists():
        raise TableError(f"There is no file {path}.")
    try:
        frame = pandas.read_parquet(path)
    except ImportError as error:
        raise ImportError(
            "Parquet files need pyarrow. Install it with: pip install pyarrow."
        ) from error
    except Exception as error:  # of many kinds, by the library that reads it
        raise TableError(f"{path} is not a Parquet file that can be read: {error}.") from None
    if not len(frame):
        raise TableError(f"{path} holds no rows.")
    frame.columns = [str(name) for name in frame.columns]
    for name in text_columns & set(frame.columns):
        present = frame[name].notna()
        frame[name] = frame[name].astype(object).where(present)
    n_missing = int(frame.isna().to_numpy().sum())
    return frame, TableFormat(missing={"": n_missing} if n_missing else {})
