"""Tables: how files are read, what columns are, evaluations, and models in files."""

import gzip
import json
import zipfile
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline

from skbackprop import BackpropClassifier, BackpropRegressor, presets, tables
from skbackprop.datasets import load_wheat_seeds
from skbackprop.tables import TableError, TableModel, evaluate, read_table
from skbackprop.tables._columns import (
    Column,
    as_typed,
    choose_task,
    date_parts,
    describe_columns,
    make_encoder,
)
from skbackprop.tables._differences import compare_scores
from skbackprop.tables._models import BASELINE, LINEAR, NETWORK, TREES

QUICK = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0}


def write(folder, text, name="table.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def mixed_table(n=120, seed=0):
    """Numbers with gaps, categories with gaps, dates, a row number and a constant."""
    rng = np.random.RandomState(seed)
    size = rng.normal(size=n)
    color = rng.choice(["red", "green", "blue"], n).astype(object)
    frame = pd.DataFrame(
        {
            "row": np.arange(1, n + 1),
            "size": np.where(rng.rand(n) < 0.1, np.nan, size),
            "color": np.where(rng.rand(n) < 0.1, None, color),
            "sold": pd.Timestamp("2020-03-01") + pd.to_timedelta(rng.randint(0, 900, n), "D"),
            "unit": "cm",
            "note": [f"text {i}" for i in range(n)],
            "checked": rng.rand(n) < 0.5,
        }
    )
    frame["kind"] = np.where(size + (color == "red") > 0, "high", "low")
    return frame


@pytest.fixture(scope="module")
def evaluation():
    return evaluate(mixed_table(), cv=3, random_state=1)


# ---- Reading ----


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_read_table_detects_the_separator(tmp_path, separator):
    rows = [["name", "size"], ["moss", "1.5"], ["fern, tall; green|\tsoft", "2"]]
    text = "\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows)
    frame, table_format = read_table(write(tmp_path, text))
    assert table_format.separator == separator
    assert frame["name"].tolist() == ["moss", "fern, tall; green|\tsoft"]
    assert frame["size"].tolist() == [1.5, 2]


def test_read_table_detects_spaces_and_no_header(tmp_path):
    frame, table_format = read_table(write(tmp_path, "15.2  14.8 1\n14.9   14.6 2\n"))
    assert (table_format.separator, table_format.header) == (" ", False)
    assert list(frame) == ["column_1", "column_2", "column_3"]
    assert frame.to_numpy().tolist() == [[15.2, 14.8, 1], [14.9, 14.6, 2]]


def test_read_table_understands_decimal_commas_and_thousands(tmp_path):
    path = write(
        tmp_path, "ort;preis;zahl\nBonn;1.234,5;1,25\nKöln;7,25;-3,5\n", encoding="cp1252"
    )
    frame, table_format = read_table(path)
    assert (table_format.decimal, table_format.encoding) == (",", "cp1252")
    assert frame["preis"].tolist() == [1234.5, 7.25]
    assert frame["zahl"].tolist() == [1.25, -3.5]
    assert frame["ort"].tolist() == ["Bonn", "Köln"]
    assert "decimal commas; encoded in cp1252" in str(table_format)


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["12%", "3.5 %", "-1%"], [12, 3.5, -1]),
        (["$1,234.50", "-$2", "$ 3"], [1234.5, -2, 3]),
        (["1,234", "12", "1,234,567.5"], [1234, 12, 1234567.5]),
        (["5 €", "€6", "7"], [5, 6, 7]),
        (["1,23", "2", "3"], None),  # no thousands
        (["$x", "2", "3"], None),
    ],
)
def test_read_table_takes_signs_off_numbers(tmp_path, cells, numbers):
    path = write(tmp_path, "a,b\n" + "".join(f'"{cell}",x\n' for cell in cells))
    found = read_table(path)[0]["a"].tolist()
    assert found == (cells if numbers is None else numbers)


@pytest.mark.parametrize("separator", [",", " ", "\t"])
def test_read_table_names_the_row_names_of_r(tmp_path, separator):
    rows = [["x", "y"], ["1", "0.5", "a b"], ["2", "1.5", "c"]]
    text = "\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows)
    if separator == " ":
        text = text.replace("a b", "ab")
    frame, _ = read_table(write(tmp_path, text))
    assert list(frame) == ["row_names", "x", "y"]
    assert frame["x"].tolist() == [0.5, 1.5]


