"""Random networks with hostile labels, names and numbers through every exporter.

    python .ci/fuzz/exporters.py --seconds 600 --seed 0
    python .ci/fuzz/exporters.py --case 1234

A case is a fitted network with all its numbers, labels and names drawn from the number of the
case. Its C file is compiled by gcc, clang, g++ or clang++ with their sanitizers, and run; its
ONNX model is run by onnxruntime, its module by PyTorch if that is installed; its MLP and its
pictures are made. Predictions are compared with the estimator's, within what rounding of its
numbers can move them, and the labels that come out with those that went in. An exporter may
refuse a case by an error that says why. Prints the outcomes, and for each fault the traceback
and the command that repeats it; ends with 1 if there was one.
"""

import argparse
import copy
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingRegressor, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._engine.activations import ACTIVATIONS, OUTPUT_ACTIVATIONS
from skbackprop.export import from_sklearn, from_torch, to_c, to_onnx, to_sklearn, to_torch
from skbackprop.inspection import (
    LossCurveDisplay,
    NetworkDisplay,
    WeightImportanceDisplay,
    WeightsDisplay,
    explain_step,
)

COMPILERS = {
    "gcc": ["-std=c99"],
    "clang": ["-std=c99"],
    "g++": ["-std=c++11", "-x", "c++"],
    "clang++": ["-std=c++11", "-x", "c++"],
}
FLAGS = [
    "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-fno-sanitize-recover=all",
    "-fsanitize=address,undefined,float-cast-overflow",
]  # fmt: skip
KINDS = ["regression", "targets", "binary", "multiclass", "multilabel", "multioutput"]
SCALERS = [MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler]
N = 30
# The errors by which an exporter may refuse a case, and by which training may.
REFUSALS = [
    r"must be finite to be written in C", r"in size for dtype='float'", r"is too wide for int",
    r"The weights are too large, beside the range of X", r"Class labels must be",
    r"^Class label number \d+ must be a text", r"An MLP of", r"hidden layers of an MLP share",
    r"which single precision does not hold", r"inputs of a network in float32 must have means",
    r"The columns of X must have names", r"Class labels must be those that MLPClassifier",
]  # fmt: skip


class Fault(Exception):
    """Something that an exporter may not do."""


# ---- Cases ----


@dataclass
class Case:
    """A fitted network, alone or behind scalers, and what it was trained on."""

    model: object
    X: object
    y: np.ndarray
    kind: str
    rng: np.random.Generator

    @property
    def network(self):
        return self.model[-1] if isinstance(self.model, Pipeline) else self.model

    @property
    def rows(self):
        """The inputs as an array."""
        return self.X.to_numpy() if hasattr(self.X, "columns") else self.X


def draw_text(rng):
    """A string: words, what C, HTML or matplotlib may take for theirs, or any characters."""
    if rng.random() < 0.5:
        parts = [
            "grey soil", " ", '"', "\\", "??/", "??=", "\n", "*/", "/*", "//", "%s", "$", "$T",
            "net_", "NET_", "_", "^{", "}", "<script>", "&amp;", "é", "漢", "🌾", "0", "\\0",
            "'", "\t", "", "a,b", ", ", "-", "\u202e", "\x7f",
        ]  # fmt: skip
        return "".join(rng.choice(parts, size=rng.integers(0, 6)))
    if rng.random() < 0.05:
        return "".join(rng.choice(["a ", "é", "?", '"', "x"], size=rng.integers(900, 6000)))
    points = rng.integers(0, rng.choice([128, 256, 0xD800]), size=rng.integers(0, 8))
    if rng.random() < 0.98:  # or else without a place in C, with U+0000
        points = np.maximum(points, 1)
    return "".join(map(chr, points))


