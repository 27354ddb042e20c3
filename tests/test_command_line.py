"""The command: the case study, `fit` and `predict`, what they print, and how they end."""

import os
import re
import signal
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest

import skbackprop
from skbackprop._cli import case_study, console
from skbackprop._cli.main import main

SKIP_WINDOWS = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


def run(*arguments, **options):
    command = [sys.executable, "-m", "skbackprop", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


@pytest.fixture
def table(tmp_path):
    """A table of 90 rows with a number, a category with gaps, and a row number."""
    rng = np.random.RandomState(0)
    size = rng.normal(size=90).round(3)
    frame = pd.DataFrame(
        {
            "id": np.arange(90),
            "size": size,
            "color": np.where(rng.rand(90) < 0.1, "", rng.choice(["red", "blue"], 90)),
            "kind": np.where(size > 0, "high", "low"),
        }
    )
    path = tmp_path / "plants.csv"
    frame.to_csv(path, index=False, sep=";")
    return path


# ---- The case study ----


def test_case_study_prints_a_row_for_each_model(capsys):
    assert main(["--seed", "1"]) == 0
    printed = capsys.readouterr().out
    assert "Jason Brownlee" in printed
    assert "93.333%" in printed
    assert "210 rows, 7 inputs, 3 classes" in printed
    accuracies = dict(re.findall(r"^(.+?) +([\d.]+)% +[\d.]+ +[\d.]+$", printed, re.M))
    assert list(accuracies) == [
        "majority class (baseline)", case_study.TUTORIAL, *case_study.EXTENSIONS,
        case_study.DEFAULT, case_study.SEARCH,
    ]  # fmt: skip
    assert accuracies.pop("majority class (baseline)") == "24.762"
    assert min(map(float, accuracies.values())) > 85
    matrix = re.findall(r"^(?:Kama|Rosa|Canadian) +(\d+) +(\d+) +(\d+)$", printed, re.M)
    counts = np.array(matrix, dtype=int)
    assert counts.sum(axis=1).tolist() == [70, 70, 70]
    best = max(map(float, accuracies.values()))
    assert 100 * np.trace(counts) / 210 == pytest.approx(best, abs=5e-4)
    assert "Within the noise of 5 folds" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_case_study_takes_options(capsys):
    arguments = ["--hidden", "4", "3", "--epochs", "20", "--folds", "3", "--no-extensions"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "4, 3 logistic hidden neurons, learning rate 0.3, 20 epochs" in " ".join(
        printed.split()
    )
    assert "tanh activation" not in printed
    assert case_study.SEARCH not in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "'max_iter'"),
        (["--rate", "-1"], "'learning_rate_init'"),
        (["--hidden", "0"], "'hidden_layer_sizes'"),
        (["--folds", "1"], "--folds must be"),
        (["--seed", "-1"], "--seed must be"),
    ],
)
def test_case_study_names_impossible_options(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_case_study_of_the_tutorial_is_its_published_network():
    """The options' defaults are the tutorial's: 5 neurons, rate 0.3, 500 epochs, 5 folds."""
    from skbackprop._cli.main import make_parser

    options = make_parser().parse_args([])
    network = case_study._tutorial_classifier(options).get_params()
    for name, value in skbackprop.presets.TEXTBOOK.items():
        if name not in ("learning_rate_init", "max_iter"):
            assert network[name] == value
    assert network["hidden_layer_sizes"] == (5,)
    assert (network["learning_rate_init"], network["max_iter"]) == (0.3, 500)
    assert options.folds == 5


# ---- How the command ends ----


def test_version():
    assert run("--version").stdout.strip() == f"skbackprop {skbackprop.__version__}"


def test_help_names_the_commands():
    done = run("--help", check=True)
    for word in ("--epochs", "--version", "fit", "predict"):
        assert word in done.stdout


@SKIP_WINDOWS
def test_a_closed_pipe_is_silent():
    command = f"{sys.executable} -m skbackprop --no-extensions | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True
    )
    assert done.stdout.startswith("Jason Brownlee")
    assert (done.returncode, done.stderr) == (141, "")


