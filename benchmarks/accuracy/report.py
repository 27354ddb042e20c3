"""What came of it, printed, written and drawn."""

import csv
from dataclasses import asdict, fields

import numpy as np
from scipy.stats import studentized_range

from .measuring import Result
from .problems import CLASSIFICATION, REGRESSION

# Of each task: the measure, by what it is multiplied, and whether more is better.
MEASURES = {
    CLASSIFICATION: (
        ("accuracy", 100.0, 1), ("log_loss", 1.0, -1), ("brier_score", 1.0, -1),
        ("calibration_error", 100.0, -1), ("auc", 1.0, 1), ("balanced_accuracy", 100.0, 1),
    ),
    REGRESSION: (("r2", 1.0, 1),),
}  # fmt: skip
# What contenders are ranked and drawn by.
MAIN_MEASURE = {
    CLASSIFICATION: MEASURES[CLASSIFICATION][1],
    REGRESSION: MEASURES[REGRESSION][0],
}
# Tables of up to so many training rows are small.
MOST_OF_SMALL = 1200
# Between the name of a problem and the number of its rows, where there are several.
OF_ROWS = ", rows: "
SIZES = {
    "small": lambda n_train: n_train <= MOST_OF_SMALL,
    "big": lambda n_train: n_train > MOST_OF_SMALL,
}


def table_of(results, task, measure):
    """Means of a measure, of shape (n_problems, n_contenders), and the names of both.

    NaN where a contender has no such measure, or failed in any of its fits.
    """
    cells = {}
    for result in results:
        if result.task == task:
            key = result.problem, result.contender
            cells.setdefault(key, []).append(getattr(result, measure))
    problems = list(dict.fromkeys(problem for problem, _ in cells))
    contenders = list(dict.fromkeys(contender for _, contender in cells))
    table = np.array(
        [
            [np.mean(cells.get((problem, contender), np.nan)) for contender in contenders]
            for problem in problems
        ]
    )
    return table, problems, contenders


def paired(table, column):
    """Mean of a column's difference to the first, its standard error, and the number."""
    differences = table[:, column] - table[:, 0]
    differences = differences[np.isfinite(differences)]
    n = differences.size
    error = differences.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return differences.mean() if n else np.nan, error, n


def ranks(table, sign):
    """The mean rank of each column, 1 being best, on rows where all have a number."""
    whole = sign * table[np.isfinite(table).all(axis=1)]
    if not len(whole):
        return np.full(table.shape[1], np.nan)
    better = (whole[:, None, :] > whole[:, :, None]).sum(axis=2)
    ties = (whole[:, None, :] == whole[:, :, None]).sum(axis=2) - 1
    return (1 + better + ties / 2).mean(axis=0)


def groups(results):
    """Yield a title, the task and the results of each group, by task and number of rows."""
    for task in MEASURES:
        for size, belongs in SIZES.items():
            some = [r for r in results if r.task == task and belongs(r.n_train)]
            if some:
                yield f"{task}, {size}", task, some


def report(results):
    """Print a table for each group and measure, and what failed."""
    for title, task, some in groups(results):
        seconds, problems, contenders = table_of(some, task, "cpu_seconds")
        for measure, factor, sign in MEASURES[task]:
            table, _, _ = table_of(some, task, measure)
            # Ranks among those who have the measure at all.
            having = np.isfinite(table).any(axis=0)
            place = np.full(len(contenders), np.nan)
            place[having] = ranks(table[:, having], sign)
            print(f"\n{title}, {len(problems)} problems: {measure}")
            print(f"{'':<32}{'mean':>9}{'median':>9}{'rank':>7}{'difference':>20}{'CPU s':>9}")
            for column, name in enumerate(contenders):
                if not having[column]:
                    continue
                values = factor * table[:, column]
                mean, error, _ = paired(factor * table, column)
                versus = f"{mean:+.3f} +- {error:.3f}" if column else ""
                print(
                    f"{name:<32}{np.nanmean(values):>9.3f}{np.nanmedian(values):>9.3f}"
                    f"{place[column]:>7.2f}{versus:>20}{np.nanmedian(seconds[:, column]):>9.3f}"
                )
    failures = {f"{r.contender} on {r.problem}: {r.error}": None for r in results if r.error}
    for failure in failures:
        print("failed:", failure)


def write_csv(results, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Result)])
        writer.writeheader()
        writer.writerows(asdict(result) for result in results)


def figure_class():
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "A picture needs matplotlib: python -m pip install 'skbackprop[plot]'"
        ) from error
    return Figure