@pytest.mark.parametrize(
    "text",
    [
        "# made by a program\n#\nx;y\n1;a\n2;b\n",
        "sep=;\nx;y\n1;a\n2;b\n",
        "x;y;\n1;a;\n2;b;\n",
        "x;y\r\n\r\n1;a\r\n\r\n2;b\r\n\r\n",
    ],
)
def test_read_table_skips_what_is_no_table(tmp_path, text):
    frame, _ = read_table(write(tmp_path, text))
    assert list(frame) == ["x", "y"]
    assert frame.to_numpy().tolist() == [[1, "a"], [2, "b"]]


def test_numbers_whose_squares_overflow_count_as_missing():
    cells = as_typed(pd.DataFrame({"a": [1.0, -np.inf, 1e300, 2]}), [Column("a", "number")])
    assert cells["a"].isna().tolist() == [False, True, True, False]


def test_dates_and_points_are_no_numbers_beside_decimal_commas(tmp_path):
    text = "d;p;n;m\n02.08.2010;1.5;1,5;1.000\n24.12.2010;3;2,5;2.500,5\n"
    frame, table_format = read_table(write(tmp_path, text))
    assert table_format.decimal == ","
    assert frame["d"].tolist() == [pd.Timestamp(2010, 8, 2), pd.Timestamp(2010, 12, 24)]
    assert frame["p"].tolist() == ["1.5", "3"]
    assert frame["n"].tolist() == [1.5, 2.5]
    assert frame["m"].tolist() == [1000, 2500.5]


def test_read_table_counts_missing_cells(tmp_path):
    text = "a,b,c\n1,x,-\n?,NA,2\n,y,3\nNaN,-,None\n"
    frame, table_format = read_table(write(tmp_path, text))
    assert table_format.missing == {"?": 1, "": 1, "NaN": 1, "NA": 1, "-": 1, "None": 1}
    assert frame["a"].isna().tolist() == [False, True, True, True]
    assert frame["b"].fillna("").tolist() == ["x", "", "y", "-"]  # text keeps its dash
    assert frame["c"].dropna().tolist() == [2, 3]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2020-04-03", "2021-12-31"], ["2020-04-03", "2021-12-31"]),
        (["2020-04-03 10:30", "2021-12-31T01:00"], ["2020-04-03 10:30", "2021-12-31 01:00"]),
        (["3.4.2020", "31.12.2021"], ["2020-04-03", "2021-12-31"]),
        (["3.4.2020", "5.6.2021"], ["2020-04-03", "2021-06-05"]),
        (["3/4/2020", "5/6/2021"], ["2020-03-04", "2021-05-06"]),
        (["3/4/2020", "31/6/2021"], None),  # June has 30 days
        (["3/4/2020", "30/6/2021"], ["2020-04-03", "2021-06-30"]),
    ],
)
def test_read_table_reads_dates(tmp_path, cells, expected):
    frame, _ = read_table(write(tmp_path, "d,e\n" + "".join(f"{c},1\n" for c in cells)))
    if expected is None:
        assert frame["d"].tolist() == cells
    else:
        assert frame["d"].tolist() == [pd.Timestamp(each) for each in expected]


@pytest.mark.parametrize(
    ("first", "names"),
    [
        ("a,b,c", ["a", "b", "c"]),
        ("0,1,3", ["0", "1", "3"]),
        ("2019,2020,2021", ["2019", "2020", "2021"]),
        ("a,,a", ["a", "column_2", "a.2"]),
        ("1.5,2,7", ["column_1", "column_2", "column_3"]),
        ("5,1,7", ["column_1", "column_2", "column_3"]),
    ],
)
def test_read_table_finds_the_header(tmp_path, first, names):
    frame, _ = read_table(write(tmp_path, f"{first}\n5,6,7.5\n8,9,1\n"))
    assert list(frame) == names


def test_read_table_without_header_of_text(tmp_path):
    path = write(tmp_path, "yes,no\nno,no\nyes,yes\n")
    assert read_table(path)[0].shape == (3, 2)
    assert list(read_table(path, header=True)[0]) == ["yes", "no"]


