"""The accuracy benchmark, on two small problems and on files of its users."""

import csv
import gzip
import importlib
import math
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score


@pytest.fixture(scope="module")
def accuracy():
    """What its modules hold; their thread settings are not for the rest of the tests."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            patch.setenv(name, "1")
        for module in ("problems", "contenders", "measuring", "report", "__main__"):
            found |= vars(importlib.import_module(f"benchmarks.accuracy.{module}"))
    return SimpleNamespace(**found)


def write(path, text):
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """A regression as CSV and two classes as ARFF, both with a missing number."""
    rng = np.random.RandomState(0)
    data = tmp_path / "data"
    data.mkdir()
    lines = ["length,colour,price"]
    for i in range(40):
        length = "" if i == 3 else f"{rng.uniform():.3f}"
        lines.append(
            f"{length},{('red', 'green', 'blue')[i % 3]},{10 * i / 7 + rng.normal():.4f}"
        )
    write(data / "prices.csv", "\n".join(lines))
    lines = [
        "@relation shapes", "@attribute width numeric", "@attribute kind {round,square}",
        "@attribute good {no,yes}", "@data",
    ]  # fmt: skip
    for i in range(30):
        width = "?" if i == 5 else f"{i % 2 + 0.1 * rng.normal():.3f}"
        lines.append(f"{width},{('round', 'square')[i % 5 == 0]},{('no', 'yes')[i % 2]}")
    write(data / "shapes.arff", "\n".join(lines))
    return data


def test_folder_becomes_problems(accuracy, folder):
    prices, shapes = accuracy.read_folder(folder)
    assert (prices.name, prices.task) == ("prices", accuracy.REGRESSION)
    assert prices.X.shape == (40, 4)
    np.testing.assert_array_equal(prices.X[:, 1:].sum(axis=1), 1)
    assert np.flatnonzero(np.isnan(prices.X[:, 0])).tolist() == [3]
    assert (shapes.name, shapes.task) == ("shapes", accuracy.CLASSIFICATION)
    assert shapes.X.shape == (30, 3)
    np.testing.assert_array_equal(shapes.y, np.arange(30) % 2)


def test_folder_without_data_is_refused(accuracy, tmp_path):
    with pytest.raises(FileNotFoundError, match="no CSV or ARFF file"):
        accuracy.read_folder(tmp_path)


def test_numbers_of_few_values_are_classes(accuracy, tmp_path):
    rows = [f"{i},{i % accuracy.MOST_CLASSES}" for i in range(100)]
    write(tmp_path / "few.csv", "\n".join(["x,y", *rows]))
    rows = [f"{i},{i % (accuracy.MOST_CLASSES + 1)}" for i in range(100)]
    write(tmp_path / "many.csv", "\n".join(["x,y", *rows]))
    few, many = accuracy.read_folder(tmp_path)
    assert (few.task, many.task) == (accuracy.CLASSIFICATION, accuracy.REGRESSION)


def test_accuracy_benchmark_runs_from_tables_to_report(accuracy, folder, tmp_path, capsys):
    table, picture = tmp_path / "results.csv", tmp_path / "results.png"
    results = accuracy.main([
        "--no-bundled", "--data", str(folder), "--repeats", "1", "--contenders", "linear",
        "--ours", '{"max_iter": 3, "tol": null}', "--csv", str(table), "--plot", str(picture),
    ])  # fmt: skip
    assert len(results) == 2 * 3 * accuracy.FOLDS
    assert not any(result.error for result in results)
    # The linear model can tell the shapes, and everything is measured where it should be.
    shapes = [r for r in results if (r.problem, r.contender) == ("shapes", "linear")]
    assert np.mean([r.accuracy for r in shapes]) > 0.8
    assert all(r.log_loss > 0 and math.isnan(r.r2) for r in shapes)
    assert all(math.isnan(r.accuracy) and r.r2 <= 1 for r in results if r.problem == "prices")
    with table.open(newline="", encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [row["contender"] for row in written] == [r.contender for r in results]
    assert picture.stat().st_size > 0
    printed = capsys.readouterr().out
    for wanted in ("classification, small, 1 problems: accuracy", "log_loss", "r2", "linear"):
        assert wanted in printed


def test_same_splits_for_all(accuracy, folder):
    seen = {}

    class Spy:
        def __init__(self, name):
            self.name = name

        def fit(self, X, y):
            seen.setdefault(self.name, []).append(X.copy())
            self.mean = y.mean()
            return self

        def predict(self, X):
            assert not np.isnan(X).any()
            return np.full(len(X), self.mean)

    contenders = [accuracy.Contender(n, None, lambda seed, n=n: Spy(n)) for n in "ab"]
    problems = accuracy.read_folder(folder)
    results = list(accuracy.measure(problems, contenders, repeats=2, folds=accuracy.FOLDS))
    assert {r.problem for r in results} == {"prices"}
    assert len(seen["a"]) == len(seen["b"]) == 2 * accuracy.FOLDS
    for first, second in zip(seen["a"], seen["b"], strict=True):
        np.testing.assert_array_equal(first, second)


def test_failure_is_told(accuracy, folder, capsys):
    contenders = [accuracy.ours(max_iter=2, tol=None), accuracy.ours("wrong", max_iter=-1)]
    results = list(
        accuracy.measure(
            accuracy.read_folder(folder), contenders, repeats=1, folds=accuracy.FOLDS
        )
    )
    failed = [r for r in results if r.error]
    assert {r.contender for r in failed} == {"wrong"}
    assert len(failed) == 2 * accuracy.FOLDS
    accuracy.report(results)
    assert (
        "failed: wrong on prices: ValueError: The 'max_iter' parameter"
        in capsys.readouterr().out
    )


def test_paired_differences_and_ranks(accuracy):
    table = np.array([[1.0, 2.0, 2.0], [3.0, 4.0, 1.0], [5.0, 8.0, 5.0], [1.0, np.nan, 0.0]])
    mean, error, n = accuracy.paired(table, 1)
    assert (mean, n) == (pytest.approx(5 / 3), 3)
    assert error == pytest.approx(np.std([1, 1, 3], ddof=1) / np.sqrt(3))
    # Only the rows where all have a number count, and ties share their ranks.
    np.testing.assert_allclose(
        accuracy.ranks(table, 1), [2.5, (1.5 + 1 + 1) / 3, (1.5 + 3 + 2.5) / 3]
    )
    np.testing.assert_allclose(
        accuracy.ranks(table, -1), [(1 + 2 + 1.5) / 3, (2.5 + 3 + 3) / 3, (2.5 + 1 + 1.5) / 3]
    )


def test_bundled_problems_are_whole(accuracy):
    problems = list(accuracy.bundled())
    assert len({p.name for p in problems}) == len(problems)
    assert {p.task for p in problems} == {accuracy.CLASSIFICATION, accuracy.REGRESSION}
    for problem in problems:
        assert problem.X.shape[0] == problem.y.size
        assert np.isfinite(problem.X).all()
        classes = np.unique(problem.y).size
        if problem.task == accuracy.CLASSIFICATION:
            assert 2 <= classes <= accuracy.MOST_CLASSES
        else:
            assert classes > accuracy.MOST_CLASSES
        smaller = problem.at_most(100)
        assert smaller.y.size == min(100, problem.y.size)


def test_tables_of_a_task_lie_in_its_folder(accuracy, tmp_path):
    """Compressed or not, and whatever the number of different targets."""
    for task, n_values in (("classification", 30), ("regression", 3)):
        (tmp_path / task).mkdir()
        lines = ["x,y", *(f"{i},{i % n_values}" for i in range(60))]
        with gzip.open(tmp_path / task / f"{task[:5]}.v2.csv.gz", "wt") as file:
            file.write("\n".join(lines))
    write(tmp_path / "index.csv", "table,rows\nclass,60")  # which is no table
    classes, numbers = accuracy.read_folder(tmp_path)
    assert (classes.name, classes.task) == ("class.v2", accuracy.CLASSIFICATION)
    assert (numbers.name, numbers.task) == ("regre.v2", accuracy.REGRESSION)


def test_classes_that_cannot_be_in_every_fold_are_left_out(accuracy, tmp_path):
    rows = [f"{i},{label}" for i, label in enumerate("aaaaabbbbbbcccc")]
    write(tmp_path / "table.csv", "\n".join(["x,y", *rows]))
    (problem,) = accuracy.read_folder(tmp_path)
    assert np.bincount(problem.y).tolist() == [5, 6]
    assert problem.X.shape == (11, 1)


def test_every_third_table_of_a_task_is_set_aside(accuracy, tmp_path, capsys):
    nothing = np.zeros((1, 1)), np.zeros(1)
    tables = [accuracy.Problem(n, accuracy.CLASSIFICATION, *nothing) for n in "fedcba"]
    tables += [accuracy.Problem(n, accuracy.REGRESSION, *nothing) for n in "xy"]
    assert accuracy.set_aside(tables) == {"c", "f"}
    for name in "abc":
        rows = [f"{i},{i % 2}" for i in range(20)]
        write(tmp_path / f"{name}.csv", "\n".join(["x,y", *rows]))
    for part, names in (("tune", ["a", "b"]), ("aside", ["c"]), ("all", ["a", "b", "c"])):
        arguments = ["--no-bundled", "--data", str(tmp_path), "--part", part]
        problems = accuracy.problems_of(accuracy.parse(arguments))
        assert [problem.name for problem in problems] == names


def test_probabilities_are_judged_as_scikit_learn_does(accuracy):
    rng = np.random.default_rng(0)
    classes = np.array([2, 5])
    y = rng.choice(classes, 300)
    p = rng.uniform(size=300)
    found = accuracy.of_probabilities(np.column_stack([1 - p, p]), y, classes)
    assert found["brier_score"] == pytest.approx(2 * brier_score_loss(y == 5, p))
    assert found["auc"] == pytest.approx(roc_auc_score(y == 5, p))
    sure = np.eye(3)[[0, 1, 2, 0]]
    found = accuracy.of_probabilities(sure, np.array([0, 1, 2, 1]), np.arange(3))
    assert found["calibration_error"] == pytest.approx(0.25)
    assert found["brier_score"] == pytest.approx(0.5)
    half = np.array([[0.5, 0.5], [0.5, 0.5]])
    found = accuracy.of_probabilities(half, np.array([0, 1]), np.arange(2))
    assert found["calibration_error"] == 0
    # No class may be missing where they are told apart.
    assert math.isnan(accuracy.of_probabilities(half, np.zeros(2), np.arange(2))["auc"])


def test_critical_difference_is_that_of_the_literature(accuracy):
    """Demsar (2006), table 5a: 2.343 for three contenders, 3.164 for ten."""
    for n, quantile in ((2, 1.960), (3, 2.343), (10, 3.164)):
        expected = quantile * math.sqrt(n * (n + 1) / (6 * 30))
        assert accuracy.critical_difference(n, 30) == pytest.approx(expected, abs=1e-3)


def test_contenders_are_chosen_by_name(accuracy):
    names = [c.name for c in accuracy.chosen(["Hist*", "lin*"])]
    assert names == ["linear", "HistGradientBoosting"]
    everybody = [c.name for c in accuracy.chosen([])]
    assert {"RandomForest", "SVM"} <= set(everybody)
    assert not any(name.startswith("RealMLP") for name in everybody)


def test_curves_over_rows_are_drawn(accuracy, folder, tmp_path):
    picture, ranks = tmp_path / "curves.png", tmp_path / "ranks.png"
    results = accuracy.main([
        "--no-bundled", "--data", str(folder), "--repeats", "1", "--folds", "2", "--rows", "15",
        "30", "--contenders", "linear", "--curves", str(picture), "--ranks", str(ranks),
    ])  # fmt: skip
    assert sorted({r.n_train for r in results if r.problem.startswith("prices")}) == [12, 24]
    assert {r.fold for r in results} == {0, 1}
    assert picture.stat().st_size > 0
    assert ranks.stat().st_size > 0
