"""Columns to numbers: the outputs and the report of each kind, and rows that encode the same after JSON."""

import datetime
import re
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlit.data import Encoder, FeatureEncoder, Table, read_table
from backlit.errors import BacklitError

INF, NAN = float("inf"), float("nan")


def table_of(**columns):
    return Table(pa.table(columns))


def dates(*days):
    return [None if day is None else datetime.date(2024, 1, day) for day in days]


KINDS = {
    # column: values, kind, outputs by name, words of the report
    "numbers": ([1.0, 3.0], "number", {"x": [-1, 1]}, "standardized: mean 2, standard deviation 1"),
    "whole numbers": ([1, 3, 1, 3], "number", {"x": [-1, 1, -1, 1]}, "standardized"),
    "missing numbers": (
        [1.0, None, 3.0, 2.0, NAN],
        "number",
        {"x": [-1.224744871391589, 0, 1.224744871391589, 0, 0], "x is missing": [0, 1, 0, 0, 1]},
        "2 missing filled with the median 2",
    ),
    "infinite numbers": (
        [1.0, INF, 3.0, -INF],
        "number",
        {"x": [-1, 0, 1, 0], "x is missing": [0, 1, 0, 1]},
        "2 infinite values treated as missing",
    ),
    "huge numbers": ([-1e308, 1.7e308, -1e308, 1.7e308], "number", {"x": [-1, 1, -1, 1]}, "standardized"),
    "huge numbers with a median between": ([1.2e308, 1.6e308], "number", {"x": [-1, 1]}, "standardized"),
    "tiny numbers": ([1e-300, 3e-300], "number", {"x": [-1, 1]}, "standardized"),
    "large whole numbers": ([2**62, -(2**62)], "number", {"x": [1, -1]}, "standardized"),
    "constant but missing": ([7, None], "number", {"x": [0, 0], "x is missing": [0, 1]}, "every value is 7"),
    "booleans": ([True, False, True], "boolean", {"x": [1, 0, 1]}, "67% true"),
    "missing booleans": (
        [True, None, True],
        "boolean",
        {"x": [1, 1, 1], "x is missing": [0, 1, 0]},
        "1 missing filled with true",
    ),
    "text": (["b", "a", "b"], "category", {"x=a": [0, 1, 0], "x=b": [1, 0, 1]}, 'one-hot: 2 values ("a", "b")'),
    "missing text": (
        ["a", None, "a"],
        "category",
        {"x=a": [1, 0, 1], "x=(missing)": [0, 1, 0]},
        "missing (1 row) is a value of its own",
    ),
    "numbered categories": (
        pa.array([7, 3, 7]).dictionary_encode(),
        "category",
        {"x=3": [0, 1, 0], "x=7": [1, 0, 1]},
        'one-hot: 2 values ("3", "7")',
    ),
    "missing inside the dictionary": (
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, 2]), pa.array([0.5, None, INF])),
        "category",
        {"x=0.5": [1, 0, 1, 0], "x=(missing)": [0, 1, 0, 1]},
        "missing (2 rows) is a value of its own",
    ),
    "dates": (dates(1, 3), "time", {"x": [-1, 1]}, "as seconds, standardized: from 2024-01-01 to 2024-01-03"),
    "missing dates": (
        dates(1, None, 3),
        "time",
        {"x": [-1, 0, 1], "x is missing": [0, 1, 0]},
        "2024-01-03; 1 missing filled with the median 2024-01-02",
    ),
    "times of day": ([datetime.time(8), datetime.time(10)], "time", {"x": [-1, 1]}, "from 28800 s to 36000 s"),
    "durations": (
        pa.array([5, 7], pa.duration("s")).cast(pa.duration("ns")),
        "time",
        {"x": [-1, 1]},
        "from 5 s to 7 s",
    ),
    "moments with a zone": (
        pa.array([0, 4], pa.timestamp("ms", tz="Europe/Berlin")),
        "time",
        {"x": [-1, 1]},
        "from 1970-01-01T00:00:00 to 1970-01-01T00:00:00",
    ),
    "commas in numbers": (["1,234", "5,678", "1,234"], "category", None, '"1,234" may be 1234 or 1.234: write'),
    "commas and dots in numbers": (["1,5", "5.6", "1,5"], "category", None, 'nearly numbers, but for example "1,5"'),
    "question marks in numbers": (["1", "2", "?", "1"], "category", None, 'nearly numbers, but for example "?"'),
    "constant": ([5, 5], "constant", {}, "left out: every value is 5"),
    "constant text": (["a", "a"], "constant", {}, 'every value is "a"'),
    "constant boolean": ([True, True], "constant", {}, "every value is true"),
    "constant date": (dates(1, 1), "constant", {}, "every value is 2024-01-01"),
    "nothing": (pa.nulls(2), "empty", {}, "every value is missing"),
    "nothing finite": ([INF, NAN], "empty", {}, "every value is missing or infinite"),
    "no category": (pa.array([INF, INF]).dictionary_encode(), "empty", {}, "every value is missing or infinite"),
    "lists": ([[1], [2]], "unsupported", {}, "list<"),
    "names": ([f"n{row}" for row in range(11)], "identifier", {}, "left out: 11 different texts in 11 rows"),
    "sentences": ([f"this is text {row}" for row in range(11)], "text", {}, "11 different texts"),
}