def test_read_table_of_other_encodings_and_compressions(tmp_path):
    text = "ä,b\nx,1\ny,2\n"
    plain = read_table(write(tmp_path, text))[0]
    utf16 = read_table(write(tmp_path, text, encoding="utf-16"))[0]
    bom = read_table(write(tmp_path, text, encoding="utf-8-sig"))[0]
    packed = tmp_path / "table.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    for frame in (utf16, bom, read_table(packed)[0]):
        pd.testing.assert_frame_equal(frame, plain)


def test_read_table_of_parquet(tmp_path):
    table = mixed_table()
    path = tmp_path / "table.parquet"
    table.to_parquet(path)
    frame, table_format = read_table(path, text_columns=["row"])
    assert frame["size"].equals(table["size"])
    assert frame["row"].tolist()[:2] == [1, 2]
    assert table_format.missing == {"": int(table.isna().to_numpy().sum())}
    path.write_bytes(b"PAR1 damaged")
    with pytest.raises(TableError, match="not a Parquet file"):
        read_table(path)


def test_read_table_keeps_text_columns(tmp_path):
    path = write(tmp_path, "code,y\n01,1\n2,2\n")
    assert read_table(path)[0]["code"].tolist() == [1, 2]
    assert read_table(path, text_columns=["code"])[0]["code"].tolist() == ["01", "2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"a,b\n", "a single line"),
        (b"PK\x03\x04\0\0\0", "not a table of text"),
        (b"a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, the lines before it have 2"),
    ],
)
def test_read_table_names_what_is_wrong_with_a_file(tmp_path, content, message):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_table(path)


def test_read_table_names_a_file_that_is_missing_or_a_folder(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path / "none.parquet"):
        with pytest.raises(TableError, match="There is no file"):
            read_table(path)
    with pytest.raises(TableError, match="is a folder"):
        read_table(tmp_path)
    path = tmp_path / "table.csv.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(TableError, match="cannot be read"):
        read_table(path)


# ---- Columns ----


def test_columns_have_roles():
    roles = {column.name: column for column in describe_columns(mixed_table())}
    assert {name: column.role for name, column in roles.items()} == {
        "row": "dropped", "size": "number", "color": "category", "sold": "date",
        "unit": "dropped", "note": "dropped", "checked": "category", "kind": "category",
    }  # fmt: skip
    assert roles["row"].reason == "it numbers the rows"
    assert roles["unit"].reason == "all cells are cm"
    assert roles["note"].reason == "text that differs in nearly every row"


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("a", range(5, 25), "dropped"),
        ("a", range(25, 5, -1), "dropped"),
        ("a", [*range(10, 20), *range(10)], "number"),  # in no order
        ("customer_id", [*range(10, 20), *range(10)], "dropped"),
        ("Nr", [i * i for i in range(20)], "dropped"),
        ("grid", [i * i for i in range(20)], "number"),
        ("id", [0.5 + i for i in range(20)], "number"),
        ("id", [1, 1, *range(2, 20)], "number"),
    ],
)
def test_columns_that_number_the_rows(name, values, role):
    (column,) = describe_columns(pd.DataFrame({name: values}))
    assert column.role == role


def test_a_constant_beside_missing_cells_is_kept():
    frame = pd.DataFrame({"flag": ["yes", None] * 5, "gone": [None] * 10})
    assert [column.role for column in describe_columns(frame)] == ["category", "dropped"]


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1] * 20, "classification"),
        ([1.0, 2.0, 3.0] * 5, "classification"),
        ([0.5, 1.5] * 20, "regression"),
        (range(20), "regression"),  # whole, but fewer than five rows each
        (list(range(21)) * 5, "regression"),
        (["a", "b"] * 9, "classification"),
        ([True, False] * 9, "classification"),
    ],
)
def test_choose_task(values, task):
    assert choose_task(pd.Series(values, name="y"))[0] == task


def test_a_date_is_no_target():
    table = mixed_table()
    with pytest.raises(TableError, match="'sold' is a date"):
        evaluate(table, "sold")


