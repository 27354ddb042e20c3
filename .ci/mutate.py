"""Whether the tests notice when code is wrong: ``mutate.py [--most N] [--seed N] [MODULE...]``.

Changes one place of a module after another, each in a way drawn at random from those of
cosmic-ray or by leaving a statement out, and prints the changes that no test notices. It works
on the files of the folder it is run in: `.ci/mutation` makes a copy.
"""

import argparse
import difflib
import os
import random
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from importlib import import_module
from pathlib import Path

import hypothesis
import parso
import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

# What the tests import, imported once: each mutant is tested in a fork of this process.
SHARED = ("matplotlib.pyplot", "pandas", "sklearn.ensemble", "sklearn.model_selection")

# The tests that are near to a module, and quick: files, and what pytest is to choose there.
TESTS = {
    "_engine/activations": ("engine", "activation or implementations"),
    "_engine/dropout": ("engine", "implementations or blocks"),
    "_engine/gradcheck": ("engine", "derivative or error"),
    "_engine/output_expansion": ("engine", "outputs_join"),
    "_engine/hashing": ("engine stopping", "hash or set_aside"),
    "_engine/initializers": ("engine solvers", "initializer or textbook or first_weights"),
    "_engine/solvers/lbfgs": ("solvers", "lbfgs or iterate"),
    "_engine/solvers/levenberg_marquardt": (
        "solvers",
        "gauss_newton or step or parts or ridge or lm or done",
    ),
    "_engine/losses": (
        "engine solvers",
        "loss or entropy or derivative or implementations or codes or is",
    ),
    "_engine/network": (
        "engine solvers",
        "implementations or oracle or paths or gauss_newton or mlp",
    ),
    "_engine/regularization": (
        "engine",
        "penalt or shorten or max_norm or dropout or implementations",
    ),
    "_engine/sampling": (
        "engine stopping",
        "weigh or repeat or rounding or hash or hold_out or aside",
    ),
    "_engine/schedules": ("engine", "schedule or begins"),
    "_engine/early_stopping": ("engine stopping", "early_stopping"),
    "_engine/blas_threads": ("threads", "threads"),
    "_engine/training": ("engine stopping solvers", ""),
    "_engine/solvers/*": ("engine", "rules or implementations or codes"),
    "_preprocessing/validation_set": ("stopping", ""),
    "_preprocessing/target_encoding": ("target_encoding", ""),
    "_preprocessing/noise_estimation": ("noise_estimation", ""),
    "_training/configuration": ("auto_parameters", ""),
    "_prediction/probabilities": (
        "probabilities estimators targets",
        "probabilit or tiny or within or row or one_output",
    ),
    "_preprocessing/scaling": ("scaling", ""),
    "_preprocessing/sample_weight": ("sample_weight", ""),
}
# The engine that is not compiled, and other processes, take their time.
SLOW = "numpy or underflow or bits"
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
# Hypothesis is imported here, and so pytest cannot give its assertions a better message.
OPTIONS += ["-W", "ignore:Module already imported"]
# A mutant may loop, or ask for all memory.
SECONDS, BYTES = 100, 8 * 2**30


class LeaveOut(Operator):
    """Leaves out a call, an assignment to a part of something, or one in place."""

    def mutation_positions(self, node):
        if node.parent is not None and node.parent.type == "simple_stmt":
            target, sign = [*getattr(node, "children", []), None, None][:2]
            assigns = node.type == "expr_stmt" and (
                target.type == "atom_expr" or getattr(sign, "value", "=") != "="
            )
            if assigns or node.type == "atom_expr":
                yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        prefix = node.get_first_leaf().prefix
        return parso.python.tree.Name("pass", node.start_pos, prefix)

    @classmethod
    def examples(cls):
        return ()


def mutants(code, rng):
    """Of each place that can be changed the place, a way drawn at random, and the code."""
    # Those for variables need to be told which.
    names = [name for name in operator_names() if "Variable" not in name]
    operators = [get_operator(name)() for name in names] + [LeaveOut()]
    nodes = list(ast_nodes(get_ast(code)))
    ways = defaultdict(list)
    for operator in operators:
        starts = [at for node in nodes for at, _ in operator.mutation_positions(node)]
        for occurrence, at in enumerate(starts):
            ways[at].append((operator, occurrence))
    for at in rng.sample(sorted(ways), len(ways)):
        operator, occurrence = rng.choice(ways[at])
        yield at, type(operator).__name__, mutate_code(code, operator, occurrence)


def notices(tests):
    """Whether a test fails; a process of its own, which may hang or crash."""
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        os.dup2(os.open("last-run", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        os._exit(pytest.main([*OPTIONS, *tests]))
    return os.waitpid(child, 0)[1] != 0


def changed_lines(before, after):
    """The lines that differ, before and after."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return "\n".join(f"    {line[:2]}{line[2:].strip()}" for line in lines if line[0] in "-+")


def try_module(module, most, seed):
    """Try `most` of a module's mutants, and count those that are noticed."""
    path = Path("skbackprop", module).with_suffix(".py")
    files, chosen = TESTS[module]
    tests = [f"tests/test_{name}.py" for name in (*files.split(), "package")]
    tests += ["-k", f"({chosen or 'not package'} or frozen or checkout) and not ({SLOW})"]
    code = path.read_text(encoding="utf-8")
    began = time.monotonic()
    if notices(tests):
        sys.exit(f"{module}: its tests fail already\n{Path('last-run').read_text()}")
    found = list(mutants(code, random.Random(seed)))
    counts = Counter()
    try:
        for (line, column), way, mutant in found[:most]:
            path.write_text(mutant, encoding="utf-8")
            noticed = notices(tests)
            counts[noticed] += 1
            if not noticed:
                print(
                    f"{path}:{line}:{column + 1} {way}", changed_lines(code, mutant), sep="\n"
                )
    finally:
        path.write_text(code, encoding="utf-8")
    seconds = time.monotonic() - began
    print(
        f"{module}: {len(found)} places, {counts.total()} changed, {counts[True]} noticed, "
        f"{counts[False]} not, {seconds:.0f} s"
    )


def main():
    """Try the modules that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=list(TESTS), metavar="MODULE")
    parser.add_argument("--most", type=int, help="of each module's places (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    # Failing examples are not kept, for the next mutant fails by others, nor made small.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", database=None, phases=phases)
    hypothesis.settings.load_profile("mutants")
    for module in SHARED:
        import_module(module)
    sys.stdout.reconfigure(line_buffering=True)
    for module in options.modules:
        try_module(module, options.most, options.seed)


if __name__ == "__main__":
    main()
