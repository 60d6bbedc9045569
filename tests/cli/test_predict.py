"""What `predict` writes: numbers as the library predicts them, kept cells as they stood."""

import csv
import io
import json
import os
import threading
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backlit.cli import main
from backlit.model import Settings, fit_table, load, save

ONE = Settings(layers=(6,), activation=("tanh",), l2=0.01, epochs=30)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(capsysbinary, *arguments):
    """Run the command line in this process and give the exit code, standard output and standard error."""
    code = main([str(argument) for argument in arguments])
    captured = capsysbinary.readouterr()
    return code, captured.out.decode(), captured.err.decode()


@pytest.fixture
def model():
    """A model of y by x, and the table it was trained on."""
    x = np.random.default_rng(1).normal(size=60)
    pd.DataFrame({"x": x, "y": np.tanh(x)}).to_csv("plain.csv", index=False)
    save(fit_table("plain.csv", "y", ONE)[0], "m.safetensors")


def test_numbers_far_from_zero_are_written_as_the_library_predicts_them(capsysbinary):
    x = np.random.default_rng(3).normal(size=300)
    pd.DataFrame({"x": x, "y": 1.7e9 + 60 * x}).to_csv("far.csv", index=False)
    save(fit_table("far.csv", "y", ONE)[0], "far.safetensors")
    expected = load("far.safetensors").predict("far.csv")
    for output in ("p.csv", "p.parquet"):
        assert run(capsysbinary, "predict", "far.safetensors", "far.csv", "-o", output)[0] == 0
    rows = json.loads(run(capsysbinary, "predict", "far.safetensors", "far.csv", "--json")[1])
    for found in (
        np.loadtxt("p.csv", skiprows=1),
        pd.read_parquet("p.parquet")["prediction"],
        [row["prediction"] for row in rows],
    ):
        assert np.array_equal(found, expected)


@pytest.mark.usefixtures("model")
def test_numbers_near_zero_are_written_short(capsysbinary):
    out = run(capsysbinary, "predict", "m.safetensors", "plain.csv")[1]
    assert max(map(len, out.split())) < 15
    deviation = load("m.safetensors").encoder.target.deviation
    np.testing.assert_allclose(
        np.array(out.split()[1:], float), load("m.safetensors").predict("plain.csv"), rtol=0, atol=1e-6 * deviation
    )


CELLS = [
    "12345678901234567890", "100000000000000001.0", "1.10", "1e5", "TRUE", "2024-01-01 10:00", "NA", "", "007",
    " spaced ", "a,b", 'say "yes"', "two\nlines", "1.234,5", "東京",
]  # fmt: skip


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("cell", CELLS)
def test_kept_cells_of_csv_come_out_as_they_stood(capsysbinary, cell):
    with open("new.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["x", "kept, so", "other"], ["1.50", cell, "3"], ["2", cell, "4"]])
    for options in (["--keep", "kept, so", "--keep", "x"], ["--keep-all"]):
        code, out, err = run(capsysbinary, "predict", "m.safetensors", "new.csv", *options)
        assert code == 0, err
        rows = list(csv.DictReader(io.StringIO(out, newline="")))
        assert [(row["x"], row["kept, so"]) for row in rows] == [("1.50", cell), ("2", cell)]
    run(capsysbinary, "predict", "m.safetensors", "new.csv", "--keep-all", "-o", "p.parquet")
    assert pq.read_table("p.parquet")["kept, so"].to_pylist() == [cell, cell]
    code, out, _ = run(capsysbinary, "predict", "m.safetensors", "new.csv", "--keep-all", "--json")
    assert [row["kept, so"] for row in json.loads(out)] == [cell, cell]


@pytest.mark.usefixtures("model")
def test_kept_cells_of_a_file_in_utf_16_with_semicolons_and_nameless_columns(capsysbinary):
    with open("new.csv", "w", encoding="utf-16") as file:
        file.write('\nx;;"ä; b";c\n1,5;01;1e5;NA\n2,5;;TRUE;\n')
    code, out, err = run(capsysbinary, "predict", "m.safetensors", "new.csv", "--keep-all")
    assert code == 0, err
    lines = [line.rsplit(",", 1)[0] for line in out.splitlines()]
    assert lines == ["x,column 2,ä; b,c", '"1,5",01,1e5,NA', '"2,5",,TRUE,']


@pytest.mark.usefixtures("model")
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_read_once(capsysbinary):
    os.mkfifo("pipe")
    thread = threading.Thread(target=Path("pipe").write_bytes, args=(b"x,id\n1,007\n2,1e5\n",), daemon=True)
    thread.start()
    code, out, err = run(capsysbinary, "predict", "m.safetensors", "pipe", "--keep", "id")
    thread.join(10)
    assert code == 0, err
    assert [line.split(",")[0] for line in out.splitlines()] == ["id", "007", "1e5"]


@pytest.fixture
def arrow():
    """A Parquet file with columns of many types."""
    table = pa.table({
        "x": [0.5, 1.5, 2.5],
        "price": pa.array([Decimal("1.10"), Decimal("12345678901234567.89"), None], pa.decimal128(20, 2)),
        "city": pa.array(["Köln", "Zürich, Stadt", None]).dictionary_encode(),
        "when": pa.array([0, 1, None], pa.timestamp("ms")),
        "list": [[1], [2, 3], None],
        "bytes": [b"\xff", b"", None],
    })  # fmt: skip
    pq.write_table(table, "new.parquet")
    return table


@pytest.mark.usefixtures("model")
def test_kept_columns_of_parquet_keep_their_types(capsysbinary, arrow):
    assert run(capsysbinary, "predict", "m.safetensors", "new.parquet", "--keep-all", "-o", "p.parquet")[0] == 0
    assert pq.read_table("p.parquet").drop_columns("prediction").equals(arrow)
    code, out, err = run(capsysbinary, "predict", "m.safetensors", "new.parquet", "--keep", "price,city,when")
    assert code == 0, err
    assert [line.rsplit(",", 1)[0] for line in out.splitlines()[1:]] == [
        "1.10,Köln,1970-01-01 00:00:00.000", '12345678901234567.89,"Zürich, Stadt",1970-01-01 00:00:00.001', ",,",
    ]  # fmt: skip
    out = run(capsysbinary, "predict", "m.safetensors", "new.parquet", "--keep", "price,list", "--json")[1]
    assert '"price":12345678901234567.89,"list":[2,3]' in out


@pytest.mark.usefixtures("model", "arrow")
@pytest.mark.parametrize("column", ["list", "bytes"])
def test_what_csv_cannot_hold_is_refused_before_anything_is_written(capsysbinary, tmp_path, column):
    for output in ([], ["-o", "p.csv"]):
        code, out, err = run(capsysbinary, "predict", "m.safetensors", "new.parquet", "--keep", f"x,{column}", *output)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f'the column "{column}" holds values of type' in err
    assert not (tmp_path / "p.csv").exists()


def test_a_folder_does_not_hide_the_kept_columns_of_a_bundled_data_set(capsysbinary):
    save(fit_table("iris", settings=ONE)[0], "iris.safetensors")
    Path("iris").mkdir()
    code, out, err = run(capsysbinary, "predict", "iris.safetensors", "iris", "--keep-all")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].startswith("5.1,3.5,1.4,0.2,setosa,")