@pytest.mark.parametrize(
    ("cells", "role"),
    [
        (pd.Categorical(["u", "v"] * 10), "category"),
        (pd.Categorical([3, 1] * 10, ordered=True), "category"),
        (pd.array([1, None] * 10, dtype="Int64"), "number"),
        (pd.array([True, None] * 10, dtype="boolean"), "category"),
        (pd.array(["p", None] * 10, dtype="string"), "category"),
        (pd.arrays.SparseArray([0.0, 1.0] * 10), "number"),
        (pd.date_range("2020", periods=20, tz="Europe/Berlin"), "date"),
        (pd.period_range("2020-01", periods=20, freq="M"), "date"),
        (pd.to_timedelta(np.arange(20) ** 2, "h"), "number"),
        ([date(2020, 1, 1 + i) for i in range(20)], "date"),
        ([Decimal(i * i) for i in range(20)], "number"),
        (np.array([1, None] * 10, dtype=object), "number"),
        ([1, "a"] * 10, "category"),
        ([b"a", b"b"] * 10, "category"),
    ],
)
def test_frames_of_any_dtype_are_encoded(cells, role):
    frame = pd.DataFrame({"a": np.arange(20.0) ** 2, "b": cells, 3: ["x", "y"] * 10})
    evaluation = evaluate(frame, cv=2, network=BackpropClassifier(**QUICK))
    assert evaluation.target == "3"
    assert [column.role for column in evaluation.columns] == ["number", role]
    assert len(evaluation.model.predict(frame)) == 20


def test_names_that_are_no_strings_are_taken_as_strings():
    names = pd.MultiIndex.from_tuples([("a", "x"), ("a", "z"), ("b", "y")])
    frame = pd.DataFrame(
        {"x": np.arange(20.0) ** 2, "z": np.arange(20.0) % 3, "y": [0, 1] * 10}
    )
    frame = frame.set_axis(names, axis=1).set_axis([0] * 20, axis=0)
    evaluation = evaluate(frame, cv=2, network=BackpropClassifier(**QUICK))
    assert evaluation.target == "('b', 'y')"
    assert evaluation.model.predict(frame).index.tolist() == [0] * 20


def test_complex_numbers_are_named():
    frame = pd.DataFrame({"a": np.arange(20) * 1j, "y": [0, 1] * 10})
    with pytest.raises(TableError, match="Column 'a' holds complex numbers"):
        evaluate(frame)


def test_encoder_gives_numbers_levels_and_dates():
    frame = pd.DataFrame(
        {
            "size": [1.0, np.nan, 3.0, 8.0],
            "color": ["red", None, "red", None],
            "sold": [
                pd.Timestamp(2000, 1, 1),
                pd.Timestamp(2000, 1, 2, 12),
                pd.NaT,
                pd.Timestamp(2001, 1, 1),
            ],
        }
    )
    columns = [Column("size", "number"), Column("color", "category"), Column("sold", "date")]
    cells = as_typed(frame, columns)
    encoder = make_encoder(columns).fit(cells)
    names = list(encoder.get_feature_names_out())
    encoded = pd.DataFrame(encoder.transform(cells), columns=names)
    assert encoded["size"].tolist() == [1, 3, 3, 8]
    assert encoded["missingindicator_size"].tolist() == [0, 1, 0, 0]
    assert encoded["color_red"].tolist() == [1, 0, 1, 0]
    assert encoded["color_(missing)"].tolist() == [0, 1, 0, 1]
    assert encoded["sold_days"].tolist() == [0, 1.5, 1.5, 366]
    assert encoded["sold_weekday"].tolist() == [5, 6, 5, 0]  # Saturday is 5
    assert encoded["sold_hour"].tolist() == [0, 12, 0, 0]


def test_date_parts_are_those_of_the_calendar():
    parts = date_parts(pd.DataFrame({"d": pd.to_datetime(["2024-02-29 06:00"])}))
    assert parts.tolist() == [[2024, 2, 29, 3, 6, 8825.25]]


def test_levels_that_training_lacks_share_the_input_of_rare_ones():
    columns = [Column("color", "category")]
    frame = pd.DataFrame({"color": ["red"] * 5 + ["blue"] * 5 + ["lime", "teal"]})
    encoder = make_encoder(columns).fit(as_typed(frame, columns))
    new = as_typed(pd.DataFrame({"color": ["teal", "pink"]}), columns)
    rare, unknown = encoder.transform(new)
    assert rare.tolist() == unknown.tolist()
    assert rare.sum() == 1


# ---- Evaluating ----


