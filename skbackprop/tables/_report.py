"""An evaluation as one HTML page with figures."""

import io
from html import escape

import numpy as np

from ..inspection._utils import import_pyplot
from ._columns import DROPPED
from ._models import BASELINE, NETWORK

_N_IMPORTANCES = 15
_N_POINTS = 2000
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem;
       padding: 0 1rem; color: #222; background: #fff; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
tr.network { background: #eaf2fb; font-weight: 600; }
td.hit { background: #e4f2e4; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption { color: #555; }
"""


def format_score(name, mean):
    """Return a score as it is read: accuracies in percent, others with four digits."""
    return (
        f"{100 * mean:.2f}%"
        if name == "accuracy"
        else f"{mean:.4g}"
        if abs(mean) < 1000
        else f"{mean:.0f}"
    )


def format_std(name, std):
    """Return a standard deviation as it is read."""
    return (
        f"{100 * std:.2f}" if name == "accuracy" else f"{std:.2g}" if std < 10 else f"{std:.0f}"
    )


def describe_differences(evaluation):
    """Return one sentence per other model on whether the network differs by more than noise."""
    sentences = []
    for model, difference in evaluation.differences().items():
        if model == BASELINE:
            continue
        scale, unit = (100, " points") if evaluation.task == "classification" else (1, "")
        mean, low, high = (
            scale * value for value in (difference.mean, difference.low, difference.high)
        )
        verdict = "within the noise" if difference.is_noise else "more than noise"
        score = {"accuracy": "accuracy", "r2": "R2"}[evaluation.score_names[0]]
        sentences.append(
            f"{NETWORK} against {model}: {score} {mean:+.3g}{unit}, "
            f"95% interval {low:.3g} to {high:.3g}: {verdict}."
        )
    return sentences


def render_report(evaluation):
    """Return the page."""
    import_pyplot("A report with figures")
    title = f"{evaluation.task.capitalize()} of {evaluation.target}"
    used = [column for column in evaluation.columns if column.role != DROPPED]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{evaluation.n_samples:,} rows, {len(used)} columns; {evaluation.n_folds}-fold "
        f"cross-validation. The task is {evaluation.task}: {escape(evaluation.task_rule)}.</p>",
        "<h2>Scores on held-out rows</h2>",
        _scores_table(evaluation),
        "".join(f"<p>{escape(sentence)}</p>" for sentence in describe_differences(evaluation)),
        _errors(evaluation),
        "<h2>The most important columns</h2>",
        _figure(
            _draw_importances, evaluation,
            "How much the score falls on held-out rows if a column is shuffled: mean and "
            "standard deviation over folds and repeats.",
        ),
        "<h2>The network</h2>",
        f"<p><code>{escape(repr(evaluation.model.network))}</code></p>",
        _figure(_draw_loss, evaluation, "The training loss of the network on all rows."),
        _figure(_draw_network, evaluation, "The network."),
        "<h2>The columns</h2>",
        _columns_table(evaluation),
        "".join(f"<p>Note: {escape(note)}</p>" for note in evaluation.notes),
    ]  # fmt: skip
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _table(headers, rows, classes=()):
    lines = ["<tr>" + "".join(f"<th>{escape(str(cell))}</th>" for cell in headers) + "</tr>"]
    for i, row in enumerate(rows):
        kind = f' class="{classes[i]}"' if classes and classes[i] else ""
        cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in row)
        lines.append(f"<tr{kind}>{cells}</tr>")
    return '<div class="wide"><table>' + "\n".join(lines) + "</table></div>"


def _scores_table(evaluation):
    summary = evaluation.summary()
    names = [*evaluation.score_names, "seconds"]
    rows = [
        [model]
        + [
            f"{format_score(name, row[name, 'mean'])} ± {format_std(name, row[name, 'std'])}"
            for name in names
        ]
        for model, row in summary.iterrows()
    ]
    classes = ["network" if model == NETWORK else "" for model in summary.index]
    return _table(["model", *names], rows, classes)


def _errors(evaluation):
    confusion = evaluation.confusion()
    if confusion is None:
        return "<h2>Predicted against true</h2>" + _figure(
            _draw_predictions, evaluation, "Out-of-fold predictions of the network."
        )
    headers = ["true \\ predicted", *confusion.columns]
    counts = confusion.to_numpy()
    rows = [[label, *row] for label, row in zip(confusion.index, counts, strict=True)]
    return "<h2>Confusion matrix</h2>" + _table(headers, rows)


def _columns_table(evaluation):
    rows = [[column.name, column.role, column.reason] for column in evaluation.columns]
    return _table(["column", "used as", "because"], rows)


def _figure(draw, evaluation, caption):
    """Return a figure as SVG inside the page."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "skbackprop", "svg.fonttype": "path"}):
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots(), evaluation)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _draw_importances(ax, evaluation):
    top = evaluation.importances.head(_N_IMPORTANCES)[::-1]
    names = [name if len(name) <= 40 else name[:37] + "..." for name in top.index]
    ax.barh(range(len(top)), top["mean"], xerr=top["std"], color="#3b7dc4")
    ax.set_yticks(range(len(top)), names, parse_math=False)
    what = "accuracy" if evaluation.task == "classification" else "R2"
    ax.set_xlabel(f"decrease of {what}")


def _draw_loss(ax, evaluation):
    from ..inspection import LossCurveDisplay

    LossCurveDisplay.from_estimator(evaluation.model.network, ax=ax)


def _draw_network(ax, evaluation):
    from ..inspection import NetworkDisplay

    NetworkDisplay.from_estimator(evaluation.model.network, ax=ax)


def _draw_predictions(ax, evaluation):
    true, predicted = (
        evaluation.predictions[name].to_numpy() for name in ("target", "predicted")
    )
    if len(true) > _N_POINTS:
        shown = np.random.RandomState(0).choice(len(true), _N_POINTS, replace=False)
        true, predicted = true[shown], predicted[shown]
    ax.scatter(true, predicted, s=10, alpha=0.5, color="#3b7dc4")
    bounds = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    ax.plot(bounds, bounds, color="#888", linewidth=1)
    ax.set_xlabel(f"true {evaluation.target}", parse_math=False)
    ax.set_ylabel(f"predicted {evaluation.target}", parse_math=False)