def draw_labels(rng, n):
    """`n` labels that differ, of some type."""
    kind = rng.choice(["text", "int64", "uint64", "int8", "bool", "float"], p=PARTS_OF_LABELS)
    if kind == "text":
        labels = set()
        while len(labels) < n:
            labels.add(draw_text(rng))
        return np.array(sorted(labels), dtype=object)
    if kind == "bool" and n == 2:
        return np.array([False, True])
    if kind == "float":
        return np.sort(rng.choice(np.arange(-50.0, 50), size=n, replace=False))
    info = np.iinfo({"bool": "int64", "float": "int64"}.get(kind, kind))
    edges = [info.min, info.min + 1, 0, 1, info.max - 1, info.max]
    drawn = rng.integers(info.min, info.max, size=n, dtype=info.dtype, endpoint=True)
    values = np.where(rng.random(n) < 0.5, rng.choice(np.array(edges, info.dtype), n), drawn)
    values = np.unique(values.astype(info.dtype))
    return values if len(values) == n else draw_labels(rng, n)


PARTS_OF_LABELS = [0.5, 0.15, 0.1, 0.1, 0.05, 0.1]


def draw_inputs(rng):
    """Rows whose columns have unlike scales, and perhaps hostile names."""
    n_inputs = int(rng.integers(1, 9))
    X = rng.normal(size=(N, n_inputs))
    X *= 10.0 ** rng.uniform(-6, 6, size=n_inputs) ** rng.choice([0, 1])
    X += (
        X.std(axis=0) * 10.0 ** rng.uniform(-1, 3, size=n_inputs) * rng.choice([0, 1], n_inputs)
    )
    for column in range(n_inputs):
        odd = rng.random()
        if odd < 0.05:
            X[:, column] = rng.choice([0.0, 0.1, -7.0])
        elif odd < 0.1:
            X[:, column] = rng.integers(0, 3, size=N)
        elif odd < 0.13:
            X[rng.integers(N), column] = rng.choice([-999, 1e6, 1e9])
    X = X.astype(rng.choice([np.float32, np.float64]))
    if rng.random() < 0.5:
        names = {draw_text(rng) or "?" for _ in range(4 * n_inputs)}
        if len(names) >= n_inputs:
            return pd.DataFrame(X, columns=sorted(names)[:n_inputs])
    return X


def draw_targets(rng, kind, X):
    """Targets of a kind."""
    base = np.asarray(X, dtype=np.float64)[:, 0]
    base = (base - base.mean()) / (base.std() or 1)
    if kind in ("regression", "targets"):
        y = base[:, None] + 0.1 * rng.normal(size=(N, 1 if kind == "regression" else 3))
        y = np.abs(y) if rng.random() < 0.3 else y
        y *= 10.0 ** rng.integers(-6, 7)
        return y[:, 0] if kind == "regression" else y
    if kind == "multilabel":
        return (base[:, None] + rng.normal(size=(N, int(rng.integers(2, 5)))) > 0).astype(int)
    if kind == "multioutput":
        labels = draw_labels(rng, int(rng.integers(3, 6)))
        columns = [labels[rng.permutation(N) % n] for n in (2, len(labels))]
        return np.column_stack(columns)
    labels = draw_labels(rng, 2 if kind == "binary" else int(rng.integers(3, 7)))
    return labels[rng.permutation(N) % len(labels)]