def test_evaluation_scores_are_those_of_its_predictions(evaluation):
    table = mixed_table()
    assert (evaluation.task, evaluation.n_samples, evaluation.n_folds) == (
        "classification",
        120,
        3,
    )
    assert evaluation.predictions["target"].tolist() == table["kind"].tolist()
    network = evaluation.scores[evaluation.scores["model"] == NETWORK]
    hits = accuracy_score(evaluation.predictions["target"], evaluation.predictions["predicted"])
    assert network["accuracy"].mean() == pytest.approx(hits)  # the folds have equal sizes
    assert evaluation.summary()["accuracy", "mean"][NETWORK] == pytest.approx(hits)
    np.testing.assert_array_equal(
        evaluation.confusion(),
        confusion_matrix(table["kind"], evaluation.predictions["predicted"]),
    )
    assert list(evaluation.summary().index) == [BASELINE, LINEAR, TREES, NETWORK]


def test_evaluation_of_the_baseline_is_the_one_of_the_dummy(evaluation):
    y = mixed_table()["kind"].to_numpy()
    seed = np.random.RandomState(1).randint(2**31 - 1)
    scores = []
    for train, test in StratifiedKFold(3, shuffle=True, random_state=seed).split(y, y):
        dummy = DummyClassifier(strategy="prior").fit(y[train], y[train])
        scores.append(accuracy_score(y[test], dummy.predict(y[test])))
    found = evaluation.scores.query("model == @BASELINE")["accuracy"].tolist()
    assert found == pytest.approx(scores)


def test_evaluation_finds_the_column_that_matters(evaluation):
    importances = evaluation.importances
    assert importances.index[0] == "size"
    assert importances["mean"].is_monotonic_decreasing
    assert set(importances.index) == {"size", "color", "sold", "checked"}


def test_evaluation_is_reproducible():
    table = mixed_table(60)
    one, two = (
        evaluate(table, cv=2, network=BackpropClassifier(**QUICK), random_state=3)
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(
        one.scores.drop(columns="seconds"), two.scores.drop(columns="seconds")
    )
    pd.testing.assert_frame_equal(one.importances, two.importances)


def test_evaluation_of_a_regression():
    X, _ = load_wheat_seeds(return_X_y=True)
    table = pd.DataFrame(X, columns=list("abcdefg"))
    evaluation = evaluate(table, "a", cv=3)
    assert evaluation.task == "regression"
    assert evaluation.score_names == ["r2", "mae", "rmse"]
    assert evaluation.confusion() is None
    summary = evaluation.summary()
    assert summary["r2", "mean"][NETWORK] > 0.9
    assert summary["r2", "mean"][BASELINE] < 0.01
    errors = evaluation.predictions["target"] - evaluation.predictions["predicted"]
    assert summary["mae", "mean"][NETWORK] == pytest.approx(errors.abs().mean())
    assert isinstance(evaluation.model.network, BackpropRegressor)


def test_evaluation_takes_polars_like_frames_and_drops():
    class Frame:
        def to_pandas(self):
            return mixed_table(60)

    evaluation = evaluate(
        Frame(), "kind", drop="size", cv=2, network=BackpropClassifier(**QUICK)
    )
    dropped = {column.name: column.reason for column in evaluation.columns}
    assert dropped["size"] == "you asked for it"
    assert "size" not in evaluation.importances.index


def test_evaluation_calls_progress_before_each_fit():
    calls = []
    evaluate(
        mixed_table(40), cv=2, network=BackpropClassifier(**QUICK),
        progress=lambda *call: calls.append(call),
    )  # fmt: skip
    assert [call[0] for call in calls] == [*range(9), 9]
    assert {call[1] for call in calls} == {9}
    assert calls[0][2] == "fold 1 of 2: baseline"


def test_evaluation_leaves_out_rows_without_a_target_and_says_so():
    table = mixed_table(60)
    table.loc[:4, "kind"] = None
    evaluation = evaluate(table, cv=2, network=BackpropClassifier(**QUICK))
    assert evaluation.n_samples == 55
    assert evaluation.notes[0] == "5 rows without a target are left out"


def test_evaluation_notes_warnings_of_the_network():
    network = BackpropClassifier((4,), solver="lbfgs", max_iter=1, random_state=0)
    evaluation = evaluate(mixed_table(60), cv=2, network=network)
    assert any("max_iter=1" in note and "3 times" in note for note in evaluation.notes)


def one_class(table):
    return table.assign(kind="same")


def rare_class(table):
    return table.assign(kind=["rare", "rare"] + ["usual"] * (len(table) - 2))


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (one_class, {}, "'kind' is 'same' in each row: there is nothing to predict"),
        (lambda table: table.assign(kind=None), {}, "'kind' is missing in each row"),
        (lambda table: table.assign(kind=3.0), {}, "'kind' is '3' in each row"),
        (
            lambda table: table.assign(kind=np.arange(120) * 1e100), {},
            r"'kind' holds 1.19e\+102. Numbers are smaller than 1e\+100",
        ),
        (rare_class, {}, "Class 'rare' of the target 'kind' has 2 rows, fewer than the 5"),
        (None, {"target": "kinds"}, "'kinds' is not in the table. Did you mean 'kind'"),
        (None, {"drop": ["Colour"]}, "'Colour' is not in the table. Did you mean 'color'"),
        (None, {"drop": ["kind"]}, "'kind' cannot be dropped"),
        (None, {"drop": ["size", "color", "sold", "checked"]}, "No column is left"),
        (None, {"task": "ranking"}, "'auto', 'classification', 'regression'. Got 'ranking'"),
        (None, {"task": "regression"}, "needs a numeric target. 'kind' holds '(high|low)'"),
        (None, {"cv": 1}, "at least 2. Got 1"),
        (None, {"cv": True}, "at least 2. Got True"),
        (lambda table: table.iloc[:0], {}, "Got 0 rows and 8 columns"),
        (lambda table: table[["kind"]], {}, "Got 120 rows and 1 columns"),
        (lambda table: table.to_numpy(), {}, "must be a DataFrame. Got ndarray"),
        (lambda table: table.assign(size=[[1]] * len(table)), {}, "'size' holds list objects"),
        (
            lambda table: table.set_axis(["a"] * 7 + ["kind"], axis=1), {},
            "Several columns have the name 'a'",
        ),
    ],
)  # fmt: skip
def test_evaluation_names_what_is_wrong_with_a_table(change, arguments, message):
    table = mixed_table()
    with pytest.raises(TableError, match=message):
        evaluate(table if change is None else change(table), **arguments)


