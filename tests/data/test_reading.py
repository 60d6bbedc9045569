"""Every way a table may be written is read the same; a source that is not a table is refused in one line."""

import gzip

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backlit.data import Table, read_table
from backlit.errors import BacklitError


def write(folder, content, name="table.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


GOOD = {
    "plain": ("a,b\n1,x\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
    "byte order mark": (b"\xef\xbb\xbfa,b\n1,x\n", {"a": [1], "b": ["x"]}),
    "CRLF": ("a,b\r\n1,x\r\n2,y\r\n", {"a": [1, 2], "b": ["x", "y"]}),
    "no last line end": ("a,b\n1,x", {"a": [1], "b": ["x"]}),
    "blank lines": ("\na,b\n\n1,x\n\n2,y\n\n", {"a": [1, 2], "b": ["x", "y"]}),
    "newline in quotes": ('a,"b\nc"\n1,"x\ny"\n', {"a": [1], "b\nc": ["x\ny"]}),
    "quotes that open nothing": ('a,b\n5" pipe,x\n', {"a": ['5" pipe'], "b": ["x"]}),
    "doubled quote": ('a,b\n1,"say ""x"""\n', {"a": [1], "b": ['say "x"']}),
    "semicolon": ("a;b\n1;x,5\n", {"a": [1], "b": ["x,5"]}),
    "semicolon with commas in names": ("height, m;b\n1;x\n", {"height, m": [1], "b": ["x"]}),
    "tab": ("a\tb\n1\tx\n", {"a": [1], "b": ["x"]}),
    "bar": ("a|b\n1|x\n", {"a": [1], "b": ["x"]}),
    "a first line that names the separator": ("sep=;\na;b\n1;x,5\n", {"a": [1], "b": ["x,5"]}),
    "one that names a tab, in quotes": (b'\xef\xbb\xbf"sep=\t"\r\n\r\na\tb\r\n1\tx\r\n', {"a": [1], "b": ["x"]}),
    "a column that is called so": ("sep=,x\n1,2\n", {"sep=": [1], "x": [2]}),
    "unicode names": ("größe,色\n1,ä\n", {"größe": [1], "色": ["ä"]}),
    "spaces around names": (" a , b\n 1, x\n", {"a": [1], "b": [" x"]}),
    "nameless column": (",b\n0,x\n", {"column 1": [0], "b": ["x"]}),
    "nameless columns": (",,b\n0,1,x\n", {"column 1": [0], "column 2": [1], "b": ["x"]}),
    "nameless codes": (",,b\n07,1,x\n", {"column 1": ["07"], "column 2": [1], "b": ["x"]}),
    "nameless commas": (";;b\n0,5;1;x\n", {"column 1": [0.5], "column 2": [1], "b": ["x"]}),
    "a name of the mark for what cannot be read": ("a\ufffd,b\n1,2\n", {"a\ufffd": [1], "b": [2]}),
    "names in angle brackets": ("<OPEN>,<CLOSE>\n1,2\n", {"<OPEN>": [1], "<CLOSE>": [2]}),
    "one name in angle brackets": ("<OPEN>\n1\n", {"<OPEN>": [1]}),
    "a comparison": ("<5,>5\n1,2\n", {"<5": [1], ">5": [2]}),
    "names in square brackets": ("[m],[s]\n1,2\n", {"[m]": [1], "[s]": [2]}),
    "numbers in square brackets": ("[1],[2]\n1,2\n", {"[1]": [1], "[2]": [2]}),
    "names in curly brackets": ("{id},{name}\n1,2\n", {"{id}": [1], "{name}": [2]}),
    "one column": ("a\n1\n2\n", {"a": [1, 2]}),
    "UTF-16": ("a,b\n1,ä\n".encode("utf-16"), {"a": [1], "b": ["ä"]}),
    "missing": ('a,b\n1,NA\n,x\nNaN,""\nnull,n/a\n', {"a": [1, None, None, None], "b": [None, "x", None, None]}),
    "None is a word": ("a\nNone\nSome\n", {"a": ["None", "Some"]}),
    "leading zeros are codes": ("zip,n\n01234,1\n99999,2\n", {"zip": ["01234", "99999"], "n": [1, 2]}),
    "quoted leading zeros": ('zip\n"007"\n', {"zip": ["007"]}),
    "zero is a number": ("a,b\n0,0.5\n-0,00.5\n", {"a": [0, 0], "b": [0.5, 0.5]}),
    "booleans": ("a\ntrue\nFalse\n", {"a": [True, False]}),
    "one and zero": ("a\n1\n0\n", {"a": [1, 0]}),
    "integral floats": ("a\n1.0\n2.0\n", {"a": [1.0, 2.0]}),
    "mixed": ("a\n1\nx\n", {"a": ["1", "x"]}),
}


@pytest.mark.parametrize("case", GOOD)
def test_reads(case, tmp_path):
    content, expected = GOOD[case]
    table = read_table(write(tmp_path, content))
    actual = table.arrow.to_pydict()
    assert actual == expected
    assert {name: [type(v) for v in column] for name, column in actual.items()} == {
        name: [type(v) for v in column] for name, column in expected.items()
    }


def test_gzip_and_text_path(tmp_path):
    path = write(tmp_path, gzip.compress(b"a,b\n1,x\n"), "table.csv.gz")
    assert read_table(str(path)).arrow.to_pydict() == {"a": [1], "b": ["x"]}


def test_text_columns_stay_text(tmp_path):
    path = write(tmp_path, "a, b\n1,2\n3,4\n")
    assert read_table(path, text_columns=["b", "elsewhere"]).arrow.to_pydict() == {"a": [1, 3], "b": ["2", "4"]}


def test_newlines_in_quotes_beyond_arrows_block_size(tmp_path):
    line = "two\nlines " * 100
    table = read_table(write(tmp_path, "a,b\n" + f'1,"{line}"\n' * 3000))
    assert table.n_rows == 3000
    assert set(table.arrow.column("b").to_pylist()) == {line}


def test_wide_header(tmp_path):
    names = [f"a column with a long name {j}" for j in range(5000)]
    table = read_table(write(tmp_path, ";".join(names) + "\n" + ";".join(map(str, range(5000))) + "\n"))
    assert table.columns == tuple(names)


def test_parquet(tmp_path):
    arrow = pa.table({"a": [1, None], "b": ["x", "y"], "c": pa.array(["u", "v"]).dictionary_encode()})
    pq.write_table(arrow, tmp_path / "table.parquet")
    assert read_table(tmp_path / "table.parquet").arrow.equals(arrow)


ROWS = {"a": [1, 2], "b": ["x", None], "c": [1.5, float("nan")]}


@pytest.mark.parametrize(
    "frame",
    [pd.DataFrame(ROWS), pd.DataFrame(ROWS, index=["p", "q"]), pl.DataFrame(ROWS), pl.LazyFrame(ROWS), pa.table(ROWS)],
    ids=["pandas", "pandas with index", "polars", "polars lazy", "pyarrow"],
)
def test_data_frames(frame):
    table = read_table(frame)
    assert table.columns == ("a", "b", "c")
    assert table.arrow.column("b").to_pylist() == ["x", None]
    assert table.present("c").tolist() == [True, False]


def test_a_table_is_returned_as_it_is():
    table = Table.from_arrays([[1.0]])
    assert read_table(table) is table


def test_views_decimals_and_half_floats_become_plain():
    arrow = pa.table(
        {
            "view": pa.array(["x"], pa.string_view()),
            "decimal": pa.array([1], pa.decimal128(5, 2)),
            "half": pa.array([np.float16(0.5)]),
        }
    )
    assert [str(kind) for kind in Table(arrow).arrow.schema.types] == ["string", "double", "double"]


def test_from_arrays():
    table = Table.from_arrays(np.array([[1.0, np.nan], [3.0, 4.0]]), [0, 1], names=["a", "b"], target="t")
    assert table.arrow.to_pydict() == {"a": [1.0, 3.0], "b": [None, 4.0], "t": [0, 1]}
    assert Table.from_arrays(np.ones((2, 3))).columns == ("x1", "x2", "x3")
    assert table.take([1, 0, 1]).values("t").tolist() == [1, 0, 1]
    assert table.drop_missing("b").n_rows == 1
    assert table.values("b").tolist() == [None, 4.0]


BAD = {
    "empty": ("", "is empty"),
    "only blank lines": ("\n \n\r\n", "is empty"),
    "only a mark": (b"\xff\xfe", "is empty"),
    "header only": ("a,b\n", "no rows"),
    "duplicate names": ("a,b,a\n1,2,3\n", 'named "a"'),
    "duplicate names but for spaces": ("a, a\n1,2\n", 'named "a"'),
    "too many cells": ("a,b\n1,2\n\n1,2,3\n", "Line 4 of table.csv has 3 cells where the column names make 2"),
    "too few cells": ('a,b\n"x\ny",2\n1\n', "Line 4 of table.csv has 1 cell "),
    "open quote": ('a,b\n1,2\n3,"x\n', "begins on line 3 of table.csv has a quote"),
    "latin-1": ("a,b\nä,1\n".encode("latin-1"), "not UTF-8"),
    "latin-1 names": ("größe,t\n1,a\n".encode("latin-1"), 'The column name "gr��e" of table.csv is not UTF-8'),
    "broken UTF-16": ("a,b\nä,1\n".encode("utf-16")[:-1], "cannot be read as CSV"),
    "JSON": ('{"a": 1}', "is JSON, not a table"),
    "JSON lines": ('\n{ "a": 1}\n{"a": 2}\n', "is JSON"),
    "JSON list": ('[\n {"a": 1}]', "is JSON"),
    "JSON matrix": ("[[1, 2], [3, 4]]", "is JSON"),
    "JSON numbers": ("[1.5, 2]", "is JSON"),
    "HTML": ("  <html>", "is HTML or XML"),
    "HTML with a type and a mark": (b"\xef\xbb\xbf<!DOCTYPE html>", "is HTML or XML"),
    "HTML table": ('<table class="a">\n<tr><td>1</td></tr></table>', "is HTML or XML"),
    "XML": ("<?xml version='1.0'?><a/>", "is HTML or XML"),
    "XML alone": ("<rows>\n<row a='1'/>\n</rows>", "is HTML or XML"),
    "spreadsheet": (b"PK\x03\x04abc", "spreadsheet"),
    "picture": (b"\x89PNG\r\n", "a picture"),
    "binary": (b"a,b\n\0\1\2", "a binary file"),
    "damaged gzip": (gzip.compress(b"a,b\n1,2\n")[:-9], "damaged gzip"),
    "damaged Parquet": (b"PAR1abcdefgPAR1", "damaged Parquet"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case, tmp_path):
    content, message = BAD[case]
    with pytest.raises(BacklitError, match=message) as caught:
        read_table(write(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_missing_file_names_near_ones(tmp_path, monkeypatch):
    write(tmp_path, "a\n1\n", "flowers.csv")
    with pytest.raises(BacklitError, match=r'Did you mean "flowers.csv"\?'):
        read_table(tmp_path / "flower.csv")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BacklitError, match=r'Did you mean "iris"\?.*diabetes'):
        read_table("irsi")
    with pytest.raises(BacklitError, match=r"folder .* does not exist"):
        read_table(tmp_path / "nowhere" / "x.csv")
    with pytest.raises(BacklitError, match="is a folder"):
        read_table(tmp_path)


def test_a_bundled_set_is_hidden_by_a_file_but_not_by_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris").mkdir()
    assert read_table("iris").n_rows == 150
    write(tmp_path, "a\n1\n", "wine")
    assert read_table("wine").n_rows == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([1, 2], "A list is not a table"),
        (np.ones((2, 2)), "Table.from_arrays"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "same name"),
        (pd.DataFrame({"a": [1, "x"]}), "mixes types.* a "),
        (pd.DataFrame({"a": []}), "no rows"),
        (pd.DataFrame(), "no columns"),
    ],
    ids=["list", "array", "duplicate", "mixed", "no rows", "no columns"],
)
def test_refuses_objects(source, message):
    with pytest.raises(BacklitError, match=message) as caught:
        read_table(source)
    assert "\n" not in str(caught.value)


def test_unknown_column_names_the_nearest():
    with pytest.raises(BacklitError, match=r'No column "Speces" in iris. Did you mean "species"\?'):
        read_table("iris").column("Speces")
    with pytest.raises(BacklitError, match=r'No column 1 in the pandas table. Did you mean "1"\?'):
        read_table(pd.DataFrame(np.eye(2))).column(1)


@pytest.mark.parametrize(
    ("X", "y", "names", "message"),
    [
        ([1.0, 2.0], None, None, "expected a matrix"),
        ([[1.0, 2.0]], None, ["a"], "2 columns and 1 name:"),
        ([[1.0, 2.0]], [1, 2], None, "1 row, y has shape"),
        ([[1.0, 2.0]], [1], ["a", "target"], 'named "target"'),
    ],
)
def test_from_arrays_refuses(X, y, names, message):
    with pytest.raises(BacklitError, match=message):
        Table.from_arrays(X, y, names)


COMMAS = {
    "semicolon": ("a;b\n1,5;x\n-2;y\n;z\n", {"a": [1.5, -2.0, None], "b": ["x", "y", "z"]}, "a"),
    "tab": ("a\tb\n1,5\tx\n", {"a": [1.5], "b": ["x"]}, "a"),
    "quoted between commas": ('a,b\n"3,14",1\n"2,0",2\n', {"a": [3.14, 2.0], "b": [1, 2]}, "a"),
    "thousands": ("a;b\n1.234,5;x\n12;y\n+1.234.567;z\n", {"a": [1234.5, 12.0, 1234567.0], "b": ["x", "y", "z"]}, "a"),
    "exponents and spaces": ("a;b\n 1,5e-3 ;1\n2E3;2\n", {"a": [0.0015, 2000.0], "b": [1, 2]}, "a"),
    "dots alone, beside a comma": ("a;b\n0,5;1.234\n1,5;999\n", {"a": [0.5, 1.5], "b": [1234.0, 999.0]}, "ab"),
    "dots that separate no thousands": ("a;b\n0,5;1.25\n1,5;999\n", {"a": [0.5, 1.5], "b": [1.25, 999.0]}, "a"),
    "three decimals, beside a clear column": ("a;b\n0,5;1,234\n1,5;7\n", {"a": [0.5, 1.5], "b": [1.234, 7.0]}, "ab"),
    "three decimals throughout": ("a;b\n1,234;x\n56,789;y\n", {"a": [1.234, 56.789], "b": ["x", "y"]}, "a"),
    "a comma and then a code": ("a;b\n0,5;007\n", {"a": [0.5], "b": ["007"]}, "a"),
    # Cells that allow another reading stay as they are.
    "English thousands": ('a,b\n"1,234",x\n"56,789",y\n', {"a": ["1,234", "56,789"], "b": ["x", "y"]}, ""),
    "three decimals or none": ("a;b\n1,234;x\n999;y\n", {"a": ["1,234", "999"], "b": ["x", "y"]}, ""),
    "three decimals, tabs": ("a\tb\n1,234\tx\n", {"a": ["1,234"], "b": ["x"]}, ""),
    "three decimals beside points": ("a;b\n1,234;0.5\n", {"a": ["1,234"], "b": [0.5]}, ""),
    "two commas": ("a;b\n1,234,567;x\n0,5;y\n", {"a": ["1,234,567", "0,5"], "b": ["x", "y"]}, ""),
    "a comma and a point": ("a;b\n3,14;x\n3.14;y\n", {"a": ["3,14", "3.14"], "b": ["x", "y"]}, ""),
    "a word": ("a;b\n3,14;x\nviel;y\n", {"a": ["3,14", "viel"], "b": ["x", "y"]}, ""),
    "leading zeros": ("a;b\n07,1;x\n", {"a": ["07,1"], "b": ["x"]}, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", COMMAS)
def test_decimal_commas(case, tmp_path):
    content, expected, commas = COMMAS[case]
    table = read_table(write(tmp_path, content))
    assert table.arrow.to_pydict() == expected
    assert table.decimal_commas == tuple(commas)
    assert table.take([0]).without("b").decimal_commas == tuple(commas.replace("b", "")) if "b" in expected else True


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a;b\n1.234;1\n", [1234.0]),
        ("a;b\n12;1\n", [12]),
        ("a;b\n1,234;1\n5;1\n", [1.234, 5.0]),
        ("a;b\n0.5;1\n", [0.5]),  # in English this time
        ("a,c\n1.234,0.5\n", [1.234]),  # so too, by the other column
        ('a,c\n"1,234",0.5\n', ["1,234"]),
    ],
)
def test_columns_known_to_have_decimal_commas(content, expected, tmp_path):
    """A few rows may not show it; other columns are not touched."""
    table = read_table(write(tmp_path, content), comma_columns=["a", "c", "elsewhere"])
    assert table.arrow.column("a").to_pylist() == expected


def test_text_stays_text_in_spite_of_decimal_commas(tmp_path):
    table = read_table(write(tmp_path, "a; b\n1,5;2,5\n"), text_columns=["b"])
    assert table.arrow.to_pydict() == {"a": [1.5], "b": ["2,5"]}
