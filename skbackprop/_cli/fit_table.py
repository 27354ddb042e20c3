"""``skbackprop fit TABLE``: evaluate the default network on a table, and save it."""

import argparse
from pathlib import Path

from ..tables._columns import DROPPED
from ..tables._errors import TableError
from ..tables._evaluate import TASKS, evaluate
from ..tables._model import check_model_path, import_skops
from ..tables._models import NETWORK
from ..tables._read import read_table
from ..tables._report import describe_differences, format_score, format_std
from .console import ProgressBar, print_heading, print_table, print_text

_N_IMPORTANCES = 5
_MOST_CLASSES_SHOWN = 12
HEADERS = {"auto": "auto", "yes": True, "no": False}
_SCORES = {
    "accuracy": "accuracy", "log_loss": "log loss", "r2": "R2", "mae": "MAE", "rmse": "RMSE",
}  # fmt: skip


def add_command(commands):
    """Add the command and its options."""
    parser = commands.add_parser(
        "fit",
        help="evaluate the default network on your table, and save it",
        description="Cross-validate the default network on a table beside a baseline, a linear "
        "model and scikit-learn's boosted trees; then fit it on all rows and save it.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("table", help="a CSV, TSV or Parquet file")
    add("--target", metavar="NAME", help="the column to predict (default: the last one)",
        default=argparse.SUPPRESS)  # fmt: skip
    add("--drop", metavar="NAME", nargs="+", action="extend", default=argparse.SUPPRESS,
        help="columns to leave out")  # fmt: skip
    add("--task", choices=TASKS, default="auto", help="what to predict; 'auto' takes a target "
        "of text, or of at most 20 different whole numbers, for classes")  # fmt: skip
    add_header_option(parser)
    add("--folds", type=int, default=5, help="folds of the cross-validation")
    add("--seed", type=int, default=0, help="seed of the folds and of the networks")
    add("--out", metavar="MODEL", default="model.skops", help="file of the fitted model: "
        "NAME.skops, or NAME.joblib, which is a pickle")  # fmt: skip
    add("--report", metavar="FILE.html", default=argparse.SUPPRESS,
        help="also write one HTML page with figures")  # fmt: skip
    add("--export-c", metavar="FILE.c", default=argparse.SUPPRESS,
        help="also write the network as C99")  # fmt: skip
    add("--export-onnx", metavar="FILE.onnx", default=argparse.SUPPRESS,
        help="also write the whole pipeline as ONNX")  # fmt: skip
    parser.set_defaults(run=run, target=None, drop=None, report=None, export_c=None,
                        export_onnx=None)  # fmt: skip


def add_header_option(parser):
    """Add the option of how to take the first line, which `read_table` calls header."""
    parser.add_argument(
        "--header", choices=HEADERS, default="auto",
        help="whether the first line holds the names of the columns",
    )  # fmt: skip


def run(options, parser):
    """Evaluate, print, fit and save; return the exit code."""
    if not 0 <= options.seed < 2**32:
        raise TableError(f"--seed is a whole number from 0 to 2**32 - 1. Got {options.seed}.")
    _check_outputs(options)
    frame, table_format = read_table(options.table, header=HEADERS[options.header])
    if frame.shape[1] < 2:
        raise TableError(
            f"{options.table} has one column. A table needs a column for the target and at "
            f"least one other, separated by commas, semicolons, tabs, vertical bars or spaces."
        )
    print_text(f"{options.table}: {len(frame):,} rows, {frame.shape[1]} columns")
    print_text(f"Read as: {table_format}.")
    with ProgressBar() as progress:
        evaluation = evaluate(
            frame, options.target, drop=options.drop or (), task=options.task, cv=options.folds,
            random_state=options.seed, progress=progress,
        )  # fmt: skip
    _print_columns(evaluation)
    print_scores(evaluation)
    _print_errors(evaluation)
    _print_importances(evaluation)
    for note in evaluation.notes:
        print_text(f"\nNote: {note}")
    print()
    _write_outputs(options, evaluation, frame)
    print_text(
        f"Next: skbackprop predict {options.out} NEW_TABLE, for new rows; --report FILE.html "
        f"for figures; in Python, skbackprop.tables.evaluate."
    )
    return 0


def _check_outputs(options):
    """Raise an error, before the work, where a file could not be written after it."""
    if check_model_path(options.out) == ".skops":
        import_skops()
    paths = [options.out, options.report, options.export_c, options.export_onnx]
    for path in filter(None, paths):
        folder = Path(path).parent
        if not folder.is_dir():
            raise TableError(f"There is no folder {str(folder)!r} for the file {path!r}.")
        if Path(path).is_dir():
            raise TableError(f"{path!r} is a folder, and a file was to be written there.")
    if options.report:
        _require("matplotlib", "--report", "tables")
    if options.export_onnx:
        _require("skl2onnx", "--export-onnx", "onnx")


def _require(module, option, extra):
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise ImportError(
            f"{option} needs {module}. Install it with: pip install 'skbackprop[{extra}]'."
        )


def _print_columns(evaluation):
    roles = [column.role for column in evaluation.columns]
    counts = [
        f"{roles.count(role)} {name}"
        for role, name in (
            ("number", "of numbers"), ("category", "of categories"), ("date", "of dates")
        )
        if role in roles
    ]  # fmt: skip
    print_text(
        f"Target: {evaluation.target} ({evaluation.task}: {evaluation.task_rule}). "
        f"Columns: {', '.join(counts)}."
    )
    for column in evaluation.columns:
        if column.role == DROPPED:
            print_text(f"Dropped: {column.name} ({column.reason}).")


def print_scores(evaluation):
    """Print the table of scores, and which differences are noise."""
    print_heading(
        f"{evaluation.n_folds}-fold cross-validation: mean and standard deviation over folds"
    )
    summary = evaluation.summary()
    names = evaluation.score_names
    rows = [
        [model]
        + [
            f"{format_score(name, row[name, 'mean'])} ± {format_std(name, row[name, 'std'])}"
            for name in names
        ]
        + [f"{row['seconds', 'mean']:.2f}"]
        for model, row in summary.iterrows()
    ]
    headers = ["model", *(_SCORES[name] for name in names), "seconds"]
    print_table(headers, rows, {list(summary.index).index(NETWORK)})
    for sentence in describe_differences(evaluation):
        print_text(sentence)


def _print_errors(evaluation):
    if evaluation.task == "regression":
        rmse, mae = (evaluation.summary()[name, "mean"][NETWORK] for name in ("rmse", "mae"))
        print_text(
            f"The network is off by {mae:.4g} on average (mean absolute error), in the units "
            f"of {evaluation.target}; RMSE {rmse:.4g}."
        )
        return
    confusion = evaluation.confusion()
    print_heading("Confusion matrix of the network: true classes in rows, predicted in columns")
    if len(confusion) > _MOST_CLASSES_SHOWN:
        _print_confused_pairs(confusion)
        return
    rows = [
        [str(label), *map(str, counts)]
        for label, counts in zip(confusion.index, confusion.to_numpy(), strict=True)
    ]
    print_table(["true", *map(str, confusion.columns)], rows)


def _print_confused_pairs(confusion):
    """Print the most frequent errors, where the matrix is too wide for a screen."""
    pairs = confusion.stack().rename("n").reset_index()
    pairs = pairs[pairs["true"] != pairs["predicted"]].sort_values(
        "n", ascending=False, kind="stable"
    )
    print_text(f"{len(confusion)} classes; the most frequent errors:")
    rows = [[str(true), str(predicted), str(n)] for true, predicted, n in pairs.head(10).values]
    print_table(["true", "predicted", "rows"], rows)


def _print_importances(evaluation):
    score = "points of accuracy" if evaluation.task == "classification" else "R2"
    scale = 100 if evaluation.task == "classification" else 1
    top = evaluation.importances.head(_N_IMPORTANCES)
    print_heading("The most important columns")
    print_text(f"By the {score} lost on held-out rows when the column is shuffled:")
    rows = [
        [name, f"{scale * row['mean']:.3g} ± {scale * row['std']:.2g}"]
        for name, row in top.iterrows()
    ]
    print_table(["column", "loss"], rows)


def _write_outputs(options, evaluation, frame):
    """Write the files, the model first; each is computed before its file is opened."""
    makers = {
        options.out: lambda: evaluation.model.save(options.out),
        options.report: lambda: evaluation.to_html().encode(),
        options.export_c: lambda: _c_code(evaluation).encode(),
        options.export_onnx: lambda: _onnx_model(evaluation, frame),
    }
    makers.pop(None, None)
    for path, make in makers.items():
        try:
            content = make()
            if content is not None:
                Path(path).write_bytes(content)
        except OSError as error:
            raise TableError(f"{path} cannot be written: {error}.") from None
        print_text(f"Wrote {path}.")


def _c_code(evaluation):
    """Return the network as C."""
    from ..export import to_c

    return to_c(evaluation.model.network)


def _onnx_model(evaluation, frame):
    """Return the network as ONNX, with an input for each column that it takes."""
    from ..export import to_onnx

    model = evaluation.model
    try:
        return to_onnx(model.network, model.encode(frame)).SerializeToString()
    except ImportError:
        raise
    except Exception as error:  # skl2onnx raises many kinds for what it cannot convert
        raise TableError(
            f"skl2onnx cannot convert this network: {type(error).__name__}: {error}"
        ) from error
