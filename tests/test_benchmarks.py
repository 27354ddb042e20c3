"""The benchmarks run, say who is missing, and have everybody do the same work."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
TITLES = (
    "The case study, seconds", "Online learning, ns per update",
    "A stream of rows, us per partial_fit", "Prediction", "Mini-batches, ms per 10,000 rows",
    "Many rows, at the defaults", "How a fit grows",
    "Solvers: epochs and seconds to a given loss",
)  # fmt: skip


def printed_by(module, *arguments, **environment):
    """What a benchmark prints as a smoke run."""
    return subprocess.run(
        [sys.executable, "-m", module, "--smoke", *arguments],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def test_all_benchmarks_run_and_name_who_is_missing(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('not here')\n")
    page = tmp_path / "performance.md"
    printed = printed_by(
        "benchmarks", "--markdown", str(page),
        PYTHONPATH=os.pathsep.join([str(tmp_path)]), OMP_NUM_THREADS="1",
    )  # fmt: skip
    written = page.read_text("utf-8")
    for title in TITLES:
        assert f"\n{title}\n" in printed
        assert f"## {title}\n" in written
    for text in (printed, written):
        assert "missing: torch (pip install skbackprop[benchmark])" in text
        assert "1 thread(s)" in text
    lines = printed.splitlines()
    torch = [line.split() for line in lines if line.startswith("torch, eager SGD ")]
    assert torch and all(line[3:] == ["missing"] * 4 for line in torch)
    unmeasured = [line for line in lines if line.startswith("torch fused / ours")]
    assert unmeasured and all(line.endswith("not measured") for line in unmeasured)
    ours = [line.split()[2:] for line in lines if line.startswith("ours, log loss ")]
    assert [float(number) > 0 for line in ours for number in line[1:]] == [True] * 4


def test_one_script_with_the_peers_that_are_here():
    printed = printed_by("benchmarks.streaming")
    assert "MLPClassifier.partial_fit of one row / ours, 7-5-3  >= 200" in printed
    torch = next(one for one in printed.splitlines() if one.startswith("torch, eager SGD"))
    assert ("missing" in torch) == ("missing: torch" in printed)


def test_every_script_that_reports_is_among_all():
    scripts = {
        path.stem
        for path in (ROOT / "benchmarks").glob("[a-z]*.py")  # not __main__
        if "\ndef benchmark(report)" in path.read_text("utf-8")
    }
    imported = (ROOT / "benchmarks" / "__main__.py").read_text("utf-8")
    listed = imported.split("ALL = (")[1].split(")")[0]
    assert set(listed.split(", ")) == scripts
    assert len(TITLES) == len(scripts)


@pytest.fixture
def benchmarks(monkeypatch):
    """The package, without the limit on threads that it sets for its own runs."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    import benchmarks

    return benchmarks


def needed(make, *arguments):
    """A peer; the test is skipped, and says why, where it is missing."""
    from benchmarks._measure import MissingPeer

    try:
        return make(*arguments)
    except MissingPeer as reason:
        pytest.skip(f"missing: {reason}")


def after_two_epochs(benchmarks, dtype):
    """A problem, and our weights, neuron by neuron, when two epochs have been learned."""
    from benchmarks import _ours
    from benchmarks._problems import Problem

    problem = Problem.drawn((7, 5, 3), dtype, 60)
    ours = _ours.textbook(problem, max_iter=2, learning_rate_init=0.3)
    ours.fit(problem.X, problem.y)
    assert not np.allclose(ours.coefs_[0], problem.first_weights()[0][0], atol=0.01)
    both = zip(ours.coefs_, ours.intercepts_, strict=True)
    return problem, [np.vstack([coefs, biases]).T for coefs, biases in both]