@pytest.mark.parametrize("case", KINDS)
def test_kinds(case):
    values, kind, outputs, words = KINDS[case]
    table = table_of(x=values, other=pa.array(np.arange(len(values)) * 0.5 + 0.25))
    encoder = FeatureEncoder.fit(table)
    report = encoder.reports[0]
    assert report.kind == kind
    assert words in report.done
    if outputs is not None:
        X = encoder.encode(table, np.float64).X[:, :-1]
        assert encoder.names == (*outputs, "other")
        np.testing.assert_allclose(X.T, [*outputs.values()] or np.empty((0, len(values))), rtol=1e-14)
        assert report.outputs == len(outputs)
    assert encoder.encode(table).surprises == ()


@pytest.mark.parametrize("values", [["01", "02", "01"], ["1.2.3", "1.2.4", "1.2.3"], ["12.05.2024", "13.05.2024"] * 2])
def test_codes_are_not_nearly_numbers(values):
    assert "nearly" not in FeatureEncoder.fit(table_of(x=values)).reports[0].done


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        *[(name, True) for name in ["id", "ID", "user_id", "PassengerId", "customerID", "column 1", "Unnamed: 0"]],
        *[(name, True) for name in ["Unnamed: 0.1", "__index_level_0__"]],
        *[(name, False) for name in ["x", "width", "grid", "paid", "price index", "humid"]],
    ],
)
def test_identifiers_by_name(name, left_out):
    table = Table(pa.table({name: [5, 3, 9], "x.": [0.5, 1.5, 2.5]}))
    assert (FeatureEncoder.fit(table).reports[0].kind == "identifier") == left_out
    repeated = Table(pa.table({name: [5, 3, 5], "x.": [0.5, 1.5, 2.5]}))
    assert FeatureEncoder.fit(repeated).reports[0].kind == "number"


def test_rare_values_share_one_output():
    values = ["a"] * 5 + ["b"] * 4 + ["c", "d", None]
    table = table_of(x=values)
    encoder = FeatureEncoder.fit(table, max_categories=2)
    assert encoder.names == ("x=a", "x=b", "x=(other)", "x=(missing)")
    assert encoder.reports[0].done.startswith("one-hot: the 2 most common of 4 values, the rest together as (other)")
    np.testing.assert_array_equal(encoder.encode(table).X.argmax(axis=1), [0] * 5 + [1] * 4 + [2, 2, 3])
    unseen = encoder.encode(table_of(x=["z"]))
    assert unseen.X.tolist() == [[0, 0, 1, 0]]
    assert unseen.surprises == ()


SURPRISES = {
    # training values, later values, outputs of the later values, what is said, rows
    "missing number": ([1.0, 2.0, 3.0], [None, 2.0, INF], [[0], [0], [0]], "missing .* filled with the median 2", 2),
    "far number": ([1.0, 3.0], [1e300, -1e300], [[1e6], [-1e6]], "farther than 1e[+]06 standard deviations", 2),
    "missing boolean": ([True, False, False], [None], [[0]], "missing values, filled with false", 1),
    "missing date": (dates(1, 2, 3), dates(None), [[0]], "missing", 1),
    "unseen text": (["a", "b", "a"], ["c", "a", "d"], [[0, 0], [1, 0], [0, 0]], 'not seen .* "c"', 2),
    "missing text": (["a", "b", "a"], [None, "a"], [[0, 0], [1, 0]], "missing values, none in training", 1),
}