def draw_parameters(rng, kind, y):
    """Parameters of a network."""
    names = [each.name for each in ACTIVATIONS]
    sizes = [int(size) for size in rng.integers(1, 12, size=rng.integers(0, 4))]
    parameters = {
        "hidden_layer_sizes": sizes,
        "activation": [str(rng.choice(names)) for _ in sizes] or "relu",
        "standardize": bool(rng.random() < 0.7),
        "clip_norm": rng.choice([None, 1.0, 1e-30, 1e30]),
        "alpha": float(rng.choice([0.0, 1e-4, 0.1])),
        "max_iter": int(rng.integers(1, 4)),
        "tol": None,
        "max_restarts": 0,  # which would halve the rate for all that follows
        "random_state": int(rng.integers(1000)),
    }
    if len(sizes) and rng.random() < 0.5:
        parameters["activation"] = str(rng.choice(names))
    if rng.random() < 0.3:  # what an MLP of scikit-learn is, too
        return parameters | {"activation": str(rng.choice(["tanh", "relu", "logistic"]))}
    output = str(
        rng.choice([each.name for each in OUTPUT_ACTIVATIONS if each.name != "softmax"])
    )
    if kind in ("regression", "targets"):
        losses = ["squared_error", "absolute_error", "huber", "quantile"]
        loss = str(rng.choice(losses + ["poisson"] * bool((y >= 0).all() and y.sum() > 0)))
        parameters["loss"] = loss
        if loss != "poisson" and rng.random() < 0.3:
            parameters["output_activation"] = output
        if loss == "quantile" and rng.random() < 0.5:
            parameters["quantile"] = [float(q) for q in rng.permutation([0.1, 0.5, 0.9])]
    elif rng.random() < 0.4:
        parameters |= {"loss": "squared_error", "output_activation": output}
    return parameters


def draw_case(number):
    """The case of a number; None where training refuses it, or the estimator to predict."""
    rng = np.random.default_rng(number)
    X, kind = draw_inputs(rng), str(rng.choice(KINDS))
    y = draw_targets(rng, kind, X)
    estimator = BackpropRegressor if kind in KINDS[:2] else BackpropClassifier
    model = estimator(**draw_parameters(rng, kind, y))
    if rng.random() < 0.3:
        scalers = [scaler() for scaler in rng.choice(SCALERS, size=rng.integers(1, 3))]
        model = make_pipeline(*scalers, model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.fit(X, y)
        except ValueError:
            return None
    case = Case(model, X, y, kind, rng)
    if rng.random() < 0.2:
        params = case.network._params
        params *= params.dtype.type(10.0 ** rng.uniform(-3, 2))
        params[rng.integers(len(params))] = rng.choice([0.0, -0.0, 1e-40, 1e-310])
        case.network._predict_with(params)
    try:
        predict(model, X)
    except ValueError:  # its outputs overflow
        return None
    return case


# ---- Predictions ----


def predict(model, X):
    """Predictions or probabilities as columns, and the labels of a classifier."""
    with np.errstate(all="ignore"):
        labels = model.predict(X)
        if not hasattr(model, "predict_proba"):
            return labels.reshape(len(labels), -1), None
        p = model.predict_proba(X)
    return np.hstack(p) if isinstance(p, list) else p, labels


def rounding(model, X, rng, single):
    """By how much rounding moves each prediction at most, and a little more.

    It is that of the weights, of the inputs, and of what each scaler makes of them.
    """
    epsilon = 2.0 ** (-23 if single else -51)

    def rounded(values):
        return values * (1 + epsilon * rng.uniform(-1, 1, values.shape)).astype(values.dtype)

    numbers, _ = predict(model, X)
    moved = np.zeros(numbers.shape)
    for _ in range(5):
        near = rounded(X)
        steps = model.steps if isinstance(model, Pipeline) else [("", model)]
        for _, step in steps[:-1]:
            near = rounded(np.asarray(step.transform(near)))
        twin = copy.deepcopy(steps[-1][1])
        twin._params[:] = rounded(twin._params)
        twin._predict_with(twin._params)
        try:
            gap = np.abs(predict(twin, near)[0] - numbers)
        except ValueError:  # its outputs overflow
            gap = np.full(numbers.shape, np.inf)
        moved = np.maximum(moved, np.nan_to_num(gap, nan=np.inf))
    scale = np.abs(numbers[np.isfinite(numbers)]).max(initial=0)
    return 50 * moved + (3e-5 if single else 1e-9) * scale


def compare(found, expected, allowed, what):
    """Raise a Fault where numbers differ by more than is allowed."""
    found = np.asarray(found).reshape(expected.shape)
    with np.errstate(invalid="ignore"):
        wrong = np.abs(found - expected) > allowed
        wrong |= np.isfinite(expected) & ~np.isfinite(found) & np.isfinite(allowed)
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0])
        raise Fault(
            f"{what}: {found[at]!r} for {expected[at]!r} at {at}, allowed {allowed[at]:.2g}; "
            f"{wrong.sum()} of {wrong.size} differ"
        )