def test_differences_have_the_corrected_interval():
    scores, others = (
        np.array([0.9, 0.8, 0.95, 0.85, 0.9]),
        np.array([0.7, 0.8, 0.8, 0.75, 0.85]),
    )
    difference = compare_scores(scores, others, 5)
    gaps = scores - others
    # A t interval whose standard error is sqrt(1/5 + 1/4) in place of sqrt(1/5) deviations.
    half = stats.t.ppf(0.975, 4) * gaps.std(ddof=1) * np.sqrt(0.45)
    assert difference.mean == pytest.approx(gaps.mean())
    assert (difference.low, difference.high) == pytest.approx((0.1 - half, 0.1 + half))
    assert difference.is_noise == (half > 0.1)
    assert not compare_scores(scores, scores - 0.1 - 1e-3 * np.arange(5), 5).is_noise


def test_evaluation_differences_name_the_other_models(evaluation):
    differences = evaluation.differences()
    assert list(differences) == [BASELINE, LINEAR, TREES]
    summary = evaluation.summary()["accuracy", "mean"]
    assert differences[BASELINE].mean == pytest.approx(summary[NETWORK] - summary[BASELINE])


# ---- The report ----


def test_report_is_one_page_with_figures(evaluation):
    html = evaluation.to_html()
    assert html.startswith("<!DOCTYPE html>")
    assert html.count("<svg") == 3
    assert "http://www.w3.org" in html  # names of the SVG format, which nothing fetches
    for loads in ("<script", "<link", "src=", "@import"):
        assert loads not in html
    for name in (BASELINE, LINEAR, TREES, NETWORK, "size", "it numbers the rows"):
        assert name in html


def test_report_escapes_names():
    table = mixed_table(60).rename(columns={"size": "<b>&$x$", "kind": "a<c"})
    html = evaluate(table, cv=2, network=BackpropClassifier(**QUICK)).to_html()
    assert "<b>&$x$" not in html
    assert "&lt;b&gt;&amp;$x$" in html
    assert "Classification of a&lt;c" in html