def test_an_interrupt_ends_with_130(monkeypatch):
    def interrupt(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(case_study, "load_wheat_seeds", interrupt)
    assert main([]) == 130


@SKIP_WINDOWS
def test_an_interrupt_ends_the_command_in_the_middle_of_training():
    command = [sys.executable, "-u", "-m", "skbackprop", "--epochs", "100000000"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        while not process.stdout.readline().startswith("implementation"):
            pass
        threading.Event().wait(0.3)  # some epochs end
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=100)
    finally:
        process.kill()
    assert (process.returncode, output.strip(), errors) == (130, "", "")


# ---- fit ----


def test_fit_prints_what_it_found_and_saves(table, tmp_path, capsys):
    model = tmp_path / "model.skops"
    report = tmp_path / "report.html"
    assert main(["fit", str(table), "--out", str(model), "--report", str(report)]) == 0
    captured = capsys.readouterr()
    printed = " ".join(captured.out.split())
    assert captured.err == ""
    assert "90 rows, 4 columns" in printed
    assert "separated by semicolons; missing cells:" in printed
    assert "Target: kind (classification: the target is text)" in printed
    assert "Dropped: id (it numbers the rows)." in printed
    for name in ("baseline", "linear model", "boosted trees", "skbackprop"):
        assert re.search(rf"^{name} +[\d.]+% ± [\d.]+ ", captured.out, re.M)
    assert re.search(r"^size +[\d.]+ ± ", captured.out, re.M)
    assert re.search(r"^high +\d+ +\d+$", captured.out, re.M)
    assert f"Wrote {model}." in printed.replace("\n", " ")
    assert report.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert max(map(len, re.sub(r"\S{40,}", "", captured.out).splitlines())) <= 80


@pytest.mark.parametrize("columns", ["60", "80"])
def test_fit_keeps_tables_within_the_terminal(table, tmp_path, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.chdir(tmp_path)
    long = "a column with a name that is far too long for any terminal of usual width"
    frame = pd.read_csv(table, sep=";").rename(columns={"size": long})
    frame.to_csv("long.csv", index=False)
    assert main(["fit", "long.csv"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= int(columns)


def test_fit_of_a_regression_prints_errors_in_units(table, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", str(table), "--target", "size", "--drop", "id", "--folds", "3"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert (
        "Target: size (regression: the target is a number with 90 different values)" in printed
    )
    assert re.search(r"off by 0\.\d+ on average \(mean absolute error\), in the units of size",
                     printed)  # fmt: skip
    assert "Dropped: id (you asked for it)" in printed
    assert (tmp_path / "model.skops").exists()


def test_fit_lists_the_confused_pairs_of_many_classes(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X = np.arange(13 * 12) % 13
    pd.DataFrame({"x": X + np.random.RandomState(0).normal(0, 0.5, len(X)), "y": X}).to_csv(
        "many.csv", index=False
    )
    assert main(["fit", "many.csv", "--folds", "2", "--task", "classification"]) == 0
    printed = capsys.readouterr().out
    assert "13 classes; the most frequent errors:" in printed
    assert re.search(r"^\d+ +\d+ +\d+$", printed, re.M)


def test_fit_exports_c_that_predicts_the_same(table, tmp_path, capsys):
    model, source = tmp_path / "model.joblib", tmp_path / "net.c"
    arguments = [
        "fit",
        str(table),
        "--folds",
        "2",
        "--out",
        str(model),
        "--export-c",
        str(source),
    ]
    assert main(arguments) == 0
    loaded = skbackprop.tables.TableModel.load(model)
    text = source.read_text("utf-8")
    names = loaded.pipeline.named_steps["encode"].get_feature_names_out()
    assert f" * Its columns: {', '.join(names)}.\n" in text
    assert "takes a code: 0 is" in text
    assert "net_predict" in text


def test_fit_exports_onnx_that_predicts_the_same(table, tmp_path):
    import onnxruntime

    model, file = tmp_path / "model.joblib", tmp_path / "net.onnx"
    arguments = [
        "fit",
        str(table),
        "--folds",
        "2",
        "--out",
        str(model),
        "--export-onnx",
        str(file),
    ]
    assert main(arguments) == 0
    loaded = skbackprop.tables.TableModel.load(model)
    frame, _ = skbackprop.tables.read_table(table)
    cells = loaded.encode(frame)
    session = onnxruntime.InferenceSession(file.read_bytes())
    feed = {
        name: (cells[name].to_numpy() if name == "size" else
               cells[name].to_numpy(object))[:, None]
        for name in cells
    }  # fmt: skip
    labels, probabilities = session.run(None, feed)
    expected = loaded.predict(frame)
    assert list(labels) == list(expected["predicted kind"])
    np.testing.assert_allclose(probabilities, expected.iloc[:, 1:], atol=1e-5)


def test_fit_exports_missing_cells_to_onnx(table, tmp_path):
    frame = pd.read_csv(table, sep=";")
    frame.loc[3, "size"] = None
    path = tmp_path / "gaps.csv"
    frame.to_csv(path, index=False)
    out, onnx = tmp_path / "m.joblib", tmp_path / "m.onnx"
    code = main(
        ["fit", str(path), "--folds", "2", "--out", str(out), "--export-onnx", str(onnx)]
    )
    assert (code, out.exists(), onnx.exists()) == (0, True, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "There is no file none.csv."),
        (
            ["plants.csv", "--target", "knd"],
            "The target 'knd' is not in the table. Did you mean",
        ),
        (["plants.csv", "--drop", "colour"], "Did you mean 'color'?"),
        (["plants.csv", "--folds", "1"], "at least 2. Got 1"),
        (["plants.csv", "--seed", "-1"], "--seed is a whole number"),
        (["plants.csv", "--task", "regression"], "needs a numeric target"),
        (["plants.csv", "--out", "model.pkl"], r"ends with .skops or .joblib. Got 'model.pkl'"),
        (["plants.csv", "--out", "none/model.skops"], "There is no folder 'none'"),
        (["plants.csv", "--report", "."], "'.' is a folder"),
        (["one.csv"], "one.csv has one column"),
    ],
)
def test_fit_ends_with_one_line_for_bad_input(table, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(table.parent)
    (table.parent / "one.csv").write_text("a\n1\n2\n")
    before = set(os.listdir())
    assert main(["fit", *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert message in errors
    assert errors.startswith("skbackprop: error: ")
    assert set(os.listdir()) == before


@pytest.mark.parametrize(
    ("module", "option", "extra"),
    [("matplotlib", "--report", "tables"), ("skl2onnx", "--export-onnx", "onnx")],
)
def test_fit_names_the_extra_before_the_work(table, capsys, monkeypatch, module, option, extra):
    monkeypatch.chdir(table.parent)
    real = __import__("importlib.util").util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == module else real(name)
    )
    assert main(["fit", "plants.csv", option, "file"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{option} needs {module}" in captured.err
    assert f"skbackprop[{extra}]" in captured.err


# ---- predict ----


@pytest.fixture
def model(table, capsys):
    path = table.parent / "model.skops"
    assert main(["fit", str(table), "--folds", "2", "--out", str(path)]) == 0
    capsys.readouterr()
    return path


def test_predict_answers_with_the_rows_and_probabilities(table, model, capsys):
    new = table.parent / "new.csv"
    new.write_text("color,size\nred,2.5\nblue,-2.5\npurple,\n")
    assert main(["predict", str(model), str(new)]) == 0
    out = table.parent / "answers.csv"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "color,size,predicted kind,probability high,probability low"
    assert [line.split(",")[2] for line in lines[1:3]] == ["high", "low"]
    assert main(["predict", str(model), str(new), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"Wrote 3 predictions to {out}.\n"
    assert out.read_text().splitlines() == lines


def test_predict_scores_a_table_that_holds_the_target(table, model, capsys):
    out = table.parent / "answers.parquet"
    assert main(["predict", str(model), str(table), "--out", str(out)]) == 0
    answers = pd.read_parquet(out)
    accuracy = 100 * (answers["kind"] == answers["predicted kind"]).mean()
    assert f"accuracy {accuracy:.2f}%" in capsys.readouterr().err


def test_predict_reads_categories_as_text(tmp_path, capsys):
    """Codes such as 01 stay what they are in a table where all are numbers."""
    (tmp_path / "codes.csv").write_text("code,y\n" + "01,a\n1,b\nx,b\n" * 20)
    (tmp_path / "new.csv").write_text("code,z\n01,0\n1,0\n")
    model = tmp_path / "m.joblib"
    assert main(["fit", str(tmp_path / "codes.csv"), "--folds", "2", "--out", str(model)]) == 0
    capsys.readouterr()
    assert main(["predict", str(model), str(tmp_path / "new.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == ["a", "b"]


def test_predict_ends_with_one_line_for_bad_input(table, model, capsys, monkeypatch):
    monkeypatch.chdir(table.parent)
    (table.parent / "other.csv").write_text("length,color\n1,red\n2,red\n")
    (table.parent / "bad.skops").write_bytes(model.read_bytes()[:200])
    for arguments, message in (
        (["none.skops", "plants.csv"], "There is no model file"),
        (["bad.skops", "plants.csv"], "is damaged, or is not a model"),
        (["model.skops", "none.csv"], "There is no file none.csv"),
        (
            ["model.skops", "other.csv"],
            "It lacks 'size'. Columns that it does not know: 'length'",
        ),
        (["model.skops", "plants.csv", "--out", "a.txt"], "ends with .csv or .parquet"),
    ):
        assert main(["predict", *arguments]) == 2
        errors = capsys.readouterr().err
        assert message in errors
        assert errors.count("\n") == 1


# ---- The console ----


def test_tables_are_aligned_and_cut_to_the_width(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    console.print_table(["name", "n"], [["a" * 60, "1"], ["b", "1234"]])
    lines = capsys.readouterr().out.splitlines()
    assert [len(line) for line in lines] == [40, 40, 40]
    assert lines[1].startswith("aaa") and "..." in lines[1]
    assert [line.split()[-1] for line in lines] == ["n", "1", "1234"]


def test_progress_is_for_terminals(monkeypatch, capsys):
    monkeypatch.setattr(console, "HAS_RICH", False)
    with console.ProgressBar() as progress:
        progress(2, 5, "fold 1")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with console.ProgressBar() as progress:
        progress(2, 5, "fold 1")
    assert capsys.readouterr().err == f"\r\033[K[{'#' * 8}{'.' * 12}] fold 1\r\033[K"


def test_output_is_plain_in_a_pipe_and_bold_on_a_terminal(monkeypatch, capsys):
    assert not console.is_rich()
    console.print_heading("Scores")
    assert capsys.readouterr().out == "\nScores\n"


@SKIP_WINDOWS
def test_output_on_a_terminal_is_the_same_text_with_styles(table):
    """Under a pseudo-terminal, rich adds escape sequences and no other characters."""
    import pty

    pid, master = pty.fork()
    if pid == 0:
        os.chdir(table.parent)
        command = [sys.executable, "-m", "skbackprop", "fit", "plants.csv", "--folds", "2"]
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm", "COLUMNS": "80"})
    chunks = []
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        chunks.append(chunk)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    text = b"".join(chunks).decode()
    assert "\x1b[1m" in text  # bold
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert re.search(r"skbackprop +[\d.]+% ±", plain)
    assert "Wrote model.skops." in plain