def compare_labels(found, expected, p, allowed, blocks, what):
    """Labels may differ only where the probabilities are as good as equal."""
    found, expected = (np.asarray(each).reshape(len(p), -1) for each in (found, expected))
    for k, block in enumerate(blocks):
        of_block, room = p[:, block], allowed[:, block].max(axis=1)
        if block.stop - block.start == 1:
            gap = np.abs(of_block[:, 0] - 0.5)
        else:
            gap = np.ptp(np.sort(of_block, axis=1)[:, -2:], axis=1)
        wrong = (found[:, k] != expected[:, k]) & ~(gap <= 2 * room)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise Fault(
                f"{what}: {found[row, k]!r} for {expected[row, k]!r}, p {of_block[row]}"
            )


def blocks_of(case, p):
    """Where the probabilities of each column of labels stand."""
    if case.kind == "multilabel":
        return [slice(k, k + 1) for k in range(p.shape[1])]
    classes = case.network.classes_
    sizes = [len(each) for each in classes] if case.kind == "multioutput" else [len(classes)]
    ends = np.cumsum(sizes)
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]


def fits_single(case, largest=1e30):
    """Whether single precision holds the inputs, and all that the network makes of them."""
    last, X = case.network, case.rows
    if isinstance(case.model, Pipeline):
        X = case.model[:-1].transform(case.X)
    inputs = last._scaling.inputs
    if inputs is not None and (np.abs(inputs.mean) > 1e4 * inputs.scale).any():
        return False  # they vary by little more than their rounding
    raw, outputs = last._forward(np.asarray(X))
    return all(np.abs(each).max() < largest for each in (raw, *outputs))


# ---- C ----

MAIN = """#include "net.c"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    REAL x[NET_INPUTS], y[ANSWERS];
    int labels[COLUMNS];
    FILE *table = argc > 1 ? fopen(argv[1], "wb") : 0;
    FILE *steps = argc > 2 ? fopen(argv[2], "rb") : 0;
    if (table) {
TABLES
        fclose(table);
    }
    if (steps) {
LEARN
        fclose(steps);
    }
    memset(labels, 0, sizeof labels);
    while (fread(x, sizeof *x, NET_INPUTS, stdin) == NET_INPUTS) {
PREDICT
        fwrite(labels, sizeof *labels, COLUMNS, stdout);
        fwrite(y, sizeof *y, ANSWERS, stdout);
    }
    return 0;
}
"""
LEARN = """        TYPE t[TARGETS];
        while (fread(x, sizeof *x, NET_INPUTS, steps) == NET_INPUTS
               && fread(t, sizeof *t, TARGETS, steps) == TARGETS) {
            NET_learn_one(x, TARGET, RATE);
        }"""
FORMATS = {
    "long": "%ld\\n", "long long": "%lld\\n", "unsigned long long": "%llu\\n",
    "double": "%.17g\\n",
}  # fmt: skip
RATE, N_STEPS = 1e-3, 10


