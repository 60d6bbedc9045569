"""Uploaded tables: what is read, what is refused in words, and that what does not fit changes nothing."""

from __future__ import annotations

import gzip
import io
import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backlit.data import read_table
from backlit.errors import BacklitError
from backlit.model import Settings, fit_table, save
from backlit.page import uploads
from backlit.page.panels.address import AddressPanel
from backlit.page.panels.build import BuildPanel
from backlit.page.panels.source import ColumnsPanel, SourcePanel, column_rows, predicted_words
from backlit.page.session import Session
from backlit.page.sources import source_of
from backlit.page.uploads import uploaded_source

ROWS = "".join(f"{k},{k % 5},{'yes' if k % 3 else 'no'}\n" for k in range(60))


def packed(table: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def test_the_last_column_is_predicted_and_rows_are_divided() -> None:
    source = uploaded_source("houses.csv", f"a,b,answer\n{ROWS}".encode())
    assert (source.title, source.given, source.target) == ("houses.csv", ("houses.csv",), "answer")
    assert source.classes == ("no", "yes")
    training, validation = source.places("training"), source.places("validation")
    assert training is not None
    assert validation is not None
    assert source.table is not None
    places = {*training.tolist(), *validation.tolist(), *source.table.rows["test"].tolist()}
    assert len(training) + len(validation) + source.kept == len(places) == 60
    cells = source.table.table.take(training)
    assert np.array_equal(source.table.encoder.encode_features(cells, np.float64), source.X)
    assert np.array_equal(source.table.encoder.encode_target(cells), source.Y)


def test_semicolons_decimal_commas_and_utf16_are_read() -> None:
    lines = "".join(f"{k / 2:.2f};{'ja' if k % 3 else 'nein'}\n".replace(".", ",") for k in range(40))
    source = uploaded_source("größe.csv", ("größe;antwort\n" + lines).encode("utf-16"))
    assert (source.target, source.classes) == ("antwort", ("ja", "nein"))
    assert source.columns[0].done.endswith("written with decimal commas")


def test_lines_that_end_by_carriage_returns_are_read() -> None:
    """As of some old spreadsheets: the columns are those of a line."""
    for end in ("\r", "\r\n"):
        lines = "".join(f"{k},{k % 5},{'ab'[k % 2]}{end}" for k in range(6_000))
        assert uploaded_source("t.csv", f"x,y,z{end}{lines}".encode()).classes == ("a", "b")


def test_a_network_file_of_many_layers_is_refused_before_they_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "parse_network_file", lambda *_: pytest.fail("it was built"))
    layers = "layers = [" + "{ units = 2 }, " * 3_000 + "]\n[data]\n"
    for table in ("[network]\n", "[[runs]]\nname = 'a'\n[runs.network]\n"):
        with pytest.raises(
            BacklitError, match=r"^n\.toml: 3,000 layers are too many for the page; expected at most 32"
        ):
            uploaded_source("n.toml", (table + layers).encode())


def test_parquet_is_read() -> None:
    table = pa.table({"a": np.arange(50.0), "b": np.arange(50) % 2 == 0})
    assert uploaded_source("t.parquet", packed(table)).classes == ("False", "True")