def test_plain_python_learns_what_ours_learns(benchmarks):
    from benchmarks.peers.textbook import Textbook

    problem, wanted = after_two_epochs(benchmarks, np.float64)
    plain = Textbook(problem, 0.3)
    plain.train(2)
    for layer, ours in zip(plain.layers, wanted, strict=True):
        np.testing.assert_allclose(layer, ours, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_plain_c_learns_what_ours_learns(benchmarks, dtype):
    from benchmarks.peers.plain_c import PlainC

    problem, wanted = after_two_epochs(benchmarks, dtype)
    plain = needed(PlainC, problem, 0.3)
    plain.train(2)
    w1, b1, w2, b2 = plain.weights
    for weights, biases, ours in ((w1, b1, wanted[0]), (w2, b2, wanted[1])):
        layer = np.column_stack([weights, biases])
        np.testing.assert_allclose(layer, ours, rtol=1e4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_fann_learns_what_ours_learns(benchmarks, dtype):
    from benchmarks.peers.fann import Fann

    problem, wanted = after_two_epochs(benchmarks, dtype)
    fann = needed(Fann, problem, 0.3)
    start = 0  # its neurons are numbered layer by layer, each layer's bias last
    for coefs, biases in zip(*problem.first_weights(), strict=True):
        above = start + len(coefs) + 1
        for (i, j), weight in np.ndenumerate(np.vstack([coefs, biases])):
            fann.library.fann_set_weight(fann.network, start + i, above + j, weight)
        start = above
    fann.train(2)
    outputs = problem.X[0]
    for layer in wanted:
        outputs = 1 / (1 + np.exp(-layer @ np.append(outputs, 1)))
    # It rounds its learning rate to single precision.
    np.testing.assert_allclose(fann.predict(problem.X[0]), outputs, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_benchmark_floor_is_the_matrix_products_of_an_update(benchmarks, dtype):
    from benchmarks.peers import plain_c

    listed, (signals, deltas, weights, gradients) = plain_c.products((4, 5, 3), 6, dtype)
    before = [array.copy() for array in (*signals, *deltas)]
    contender = needed(plain_c.gemms, (4, 5, 3), 12, 6, dtype)
    assert contender.units == 12
    contender.run(1)
    plain_c.multiply(listed, dtype, 1)
    close = {"rtol": 1e3 * np.finfo(dtype).eps, "atol": 1e3 * np.finfo(dtype).eps}
    np.testing.assert_array_equal(signals[0], before[0])
    np.testing.assert_array_equal(deltas[2], before[5])
    np.testing.assert_allclose(signals[1], signals[0] @ weights[0], **close)
    np.testing.assert_allclose(signals[2], signals[1] @ weights[1], **close)
    np.testing.assert_allclose(deltas[1], deltas[2] @ weights[1].T, **close)
    np.testing.assert_allclose(gradients[1], signals[1].T @ deltas[2], **close)
    np.testing.assert_allclose(gradients[0], signals[0].T @ deltas[1], **close)


def test_contenders_take_turns(benchmarks):
    from benchmarks._measure import Contender, Effort, MissingPeer, take_turns

    order = []

    def of(name, units):
        return lambda: Contender(lambda repeats: order.append((name, repeats)), units, least=2)

    def missing():
        raise MissingPeer("nobody (ask around)")

    effort = Effort(rounds=3, turn=0.0)
    times = take_turns({"a": of("a", 10), "b": of("b", 1), "nobody": missing}, effort)
    assert [name for name, _ in order] == list("ab" + "ab" + "ba" + "ab")
    assert {repeats for _, repeats in order} == {2}
    assert times.missing == {"nobody": "nobody (ask around)"}
    times.rounds = {"a": [1.0, 9.0, 2.0], "b": [4.0, 3.0, 5.0]}
    assert times.ratio("b", "a") == 2.0
    assert times.ratio("b", "nobody") is None
    assert times.spread() == 4.0 / 2.0


def test_benchmark_repeats_until_its_time_is_filled(benchmarks, monkeypatch):
    from benchmarks import _measure

    now = [0.0]

    def work(repeats):
        now[0] += 0.5 + 0.001 * repeats  # half a second of which is no repeat's

    monkeypatch.setattr(_measure.time, "perf_counter", lambda: now[0])
    times = _measure.take_turns(
        {"a": lambda: _measure.Contender(work)}, _measure.Effort(rounds=1, turn=10.0)
    )
    assert 0.001 < times.seconds("a") < 0.0011


def test_targets_say_what_is_short(benchmarks):
    from benchmarks._report import Target

    assert Target("a", 12.0, at_least=10).row()[1:] == (">= 10", "12.0", "1.20", "met")
    assert Target("b", 0.7, at_most=0.35).row()[-1] == "short by 2.00 times"
    assert Target("c", None, at_least=3).row()[-1] == "not measured"
    assert Target("d", -0.1, at_most=20, unit=" us").row()[1::3] == ("<= 20 us", "met")