@pytest.mark.parametrize("case", SURPRISES)
def test_surprises(case):
    training, later, outputs, words, rows = SURPRISES[case]
    encoder = FeatureEncoder.fit(table_of(x=training))
    encoded = encoder.encode(table_of(x=later))
    np.testing.assert_allclose(encoded.X, outputs, atol=1e-7)
    assert np.isfinite(encoded.X).all()
    (surprise,) = encoded.surprises
    assert (surprise.column, surprise.rows) == ("x", rows)
    assert re.search(words, surprise.what)


OTHER_TYPES = {
    # training values, the same values in another type
    "numbers in text": ([1.5, 3.0], [" 1.5", "3"]),
    "whole numbers as floats": ([1, 3], [1.0, 3.0]),
    "numbers as categories": ([1, 3], pa.array([1, 3]).dictionary_encode()),
    "booleans as numbers": ([True, False], [1, 0]),
    "text as numbers": (["1", "3", "1"], [1, 3, 1]),
    "text as booleans": (["true", "false", "true"], [True, False, True]),
    "text as categories": (["a", "b", "a"], pa.array(["a", "b", "a"]).dictionary_encode()),
    "text as large text": (["a", "b", "a"], pa.array(["a", "b", "a"], pa.large_string())),
    "dates in text": (dates(1, 3), ["2024-01-01", "2024-01-03"]),
    "times in text": ([datetime.time(8), datetime.time(10)], [" 08:00", "10:00:00.0"]),
    "moments with a zone in text": (
        pa.array([0, 3600], pa.timestamp("s", tz="UTC")),
        ["1970-01-01T00:00:00Z", "1970-01-01 02:00:00+01:00"],
    ),
    "dates as moments": (dates(1, 3), [datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 3)]),
}


@pytest.mark.parametrize("case", OTHER_TYPES)
def test_another_type_with_the_same_meaning(case):
    training, later = OTHER_TYPES[case]
    encoder = FeatureEncoder.fit(table_of(x=training))
    np.testing.assert_array_equal(encoder.encode(table_of(x=later)).X, encoder.encode(table_of(x=training)).X)


@pytest.mark.parametrize("training", [[1.0, 2.0], [True, False], dates(1, 2)], ids=["number", "boolean", "date"])
def test_a_column_without_any_value_is_all_missing(training):
    encoded = FeatureEncoder.fit(table_of(x=training)).encode(table_of(x=pa.nulls(3)))
    assert encoded.surprises[0].rows == 3


TIMES = [datetime.time(8), datetime.time(10)]
DURATIONS = pa.array([5, 7], pa.duration("s"))
NAIVE, ZONED = (pa.array([0, 4], pa.timestamp("s", tz=zone)) for zone in (None, "UTC"))
NOON = "2024-02-29T12:00:00"

WRONG = {
    "text for a number": ([1.0, 2.0], ["1", "about 2"], 'Row 2 of the column "x" holds "about 2": expected a number'),
    "list for a number": ([1.0, 2.0], [[1]], 'column "x" must hold numbers'),
    "2 for a boolean": (
        [True, False],
        [1, 2],
        'Row 2 of the column "x" holds 2: expected true or false, as in training',
    ),
    "text for a date": (dates(1, 2), ["2024-01-01", None, "soon"], 'Row 3 of the column "x" holds "soon": .*a date'),
    "number for a date": (dates(1, 2), [1, 2], 'column "x" must hold dates, as in training; .*int64'),
    "dates for categories": (
        ["a", "b", "a"],
        dates(1, 2),
        'column "x" must hold text, numbers or true .*as "a".*date32',
    ),
    "lists for categories": (["a", "b", "a"], [[1], [2]], 'column "x" must hold text, numbers or true .*list'),
    "date for a time": (TIMES, dates(1, 2), 'column "x" must hold times of day, as in training; .*date32'),
    "odd time": (TIMES, ["10:00", None, "1:00"], 'Row 3 of the column "x" holds "1:00": expected a time .*as 09:30'),
    "no zone": (
        ZONED,
        [f"{NOON}Z", NOON],
        f'Row 2 of the column "x" holds "{NOON}": expected a date with its time zone',
    ),
    "a zone": (NAIVE, [NOON, f"{NOON}Z"], f'Row 2 of the column "x" holds "{NOON}Z": .*without a time zone'),
    "text for a duration": (DURATIONS, ["1 s"], 'column "x" must hold durations, as in training; .*string'),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_values_are_named(case):
    training, later, message = WRONG[case]
    encoder = FeatureEncoder.fit(table_of(x=training))
    with pytest.raises(BacklitError, match=message):
        encoder.encode(table_of(x=later))


def test_missing_columns_are_named_and_others_not_looked_at():
    encoder = FeatureEncoder.fit(table_of(width=[1.0, 2.0], height=[1.0, 2.0]))
    with pytest.raises(BacklitError, match=r'lacks 1 column that the model needs: "height"\. Did you mean "Hight"\?'):
        encoder.encode(table_of(width=[1.0], Hight=[2.0]))
    extra = encoder.encode(table_of(other=["x"], height=[1.5], width=[1.5]))
    assert extra.X.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("columns", "ignore", "message"),
    [
        ({"x": [1, 1], "y": pa.nulls(2)}, (), 'No column of the table .*"x" left out: every value is 1; "y" left out'),
        ({"x": [1, 2]}, ("x",), "left out as asked"),
        ({"x": [1, 2]}, ("X1",), 'No column "X1"'),
    ],
)
def test_fit_refuses(columns, ignore, message):
    with pytest.raises(BacklitError, match=message):
        FeatureEncoder.fit(table_of(**columns), ignore=ignore)


