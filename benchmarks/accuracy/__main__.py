"""How well the default networks do against others, each out of the box.

    python -m benchmarks.accuracy
    python -m benchmarks.accuracy --no-bundled --data FOLDER --part tune --plot results.png
    python -m benchmarks.accuracy --data FOLDER --contenders 'Hist*' 'RealMLP*' --folds 1
    python -m benchmarks.accuracy --data FOLDER --rows 500 2000 8000 --curves curves.png

Repeated 5-fold cross-validation, stratified where there are classes, with the same splits
for all. The problems are what scikit-learn bundles or makes, and the wheat seeds; `--data`
adds every CSV, CSV.GZ and ARFF file of a folder and those below it. There, the last column is
the target. Where there are folders called "classification" and "regression", the tables below
them are that, and others are left out; else numbers with more than 20 different values make a
regression. Columns that are not numbers become one-hot; missing numbers become the median of
the training rows; classes of fewer than five rows are left out. `--ours` adds our estimators
with other parameters, as in ``--ours '{"hidden_layer_sizes": [20]}'``.

So that nothing is chosen by what is reported, every third table of the folders, by its name
within its task, is set aside: `--part tune` leaves these out, `--part aside` takes them alone.

LightGBM and CatBoost take part where they are installed; RealMLP and TabM, of pytabkit, where
they are named by `--contenders`, too. Printed are means over problems, and the difference to
the first contender with its standard error over problems: one or two points on one problem are
noise. Seconds are of the processor, medians over problems, of a fit and its predictions.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import argparse
import fnmatch
import json
import sys
import warnings
from dataclasses import replace

from .contenders import chosen, ours
from .measuring import measure
from .problems import FOLDS, bundled, read_folder, set_aside
from .report import OF_ROWS, draw, draw_curves, draw_ranks, report, write_csv


class Bar:
    """A progress bar, where standard error is a terminal."""

    WIDTH = 30

    def __init__(self, total):
        self.done, self.total, self.shown = 0, total, sys.stderr.isatty()

    def __call__(self, text):
        if self.shown:
            filled = self.WIDTH * self.done // self.total
            bar = "#" * filled + "." * (self.WIDTH - filled)
            line = f"[{bar}] {self.done}/{self.total} {text}"
            print(f"\r{line[:100]:<100}", end="", file=sys.stderr, flush=True)
        self.done += 1

    def close(self):
        if self.shown:
            print(f"\r{'':100}\r", end="", file=sys.stderr, flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", action="append", default=[], metavar="FOLDER")
    add(
        "--part",
        choices=("all", "tune", "aside"),
        default="all",
        help="of the tables of --data",
    )
    add("--no-bundled", action="store_true", help="the problems of --data only")
    add("--problems", default="*", metavar="PATTERN", help="such as 'w*'")
    add("--contenders", nargs="+", default=[], metavar="PATTERN", help="such as 'MLP*'")
    add("--ours", action="append", default=[], type=json.loads, metavar="JSON")
    add("--repeats", type=int, default=2)
    add("--folds", type=int, default=FOLDS, help="how many of the five of each repeat")
    add("--rows", type=int, nargs="+", default=[None], help="at most so many rows of a problem")
    add("--csv", metavar="FILE", help="write every fit to it")
    add("--plot", metavar="FILE", help="draw differences and mean ranks into it")
    add("--ranks", metavar="FILE", help="draw the mean ranks over all problems into it")
    add("--curves", metavar="FILE", help="draw what several --rows give into it")
    return parser.parse_args(arguments)


def problems_of(options):
    tables = [problem for folder in options.data for problem in read_folder(folder)]
    if options.part != "all":
        aside = set_aside(tables)
        tables = [t for t in tables if (t.name in aside) == (options.part == "aside")]
    problems = ([] if options.no_bundled else list(bundled())) + tables
    problems = [p for p in problems if fnmatch.fnmatch(p.name, options.problems)]
    if len(options.rows) == 1:
        return [problem.at_most(options.rows[0]) for problem in problems]
    return [
        replace(problem.at_most(n_rows), name=f"{problem.name}{OF_ROWS}{n_rows}")
        for problem in problems
        for n_rows in options.rows
    ]


def main(arguments=None):
    options = parse(arguments)
    warnings.simplefilter("ignore")  # the peers', of having had too few iterations
    problems = problems_of(options)
    # The first is what all others are compared with, and is always there.
    contenders = [ours(), *(ours(json.dumps(given), **given) for given in options.ours)]
    contenders += chosen(options.contenders)
    bar = Bar(len(problems) * len(contenders) * options.repeats * min(options.folds, FOLDS))
    results = []
    try:
        for result in measure(problems, contenders, options.repeats, options.folds, bar):
            results.append(result)
    finally:
        bar.close()
        # Also of a run that was interrupted.
        if options.csv:
            write_csv(results, options.csv)
    report(results)
    if options.plot:
        draw(results, options.plot)
    if options.ranks:
        draw_ranks(results, options.ranks)
    if options.curves:
        draw_curves(results, options.curves)
    return results


if __name__ == "__main__":
    main()
