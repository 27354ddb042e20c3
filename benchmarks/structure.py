"""How far one has to read to follow a `fit`: figures of the code's structure.

    python -m benchmarks.structure

For `fit` of the default classifier on the wheat seeds, for one epoch: the modules that it
enters, how often the call goes from one module to another, and how deep calls are nested; the
same of scikit-learn's MLPClassifier. Of the whole package: the most arguments of a private
function, accesses to other objects' private members, and the lines that both estimators have.
"""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

from sklearn.neural_network import MLPClassifier

import skbackprop
from skbackprop import BackpropClassifier
from skbackprop.datasets import load_wheat_seeds

ROOT = Path(skbackprop.__file__).parent


def follow(call, root):
    """Return the modules that a call enters, the changes of module, and the depth."""
    modules, stack, changes, depth = set(), [], 0, 0

    def profile(frame, event, argument):
        nonlocal changes, depth
        path = frame.f_code.co_filename
        if not path.startswith(str(root)):
            return
        if event == "call":
            if stack and stack[-1] != path:
                changes += 1
            stack.append(path)
            modules.add(path)
            depth = max(depth, len(stack))
        elif event == "return" and stack:
            stack.pop()

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return len(modules), changes, depth


def most_arguments():
    """Return the function with the most arguments beside self, and their number.

    Constructors, and the public methods whose arguments are scikit-learn's, do not count.
    """
    found = []
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("_"):
                names = [a.arg for a in (*node.args.args, *node.args.kwonlyargs)]
                names = [name for name in names if name not in ("self", "cls")]
                if node.name != "__init__":
                    found.append((len(names), f"{path.relative_to(ROOT)}: {node.name}"))
    return max(found)


def private_accesses():
    """Return the number of accesses to private members of other objects (ruff's SLF001)."""
    ruff = [sys.executable, "-m", "ruff", "check", "--output-format", "concise"]
    command = [*ruff, "--select", "SLF001", str(ROOT)]
    report = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return report.count("SLF001")


def common_lines():
    """Return how many lines that are not empty both estimators' modules have."""
    first, second = (
        {line.strip() for line in (ROOT / name).read_text("utf-8").splitlines()} - {""}
        for name in ("_classifier.py", "_regressor.py")
    )
    return len(first & second)


def main():
    """Print the figures."""
    X, y = load_wheat_seeds(return_X_y=True)
    clf = BackpropClassifier(max_iter=1, random_state=0)
    mlp = MLPClassifier(max_iter=1, random_state=0)
    for fitted in (clf, mlp):
        fitted.fit(X[:20], y[:20])  # what is imported at the first call does not count
    sklearn_root = Path(inspect.getfile(MLPClassifier)).parent
    print(f"{'one fit':<24}{'modules':>8}{'changes':>9}{'depth':>7}")
    for name, fitted, root in (("skbackprop", clf, ROOT), ("MLPClassifier", mlp, sklearn_root)):
        modules, changes, depth = follow(lambda fitted=fitted: fitted.fit(X, y), root)
        print(f"{name:<24}{modules:>8}{changes:>9}{depth:>7}")
    number, where = most_arguments()
    print(f"most arguments of a private function: {number} ({where})")
    print(f"accesses to private members of other objects: {private_accesses()}")
    print(f"lines that both estimators have: {common_lines()}")


if __name__ == "__main__":
    main()