def critical_difference(n_contenders, n_problems, level=0.05):
    """How far mean ranks have to lie apart for a difference that chance hardly makes.

    By Nemenyi's test, as in [1]_.

    References
    ----------
    .. [1] Demsar, J. (2006). Statistical comparisons of classifiers over multiple data sets.
       JMLR 7, 1-30.
    """
    quantile = studentized_range.ppf(1 - level, n_contenders, np.inf) / np.sqrt(2)
    return quantile * np.sqrt(n_contenders * (n_contenders + 1) / (6 * n_problems))


def draw(results, path):
    """The differences to the first on every problem, and below them the mean ranks."""
    shown = list(groups(results))
    figure = figure_class()(figsize=(6.5 * len(shown), 8), layout="constrained")
    axes = figure.subplots(2, len(shown), squeeze=False, height_ratios=(3, 2))
    for above, below, (title, task, some) in zip(*axes, shown, strict=True):
        _draw_differences(above, title, task, some)
        _draw_ranks(below, task, some)
    figure.savefig(path, dpi=150)


def _draw_differences(axes, title, task, results):
    measure, factor, _ = MEASURES[task][0]
    table, problems, contenders = table_of(results, task, measure)
    table = factor * table
    for column in range(1, len(contenders)):
        mean, error, _ = paired(table, column)
        axes.plot(
            table[:, column] - table[:, 0], np.full(len(problems), column), "o",
            color="tab:gray", alpha=0.4, markersize=4,
        )  # fmt: skip
        axes.errorbar(mean, column, xerr=error, fmt="D", color="tab:blue", capsize=3)
    axes.axvline(0, color="black", linewidth=0.8)
    # Linear near zero: one hopeless contender would hide all others.
    axes.set_xscale("symlog", linthresh=5 if task == CLASSIFICATION else 0.1)
    axes.set_yticks(range(1, len(contenders)), contenders[1:])
    axes.invert_yaxis()
    axes.set_xlabel(f"{measure} less that of {contenders[0]}")
    axes.set_title(f"{title}, {len(problems)} problems")


def _draw_ranks(axes, task, results):
    """Mean ranks, and a bar as long as the critical difference from the best one."""
    measure, _, sign = MAIN_MEASURE[task]
    table, _, contenders = table_of(results, task, measure)
    having = np.isfinite(table).any(axis=0)
    table = table[:, having]
    places = ranks(table, sign)
    order = np.argsort(places)
    names = np.array(contenders)[having]
    n_problems = int(np.isfinite(table).all(axis=1).sum())
    axes.plot(places[order], range(len(order)), "D", color="tab:blue")
    axes.set_yticks(range(len(order)), names[order])
    axes.invert_yaxis()
    axes.set_xlabel(f"mean rank by {measure}")
    if len(order) > 1 and n_problems:
        best, width = places.min(), critical_difference(len(order), n_problems)
        axes.axvspan(best, best + width, color="tab:gray", alpha=0.2)


def draw_ranks(results, path):
    """The mean ranks of each task, over problems of any size."""
    tasks = [task for task in MEASURES if any(r.task == task for r in results)]
    figure = figure_class()(figsize=(5.5 * len(tasks), 3), layout="constrained")
    for axes, task in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        some = [r for r in results if r.task == task]
        _draw_ranks(axes, task, some)
        axes.set_title(f"{task}, {len({r.problem for r in some})} problems")
    figure.savefig(path, dpi=110)


def draw_curves(results, path):
    """The mean of each contender against the number of training rows, one panel a problem."""
    names = list(dict.fromkeys((r.problem.partition(OF_ROWS)[0], r.task) for r in results))
    n_columns = min(4, len(names))
    n_lines = -(-len(names) // n_columns)
    figure = figure_class()(figsize=(4 * n_columns, 3 * n_lines), layout="constrained")
    panels = figure.subplots(n_lines, n_columns, squeeze=False).ravel()
    for axes, (problem, task) in zip(panels, names, strict=False):
        measure = MAIN_MEASURE[task][0]
        for name in dict.fromkeys(r.contender for r in results):
            points = {}
            for r in results:
                if (r.problem.partition(OF_ROWS)[0], r.contender) == (problem, name):
                    points.setdefault(r.n_train, []).append(getattr(r, measure))
            sizes = sorted(points)
            axes.plot(sizes, [np.mean(points[size]) for size in sizes], "o-", label=name)
        axes.set(title=problem, xscale="log", xlabel="training rows", ylabel=measure)
    panels[0].legend(fontsize=7)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    figure.savefig(path, dpi=150)