def test_encoder_fit_refuses():
    table = table_of(x=[1.0, 2.0, 3.0], t=["a", None, "a"], u=["a", "b", "a"])
    with pytest.raises(BacklitError, match="there is no other"):
        Encoder.fit(table_of(t=["a", "b", "a"]), "t")
    with pytest.raises(BacklitError, match="cannot be ignored too"):
        Encoder.fit(table, "u", ignore=["u"])
    with pytest.raises(BacklitError, match="No training row"):
        Encoder.fit(table_of(x=[1.0, 2.0, 3.0, 4.0], t=["a", None, "a", "b"]), "t", rows=[1])


def test_statistics_come_from_the_training_rows_alone():
    table = table_of(x=[1.0, 3.0, 99.0, 5.0], c=["a", "b", "z", "a"], t=[1.5, 2.5, 9.0, None])
    encoder = Encoder.fit(table, "t", rows=[0, 1, 3], ignore=())
    assert encoder.feature_names == ("x", "c=a", "c=b")
    assert (encoder.features.columns[0].mean, encoder.target.mean) == (2.0, 2.0)
    assert encoder.task.n_missing == 1


def test_class_names_come_from_the_whole_table():
    table = table_of(x=[1.0, 2.0, 3.0], t=["a", "b", "a"])
    assert Encoder.fit(table, "t", rows=[0, 2]).classes == ("a", "b")


def test_text_columns_are_read_again_as_text(tmp_path):
    (tmp_path / "train.csv").write_text("a,b,t\n1,1.50,1\nx,1.50,2\n1,y,x\nx,y,1\n")
    (tmp_path / "later.csv").write_text("a,b\n1,1.50\n")
    table = read_table(tmp_path / "train.csv")
    encoder = Encoder.fit(table, "t")
    assert encoder.text_columns == ("a", "b", "t")
    later = read_table(tmp_path / "later.csv", text_columns=encoder.text_columns)
    encoded = encoder.encode(later)
    assert encoded.X.tolist() == [[1, 0, 1, 0]]
    assert encoded.surprises == ()


@pytest.mark.parametrize("index", [None, "customer"])
@pytest.mark.parametrize("source", ["Parquet", "Arrow", "pandas"])
def test_no_source_gives_a_pandas_index_as_a_column(source, index, tmp_path):
    """Rows sorted by the target give it away by their number; and a model of it is lost after reset_index."""
    frame = pd.DataFrame({"x": [0.5, 2.5, 1.5], "t": ["a", "a", "b"]}, index=pd.Index([7, 5, 9], name=index))
    frame.to_parquet(tmp_path / "t.parquet")
    sources = {"Parquet": tmp_path / "t.parquet", "Arrow": pa.Table.from_pandas(frame), "pandas": frame}
    encoder = Encoder.fit(read_table(sources[source]), "t")
    assert encoder.feature_names == ("x",)
    left_out = [(report.column, report.kind) for report in encoder.reports if not report.outputs]
    assert left_out == ([] if source == "pandas" else [(index or "__index_level_0__", "index")])
    assert encoder.encode(read_table(frame.reset_index())).X.shape == (3, 1)


@pytest.mark.parametrize("header", ["", "Unnamed: 0", "index"])
def test_a_column_that_counts_the_rows_of_a_csv_file_is_left_out(header, tmp_path):
    (tmp_path / "t.csv").write_text(f"{header},x,t\n0,0.5,a\n1,1.5,a\n2,1.25,b\n")
    assert Encoder.fit(read_table(tmp_path / "t.csv"), "t").feature_names == ("x",)


