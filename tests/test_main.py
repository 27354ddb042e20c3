"""The main job: what it prints, and how it ends."""

import re
import runpy
import signal
import subprocess
import sys
import threading

import pytest

from skbackprop.__main__ import EXTENSIONS, main, show_progress


def test_case_study(capsys):
    assert main(["--seed", "1"]) == 0
    printed = capsys.readouterr().out
    assert "210 rows, 7 inputs, 3 classes" in printed
    assert "zero rule: 24.762%" in printed
    means = [float(mean) for mean in re.findall(r"mean: ([\d.]+)%", printed)]
    assert len(means) == 1 + len(EXTENSIONS)
    assert min(means) > 85
    assert all(name in printed for name in EXTENSIONS)


def test_options(capsys):
    assert (
        main(["--hidden", "4", "3", "--epochs", "20", "--folds", "3", "--no-extensions"]) == 0
    )
    printed = capsys.readouterr().out
    assert "(4, 3) hidden, rate 0.3, 20 epochs" in printed
    assert len(re.findall(r"^folds:.*", printed, re.M)[0].split()) == 4
    assert "suggests" not in printed


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
def test_impossible_options_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_runs_as_a_module():
    command = [sys.executable, "-m", "skbackprop", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--epochs" in done.stdout


def test_progress_is_for_terminals(monkeypatch, capsys):
    show_progress(2, 5, "momentum")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    show_progress(2, 5, "momentum")
    show_progress(2, 5, "")
    assert capsys.readouterr().err == "\r\033[K[##...] momentum\r\033[K"


def test_ctrl_c_ends_it_quietly(monkeypatch):
    def interrupt(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr("skbackprop.datasets.load_wheat_seeds", interrupt)
    monkeypatch.setattr(sys, "argv", ["skbackprop"])
    monkeypatch.delitem(sys.modules, "skbackprop.__main__")
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("skbackprop", run_name="__main__")
    assert stop.value.code == 130


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_interrupt_ends_the_command_in_the_middle_of_training():
    command = [sys.executable, "-u", "-m", "skbackprop", "--epochs", "100000000"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not process.stdout.readline().startswith("zero rule"):
        pass
    threading.Event().wait(0.3)  # some epochs end
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=100)
    assert (process.returncode, output, errors) == (130, "", "")
