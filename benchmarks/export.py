"""The C file against emlearn's, and its learning step against the kernel.

    python -m pip install emlearn
    python benchmarks/export.py

One network of logistic neurons, in one run, on one thread: nanoseconds per prediction and
per learning step on this computer, compiled with ``-O2``, medians of turns; and where
arm-none-eabi-gcc is installed the bytes of flash of the compiled network for a Cortex-M3,
compiled with ``-Os``, with the C library it needs and without anything else.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})

import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import emlearn
import numpy as np

from skbackprop import BackpropClassifier
from skbackprop.export import to_c, to_sklearn

SHAPES = [(7, 5, 3), (32, 64, 10)]
ROUNDS = 7
MAIN = """
#include <stdio.h>
#include <time.h>
#include "net.c"
#ifndef PREDICT
#define PREDICT net_predict(x)
#endif
int main(void)
{
    enum { N = 100000 };
    static float rows[64][INPUTS];
    volatile int sink = 0;
    for (int i = 0; i < 64 * INPUTS; i++) {
        rows[i / INPUTS][i % INPUTS] = (i * 37 % 101) / 50.0f - 1;
    }
    clock_t begin = clock();
    for (int i = 0; i < N; i++) { const float *x = rows[i & 63]; sink += PREDICT; }
    printf("%.1f ", 1e9 * (clock() - begin) / CLOCKS_PER_SEC / N);
    begin = clock();
#ifdef LEARN
    for (int i = 0; i < N; i++) net_learn_one(rows[i & 63], i % OUTPUTS, 1e-3f);
#endif
    printf("%.1f\\n", 1e9 * (clock() - begin) / CLOCKS_PER_SEC / N);
    return 0;
}
"""
DEVICE = """
#include "net.c"
volatile float x[INPUTS];
volatile int answer;
int main(void)
{
    float row[INPUTS];
    for (int i = 0; i < INPUTS; i++) row[i] = x[i];
    %s
    return 0;
}
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def defines(shape, name):
    flags = [f"-DINPUTS={shape[0]}", f"-DOUTPUTS={shape[-1]}", f"-I{emlearn.includedir}"]
    if name == "emlearn float":
        flags.append("-DPREDICT=net_predict(x,INPUTS)")
    return flags + (["-DLEARN"] if "learning" in name else [])


def build(folder, shape, name, source):
    """Compile a file for this computer; returns the program."""
    place = Path(folder) / name.replace(" ", "_")
    place.mkdir()
    (place / "net.c").write_text(source)
    (place / "main.c").write_text(MAIN)
    program = place / "program"
    run("gcc", "-std=gnu99", "-O2", *defines(shape, name), str(place / "main.c"), "-o",
        str(program), "-lm")  # fmt: skip
    return program


def flash(folder, shape, name):
    """Bytes of flash of a program that predicts, less those of one that does not."""
    if shutil.which("arm-none-eabi-gcc") is None:
        return "-"
    place = Path(folder) / name.replace(" ", "_")
    call = "net_predict(row,INPUTS)" if name == "emlearn float" else "net_predict(row)"
    learn = " net_learn_one(row, 1, 0.1f);" if "learning" in name else ""
    totals = []
    for body in (f"answer = {call};{learn}", "answer = (int)row[0];"):
        (place / "device.c").write_text(DEVICE % body)
        run("arm-none-eabi-gcc", "-std=gnu99", "-mcpu=cortex-m3", "-mthumb", "-Os",
            "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections",
            "--specs=nano.specs", "--specs=nosys.specs", *defines(shape, name),
            str(place / "device.c"), "-o", str(place / "device.elf"), "-lm")  # fmt: skip
        sizes = run("arm-none-eabi-size", str(place / "device.elf")).splitlines()[1].split()
        totals.append(int(sizes[0]) + int(sizes[1]))
    return str(totals[0] - totals[1])


def kernel(model, X, y):
    """Nanoseconds per learning step of the kernel, and per prediction of many rows."""
    rows = np.arange(20_000) % len(X)
    X, y = X[rows], y[rows]
    began = time.perf_counter()
    model.partial_fit(X, y)
    learned = time.perf_counter()
    model.predict(X)
    return [1e9 * (time.perf_counter() - learned) / len(X), 1e9 * (learned - began) / len(X)]


def compare(shape):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (500, shape[0])).astype(np.float32)
    y = np.arange(500) % shape[-1]
    model = BackpropClassifier(
        shape[1:-1], activation="logistic", solver="sgd", batch_size=1, max_iter=1, tol=None,
        standardize=False, alpha=0.0, clip_norm=None, shuffle=False, random_state=0,
    ).fit(X, y)  # fmt: skip
    sources = {
        "float": to_c(model),
        "float, learning": to_c(model, learn=True),
        "int16": to_c(model, dtype="int16", X=X),
        "int8": to_c(model, dtype="int8", X=X),
    }
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)  # emlearn builds a program of its own where it stands
        emlearn.convert(to_sklearn(model), method="inline").save(file="peer.h", name="net")
        os.chdir(before)
        # Its file counts on these headers.
        headers = "#include <stdint.h>\n#include <stdio.h>\n"
        sources["emlearn float"] = headers + Path(f"{folder}/peer.h").read_text()
        programs = {name: build(folder, shape, name, text) for name, text in sources.items()}
        times = {name: [] for name in (*programs, "our kernel")}
        for _ in range(ROUNDS):
            for name, program in programs.items():
                times[name].append([float(value) for value in run(str(program)).split()])
            times["our kernel"].append(kernel(model, X, y))
        for name, rounds in times.items():
            predict, learn = map(statistics.median, zip(*rounds, strict=True))
            learns = name == "our kernel" or "learning" in name
            size = "-" if name == "our kernel" else flash(folder, shape, name)
            cells = ("-".join(map(str, shape)), name, f"{predict:.0f}",
                     f"{learn:.0f}" if learns else "-", size)  # fmt: skip
            print("".join(f"{cell:>17}" for cell in cells))


def main():
    titles = ("network", "file", "predict, ns", "learn, ns", "flash, bytes")
    print("".join(f"{title:>17}" for title in titles))
    for shape in SHAPES:
        compare(shape)


if __name__ == "__main__":
    main()