@pytest.mark.parametrize(
    ("cells", "odd"),
    [(["10:00", "10:30", "11:00"], "1:00"), ([f"2024-02-2{k}T12:00:00Z" for k in range(3)], "2024-02-29T12:00:00")],
    ids=["time of day", "zone"],
)
def test_one_odd_time_in_a_file_is_the_one_that_is_named(cells, odd, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["x", *cells]))
    encoder = FeatureEncoder.fit(read_table(path))
    path.write_text("\n".join(["x", *cells[:2], odd, *cells]))
    with pytest.raises(BacklitError, match=f'^Row 3 of the column "x" holds "{odd}"'):
        encoder.encode(read_table(path))


finite = st.floats(allow_nan=False, allow_infinity=False)
anything = st.floats()


@st.composite
def tables(draw):
    n_rows = draw(st.integers(2, 12))

    def column(values):
        return draw(st.lists(st.none() | values, min_size=n_rows, max_size=n_rows))

    columns = {
        "number": pa.array(column(anything), pa.float64()),
        "single": pa.array(column(st.floats(width=32)), pa.float32()),
        "whole": pa.array(column(st.integers(-(2**63), 2**63 - 1)), pa.int64()),
        "word": pa.array(column(st.sampled_from(["", "a", "b", "ä\n", "NaN"])), pa.string()),
        "flag": pa.array(column(st.booleans()), pa.bool_()),
        "moment": pa.array(column(st.datetimes(datetime.datetime(1900, 1, 1))), pa.timestamp("us")),
        "code": pa.array(column(st.integers(0, 3)), pa.int64()).dictionary_encode(),
        "always": pa.array(np.arange(n_rows) * 1.5),
        "target": pa.array(np.arange(n_rows) * 2.5),
    }
    return Table(pa.table(columns))


@settings(max_examples=50, deadline=None)
@given(tables())
def test_json_round_trip_encodes_the_same_bits(table):
    encoder = Encoder.fit(table, "target", kind="numbers")
    again = Encoder.from_json(encoder.to_json())
    assert again == encoder
    assert again.to_json() == encoder.to_json()
    X = encoder.encode_features(table, np.float64)
    np.testing.assert_array_equal(again.encode_features(table, np.float64), X)
    assert np.isfinite(encoder.encode_features(table)).all()
    assert X.shape == (table.n_rows, len(encoder.feature_names))
    assert sum(report.outputs for report in encoder.reports) == X.shape[1]


@settings(max_examples=50, deadline=None)
@given(tables(), st.data())
def test_a_row_encodes_the_same_alone(table, data):
    encoder = FeatureEncoder.fit(table)
    X = encoder.encode(table).X
    row = data.draw(st.integers(0, table.n_rows - 1))
    np.testing.assert_array_equal(encoder.encode(table.take([row])).X[0], X[row])


@settings(deadline=None)
@given(st.lists(finite, min_size=2, max_size=50).filter(lambda values: len(set(values)) > 1))
def test_standardized_columns_have_mean_0_and_deviation_1(values):
    table = table_of(x=values, always=np.arange(len(values)) * 1.5)
    encoder = FeatureEncoder.fit(table)
    x = encoder.encode(table, np.float64).X[:, 0]
    if encoder.reports[0].kind == "constant":  # a spread below the smallest number there is
        return
    spread = np.ptp(np.ldexp(values, -np.frexp(np.abs(values).max())[1]))
    if spread > 1e-8:  # else the values themselves are not known to more digits
        np.testing.assert_allclose([x.mean(), x.std()], [0, 1], atol=1e-6)
    assert np.isfinite(x).all()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"task": 1}'])
def test_from_json_refuses(text):
    with pytest.raises(BacklitError, match="not an encoder"):
        Encoder.from_json(text)


def test_a_large_table_is_encoded_fast():
    rng = np.random.default_rng(0)
    columns = {f"x{j}": rng.normal(size=100_000) for j in range(40)}
    words = np.array(["red", "green", "blue", "white"])
    columns |= {f"c{j}": words[rng.integers(0, 4, size=100_000)] for j in range(10)}
    table = table_of(**columns)
    encoder = FeatureEncoder.fit(table)
    begin = time.process_time()
    encoder.encode(table)
    assert time.process_time() - begin < 20  # about 0.3 s of one core; the margin is for busy machines
