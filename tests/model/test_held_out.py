"""The rows kept for a test are found again, and only in the table that they were kept of."""

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from backlit.data import BUNDLED, ColumnReport, Table, Task, read_table
from backlit.model import Settings, TableTraining
from backlit.model.held_out import held_out_rows, table_digest

ONE = Settings(layers=(3,), activation=("tanh",), l2=0.01, epochs=1, validation=0.0, seed=3)


def trained(source, target=None, settings=ONE):
    training = TableTraining(source, target, settings)
    for _ in training:
        pass
    return training


def people(n=60, empty=""):
    """A table with every kind of column, cells that are missing in each, and rows without a target."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "income": rng.normal(size=n),
            "children": pd.array(rng.integers(0, 4, n), "Int64"),
            "city": rng.choice(["Köln", empty, 'a "b", c', "東京"], n),
            "since": pd.Timestamp("2020-01-01 10:00") + pd.to_timedelta(rng.integers(0, 2000, n), "D"),
            "active": pd.array(rng.random(n) < 0.5, "boolean"),
            "constant": 1,
            "bought": rng.choice(["ja", "nein"], n),
        }
    )
    for k, name in enumerate(["income", "children", "city", "since", "active"]):
        frame.loc[[8 + k, *rng.choice(np.arange(20, n), 3 + k, replace=False)], name] = None
    frame.loc[20:24, "bought"] = None
    return frame


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_set_is_known_again(name):
    training = trained(name)
    rows = held_out_rows(training.report, read_table(name))
    assert rows.tolist() == training.rows["test"].tolist()
    assert len(rows) == training.report.test_rows


@pytest.mark.parametrize("target", ["bought", "income", "active"])
def test_the_same_table_from_any_file_is_known_again(tmp_path, target):
    """Also where rows have no target: the rows are those of the file."""
    frame = people(empty="Paris")  # a CSV file does not tell an empty text from none
    frame.to_csv(tmp_path / "people.csv", index=False)
    frame.to_parquet(tmp_path / "people.parquet", index=False)
    frame.astype({"city": "category"}).to_parquet(tmp_path / "other.parquet", index=False, row_group_size=7)
    frame[frame.columns[::-1]].assign(more=1).to_csv(tmp_path / "other.csv.gz", index=False, sep=";")
    names = ["people.csv", "people.parquet", "other.parquet", "other.csv.gz"]
    for source in names[:2]:
        training = trained(tmp_path / source, target)
        kept = training.table.take(training.rows["test"])
        for other in names:
            table = training.model.read(tmp_path / other)
            rows = held_out_rows(training.report, table)
            assert rows is not None, (source, other)
            found = table.take(rows)
            assert found.rows.tolist() == rows.tolist() == kept.rows.tolist()
            assert found.values(target).tolist() == kept.values(target).tolist()
            assert held_out_rows(training.report, table.drop_missing(target)).tolist() == training.rows["test"].tolist()


def changed(frame, row, column, value):
    frame = frame.astype({column: object})
    frame.loc[row, column] = value
    return frame.infer_objects()


CHANGES = {
    "a number": lambda frame: changed(frame, 3, "income", 7.0),
    "the sign of a number": lambda frame: frame.assign(income=-frame.income),
    "a missing number": lambda frame: changed(frame, frame.income.first_valid_index(), "income", None),
    "a text": lambda frame: changed(frame, frame.city.first_valid_index(), "city", "Bonn"),
    "a missing text": lambda frame: changed(frame, frame.index[frame.city == ""][0], "city", None),
    "the border of two texts": lambda frame: frame.assign(city=["x" if k < 30 else "xx" for k in range(60)]),
    "a date": lambda frame: frame.assign(since=frame.since + pd.Timedelta("1s")),
    "a truth": lambda frame: frame.assign(active=~frame.active),
    "a target": lambda frame: frame.assign(bought=frame.bought.map({"ja": "nein", "nein": "ja"})),
    "a name": lambda frame: frame.rename(columns={"income": "Income"}),
    "the order of the rows": lambda frame: frame.iloc[::-1],
    "one row fewer": lambda frame: frame.iloc[:-1],
    "one row more": lambda frame: pd.concat([frame, frame.iloc[:1]]),
    "another order of names": lambda frame: frame.rename(columns={"income": "children", "children": "income"}),
    "numbers as text": lambda frame: frame.assign(income=frame.income.astype(str)),
    "no target": lambda frame: frame.drop(columns="bought"),
}


@pytest.fixture(scope="module")
def of_people():
    return trained(people(), "bought").report


@pytest.mark.parametrize("change", CHANGES)
def test_another_table_is_not_taken_for_it(of_people, change):
    assert held_out_rows(of_people, read_table(people())) is not None
    assert held_out_rows(of_people, read_table(CHANGES[change](people()))) is None


@pytest.mark.parametrize("other", [-0.0, 0.0])
def test_a_zero_is_a_zero_and_columns_that_are_not_used_do_not_count(of_people, other):
    frame = people()
    frame.loc[5, "income"] = 0.0
    report = trained(frame, "bought").report
    frame.loc[5, "income"] = other
    assert held_out_rows(report, read_table(frame.assign(constant=2, more="x"))) is not None
    assert held_out_rows(report, read_table(people())) is None


def test_how_a_table_lies_in_memory_does_not_count(of_people):
    whole = pa.concat_tables([read_table(people()).arrow] * 3)
    part = Table(whole.slice(60, 60))
    assert held_out_rows(of_people, part) is not None
    chunked = pa.concat_tables([part.arrow.slice(start, 7) for start in range(0, 60, 7)])
    assert held_out_rows(of_people, Table(chunked)).tolist() == held_out_rows(of_people, part).tolist()
    large = part.arrow.cast(
        pa.schema(
            [(field.name, pa.large_string() if field.type == pa.string() else field.type) for field in chunked.schema]
        )
    )
    assert held_out_rows(of_people, Table(large)) is not None


def test_a_digest_is_of_names_and_cells_alone():
    texts = pa.array(["x", "yy", "zzz", "yy"] * 12, pa.large_string())

    def digest(arrow, name="a"):
        return table_digest(Table(arrow), Task("t", "classes", "", (), 0, 0), [ColumnReport(name, "", "", 1)])

    whole = pa.table({"a": texts, "t": texts})
    assert digest(whole.slice(5, 20)) == digest(whole.take(list(range(5, 25)))) != digest(whole.slice(4, 20))
    assert digest(whole.rename_columns(["b", "t"]), "b") != digest(whole)


def test_where_no_rows_were_kept_none_are_found_and_an_old_report_finds_none():
    report = trained("iris", settings=msgspec.structs.replace(ONE, test=0.0)).report
    assert held_out_rows(report, read_table("iris")).tolist() == []
    for gone in ("settings", "table_digest"):
        assert held_out_rows(msgspec.structs.replace(report, **{gone: None}), read_table("iris")) is None


def test_names_and_cells_of_any_kind():
    names = ["", "a\0b", "\u202ex", "x" * 10_000, "<script>"]
    rng = np.random.default_rng(0)
    table = Table(
        pa.table({name: rng.choice(["\0", "\n", "", "é" * 5000], 40) for name in names} | {"t": ["a", "b"] * 20})
    )
    training = trained(table, "t")
    assert held_out_rows(training.report, table).tolist() == training.rows["test"].tolist()