def test_report_of_a_regression_shows_predictions():
    table = mixed_table(60).drop(columns="kind")[["color", "checked", "size"]]
    html = evaluate(table, "size", cv=2, network=BackpropRegressor(**QUICK)).to_html()
    assert "Predicted against true" in html
    assert html.count("<svg") == 4


def test_evaluation_in_a_notebook_is_its_summary(evaluation):
    assert NETWORK in evaluation._repr_html_()


# ---- Models in files ----


@pytest.mark.parametrize("suffix", [".skops", ".joblib"])
def test_model_predicts_the_same_after_loading(tmp_path, evaluation, suffix):
    table = mixed_table(50, seed=7)
    path = tmp_path / f"model{suffix}"
    evaluation.model.save(path)
    loaded = TableModel.load(path)
    expected = evaluation.model.predict(table)
    pd.testing.assert_frame_equal(loaded.predict(table), expected)
    assert list(expected) == ["predicted kind", "probability high", "probability low"]
    np.testing.assert_allclose(expected.iloc[:, 1:].sum(axis=1), 1)
    agrees = (expected["predicted kind"] == table["kind"]).mean()
    assert agrees > 0.8


def test_a_network_of_a_preset_takes_the_table():
    network = BackpropClassifier((3,), **presets.TEXTBOOK, max_iter=2)
    fitted = evaluate(mixed_table(40), "kind", cv=2, network=network).model.network
    assert fitted.n_encoded_features_ > fitted.n_features_in_


def test_model_takes_columns_in_any_order_and_ignores_others(evaluation):
    table = mixed_table(20, seed=3)
    expected = evaluation.model.predict(table)
    shuffled = table[table.columns[::-1]].assign(more=1).drop(columns=["kind", "row", "note"])
    pd.testing.assert_frame_equal(evaluation.model.predict(shuffled), expected)


def test_model_is_the_pipeline_on_encoded_rows(evaluation):
    table = mixed_table(20, seed=3)
    model = evaluation.model
    encoded = model.encode(table)
    np.testing.assert_array_equal(
        model.network.predict(encoded), model.predict(table)["predicted kind"]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda table: table.rename(columns={"size": "length"}),
            "It lacks 'size'. Columns that it does not know: 'length'",
        ),
        (lambda table: table.assign(size="big"), "'size' held numbers .* 'big' in row 1"),
        (lambda table: table.assign(sold="soon"), "'sold' held dates .* 'soon' in row 1"),
    ],
)
def test_model_names_columns_of_another_table(evaluation, change, message):
    with pytest.raises(TableError, match=message):
        evaluation.model.predict(change(mixed_table(5)))


def test_model_names_a_file_that_it_cannot_load(tmp_path, evaluation):
    with pytest.raises(TableError, match="There is no model file"):
        TableModel.load(tmp_path / "none.skops")
    with pytest.raises(TableError, match=r"ends with \.skops or \.joblib. Got 'model.pkl'"):
        TableModel.load("model.pkl")
    for name, content in (("a.skops", b"PK damaged"), ("a.joblib", b"damaged")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TableError, match="is damaged, or is not a model"):
            TableModel.load(tmp_path / name)


def test_model_refuses_files_with_types_that_are_not_trusted(tmp_path, evaluation):
    path = tmp_path / "model.skops"
    evaluation.model.save(path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = files["schema.json"].decode().replace("date_parts", "system").replace(
        "skbackprop.tables._columns", "os"
    )  # fmt: skip
    json.loads(schema)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**files, "schema.json": schema.encode()}.items():
            archive.writestr(name, content)
    with pytest.raises(
        TableError, match="types that are not trusted: os.date_part_names, os.system"
    ):
        TableModel.load(path)


def test_model_file_is_documented_for_skops(tmp_path, evaluation):
    import skops.io

    path = tmp_path / "model.skops"
    evaluation.model.save(path)
    state = skops.io.load(path, trusted=tables.TRUSTED_TYPES)
    assert isinstance(state["pipeline"], Pipeline)


def test_whole_numbers_as_categories_match_across_types():
    """A code that training saw as text is found where a table has it as a number."""
    table = pd.DataFrame({"code": ["1", "2", "x"] * 20, "y": ["a", "b", "b"] * 20})
    model = evaluate(table, cv=2).model
    asked = pd.DataFrame({"code": [1.0, 2.0, np.nan]})
    assert model.predict(asked)["predicted y"].tolist()[:2] == ["a", "b"]
