"""Every label, name, prefix and number as it stands in the C file: compiled and read back."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from literals import LABELS

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._preprocessing.target_encoding import ClassEncoder
from skbackprop.export import to_c

FLAGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
C, CXX = ["-std=c99"], ["-std=c++11", "-x", "c++"]
# Those that are there only look for errors, beside gcc.
OTHERS = [
    [name, *standard, "-fsyntax-only"]
    for name, standard in (("clang", C), ("g++", CXX), ("clang++", CXX))
    if shutil.which(name)
]
QUICK = {"hidden_layer_sizes": (3,), "max_iter": 1, "tol": None, "random_state": 0}
X = np.random.default_rng(0).normal(size=(40, 2))


@pytest.fixture
def build(tmp_path):
    """Compile a file without a warning, and load it."""
    assert shutil.which("gcc"), "these tests need gcc"

    def load(source, name="net"):
        assert source.isascii()
        # As long as C99 promises that a line may be.
        assert max(map(len, source.splitlines())) <= 4095
        path, library = tmp_path / f"{name}.c", tmp_path / f"{name}.so"
        path.write_text(source, encoding="ascii")
        for command in (["gcc", *C, "-shared", "-fPIC", "-o", str(library)], *OTHERS):
            command = [*command, *FLAGS, str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[:5000]
        return ctypes.CDLL(str(library))

    return load


def trained_on(labels):
    """A classifier whose classes are these labels."""
    labels = np.array(labels, dtype=object) if isinstance(labels[0], str) else np.array(labels)
    return BackpropClassifier(**QUICK).fit(X, labels[np.arange(len(X)) % len(labels)])


def read_back(library, source, n, table="net_classes"):
    """The labels in a compiled file."""
    declared = re.search(rf"extern const ([a-z *]+?) ?{table}\[", source)[1]
    kind = {
        "long": ctypes.c_long, "long long": ctypes.c_longlong, "double": ctypes.c_double,
        "unsigned long long": ctypes.c_ulonglong, "char *const": ctypes.c_char_p,
    }[declared]  # fmt: skip
    found = list((kind * n).in_dll(library, table))
    return [label.decode() for label in found] if kind is ctypes.c_char_p else found


@pytest.mark.parametrize("name", LABELS)
def test_labels_in_c_are_those_of_the_classifier(build, name):
    model = trained_on(LABELS[name])
    assert len(model.classes_) == len(LABELS[name])
    for options in ({"learn": True}, {"dtype": "int8", "X": X}):
        source = to_c(model, **options)
        library = build(source, options.get("dtype", "net"))
        assert read_back(library, source, len(model.classes_)) == model.classes_.tolist()


def test_labels_in_c_of_several_columns(build):
    words = np.array(LABELS["Landsat"] + LABELS["quotes"], dtype=object)
    y = np.column_stack([words[np.arange(40) % 6], words[np.arange(40) % 17]])
    model = BackpropClassifier(**QUICK).fit(X, y)
    source = to_c(model)
    library = build(source)
    for k, classes in enumerate(model.classes_):
        found = read_back(library, source, len(classes), f"net_classes_{k}")
        assert found == classes.tolist()


def test_labels_in_c_may_be_fractions(build):
    # scikit-learn takes fractions for continuous targets, so they are set here.
    model = trained_on([0, 1, 2])
    model._target_encoder = ClassEncoder(
        "single", np.array([-5e-324, 0.1, 1.7976931348623157e308])
    )
    source = to_c(model)
    assert read_back(build(source), source, 3) == model.classes_.tolist()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "a\0"], r"Class label number 1 must be a text without .* Got 'a\\x00'"),
        (["b", "\ud800"], r"Class label number 1 must be a text without .* Got '\\ud800'"),
        (np.array(["2020-01-01", "2021-01-01"], dtype="M8[D]"), r"of dtype datetime64\[D\]"),
        (np.array([1, 2], dtype="m8[s]"), r"of dtype timedelta64\[s\]"),
    ],
)
def test_labels_that_c_does_not_have_are_refused(labels, message):
    model = trained_on(["x", "y"])
    model._target_encoder = ClassEncoder("single", np.array(labels))
    if isinstance(labels, list):
        model._target_encoder = ClassEncoder("single", np.array(labels, dtype=object))
    with pytest.raises(ValueError, match=message):
        to_c(model)


@pytest.mark.skipif(np.finfo(np.longdouble).eps == np.finfo(float).eps, reason="no long double")
def test_labels_beyond_double_precision_are_refused():
    model = trained_on([0, 1])
    model._target_encoder = ClassEncoder(
        "single", np.array([1, 1 + np.finfo(np.longdouble).eps])
    )
    with pytest.raises(ValueError, match="floating-point numbers of double precision"):
        to_c(model)


# ---- Names ----


@pytest.mark.parametrize(
    ("names", "written"),
    [
        (["area (mm*mm)", "grain 1"], "area (mm*mm), grain 1."),
        (["*/ int a[-1]; /*", "**/"], "*<U+002F> int a[-1]; /<U+002A>, **<U+002F>."),
        (["/*/*/", "*/*"], "/<U+002A><U+002F><U+002A><U+002F>, *<U+002F><U+002A>."),
        (["länge\n", "\t漢🌾"], "l<U+00E4>nge<U+000A>, <U+0009><U+6F22><U+1F33E>."),
        (["\\", "??/"], "<U+005C>, ?<U+003F>/."),
        (["$title", "$T net_"], "$title, $T net_."),
        (["\0", "\x7f"], "<U+0000>, <U+007F>."),
    ],
)
def test_feature_names_in_c_are_a_comment(build, names, written):
    y = np.arange(40) % 2
    model = BackpropClassifier(**QUICK).fit(pd.DataFrame(X, columns=names), y)
    source = to_c(model)
    assert f" * Its inputs: {written}\n" in source
    build(source)


@pytest.mark.parametrize("name", ["x" * 9000, "*/" * 3000, "\\?" * 3000, "wide " * 1000])
def test_long_feature_names_in_c_are_broken_into_lines(build, name):
    frame = pd.DataFrame(X, columns=[name, "short"])
    build(to_c(BackpropRegressor(**QUICK).fit(frame, X[:, 0])))


@pytest.mark.parametrize(
    "prefix",
    ["NET", "Net", "net_", "NET_", "net_net", "NET_a", "a", "A1_", "int", "x", "n" * 500],
)
def test_every_name_in_c_begins_with_the_prefix(build, prefix):
    models = trained_on(LABELS["beyond a literal"]), BackpropRegressor(**QUICK).fit(X, X)
    for model in models:
        for options in ({"learn": True}, {"dtype": "int8", "X": X}):
            source = to_c(model, prefix=prefix, **options)
            build(source, options.get("dtype", "net"))
            functions = re.findall(r"^(?:static )?\w+ \*?(\w+)\(", source, flags=re.M)
            constants = re.findall(r"\b([A-Z]\w*)_(?:INPUTS|OUTPUTS|CLASSES|DECLARED)", source)
            assert functions and all(name.startswith(f"{prefix}_") for name in functions)
            assert set(constants) == {prefix.upper()}


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_a_file_of_c_links_with_cpp(tmp_path):
    model = trained_on(LABELS["Landsat"])
    (tmp_path / "net.c").write_text(to_c(model))
    (tmp_path / "main.cpp").write_text(
        '#define NET_DECLARATIONS_ONLY\n#include "net.c"\n#include <cstdio>\n'
        "int main()\n{\n    const float x[NET_INPUTS] = {0.5f, -1.0f};\n"
        "    std::puts(net_classes[net_predict(x)]);\n}\n"
    )
    files = [str(tmp_path / name) for name in ("net.o", "main.cpp", "net")]
    subprocess.run(
        ["gcc", *C, *FLAGS, "-c", str(tmp_path / "net.c"), "-o", files[0]], check=True
    )
    subprocess.run(["g++", *FLAGS, files[1], files[0], "-o", files[2], "-lm"], check=True)
    printed = subprocess.run([files[2]], capture_output=True, text=True, check=True).stdout
    assert printed.rstrip("\n") == model.predict([[0.5, -1.0]])[0]


# ---- Numbers ----

NUMBERS = [
    0.0, -0.0, 5e-324, -2.2e-308, 1e-45, 1.4e-45, -1.1754942e-38, 1e-7, 0.1, 1 / 3, -1.0,
    123456789.0, 16777217.0, 1e16, 3.4028234e38, -3.4028235e38,
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["double", "float"])
def test_weights_in_c_are_those_of_the_network(build, dtype):
    values = [*NUMBERS, 1.7976931348623157e308] if dtype == "double" else NUMBERS
    model = BackpropRegressor((), standardize=False, max_iter=1)
    model.fit([[0.0], [1.0]], np.zeros((2, len(values))))
    model._params[:] = np.concatenate([values, values[::-1]])
    library = build(to_c(model, dtype=dtype, learn=True))
    real = ctypes.c_double if dtype == "double" else ctypes.c_float
    found = np.array((real * (2 * len(values))).in_dll(library, "net_parameters"))
    expected = model._params.astype(found.dtype)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "options", [{}, {"dtype": "double"}, {"dtype": "int8", "X": X}], ids=str
)
def test_numbers_that_are_not_finite_are_refused(value, options):
    model = BackpropRegressor(**QUICK).fit(X, X)
    model._params[0] = value
    with pytest.raises(ValueError, match=f"The weights.* must be finite .* Got {value}"):
        to_c(model, **options)


def test_numbers_beyond_float_are_refused():
    model = BackpropRegressor(**QUICK).fit(X, X)
    model._params[0] = 1e300
    assert "1e+300" in to_c(model, dtype="double")
    with pytest.raises(
        ValueError, match=r"The weights must be less than 3\.4e38 .* Got 1e\+300"
    ):
        to_c(model)
    for scaled, name in (((X * 1e-60, X), "inputs"), ((X, X * 1e-60), "targets")):
        model = BackpropRegressor(**QUICK).fit(*scaled)
        assert to_c(model, dtype="double")
        with pytest.raises(ValueError, match=f"The scaling of the {name} must be"):
            to_c(model)
