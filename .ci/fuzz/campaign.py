"""Forge files, files of skops and states of pickles, load them, and use what comes out.

    python .ci/fuzz/campaign.py --seconds 600 --seed 0
    python .ci/fuzz/campaign.py --seed 0 --case 1234        one case alone, with its error

Whatever is forged has to be refused with a ValueError that names what is wrong, or to be an
estimator that predicts, goes on training, is exported and saved. Each case is bounded in memory
and in time of the processor. Prints how many cases came to what, and each finding once with how
to repeat it; the exit status is 1 if there was one.
"""

import argparse
import io
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import forge
import numpy as np
import skops.io

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._parameters import check_parameters
from skbackprop.export import to_c, to_onnx, to_sklearn
from skbackprop.persistence import TRUSTED_TYPES, load, save

PACKAGE = str(Path(skbackprop.__file__).parent)
TARGETS = ("file", "pickle", "skops")
MEMORY = 2**29  # bytes that a case may take beside what the process has
SECONDS = 20  # of the processor, for a case
PER_PROCESS = 1000  # cases
# What a step may raise. A ValueError of ours explains itself; some methods are not there.
EXPECTED = (ValueError,)


class TooSlow(Exception):
    """A case took more time than it may."""


def too_slow(*_):
    """What the timer of a case calls."""
    raise TooSlow


# ---- One case ----


class Corpus:
    """What is forged."""

    def __init__(self, folder):
        self.folder = Path(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = [estimator for _, estimator in forge.seeds()]
            own = forge.own()
        self.files = [forge.file_of(estimator, folder) for estimator in made]
        self.headers = [forge.parts_of(content)[0] for content in self.files]
        made.append(own)
        self.states = [estimator.__getstate__() for estimator in made]
        self.kinds = [type(estimator) for estimator in made]
        self.skops = [forge.skops_of(estimator) for estimator in made]
        self.schemas = [forge.schema_of(content) for content in self.skops]


def make(corpus, target, rng):
    """A forged estimator; raises what loading it raises."""
    k = int(rng.integers(len(corpus.files if target == "file" else corpus.states)))
    if target == "file":
        path = corpus.folder / "forged"
        path.write_bytes(forge.forge_file(rng, corpus.files[k], corpus.headers))
        return load(path)
    if target == "pickle":
        state = forge.forge_state(rng, corpus.states[k], corpus.states)
        estimator = corpus.kinds[k].__new__(corpus.kinds[k])
        estimator.__setstate__(state)
        return estimator
    content = forge.forge_skops(rng, corpus.skops[k], corpus.schemas)
    return skops.io.loads(content, trusted=TRUSTED_TYPES)


def steps(estimator, folder, rng):
    """What is done with an estimator that was loaded: names, and functions of nothing."""
    n = min(estimator.n_features_in_, 10**4)
    X = rng.normal(size=(6, n)).astype(estimator._params.dtype)
    if isinstance(estimator, BackpropClassifier):
        y = _labels(estimator, len(X), rng)
        yield "predict_proba", lambda: estimator.predict_proba(X)
        yield "predict_log_proba", lambda: estimator.predict_log_proba(X)
        yield "decision_function", lambda: estimator.decision_function(X)
    else:
        shape = (
            len(X)
            if estimator._target_encoder.is_flat
            else (len(X), estimator._target_encoder.n_targets)
        )
        y = np.abs(rng.normal(size=shape))
    yield "predict", lambda: estimator.predict(X)
    yield "predict one", lambda: estimator.predict(X[:1])
    yield "score", lambda: estimator.score(X, y)
    yield "get_activations", lambda: estimator.get_activations(X, 0)
    yield "attributes", lambda: [getattr(estimator, name) for name in ATTRIBUTES]
    yield "repr", lambda: (check_parameters(estimator), repr(estimator))
    yield "html", lambda: (check_parameters(estimator), estimator._repr_html_())
    yield "save", lambda: _same(estimator, X, _saved(estimator, folder))
    yield "pickle", lambda: _same(estimator, X, pickle.loads(pickle.dumps(estimator)))
    yield "to_c", lambda: to_c(estimator, learn=True)
    yield "to_sklearn", lambda: to_sklearn(estimator)
    if rng.random() < 0.1:
        yield "to_onnx", lambda: to_onnx(estimator, X[:1].astype(np.float32))
    # A forged number of epochs or neurons is a request like any other.
    hidden = estimator._network.layer_sizes[1:-1]
    bounds = {"max_iter": 2, "max_restarts": 1, "max_fun": 20, "verbose": 0}
    estimator.set_params(**bounds, hidden_layer_sizes=hidden)
    yield "partial_fit", lambda: estimator.partial_fit(X, y)
    yield "a row", lambda: estimator.partial_fit(X[:1], y[:1])
    yield "the next row", lambda: estimator.partial_fit(X[1:2], y[1:2])
    yield "resume", lambda: estimator.set_params(warm_start=True).fit(X, y)
    yield "predict again", lambda: estimator.predict(X)
    yield "save again", lambda: _same(estimator, X, _saved(estimator, folder))
    yield "fit", lambda: estimator.set_params(warm_start=False).fit(X, y)


ATTRIBUTES = (
    "coefs_", "intercepts_", "n_layers_", "n_outputs_", "out_activation_", "t_", "loss_",
    "best_loss_", "loss_curve_", "validation_loss_curve_", "validation_scores_",
    "best_validation_score_", "feature_importances_", "input_limits_",
)  # fmt: skip


def _labels(estimator, n, rng):
    labels = estimator._target_encoder
    if labels.kind == "multilabel":
        return rng.integers(2, size=(n, len(labels.classes)))
    columns = [classes[np.arange(n) % len(classes)] for classes in labels.per_column]
    return columns[0] if labels.kind == "single" else np.column_stack(columns)


def _saved(estimator, folder):
    path = Path(folder) / "again"
    save(estimator, path)
    return load(path)


def _same(estimator, X, other):
    np.testing.assert_array_equal(other.predict(X), estimator.predict(X))


def is_expected(error, step):
    """Whether an error explains itself to a user."""
    if isinstance(error, AttributeError) and step in ("partial_fit", "a row", "the next row"):
        return "partial_fit" in str(error)
    if step == "load":
        if isinstance(error, ValueError):
            return "is not what the format says" not in str(error)
        return not _is_ours(error)  # of skops
    # Parameters that a file cannot hold came by a pickle.
    if isinstance(error, TypeError) and step.startswith("save"):
        return "parameter cannot be saved" in str(error)
    return isinstance(error, EXPECTED)


def _is_ours(error):
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename.startswith(PACKAGE) for frame in frames)