def test_another_column_is_predicted_where_the_last_cannot_be() -> None:
    source = uploaded_source("t.csv", ("a,b,c\n" + "".join(f"{k},{k % 4},3\n" for k in range(40))).encode())
    assert source.target == "b"
    assert source.told[0].startswith(
        'The last column cannot be predicted, so "b" is. The target "c" has only one class'
    )
    assert "--target" not in source.told[0]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"\n \n", "is empty"),
        ("t.csv", b"a,b\n", "has column names but no rows"),
        ("t.csv", bytes(range(256)) * 9, "is a binary file, not a table"),
        ("t.csv", b'a,b\n"1,2\n3,4\n', "has a quote that is never closed"),
        ("t.csv", b"a,b\n1,2\n3\n", "Line 3 of t.csv has 1 cell where the column names make 2"),
        ("t.csv", b"a,b\n" + b"1,2\n" * 40, "is 2 in every row|only one class"),
        ("t.csv", b"a,a\n1,2\n", 'Two columns of t.csv are named "a"'),
        ("t.csv", b"a\n" + b"".join(b"%d\n" % k for k in range(40)), "No column of t.csv can be learned from"),
        ("t.csv", gzip.compress(b"a,b\n1,2\n", mtime=0), "is packed by gzip; unpack it"),
        ("t.exe", b"MZ", r'is called "t.exe"; expected a table \(.csv, .tsv, .txt, .parquet\), a network file'),
        ("t.xlsx", b"PK", "Export the spreadsheet as CSV"),
        ("n.toml", b"[network", r"^n\.toml, line 1: "),
        ("n.toml", b"\xff\xfe[", r"n\.toml is not text in UTF-8"),
        ("n.toml", b"[network]\ninputs = 2\nlayers = [{ units = 1 }]\n", "has no rows, so it takes those of a table"),
        (
            "n.toml",
            b"[network]\ninputs = 2\nlayers = [{ units = 5000 }]\n[data]\ninputs = [[1, 2]]\ntargets = [[1]]\n",
            "n.toml has units = 5,000; the page takes at most 4,096",
        ),
        ("n.toml", b"runs = [5]\n", "has no rows, so it takes those of a table"),
        ("n.toml", b"seed = " + b"9" * 5_000, "a whole number has more than 4,300 digits"),
        ("n.toml", b"[network]\nlayers = [{ units = 0x" + b"f" * 5_000 + b" }]", "units = a number of 20,000 bits"),
        ("n.toml", b"[data]\n[network]\nseed = 0x" + b"f" * 5_000, "a whole number of 20,000 bits was given"),
        ("n.toml", b"a." * 60 + b"a = 1", "a key of more than 50 parts"),
        ("n.toml", b"'a b' . " * 60 + b"a = 1", "a key of more than 50 parts"),
        ("n.toml", b"#" * 1_000_001, r"has 1,000,001 bytes; of a network file the page takes up to 1,000,000"),
        ("n.toml", b"a" * 300_000, r"^n\.toml, line 1: "),
        ("m.safetensors", b"no model", r'^"m\.safetensors" is not a model file, or a damaged one'),
        ("", b"a,b\n1,2\n", 'is called "\\(no name\\)"'),
        ("t.parquet", b"PAR1 garbage", "is a damaged Parquet file"),
    ],
)
def test_what_is_no_table_is_refused_in_words(name: str, content: bytes, words: str) -> None:
    with pytest.raises(BacklitError, match=words):
        uploaded_source(name, content)


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LARGEST", 1_000)
    with pytest.raises(BacklitError, match=r"t\.csv has 1,001 bytes; the page takes up to 1,000 from"):
        uploaded_source("t.csv", b"a" * 1_001)
    monkeypatch.setattr(uploads, "LARGEST", 20_000_000)
    monkeypatch.setattr(uploads, "NUMBERS", 500)
    small = packed(pa.table({"a": np.zeros(300), "b": np.zeros(300)}))
    with pytest.raises(BacklitError, match=r"holds 300 rows of 2 columns, [\d,]+ bytes unpacked"):
        uploaded_source("t.parquet", small)
    many = "a,b\n" + "".join(f"t{k % 20},{k % 2}\n" for k in range(60))
    with pytest.raises(BacklitError, match="becomes 21 inputs of 60 rows"):
        uploaded_source("t.csv", many.encode())