class Program:
    """A C file with a program around it, which prints labels, learns and predicts.

    Parameters
    ----------
    case : Case
    source : str
        The C file.
    prefix : str
        Of its names.
    n_answers, n_columns : int
        Of numbers and of labels for each row.
    """

    def __init__(self, case, source, prefix, n_answers, n_columns):
        self.case, self.source, self.prefix = case, source, prefix
        self.n_answers, self.n_columns = n_answers, n_columns
        self.real = np.float64 if "const double *x" in source else np.float32
        self.targets = self._targets()

    def _targets(self):
        """What the program learns, in its types."""
        case = self.case
        if case.kind in ("regression", "targets"):
            targets = case.y.astype(self.real).reshape(N, -1)
        elif case.kind == "multilabel":
            targets = case.y.astype(np.int32)
        elif case.kind == "multioutput":
            pairs = zip(case.network.classes_, case.y.T, strict=True)
            targets = np.column_stack([np.searchsorted(*pair) for pair in pairs])
        else:
            targets = np.searchsorted(case.network.classes_, case.y)[:, None]
        kind = targets.dtype if targets.dtype.kind == "f" else np.int32
        return np.ascontiguousarray(targets, dtype=kind)

    def write_main(self):
        """The text of the program."""
        kind, prefix = self.case.kind, self.prefix
        one = kind in ("binary", "multiclass")
        if kind in ("regression", "targets"):
            predicting = f"{prefix}_predict(x, y);"
        elif one:
            predicting = f"labels[0] = {prefix}_predict(x); {prefix}_predict_proba(x, y);"
        else:
            predicting = f"{prefix}_predict(x, labels); {prefix}_predict_proba(x, y);"
        learning = LEARN if f"{prefix}_learn_one" in self.source else ""
        values = {
            "TABLES": self._printing(), "LEARN": learning, "PREDICT": predicting,
            "NET_learn_one": f"{prefix}_learn_one", "RATE": repr(RATE),
            "NET_INPUTS": f"{prefix.upper()}_INPUTS", "ANSWERS": str(self.n_answers),
            "COLUMNS": str(self.n_columns), "TARGETS": str(self.targets.shape[1]),
            "TARGET": "t[0]" if one else "t",
            "TYPE": "REAL" if self.targets.dtype.kind == "f" else "int",
            "REAL": "double" if self.real is np.float64 else "float",
        }  # fmt: skip
        text = MAIN
        for name, value in values.items():
            text = re.sub(rf"\b{name}\b", lambda _, value=value: value, text)
        return text

    def _printing(self):
        table = rf"^extern const ([a-z *]+?) ?({self.prefix}_classes\w*)\[(\d+)\]"
        lines = []
        for kind, name, n in re.findall(table, self.source, re.M):
            call = f'fprintf(table, "{FORMATS.get(kind)}", {name}[k]);'
            if kind == "char *const":
                size = f"(unsigned long)strlen({name}[k])"
                call = f'fprintf(table, "%lu:%s", {size}, {name}[k]);'
            lines.append(f"for (int k = 0; k < {n}; k++) {{ {call} }}")
        return "\n".join(lines)

    def compile(self, compiler, folder):
        """Compile the program in a folder."""
        self.folder = folder
        if not self.source.isascii():
            raise Fault("the file is not ASCII")
        (folder / "net.c").write_text(self.source)
        (folder / "main.c").write_text(self.write_main())
        command = [compiler, *COMPILERS[compiler], *FLAGS, "main.c", "-o", "net", "-lm"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Fault(f"{' '.join(command)}\n{done.stderr[:3000]}")

    def run(self, rows, learn=False):
        """The labels and the numbers of some rows, and the table of labels as it is printed."""
        command = ["./net", "labels"]
        if learn:
            command.append("steps")
            with open(self.folder / "steps", "wb") as file:
                for row, target in zip(rows[:N_STEPS], self.targets[:N_STEPS], strict=True):
                    file.write(row.tobytes() + target.tobytes())
        done = subprocess.run(
            command, cwd=self.folder, input=rows.tobytes(), capture_output=True, check=False
        )
        if done.returncode:
            raise Fault(f"{command}: {done.stderr.decode()[:3000]}")
        record = np.dtype(
            [("labels", np.int32, self.n_columns), ("y", self.real, self.n_answers)]
        )
        answers = np.frombuffer(done.stdout, record)
        if len(answers) != len(rows):
            raise Fault(f"{len(answers)} answers for {len(rows)} rows")
        places = answers["labels"].reshape(len(rows), -1)
        return places, answers["y"], (self.folder / "labels").read_bytes()


def check_printed_labels(case, printed):
    """The labels that a program prints are those of the classifier."""
    if case.kind in ("regression", "targets", "multilabel"):
        return
    classes = case.network.classes_
    columns = classes if case.kind == "multioutput" else [classes]
    expected = b""
    for label in (label for column in columns for label in column.tolist()):
        if isinstance(label, str):
            text = label.encode()
            expected += f"{len(text)}:".encode() + text
        else:
            expected += (
                f"{label:.17g}" if isinstance(label, float) else f"{int(label)}"
            ).encode()
            expected += b"\n"
    if printed != expected:
        raise Fault(f"labels {printed[:300]!r} for {expected[:300]!r}")


def check_c(case, folder, done):
    """The C file in one of its types, compiled and run."""
    rng = case.rng
    dtype = str(rng.choice(["float", "double", "int8", "int16"], p=[0.35, 0.35, 0.15, 0.15]))
    letters = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    tail = rng.choice([*letters, *"0123456789_"], size=rng.choice([0, 3, 8, 300]))
    prefix = str(rng.choice(["net", "NET", "net_", "NET_", "int", "x", "A"]))
    prefix = prefix if rng.random() < 0.5 else str(rng.choice(letters)) + "".join(tail)
    options = {"dtype": dtype, "prefix": prefix}
    X = case.rows
    if dtype.startswith("int"):
        options["X"] = X
    else:
        options["learn"] = bool(rng.random() < 0.4)
    source = to_c(case.model, **options)
    compiler = str(rng.choice([name for name in COMPILERS if shutil.which(name)]))
    real = np.float64 if dtype == "double" else np.float32
    X = X.astype(real).astype(X.dtype)
    numbers, labels = predict_rows(case, X)
    n_columns = 1 if labels is None else labels.reshape(N, -1).shape[1]
    program = Program(case, source, prefix, numbers.shape[1], n_columns)
    program.compile(compiler, folder)
    rows = np.ascontiguousarray(X, dtype=real)
    places, found, printed = program.run(rows)
    check_printed_labels(case, printed)
    done[f"C, {dtype}, {compiler}"] += 1
    if dtype.startswith("int"):
        if labels is not None and not (np.isfinite(found).all() and (found >= 0).all()):
            raise Fault(f"probabilities {found[0]}")
        return
    single = real == np.float32 or X.dtype == np.float32
    if single and not fits_single(case):
        done["C, not compared: beyond single precision"] += 1
        return
    compare_c(case, X, places, found, single, f"C, {dtype}")
    if options["learn"]:
        taught = learn_online(case, X)
        with np.errstate(all="ignore"):
            # Training that diverges is undone by `partial_fit` alone.
            known = fits_single(case, 1e6) and fits_single(taught, 1e6)
        places, found, _ = program.run(rows, learn=True)
        if known:
            what = f"C, {dtype}, after learning"
            compare_c(taught, X, places, found, single, what, steps=N_STEPS)
            done["C, learning"] += 1


def compare_c(case, X, places, found, single, what, steps=1):
    """Compare the predictions of a program, and its labels, with those of the estimator."""
    numbers, labels = predict_rows(case, X)
    allowed = steps * rounding_of_rows(case, X, single)
    compare(found, numbers, allowed, what)
    if labels is None:
        return
    network = case.network
    several = network.classes_ if case.kind == "multioutput" else [network.classes_]
    decoded = places
    if case.kind != "multilabel":
        columns = zip(several, places.T, strict=True)
        decoded = np.column_stack([each[place] for each, place in columns])
    compare_labels(decoded, labels, numbers, allowed, blocks_of(case, numbers), what)


def learn_online(case, X):
    """The case after some steps of `partial_fit`, as ``learn_one`` takes them."""
    model = copy.deepcopy(case.model)
    last = model[-1] if isinstance(model, Pipeline) else model
    last.set_params(
        solver="sgd", momentum=0.0, batch_size=1, shuffle=False, learning_rate="constant",
        learning_rate_init=RATE, early_stopping=False,
    )  # fmt: skip
    X = as_given(case, X)
    inside = model[:-1].transform(X) if isinstance(model, Pipeline) else X
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        last.partial_fit(inside[:N_STEPS], case.y[:N_STEPS])
    return Case(model, case.X, case.y, case.kind, case.rng)


def predict_rows(case, X):
    """Predict an array as a model takes it that was trained on names."""
    return predict(case.model, as_given(case, X))


def rounding_of_rows(case, X, single):
    """As `rounding`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the names of the columns are left out
        return rounding(case.model, X, case.rng, single)


def as_given(case, X):
    """Rows as the model was given them, with their names."""
    return pd.DataFrame(X, columns=case.X.columns) if hasattr(case.X, "columns") else X


# ---- ONNX, scikit-learn, PyTorch ----


def run_onnx(model, X):
    """What an ONNX model gives."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [each.name for each in session.get_inputs()]
    columns = [X] if len(names) == 1 else [X[:, [k]] for k in range(X.shape[1])]
    return session.run(None, dict(zip(names, columns, strict=True)))


def check_onnx(case, folder, done):
    """The ONNX model."""
    model = case.model
    X = case.X if case.rng.random() < 0.5 else case.rows
    single = case.rows.dtype == np.float32 or case.network._params.dtype == np.float32
    # skl2onnx joins the columns of a frame in single precision for a scaler.
    single |= isinstance(model, Pipeline) and hasattr(X, "columns")
    if single and not fits_single(case):
        done["ONNX, not compared: beyond single precision"] += 1
        return
    numbers, labels = predict_rows(case, case.rows)
    allowed = rounding_of_rows(case, case.rows, single)
    if (allowed > 1e-3 * np.abs(numbers).max()).any():
        done["ONNX, not compared: rounding matters"] += 1  # `to_onnx` may refuse it, or not
        return
    onnx = to_onnx(model, X)
    answers = run_onnx(onnx, case.rows)
    compare(answers[-1], numbers, allowed, "ONNX")
    if labels is not None:
        compare_labels(answers[0], labels, numbers, allowed, blocks_of(case, numbers), "ONNX")
    done["ONNX"] += 1


def check_composition(case, folder, done):
    """A meta-estimator around the network; `to_onnx` compares the predictions itself."""
    if case.kind not in ("regression", "binary", "multiclass"):
        return
    network = case.network
    if case.kind == "regression":
        models = [StackingRegressor([("a", network), ("b", LinearRegression())], cv=2)]
    else:
        models = [
            CalibratedClassifierCV(make_pipeline(StandardScaler(), network), cv=2),
            BaggingClassifier(network, 2, random_state=0),
            VotingClassifier(
                [("a", network), ("b", LogisticRegression())],
                voting="soft", flatten_transform=False,
            ),
        ]  # fmt: skip
        if network.get_params()["loss"] != "squared_error":  # or skl2onnx divides by zero
            models.append(OneVsRestClassifier(network))
    model = models[case.rng.integers(len(models))]
    X = case.rows.astype(np.float64)
    X = StandardScaler().fit_transform(X).astype(case.rows.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.fit(X, case.y)
        except ValueError:
            done["composition, not trained"] += 1
            return
    if case.y.dtype.kind in "iu" and case.kind != "regression":
        signed = case.y.dtype.kind == "i" and max(map(abs, case.y.tolist())) < 2**31
        if not signed:
            done["composition, not compared: skl2onnx has signed labels of 32 bits"] += 1
            return
    to_onnx(model, X)
    done[f"ONNX, {type(model).__name__}"] += 1


def check_sklearn(case, folder, done):
    """The MLP, and the network that comes back from it."""
    mlp = to_sklearn(case.network)
    X = case.rows
    single = case.network._params.dtype == np.float32
    numbers, labels = predict(case.network, X)
    found, theirs = predict(mlp, X)
    allowed = rounding(case.network, X, case.rng, single)
    back = from_sklearn(mlp)
    for each, name in ((found, "to_sklearn"), (predict(back, X)[0], "from_sklearn")):
        compare(each, numbers, allowed, name)
    if labels is not None:
        blocks = blocks_of(case, numbers)
        compare_labels(theirs, labels, numbers, allowed, blocks, "to_sklearn")
    done["scikit-learn"] += 1


def check_torch(case, folder, done):
    """The module, and the regressor that comes back from it."""
    import torch

    module = to_torch(case.network)
    X = case.rows.astype(case.network._params.dtype)
    with torch.no_grad():
        found = module(torch.from_numpy(X)).numpy()
    network = case.network
    with np.errstate(all="ignore"):
        expected = network._forward(X)[1][-1]
    if case.kind in ("regression", "targets"):
        expected = predict(network, X)[0]
    allowed = rounding(network, X, case.rng, X.dtype == np.float32)
    room = np.full(expected.shape, allowed.max()) + 1e-5 * np.abs(expected).max()
    compare(found, expected, room, "to_torch")
    clips = network._scaling.inputs is not None and network._scaling.inputs.limits is not None
    if case.kind in ("regression", "targets") and not (
        network._target_encoder.quantiles_of(network._network) or clips
    ):
        compare(from_torch(module).predict(X), expected, room, "from_torch")
    done["PyTorch"] += 1


# ---- Pictures ----


def check_pictures(case, folder, done):
    """The displays, the text of a step, and the HTML."""
    if case.rng.random() > 0.15:
        return
    network = case.network
    try:
        for display in (
            NetworkDisplay.from_estimator(network, x=case.rows[0]),
            WeightsDisplay.from_estimator(network),
            WeightImportanceDisplay.from_estimator(network),
            LossCurveDisplay.from_estimator(network, name=draw_text(case.rng)),
        ):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph")  # the font has not every character
                display.figure_.canvas.draw()
    finally:
        plt.close("all")
    with np.errstate(all="ignore"):
        step = explain_step(network, case.rows[0], case.y[0], learning_rate=1e-9)
    text = str(step)
    if not all(line.isprintable() for line in text.split("\n")):
        raise Fault("explain_step prints control characters")
    if "<script>alert" in network._repr_html_():
        raise Fault("the HTML representation is not escaped")
    done["pictures"] += 1


# ---- The campaign ----

CHECKS = [check_c, check_onnx, check_composition, check_sklearn, check_pictures]
if find_spec("torch"):
    CHECKS.append(check_torch)


def run_case(number, folder, done):
    """The faults of a case, as tracebacks."""
    case = draw_case(number)
    if case is None:
        done["no case: refused by the estimator"] += 1
        return []
    faults = []
    for check in CHECKS:
        case.rng = np.random.default_rng([number, CHECKS.index(check)])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.filterwarnings("ignore", "X does not have valid feature names")
                warnings.filterwarnings("ignore", category=DeprecationWarning)
                check(case, folder, done)
        except ValueError as error:
            reasons = [reason for reason in REFUSALS if re.search(reason, str(error))]
            if reasons:
                done[f"{check.__name__[6:]} refused: {reasons[0]}"] += 1
            else:
                faults.append(traceback.format_exc())
        except Exception:
            faults.append(traceback.format_exc())
    return faults


def main():
    """Draw cases until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long to draw cases")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first case")
    parser.add_argument("--case", type=int, help="run this case alone")
    given = parser.parse_args()
    done, n_cases, faulty, end = Counter(), 0, [], time.monotonic() + given.seconds
    number = given.seed * 10**6 if given.case is None else given.case
    while True:
        with tempfile.TemporaryDirectory() as folder:
            faults = run_case(number, Path(folder), done)
        n_cases += 1
        for fault in faults:
            faulty.append(number)
            print(
                f"\n{fault}\nrepeat: python .ci/fuzz/exporters.py --case {number}", flush=True
            )
        number += 1
        if given.case is not None or time.monotonic() > end:
            break
    print(f"\n{n_cases} cases, {len(faulty)} faults {sorted(set(faulty))[:20]}")
    for outcome, count in sorted(done.items()):
        print(f"{count:7d}  {outcome}")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