def run(corpus, target, seed, case):
    """One case: what it came to, and the findings with their steps."""
    rng = np.random.default_rng([seed, case, TARGETS.index(target)])
    findings = []
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        try:
            estimator = make(corpus, target, rng)
        except Exception as error:
            if not is_expected(error, "load"):
                findings.append(("load", error))
            return "refused", findings
        if not isinstance(estimator, (BackpropClassifier, BackpropRegressor)):
            return "something else", findings  # of skops, whose schema named it
        if "_params" not in vars(estimator):
            return "unfitted", findings
        for step, function in steps(estimator, corpus.folder, rng):
            try:
                function()
            except Exception as error:
                if not is_expected(error, step):
                    findings.append((step, error))
        return "used", findings
    except TooSlow as error:
        return "slow", [("slow", error)]
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


# ---- Many cases ----


def describe(step, error):
    """The kind of a finding: where in the package it was raised, and what."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(PACKAGE)] or frames
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
    return f"{step}: {type(error).__name__} at {where}: {str(error)[:100]}"


def quiet():
    """No warnings, no output, and no more memory than a case may take."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    sys.stdout = io.StringIO()
    signal.signal(signal.SIGVTALRM, too_slow)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def work(corpus, targets, seed, first, current, results):
    """A process that runs cases until it is ended, or has run enough of them."""
    quiet()
    for case in range(first, first + PER_PROCESS):
        for target in targets:
            current.value = case * len(TARGETS) + TARGETS.index(target)
            outcome, findings = run(corpus, target, seed, case)
            results.put((target, outcome, case, [describe(*one) for one in findings]))
    results.put(None)


def campaign(corpus, targets, seed, first, seconds):
    """Run cases for some seconds; returns the counts, and the findings with a case of each."""
    counts, findings = Counter(), {}
    context = multiprocessing.get_context("fork")
    end, last = time.monotonic() + seconds, first
    while time.monotonic() < end:
        current, results = context.Value("q", last * len(TARGETS)), context.SimpleQueue()
        worker = context.Process(
            target=work, args=(corpus, targets, seed, last, current, results), daemon=True
        )
        worker.start()
        heard = time.monotonic()
        while time.monotonic() < end:
            if results.empty():
                if not worker.is_alive() or time.monotonic() - heard > 30 * SECONDS:
                    break
                time.sleep(0.01)
                continue
            heard = time.monotonic()
            result = results.get()
            if result is None:
                break
            target, outcome, case, found = result
            counts[target, outcome] += 1
            for one in found:
                findings.setdefault((target, one), []).append(case)
        case, number = divmod(current.value, len(TARGETS))
        stuck = worker.is_alive() and time.monotonic() - heard > 30 * SECONDS
        worker.join(0.2)
        if worker.exitcode or stuck:
            what = "stuck" if stuck else f"ended with {worker.exitcode}"
            findings.setdefault((TARGETS[number], f"the process {what}"), []).append(case)
            counts[TARGETS[number], "crashed"] += 1
        worker.kill()
        worker.join()
        last = case + 1
    return counts, findings, last


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the first case")
    parser.add_argument("--case", type=int, help="this case alone, with what it raises")
    parser.add_argument("--target", choices=TARGETS, action="append")
    arguments = parser.parse_args()
    targets = arguments.target or TARGETS
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus(folder)
        if arguments.case is not None:
            output = sys.stdout
            quiet()
            sys.stdout = output
            for target in targets:
                outcome, found = run(corpus, target, arguments.seed, arguments.case)
                print(f"{target} {arguments.case}: {outcome}, {len(found)} findings")
                for step, error in found:
                    print(f"---- {step}")
                    traceback.print_exception(error, file=sys.stdout)
            return 0
        counts, findings, last = campaign(
            corpus, targets, arguments.seed, arguments.first, arguments.seconds
        )
    for (target, outcome), count in sorted(counts.items()):
        print(f"{target:8}{outcome:16}{count:9}")
    print(f"cases {arguments.first} to {last} of seed {arguments.seed}")
    for (target, what), cases in findings.items():
        print(f"\n{what}  ({len(cases)} times)")
        print(
            f"    python .ci/fuzz/campaign.py --seed {arguments.seed} --case {cases[0]} "
            f"--target {target}"
        )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
