"""The C file on bare ARM Cortex-M cores: does it compute the same, and how large is it?

    apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm
    python benchmarks/arm.py

For each core and each number type, the network of the wheat seeds is compiled without an
operating system, run under QEMU, and its answers are compared with the estimator's: first
all predictions, then, where it can learn, the predictions after 210 steps of online
learning. Prints a table of what the linker says, and ends with an error if a number differs.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from skbackprop import BackpropClassifier
from skbackprop.datasets import load_wheat_seeds
from skbackprop.export import to_c

# The compiler's options, QEMU's machine, and the bytes of flash and RAM of each core.
HARD_FLOAT = ["-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
CORES = {
    "Cortex-M0": (["-mcpu=cortex-m0"], "microbit", "256K", "16K"),
    "Cortex-M3": (["-mcpu=cortex-m3"], "mps2-an385", "1M", "128K"),
    "Cortex-M4F": (["-mcpu=cortex-m4", *HARD_FLOAT], "mps2-an386", "1M", "128K"),
}
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
LINKER_SCRIPT = """
ENTRY(reset)
MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = %s  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = %s }
SECTIONS {
    .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) . = ALIGN(8); } > FLASH
    .ARM.exidx : { *(.ARM.exidx*) } > FLASH
    .data : { data_start = .; *(.data*) . = ALIGN(8); data_end = .; } > RAM AT > FLASH
    data_load = LOADADDR(.data);
    .bss : { bss_start = .; *(.bss*) *(COMMON) . = ALIGN(8); bss_end = .; } > RAM
    stack_top = ORIGIN(RAM) + LENGTH(RAM);
}
"""
STARTUP = """
#include <stdint.h>
extern uint32_t data_load, data_start, data_end, bss_start, bss_end, stack_top;
int main(void);
int *__errno(void) { static int number; return &number; }
static int semihost(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
void print(const char *text) { semihost(4, text); }
void reset(void)
{
    uint32_t *from = &data_load, *to = &data_start;
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20;
    __asm__ volatile("dsb\\nisb");
#endif
    while (to < &data_end) *to++ = *from++;
    for (to = &bss_start; to < &bss_end;) *to++ = 0;
    main();
    semihost(0x18, (void *)0x20026);
    for (;;) {}
}
static void fault(void) { print("fault\\n"); semihost(0x18, (void *)0x20023); for (;;) {} }
__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    &stack_top, (const void *)reset, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault,
};
"""
MAIN = """
#include "net.c"
#include "rows.c"
void print(const char *text);
static void print_bits(float value)
{
    union { float value; uint32_t bits; } both = { value };
    char text[10] = "00000000\\n";
    for (int i = 7; i >= 0; i--, both.bits >>= 4) text[i] = "0123456789abcdef"[both.bits & 15];
    print(text);
}
static void print_all(void)
{
    float p[NET_CLASSES];
    for (int i = 0; i < N_ROWS; i++) {
        net_predict_proba(rows[i], p);
        for (int j = 0; j < NET_CLASSES; j++) print_bits(p[j]);
    }
}
int main(void)
{
    print_all();
#ifdef LEARN
    for (int i = 0; i < N_ROWS; i++) net_learn_one(rows[i], places[i], 0.1f);
    print_all();
#endif
    return 0;
}
"""


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def write_rows(folder, X, places):
    rows = ",\n".join(
        "{" + ", ".join(f"{np.float32(value)!s}f" for value in row) + "}" for row in X
    )
    (folder / "rows.c").write_text(
        f"enum {{ N_ROWS = {len(X)} }};\n"
        f"static const float rows[N_ROWS][NET_INPUTS] = {{\n{rows}}};\n"
        f"#ifdef LEARN\nstatic const int places[N_ROWS] = {{{', '.join(map(str, places))}}};\n"
        "#endif\n"
    )


def sizes_of(name, flags, folder):
    """Bytes of flash and RAM of the network's own file, compiled for size."""
    run(["arm-none-eabi-gcc", *WARNINGS, *flags, "-mthumb", "-Os", "-c", "net.c"], folder)
    text, data, bss = map(
        int, run(["arm-none-eabi-size", "net.o"], folder).splitlines()[1].split()[:3]
    )
    return text + data, data + bss


def on_core(core, folder, learn):
    """Build the program, run it, and return what it prints as floats."""
    flags, machine, flash, ram = CORES[core]
    (folder / "script.ld").write_text(LINKER_SCRIPT % (flash, ram))
    (folder / "startup.c").write_text(STARTUP)
    (folder / "main.c").write_text(MAIN)
    common = [*flags, "-mthumb", "-Os", "-ffunction-sections", "-fdata-sections"]
    compiler = "arm-none-eabi-gcc"
    run([compiler, *common, "-c", "startup.c"], folder)
    define = ["-DLEARN"] if learn else []
    run([compiler, *WARNINGS, *common, *define, "-c", "main.c"], folder)
    link = ["-nostartfiles", "-Wl,--gc-sections", "-T", "script.ld", "--specs=nano.specs"]
    run([compiler, *common, *link, "main.o", "startup.o", "-o", "net.elf", "-lm"], folder)
    qemu = ["qemu-system-arm", "-M", machine, "-nographic", "-monitor", "none", "-serial"]
    qemu += ["none", "-semihosting-config", "enable=on,target=native", "-kernel", "net.elf"]
    done = subprocess.run(
        qemu, cwd=folder, capture_output=True, text=True, timeout=120, check=True
    )
    lines = (done.stdout + done.stderr).split()
    return np.array([int(line, 16) for line in lines], dtype=np.uint32).view(np.float32)


def main():
    X, y = load_wheat_seeds(return_X_y=True)
    X = X.astype(np.float32)
    options = {"solver": "sgd", "batch_size": 1, "shuffle": False, "random_state": 0}
    clf = BackpropClassifier(
        (8,), activation="tanh", tol=None, max_iter=50, learning_rate_init=0.1, **options
    ).fit(X, y)
    before = clf.predict_proba(X)
    files = {
        "float, learning": to_c(clf, learn=True),
        "float": to_c(clf),
        "int16": to_c(clf, dtype="int16", X=X),
        "int8": to_c(clf, dtype="int8", X=X),
    }
    places = np.searchsorted(clf.classes_, y)
    after = clf.partial_fit(X, y).predict_proba(X)
    allowed = {"float, learning": 1e-4, "float": 1e-5, "int16": 1e-3, "int8": 0.1}
    print(f"{'core':>12}{'type':>18}{'flash':>8}{'RAM':>6}{'largest difference':>20}")
    for core in CORES:
        for name, source in files.items():
            with tempfile.TemporaryDirectory() as folder:
                folder, learn = Path(folder), "learning" in name
                (folder / "net.c").write_text(source)
                write_rows(folder, X, places)
                expected = np.concatenate([before, after]) if learn else before
                answers = on_core(core, folder, learn)
                if answers.size != expected.size:
                    sys.exit(f"{core}, {name}: {answers.size} answers, not {expected.size}")
                off = np.abs(answers - expected.ravel()).max()
                flash, ram = sizes_of(name, CORES[core][0], folder)
            print(f"{core:>12}{name:>18}{flash:>8}{ram:>6}{off:>20.2g}")
            if not off <= allowed[name]:
                sys.exit(f"{core}, {name}: off by {off:g}, allowed is {allowed[name]:g}")


if __name__ == "__main__":
    main()
