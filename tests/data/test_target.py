"""The rule for classes or numbers, and labels that keep their type."""

import datetime
import re

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from backlit.data import ClassTarget, Encoder, NumberTarget, Table, choose_task
from backlit.errors import BacklitError

RULE = {
    "text": (["a", "b", "a"], "classes", "holds text: 2 classes"),
    "booleans": ([True, False, True], "classes", "holds true and false: 2 classes"),
    "categories": (pa.array(["a", "b", "a"]).dictionary_encode(), "classes", "holds categories: 2 classes"),
    "numbered categories": (pa.array([3, 7, 3]).dictionary_encode(), "classes", "holds categories: 2 classes"),
    "few whole numbers": ([0, 1, 2, 0, 1, 2], "classes", "few different whole numbers: 3 classes"),
    "negative codes": ([-1, 1, -1, 1], "classes", "2 classes"),
    "few whole floats": ([1.0, 2.0, 1.0, 2.0], "classes", "2 classes"),
    "one rare code in many rows": ([0, 1] * 20 + [2], "classes", "3 classes"),
    "20 codes": (list(range(20)) * 2, "classes", "20 classes"),
    "21 codes": (list(range(21)) * 9, "numbers", "numbers with 21 different values"),
    "nothing repeats": ([1, 2, 3], "numbers", "3 different values"),
    "one does not repeat": ([1, 1, 2, 2, 3], "numbers", "3 different values"),
    "fractions": ([0.5, 1.0] * 5, "numbers", "2 different values"),
}


def table_of(values, **others):
    return Table(pa.table({**others, "t": values}))


@pytest.mark.parametrize("case", RULE)
def test_rule(case):
    values, kind, words = RULE[case]
    task = choose_task(table_of(values), "t")
    assert task.kind == kind
    assert words in task.reason
    other = "numbers" if kind == "classes" else "classes"
    assert task.reason.endswith(f"(to override: --task {other})")
    assert msgspec.json.decode(msgspec.json.encode(task), type=type(task)) == task


def test_asked_for():
    assert choose_task(table_of([1, 2, 1, 2]), "t", "numbers").kind == "numbers"
    assert choose_task(table_of([True, False]), "t", "numbers").kind == "numbers"
    task = choose_task(table_of([0.5, 0.25, 0.5]), "t", "classes")
    assert (task.kind, task.classes) == ("classes", (0.25, 0.5))
    assert "as asked" in task.reason


def test_rows_without_target_are_counted():
    task = choose_task(table_of([1.5, None, float("nan"), float("inf"), 2.5]), "t")
    assert (task.n_rows, task.n_missing) == (2, 3)
    task = choose_task(table_of(["a", None, "b", "a"]), "t")
    assert (task.n_rows, task.n_missing, task.classes) == (3, 1, ("a", "b"))


def with_gaps(values):
    return ["-" if row % 20 == 0 else value for row, value in enumerate(values)]


NUMBERS_AS_TEXT = {
    "currency": ([f"${200 + k},125" for k in range(195)], '"$200,125": write plain numbers'),
    "percent": ([f"{k % 60}%" for k in range(200)], '"0%": write plain numbers'),
    "a dash for missing": (with_gaps([f"{k / 8}" for k in range(200)]), '"-": write plain numbers or leave the cell'),
    "whole numbers and a dash": (with_gaps([f"{k}000" for k in range(200)]), '"-": write plain numbers'),
    "thousands, perhaps": ([f"{k % 40 + 1},250" for k in range(200)], '"1,250" may be 1250 or 1.250'),
    "euros": ([f"{k % 40},5 €" for k in range(200)], '"0,5 €": write plain'),
}


@pytest.mark.parametrize("case", NUMBERS_AS_TEXT)
def test_numbers_written_as_text_are_not_hundreds_of_classes(case):
    values, message = NUMBERS_AS_TEXT[case]
    with pytest.raises(BacklitError, match=f'The target "t" holds text, .*{re.escape(message)}.*classes'):
        choose_task(table_of(values), "t")
    with pytest.raises(BacklitError, match=r"holds text in \d+ of \d+ rows: .*write plain numbers or leave") as caught:
        choose_task(table_of(values), "t", "numbers")
    assert "--task classes" not in str(caught.value)  # which would be going in circles
    assert choose_task(table_of([*values, *values]), "t", "classes").kind == "classes"


def test_plain_numbers_in_text_can_be_learned_as_numbers():
    values = [f"{k / 8}" for k in range(200)]
    with pytest.raises(
        BacklitError, match=r'200 different values, all of them numbers, such as "0.0": give --task num'
    ):
        choose_task(table_of(values), "t")
    table = table_of(values, x=np.arange(200) * 0.5)
    encoder = Encoder.fit(table, "t", kind="numbers")
    np.testing.assert_allclose(encoder.decode_target(encoder.encode_target(table, float)), np.arange(200) / 8)


