"""``skbackprop predict MODEL TABLE``: predictions of a saved model for the rows of a table."""

import sys
from pathlib import Path

from ..tables._columns import as_text
from ..tables._errors import TableError, import_pandas
from ..tables._model import TableModel
from ..tables._read import read_table
from .fit_table import HEADERS, add_header_option


def add_command(commands):
    """Add the command and its options."""
    parser = commands.add_parser(
        "predict",
        help="predict the rows of a table with a saved model",
        description="Predict the rows of a table with a model that 'skbackprop fit' saved. The "
        "answer is the table with a column for the prediction and, for classes, one for each "
        "probability.",
    )
    add = parser.add_argument
    add("model", help="a file that 'skbackprop fit' wrote; a .joblib file can execute code")
    add("table", help="a CSV, TSV or Parquet file with the columns of the training table")
    add("--out", metavar="FILE", help="a CSV or Parquet file (default: CSV to the screen)")
    add_header_option(parser)
    parser.set_defaults(run=run)


def run(options, parser):
    """Predict and write; return the exit code."""
    model = TableModel.load(options.model)
    frame = _read_like_training(model, options.table, HEADERS[options.header])
    predictions = model.predict(frame)
    answer = import_pandas().concat([frame, predictions], axis=1)
    if options.out is None:
        answer.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        _write(answer, Path(options.out))
        print(f"Wrote {len(answer):,} predictions to {options.out}.")
    if model.target in frame and frame[model.target].notna().all():
        _print_score(model, frame, predictions)
    return 0


def _read_like_training(model, path, header):
    """Return the table, whose categories are text whatever they look like."""
    text = model.text_columns
    if model.task == "classification" and model.pipeline.classes_.dtype.kind not in "iufb":
        text = [*text, model.target]
    frame, _ = read_table(path, header=header, text_columns=text)
    return frame


def _write(answer, path):
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet", ".pq"):
        raise TableError(f"--out is a name that ends with .csv or .parquet. Got {str(path)!r}.")
    try:
        if suffix == ".csv":
            answer.to_csv(path, index=False)
        else:
            answer.to_parquet(path, index=False)
    except OSError as error:
        raise TableError(f"{path} cannot be written: {error}.") from None


def _print_score(model, frame, predictions):
    """Print how good the predictions are, if the table holds the target."""
    from sklearn.metrics import mean_absolute_error

    true, predicted = frame[model.target], predictions[f"predicted {model.target}"]
    if model.task == "classification":
        hits = true.map(as_text).to_numpy() == predicted.map(as_text).to_numpy()
        text = f"accuracy {100 * hits.mean():.2f}%"
    else:
        text = f"mean absolute error {mean_absolute_error(true, predicted):.4g}"
    print(f"The table holds the target: {text}.", file=sys.stderr)