def test_what_would_take_all_memory_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of separators; a text that a Parquet file holds once, and a table a million times."""
    monkeypatch.setattr(uploads, "read_table", lambda table: pytest.fail("it was read"))
    for content in (b"," * 20_000, b"a,b\n1,2\n" + b";" * 20_000, b"sep=;\n" + b";" * 20_000):
        with pytest.raises(BacklitError, match=r"^t\.csv has 20,001 columns; the page takes up to 10,000\."):
            uploaded_source("t.csv", content)
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, np.int32)), pa.array(["x" * 3_000]))
    content = packed(pa.table({"a": texts.dictionary_encode(), "b": np.arange(100_000)}))
    assert len(content) < 1_000_000
    with pytest.raises(BacklitError, match=r"holds 100,000 rows of 2 columns, 30\d,\d+,\d+ bytes unpacked"):
        uploaded_source("t.parquet", content)


def test_what_the_reader_cannot_do_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong, said in ((pa.ArrowInvalid("straddles\nblocks"), r"t\.csv cannot be read: straddles blocks\."),
                        (MemoryError(), "not enough memory for what t.csv holds")):  # fmt: skip

        def refuse(*_: Any, wrong: Exception = wrong) -> Any:
            raise wrong

        monkeypatch.setattr(uploads, "table_of_bytes", refuse)
        with pytest.raises(BacklitError, match=said):
            uploaded_source("t.csv", b"a,b\n1,2\n")


@pytest.mark.parametrize(
    ("given", "called"),
    [("../../etc/passwd.csv", "passwd.csv"), ("C:\\x\\t.csv", "t.csv"), ("a\0b\n\u202ec.csv", "a b c.csv")],
)
def test_a_name_is_a_label_and_never_a_path(given: str, called: str) -> None:
    assert uploaded_source(given, f"a,b,c\n{ROWS}".encode()).title == called


def test_a_long_name_keeps_its_ending() -> None:
    title = uploaded_source("x" * 5_000 + ".csv", f"a,b,c\n{ROWS}".encode()).title
    assert len(title) == uploads.LONGEST_NAME
    assert title.endswith(".csv")


def test_names_that_collide_are_told_apart() -> None:
    """Columns named as the classes are, and as hidden units are."""
    lines = "".join(f"{k},{k % 7},{1 + k % 2}\n" for k in range(40))
    source = uploaded_source("t.csv", f"1,h1,3\n{lines}".encode())
    Session(source, ())
    assert source.design.network["inputs"] == ["1", "column h1"]
    assert source.design.network["layers"][-1]["labels"] == ["3=1", "3=2"]


def test_the_session_before_stays_where_a_source_does_not_fit() -> None:
    session = Session(source_of("xor"), (SourcePanel, ColumnsPanel))
    before = session.source, session.training, session.panels, session.design
    wide = misfit(uploaded_source("t.csv", f"a,b,c\n{ROWS}".encode()))
    with pytest.raises(BacklitError):
        session.take(wide)
    assert all(one is two for one, two in zip(before, now(session), strict=True))


def misfit(source: Any) -> Any:
    """Give a source whose design does not fit its rows."""
    network = source.design.network | {"inputs": 7}
    return msgspec.structs.replace(source, design=msgspec.structs.replace(source.design, network=network))


def now(session: Session) -> tuple[Any, ...]:
    return session.source, session.training, session.panels, session.design


def test_another_target_reads_the_whole_table_again() -> None:
    rows = "".join(f"{k},{k % 5},{'' if k < 10 else 'yes' if k % 3 else 'no'}\n" for k in range(60))
    session = Session(uploaded_source("t.csv", f"a,b,c\n{rows}".encode()), (SourcePanel, ColumnsPanel))
    assert session.source.table is not None
    assert session.source.table.table.n_rows == 50
    session.do("source.predict", {"column": "b"})
    assert (session.source.target, session.source.title, session.source.given) == ("b", "t.csv", ("t.csv",))
    assert session.source.table.table.n_rows == 60
    with pytest.raises(BacklitError, match=r'No column "d" in t\.csv'):
        session.do("source.predict", {"column": "d"})
    assert session.source.target == "b"


def test_bundled_sets_and_examples_are_chosen_by_name_and_nothing_else() -> None:
    session = Session(source_of("xor"), (SourcePanel, ColumnsPanel))
    session.do("source.choose", {"name": "iris"})
    assert (session.source.title, session.source.target) == ("iris", "species")
    session.do("source.predict", {"column": "petal width (cm)"})
    assert session.source.given == ("iris",)
    session.do("source.choose", {"name": "two-layer"})
    assert session.source.table is None
    with pytest.raises(BacklitError, match="there is no table"):
        session.do("source.predict", {"column": "a"})
    for path in ("/etc/passwd", "pyproject.toml", "", "../iris"):
        with pytest.raises(BacklitError, match="there is no data set or example"):
            session.do("source.choose", {"name": path})
    assert session.source.given == ("two-layer",)


def test_what_is_done_to_each_column_is_shown() -> None:
    source = uploaded_source(
        "t.csv", ("a,b,c,d\n" + "".join(f"{k},5,{'xyz'[k % 3]},{k % 2}\n" for k in range(60))).encode()
    )
    done = {row.name: (row.done, row.inputs) for row in column_rows(source)}
    assert done["a"][0].startswith("standardized: mean ")
    assert done["b"] == ("left out: every value is 5", 0)
    assert done["c"][1] == 3
    assert predicted_words(source) == 'Predicted is "d", 2 classes: "0", "1".'
    html = Session(source, (SourcePanel, ColumnsPanel)).draw(("columns",))[1]["columns"].html
    assert "left out: every value is 5" in html
    assert "36 rows train, 12 validate, 12 are kept for a test" in html
    assert "The rows for the test are not shown" in html


def test_what_a_file_says_is_escaped() -> None:
    head = '<img src=x onerror=alert(1)>,"a""b\'c",\u202eabc,<b>y'
    rows = "".join(f"{k},{k % 5},{k % 3},{'<i>yes' if k % 2 else 'no&'}\n" for k in range(60))
    source = uploaded_source("<script>alert(1)</script>.csv", f"{head}\n{rows}".encode())
    _, parts = Session(source, (SourcePanel, ColumnsPanel)).draw(("source", "columns"))
    for part in parts.values():
        for raw in ("<img", "<script", "<b>", "<i>", '"a"b', "no&<"):
            assert raw not in part.html
    assert "\u202e" not in parts["columns"].html
    assert "&lt;img src=x onerror=alert(1)&gt;" in parts["columns"].html
    assert 'value="a&quot;b&#x27;c"' in parts["source"].html


def test_many_columns_are_chosen_by_their_typed_name() -> None:
    names = ",".join(f"c{k}" for k in range(250))
    lines = "\n".join(
        ",".join(f"{value:.2f}" for value in row) for row in np.random.default_rng(0).normal(size=(30, 250))
    )
    source = uploaded_source("wide.csv", f"{names}\n{lines}".encode())
    html = Session(source, (SourcePanel,)).draw(("source",))[1]["source"].html
    assert '<input id="source-target" data-choose="source.predict" data-key="column" value="c249"' in html


def test_a_table_of_many_columns_is_encoded_in_time_of_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """The marks of all columns are looked through once, not once for each column."""
    from backlit.data import Table

    asked = []
    monkeypatch.setattr(Table, "decimal_commas", property(lambda table: asked.append(table) or ()))
    names = ",".join(f"c{k}" for k in range(60))
    lines = "\n".join(",".join(str(k * m % 17) for k in range(60)) for m in range(1, 30))
    uploaded_source("wide.csv", f"{names}\n{lines}".encode())
    assert len(asked) < 10
    assert read_table("iris").decimal_commas == ()


def test_a_network_file_is_opened_with_its_own_rows_or_on_the_table_at_hand() -> None:
    layers = b"[[network.layers]]\nunits = 3\n"
    own = uploaded_source("n.toml", b"[network]\ninputs = 1\nlayers = [{ units = 1 }]\n[data]\n"
                          b"inputs = [[1.0], [2.0]]\ntargets = [[1.0], [0.0]]\n")  # fmt: skip
    assert (own.words, own.title, len(own.X)) == (("n.toml",), "n.toml", 2)
    table = uploaded_source("t.csv", f"a,b,c\n{ROWS}".encode())
    source = uploaded_source("n.toml", layers, before=table)
    assert source.words == ("n.toml", "--data", "t.csv", "--target", "c")
    assert [layer["units"] for layer in source.design.network["layers"]] == [3, 2]
    again = uploaded_source("m.toml", layers.replace(b"3", b"4"), before=source)
    assert again.words == ("m.toml", "--data", "t.csv", "--target", "c")
    on_iris = uploaded_source("n.toml", layers, before=source_of("iris"))
    assert on_iris.words == ("n.toml", "--data", "iris")


@pytest.mark.parametrize("name", ["z\nseed = 5", "z\x01"])
def test_a_columns_name_stays_in_the_comment_of_the_saved_network_file(name: str) -> None:
    rows = "".join(f"{k % 2},{k % 3},{k}\n" for k in range(40))
    session = Session(uploaded_source("t.csv", f'"{name}",b,c\n{rows}'.encode(), name), (SourcePanel, BuildPanel))
    saved = session.panels["build"].saved("toml")
    assert saved is not None
    assert tomllib.loads(saved[2].decode()) == session.design.tables()


def test_a_model_is_opened_on_the_table_at_hand(tmp_path: Path) -> None:
    model, _ = fit_table("iris", settings=Settings(layers=(3,), epochs=1))
    content = save(model, tmp_path / "m.safetensors").read_bytes()
    source = uploaded_source("m.safetensors", content, before=source_of("iris"))
    assert source.words == ("m.safetensors", "--data", "iris")
    assert np.array_equal(source.network(source.design).parameters, model.network.parameters)
    with pytest.raises(BacklitError, match="open a table with its columns first"):
        uploaded_source("m.safetensors", content, before=source_of("xor"))
    with pytest.raises(BacklitError, match='wine has no column "species"'):
        uploaded_source("m.safetensors", content, before=source_of("wine"))
    damaged = content[:-4] + b"1234"
    with pytest.raises(BacklitError, match=r'^"m\.safetensors" is damaged') as damage:
        uploaded_source("m.safetensors", damaged, before=source_of("iris"))
    assert "/" not in str(damage.value)
    head = {"network": {"layers": [{"op": "dense", "units": 5_000}]}}
    text = json.dumps({"__metadata__": {"backlit": json.dumps(head)}}).encode()
    with pytest.raises(BacklitError, match="has units = 5,000; the page takes at most 4,096"):
        uploaded_source("m.safetensors", len(text).to_bytes(8, "little") + text, before=source_of("iris"))
    alone = save(source_of("xor").design.setup().build(), tmp_path / "n.safetensors").read_bytes()
    assert uploaded_source("n.safetensors", alone, before=source_of("xor")).words == ("n.safetensors", "--data", "xor")
    with pytest.raises(BacklitError, match="holds a network alone"):
        uploaded_source("n.safetensors", alone, before=source_of("iris"))


def test_of_an_uploaded_file_the_command_says_what_it_does_not_know() -> None:
    session = Session(uploaded_source("t.csv", f"a,b,c\n{ROWS}".encode()), (SourcePanel, ColumnsPanel, AddressPanel))
    said = "The browser does not say in which folder t.csv lies"
    assert said in session.draw(("address",))[1]["address"].html
    session.do("source.predict", {"column": "b"})
    assert said in session.draw(("address",))[1]["address"].html
    session.do("source.choose", {"name": "iris"})
    assert said not in session.draw(("address",))[1]["address"].html