@pytest.mark.parametrize(
    "values",
    [
        [f"{k % 40:03}" for k in range(200)],  # codes
        [f"{k % 40}a" for k in range(200)],
        [f"{k % 12}%" for k in range(200)],  # few
        pa.array([f"{k % 40}%" for k in range(200)]).dictionary_encode(),  # made categories on purpose
    ],
    ids=["codes", "other text", "few", "categories"],
)
def test_other_text_is_classes(values):
    assert choose_task(table_of(values), "t").kind == "classes"


LABELS = {
    "text": (["b", "a", "b"], ("a", "b")),
    "digits as text": (["007", "7", "007"], ("007", "7")),
    "whole numbers": ([10, 9, 10, 9], (9, 10)),
    "floats": ([2.0, 1.0, 2.0, 1.0], (1.0, 2.0)),
    "booleans": ([True, False, True], (False, True)),
    "numbered categories": (pa.array([3, 1, 3]).dictionary_encode(), (1, 3)),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_keep_their_type_through_json(case):
    values, classes = LABELS[case]
    table = table_of(values, x=[0.5 * row for row in range(len(values))])
    encoder = Encoder.fit(table, "t")
    again = Encoder.from_json(encoder.to_json())
    assert again == encoder
    assert again.classes == classes
    assert [type(label) for label in again.classes] == [type(label) for label in classes]
    codes = again.encode_target(table)
    assert codes.dtype == np.int64
    expected = values.to_pylist() if isinstance(values, pa.DictionaryArray) else values
    assert again.decode_target(codes).tolist() == expected
    assert [type(label) for label in again.decode_target(codes).tolist()] == [type(label) for label in expected]


@pytest.mark.parametrize(
    ("classes", "given", "codes"),
    [
        ((0, 1), [1.0, 0.0], [1, 0]),
        ((0, 1), ["1", "0"], [1, 0]),
        ((0, 1), [True, False], [1, 0]),
        (("0", "1"), [1, 0], [1, 0]),
        ((False, True), ["true", "FALSE"], [1, 0]),
        (("false", "true"), [True, False], [1, 0]),
    ],
)
def test_labels_in_another_type_are_recognised(classes, given, codes):
    assert ClassTarget("t", classes).encode(table_of(given)).tolist() == codes


def test_number_targets_are_standardized_and_come_back():
    values = np.random.default_rng(0).normal(300, 50, size=400)
    table = Table.from_arrays(values[:, None], values)
    target = Encoder.fit(table).target
    assert isinstance(target, NumberTarget)
    Y = target.encode(table)
    assert Y.shape == (400, 1)
    np.testing.assert_allclose([Y.mean(), Y.std()], [0, 1], atol=1e-12)
    np.testing.assert_allclose(target.decode(Y), values, rtol=1e-14)
    assert target.encode(table, np.float32).dtype == np.float32
    assert target.decode(Y[:0]).shape == (0,)


def intervals():
    return pa.Table.from_pandas(pd.DataFrame({"t": pd.cut([1, 2, 3, 4], 2)})).column("t")


BAD = {
    "unknown": ({"t": [1, 2]}, "tt", None, 'No column "tt" in the table. Did you mean "t"'),
    "none given": ({"t": [1, 2]}, None, None, 'Which column .* Its columns: "t"'),
    "all missing": ({"t": pa.nulls(3)}, "t", None, "has no values"),
    "all NaN": ({"t": [float("nan")] * 2}, "t", None, "has no values"),
    "one class": ({"t": ["a", "a"]}, "t", None, 'only one class, "a"'),
    "one class as asked": ({"t": [1, 1]}, "t", "classes", 'only one class, "1"'),
    "constant number": ({"t": [1.5, 1.5]}, "t", None, "is 1.5 in every row"),
    "too large": ({"t": [1.5, -2e250]}, "t", None, r"as large as 2e[+]250: expected at most 1e[+]250"),
    "no class repeats": ({"t": ["a", "b", "c"]}, "t", None, "no class repeats"),
    "text as numbers": ({"t": ["a", "b", "a"]}, "t", "numbers", 'text in 3 of 3 rows: "a", "b".*classes'),
    "date": ({"t": [datetime.date(2020, 1, 1)]}, "t", None, "date32.*expected text or numbers"),
    "intervals": ({"t": intervals()}, "t", None, r"interval.*expected text or numbers.*astype"),
    "list": ({"t": [[1], [2]]}, "t", None, "expected text or numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case):
    columns, target, kind, message = BAD[case]
    with pytest.raises(BacklitError, match=message) as caught:
        choose_task(Table(pa.table(columns)), target, kind)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "given", "message"),
    [
        (ClassTarget("t", ("a", "b")), ["a", "c"], 'Row 2 of the target "t" holds "c": expected one of the 2 classes'),
        (ClassTarget("t", ("a", "b")), ["a", None], "missing in 1 row"),
        (ClassTarget("t", (0, 1)), ["x"], 'Row 1 of the target "t" holds "x"'),
        (NumberTarget("t", 0.0, 1.0), [1.0, None], "missing in 1 row"),
        (NumberTarget("t", 0.0, 1.0), ["1", "x"], 'Row 2 of the column "t" holds "x": expected a number'),
    ],
)
def test_encode_refuses(target, given, message):
    with pytest.raises(BacklitError, match=message):
        target.encode(table_of(given))
