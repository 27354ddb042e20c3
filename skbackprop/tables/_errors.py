"""The error for tables, and how names are listed in it."""

from difflib import get_close_matches


class TableError(ValueError):
    """A table, or the file of a fitted model, cannot be used. The message says why."""


def import_pandas():
    """Return pandas.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "Tables need pandas. Install it with: pip install 'skbackprop[tables]'."
        ) from error
    return pandas


def listed(names, most=8):
    """Return names in quotes, separated by commas; from the ninth on only their number."""
    names = [f"{name!r}" for name in names]
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return ", ".join(names[:most] + more)


def suggestion(name, names):
    """Return a sentence with the names that are most like this one, or all if they are few."""
    names = [str(each) for each in names]
    lower = {each.lower(): each for each in names}
    near = get_close_matches(str(name).lower(), lower, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(repr(lower[each]) for each in near)}?"
    return f"The columns are {listed(names)}."
