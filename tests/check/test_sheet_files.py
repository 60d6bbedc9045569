"""Sheets as files hold them: what is read, and what a learner is told of one that is not."""

from __future__ import annotations

import json

import numpy as np
import pytest

import backlit as bl
from backlit.check.reading.declarations import delta_of
from backlit.check.reading.files.table_sheets import sheet_of_table
from backlit.check.reading.number_texts import number_of, with_digits
from backlit.check.written import Written
from backlit.errors import BacklitError
from backlit.sources.sheet_files import given_sheet, read_sheet

# ------------------------------------------------------------------------------------------------------------- numbers

NUMBERS = [
    ("0.3775", 0.3775, 1e-4), ("0.3770", 0.377, 1e-4), ("-0,3770", -0.377, 1e-4), ("−0.5", -0.5, 0.1),
    ("+0.5", 0.5, 0.1),
    ("≈0.3775", 0.3775, 1e-4), ("~ 0.38", 0.38, 0.01), ("0.3775...", 0.3775, 1e-4), ("0.3775…", 0.3775, 1e-4),
    ("3.5e-5", 3.5e-5, 1e-6), ("3,51E-05", 3.51e-5, 1e-7), ("3.5·10⁻⁵", 3.5e-5, 1e-6), ("3.5×10^-5", 3.5e-5, 1e-6),
    ("3.5*10^(-5)", 3.5e-5, 1e-6), ("3.5 x 10^-5", 3.5e-5, 1e-6), ("1/4", 0.25, 0.0), ("-1/3", -1 / 3, 0.0),
    (".5", 0.5, 0.1), ("5.", 5.0, 1.0), ("12 345.6", 12345.6, 0.1), ("0.593 269 992", 0.593269992, 1e-9),
    ("\u00a00.5 ", 0.5, 0.1), ("1,234", 1.234, 1e-3), ("- 0.5", -0.5, 0.1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "unit"), NUMBERS)
def test_numbers_as_people_write_them(text, value, unit):
    found = number_of(text)
    assert (found.value, found.unit) == (pytest.approx(value, rel=1e-15), pytest.approx(unit))
    assert found.text == text.strip()


NO_NUMBERS = [
    ("abc", "'abc' is no number: expected digits such as 0.3775 or 3.5e-5."),
    ("1,234.5", "write it without commas between thousands: 1234.5."),
    ("1.234,5", "write 1234.5, with one point."),
    ("35 %", "write it without a percent sign: 0.35."),
    ("3.5 cm", "a number has no unit here: write 3.5."),
    ("0,5 V", "a number has no unit here: write 0.5."),
    ("=A1+B2", "a formula was left in the cell; expected its number"),
    ("#DIV/0!", "#DIV/0! is a spreadsheet's error: mend the cell's formula."),
    ("#NAME?", "#NAME? is a spreadsheet's error"),
    ("inf", "infinite; expected a number of finitely many digits."),
    ("NaN", "NaN, which is no number"),
    ("true", "'true' is no number: expected digits"),
    ("0.5 ± 0.1", "a number has no tolerance here: write 0.5."),
    ("[0.1, 0.2]", "it is a list, where one number belongs."),
    ("1/0", "nothing is divided by 0."),
    ("1e999", "is beyond the numbers of float64"), ("1e300", "too large: its last digit stands for more than 1e15"),
    ("1e-320", "is too small"), ("1e-99999999999999999999", "is too small"),
    ("9" * 100, "has 100 characters; expected a number"),
    ("0.37.75", "expected digits"), ("", "nothing stands there"), ("1 2", "expected digits"),
    ("0x1A", "expected digits"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), NO_NUMBERS)
def test_what_is_no_number_is_said_in_plain_words(text, says):
    with pytest.raises(BacklitError) as refused:
        number_of(text)
    assert says in str(refused.value)


def test_a_comma_among_points_is_not_taken_for_a_decimal_one():
    with pytest.raises(BacklitError, match="without commas between thousands: 1234"):
        number_of("1,234", points=True)
    with pytest.raises(BacklitError, match=r"other numbers of the sheet have points: write 0\.37"):
        number_of("0,37", points=True)


def test_trailing_zeros_that_were_left_out_count_where_the_digits_are_said():
    assert with_digits(Written.of("0.377"), 4).unit == 1e-4
    assert with_digits(Written.of("0.37701"), 4).unit == 1e-5
    assert with_digits(number_of("1/4"), 4).unit == 0.0


# -------------------------------------------------------------------------------------------------------------- tables

TABLES = {
    "name,number": "net(h1),0.3775\nw(i1,h1)+,0.1498\n",
    "a head": "name,number\nnet(h1),0.3775\nw(i1,h1)+,0.1498\n",
    "quotes": '"net(h1)","0.3775"\n"w(i1,h1)+","0.1498"\n',
    "semicolons and decimal commas": "Name;Value\nnet(h1);0,3775\nw(i1,h1)+;0,1498\n",
    "decimal commas in quotes": 'name,number\nnet(h1),"0,3775"\n"w(i1,h1)+","0,1498"\n',
    "tabs": "net(h1)\t0.3775\nw(i1,h1)+\t0.1498\n",
    "Excel's line": "sep=;\nname;number\nnet(h1);0,3775\nw(i1,h1)+;0,1498\n",
    "old Macs": "net(h1),0.3775\rw(i1,h1)+,0.1498\r",
    "Windows": "net(h1),0.3775\r\nw(i1,h1)+,0.1498\r\n",
    "equals": "net(h1) = 0.3775\nw(i1,h1)+ = 0.1498\n",
    "colons": "net(h1): 0.3775\nw(i1,h1)+: 0.1498\n",
    "blank cells and lines": "name,number\n\nnet(h1),0.3775\nE,\n,\nw(i1,h1)+,0.1498\n,,,\n",
    "columns in another order": 'formula,Your number,Quantity\nx,0.3775,net(h1)\ny,0.1498,"w(i1,h1)+"\n',
    "headings and a name above": "Name,Ada\nForward pass\nname,number\nnet(h1),0.3775\nUpdate,\nw(i1,h1)+,0.1498\n",
    "comments": "# my sheet\nnet(h1),0.3775\n# w5\nw(i1,h1)+,0.1498\n",
    "names above numbers": "net(h1);w(i1,h1)+\n0,3775;0,1498\n",
}


@pytest.mark.parametrize("layout", TABLES)
def test_tables_of_every_layout_give_the_same_numbers(layout, tmp_path):
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le"):
        path = tmp_path / "sheet.csv"
        path.write_bytes(TABLES[layout].encode(encoding))
        sheet = read_sheet(path).sheet
        assert [(one.name, one.written.value, one.written.unit) for one in sheet.numbers] == [
            ("net(h1)", 0.3775, 1e-4), ("w(i1,h1)+", 0.1498, 1e-4),
        ]  # fmt: skip


def test_a_table_says_whose_it_is_and_what_delta_means():
    text = "# student: Ada Lovelace\n# delta = -dE/dnet\nname,number\nδ(o1),0.5\nE,\n"
    sheet = sheet_of_table(text, "sheet.csv")
    assert (sheet.student, sheet.delta, sheet.asked, len(sheet.numbers)) == ("Ada Lovelace", "-dE/dnet", 2, 1)
    sheet = sheet_of_table("Student;Ada\nname;number\ndelta;−∂E/∂net\nδ(o1);0,5\n", "sheet.csv")
    assert (sheet.student, sheet.delta, len(sheet.numbers)) == ("Ada", "-dE/dnet", 1)


def test_a_column_of_steps_and_of_rows():
    sheet = sheet_of_table("step,name,row,number\n1,net(h1),2,0.1\n,E,,0.2\n2,E,,0.3\n", "sheet.csv")
    assert [(one.name, one.step, one.row) for one in sheet.numbers] == [
        ("net(h1)", 1, "2"), ("E", 1, ""), ("E", 2, ""),
    ]  # fmt: skip


def test_windows_text_is_read_with_a_note(tmp_path):
    (tmp_path / "sheet.csv").write_bytes("größe;wert\nnet(h1);−0,5".replace("−", "–").encode("cp1252"))
    sheet = read_sheet(tmp_path / "sheet.csv").sheet
    assert sheet.numbers[0].written.value == -0.5
    assert sheet.notes == ("the file is not UTF-8; it was read as Windows-1252",)


BAD_TABLES = [
    ("", "sheet.csv is empty; expected numbers by name, such as a line net(h1),0.3775."),
    ("  \n\n", "is empty"),
    ("name,number\n", "sheet.csv gives no number; expected lines such as net(h1),0.3775."),
    ("name,number\nnet(h1),\n", "sheet.csv gives no number; the cells of its numbers are empty: fill some in."),
    ("name,number\nnet(h1),abc", "line 2: net(h1): 'abc' is no number: expected digits"),
    ("name,number\nnet(h1),=A1+B2", "line 2: net(h1): '=A1+B2' is no number: a formula was left in the cell"),
    ("name,number\nnet(h1),#REF!", "#REF! is a spreadsheet's error"),
    ("net(h1),0,3775", 'a decimal comma cuts the number in two cells: put it in quotes, "0,3775"'),
    ("net(h1),0.3775,0.9", "there are 3 cells; expected two, name and number"),
    (",0.5\nE,0.2", "line 1: 0.5 has no name; expected one beside it"),
    ("name;number;step\nE;0,5;two", "line 2: the step of E is 'two'; expected a whole number from 1 on."),
    ("name;number\nE;1.234,5", "write 1234.5"),
    ("delta,-dE/dx\nδ(o1),0.5", "delta is '-dE/dx'; expected what δ means on the sheet"),
    ("Dear teacher, I did not do it.\nSorry", "sheet.csv"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), BAD_TABLES)
def test_a_bad_table_is_refused_in_plain_words(text, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sheet.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BacklitError) as refused:
        read_sheet("sheet.csv")
    assert says in str(refused.value)


BAD_BYTES = [
    ("sheet.csv", b"PK\x03\x04\x14\0\x06\0", "sheet.csv is an Excel workbook, a document or another archive, not text"),
    ("sheet.csv", b"%PDF-1.7", "is a PDF, not text"), ("sheet.csv", b"\x89PNG\r\n", "is a picture, not text"),
    ("sheet.csv", b"a\0\0b\xff", "is not text"), ("sheet.xlsx", b"PK", "Save it as CSV from the spreadsheet."),
    ("sheet.py", b"", "is checked in Python: bl.check_gradients"), ("sheet.csv", b"0" * 10_000_000, "has 10.0 MB"),
    ("sheet.npy", b"junk", "is no array of NumPy"), ("sheet.npz", b"PK\x03\x04junk", "is damaged"),
    ("sheet.json", b"{", "is not JSON"), ("sheet.json", b"[1, 2]", "a list in JSON holds objects here"),
    ("sheet.json", b"3", "expected an object such as"), ("sheet.json", b"{}", "gives no number"),
    ("sheet.json", b'{"E": .5}', "here stands no value"), ("sheet.json", b'{"E": NaN}', "E: 'NaN' is no number"),
    ("sheet.json", b'{"E": 0.5,\n"E": 0.6}', "line 2: E is given twice in different ways (lines 1 and 2); keep one."),
    ("sheet.json", b'{"E": true}', "E: true was given; expected a number"),
    ("sheet.json", b'{"E": {"a": 1}}', "an object"),
    ("sheet.json", b'{"1.W": [[1, 2], [3]]}', "its lists have different lengths"),
    ("sheet.json", b'{"1.W": [1, null]}', "1.W: null is its number 2"),
    ("sheet.json", b"[" * 100_000, "too many times"),
    ("sheet.json", b'{"E": ' + b"9" * 5000 + b"}", "characters"),
    ("sheet.json", b'{"E": "word"}', "'word' is no number"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "raw", "says"), BAD_BYTES)
def test_a_file_that_is_no_sheet_is_refused_in_plain_words(name, raw, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(BacklitError) as refused:
        read_sheet(name)
    assert says in str(refused.value)
    assert str(refused.value).startswith((name, "sheet", "claimed", "a list", "expected", "E"))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BacklitError, match=r"cannot read .*no\.csv: No such file"):
        read_sheet(tmp_path / "no.csv")
    (tmp_path / "some.csv.txt").write_text("E,1")
    with pytest.raises(BacklitError, match=r"some\.csv\.txt: rename it"):
        read_sheet(tmp_path / "some.csv")


# ----------------------------------------------------------------------------------------------------- JSON and arrays


def test_json_keeps_the_digits_and_reads_every_layout(tmp_path):
    layouts = [
        {"net(h1)": "0.3770", "step 2": {"E": 0.5}, "delta": "-dE/dnet", "student": "Ada"},
        {"claimed": [{"name": "net(h1)", "number": "0.3770"}, {"name": "E", "value": 0.5, "step": 2}], "student": "Ada",
         "delta": "-dE/dnet"},
    ]  # fmt: skip
    for layout in layouts:
        (tmp_path / "sheet.json").write_text(json.dumps(layout).replace('"0.3770"', "0.3770"), encoding="utf-8")
        sheet = read_sheet(tmp_path / "sheet.json").sheet
        assert [(one.name, one.written.unit, one.step) for one in sheet.numbers] == [
            ("net(h1)", 1e-4, None), ("E", 0.1, 2),
        ]  # fmt: skip
        assert (sheet.name, sheet.delta) == ("Ada", "-dE/dnet")


def gradients():
    network = bl.Network([bl.Dense(3, "tanh"), bl.Dense(2, "sigmoid")], inputs=2, seed=3)
    X, Y = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]
    return network, X, Y, dict(network.gradient(X, Y))


ARRAY_NAMES = ["{0}.{1}", "d{1}{0}", "dE/d{0}.{1}", "{0}.d{1}", "{0}.{1}.grad", "grad_{1}{0}"]


@pytest.mark.parametrize("pattern", ARRAY_NAMES)
def test_arrays_of_gradients_by_every_usual_name(pattern):
    network, X, Y, right = gradients()
    given = {pattern.format(*name.split(".")): array for name, array in right.items()}
    checked = bl.check_work(network, X, Y, given)
    assert len(checked.numbers) == network.parameters.size
    assert checked.all_right
    assert {number.record for number in checked.numbers} >= {"dE/dw(i1,h1)", "dE/db(o2)"}


def test_arrays_of_files_by_name_by_order_and_as_one_vector(tmp_path):
    network, X, Y, right = gradients()
    path = tmp_path / "mine.npz"
    for save in (lambda: np.savez(path, **right), lambda: np.savez(path, *right.values())):
        save()
        assert bl.check_work(network, X, Y, path).all_right
    flat = tmp_path / "mine.npy"
    np.save(flat, np.concatenate([array.ravel() for array in right.values()]))
    assert len(bl.check_work(network, X, Y, flat).numbers) == network.parameters.size
    (tmp_path / "mine.json").write_text(json.dumps({name: array.tolist() for name, array in right.items()}))
    assert bl.check_work(network, X, Y, tmp_path / "mine.json").all_right


def test_single_numbers_of_an_npz_are_numbers_of_the_step(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, **{"net(h1)": 0.3775, "out(h1)": np.float32(0.59326999), "dE/dout(o1)": np.array(0.5)})
    checked = bl.check_work("two-layer", claimed=path)
    assert [number.verdict for number in checked.numbers] == ["right", "right", "wrong"]


def test_transposed_arrays_float32_and_new_weights():
    network, X, Y, right = gradients()
    checked = bl.check_work(network, X, Y, {"W1": right["1.W"].T.astype(np.float32)})
    assert checked.all_right
    assert any("transposed" in note for note in checked.work.notes)
    new = bl.explain(network, X, Y).step["w(i2,h3)+"].value
    array = np.array([[bl.explain(network, X, Y).step[f"w(i{i},h{h})+"].value for h in (1, 2, 3)] for i in (1, 2)])
    assert array[1, 2] == new
    checked = bl.check_work(network, X, Y, {"new W1": array})
    assert [number.record for number in checked.numbers][:2] == ["w(i1,h1)+", "w(i2,h1)+"]
    assert checked.all_right


def test_a_wrong_element_is_found():
    network, X, Y, right = gradients()
    right["2.W"] = right["2.W"].copy()
    right["2.W"][1, 0] *= 2
    checked = bl.check_work(network, X, Y, right)
    assert [number.name for number in checked.wrong] == ["2.W[1, 0]"]


BAD_ARRAYS = [
    (lambda net: {"1.W": net["1.W"]}, "1.W holds the weights 1.W before the step; expected its gradient"),
    (lambda net: {"foo": np.ones((5, 5))}, "foo (5, 5) cannot be told to be gradients of the network's arrays"),
    (lambda net: {"1.W": np.ones((5, 5))}, "1.W has shape (5, 5); expected that, (2, 3)."),
    (lambda net: {"1.W": [[np.nan] * 3] * 2}, "1.W[0, 0] is NaN; expected finite numbers."),
    (lambda net: {"1.W": np.full((2, 3), np.inf)}, "1.W[0, 0] is infinite"),
    (lambda net: {"1.W": np.array([["a"]])}, "expected an array of numbers"),
    (lambda net: {"1.W": np.zeros(200_000)}, "1.W has 200,000 numbers; expected at most 20,000: check a part"),
]


@pytest.mark.parametrize(("claimed", "says"), BAD_ARRAYS)
def test_bad_arrays_are_refused(claimed, says):
    network, X, Y, _ = gradients()
    with pytest.raises(BacklitError) as refused:
        bl.check_work(network, X, Y, claimed(network))
    assert says in str(refused.value)


def test_pickled_and_huge_arrays_are_refused_unread(tmp_path):
    network, X, Y, _ = gradients()
    np.save(tmp_path / "o.npy", np.array([1, None], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "o.npz", a=np.array([1, None], dtype=object))
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(10_000_000))
    head = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }"
    (tmp_path / "head.npy").write_bytes(head.ljust(127) + b"\n" + b"\0" * 80)
    for name, says in (("o.npy", "Python objects"), ("o.npz", "Python objects"), ("bomb.npz", "more than 20,000"),
                       ("head.npy", "its length another")):  # fmt: skip
        with pytest.raises(BacklitError, match=says):
            bl.check_work(network, X, Y, tmp_path / name)


# -------------------------------------------------------------------------------------------------------- Python values


def test_numbers_of_python_have_the_digits_that_it_prints():
    sheet = given_sheet(
        {"E": 0.377, "net(h1)": np.float32(0.3775), "out(h1)": "0.5930", "b": None, "i": 3, "d": [("x")] and 1}
    )
    units = {one.name: one.written.unit for one in sheet.numbers}
    assert units["E"] == 1e-3
    assert units["out(h1)"] == 1e-4
    assert units["net(h1)"] == pytest.approx(1e-6)
    assert "b" not in units


@pytest.mark.parametrize(
    ("claimed", "says"),
    [
        (3, "claimed is int; expected numbers by name"), ([1, 2], "claimed, item 1: 1 is no pair"),
        ({"E": True}, "E: True was given"), ({"E": "x"}, "E: 'x' is no number"),
        ({"E": float("inf")}, "E: 'inf' is no number: infinite"),
        ({"E": b"x"}, "E: a bytes was given; expected a number"),
        ({"W1": [[1], [1, 2]]}, "W1: its lists have different"),
        ({"E": 1e300}, "E: '1e+300' is too large: its last digit stands for more than 1e15; expected one"),
        ({"E": 1e-320}, "E: '1e-320' is too small"), ({"E": 10**400}, "has 401 characters"),
        ({}, "the sheet gives no number"), ({"E": {"a": 1}}, "was given; expected a number"),
    ],
)  # fmt: skip
def test_other_values_are_refused(claimed, says):
    with pytest.raises(BacklitError) as refused:
        bl.check_work("two-layer", claimed=claimed)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("dE/dnet", "dE/dnet"), ("-dE/dnet", "-dE/dnet"), ("−∂E/∂net", "-dE/dnet"), ("-dL/dz", "-dE/dnet"), ("", ""),
     ("negative", "-dE/dnet"), ("+", "dE/dnet"), ("-", "-dE/dnet"), ("δ = -dE/dnet_j", "-dE/dnet")],
)  # fmt: skip
def test_what_delta_is_can_be_said_in_many_ways(text, meant):
    assert delta_of(text) == meant


# ------------------------------------------------------------------------------------------------ files that would hang

HOSTILE = [
    ("brackets.csv", "(" * 20_000 + ",1\n", "characters; expected at most"),
    ("comment.csv", "#" + " " * 20_000 + "\n", "characters; expected at most"),
    ("blanks.csv", "net(h1)" + " " * 60_000 + ",0.5\n", "characters; expected at most"),
    ("deep.json", '{"net(h1)": ' + "[" * 900 + "1" + "]" * 900 + "}", "stand in each other too many times"),
    ("deeper.json", '{"claimed":' * 900 + "1" + "}" * 900, "stand in each other too many times"),
    ("nine.json", '{"1.W": ' + "[" * 8 + "1" + "]" * 8 + "}", "expected at most 8"),
    ("hundred.json", '{"1.W": ' + "[" * 100 + "1" + "]" * 100 + "}", "expected at most 8"),
    ("long-name.json", json.dumps({"net(h1)" + " " * 60_000 + "x": 0.5}), "characters; expected at most 200"),
    ("long-array.json", json.dumps({"(" * 20_000: [0.5]}), "characters; expected at most 200"),
    ("long-name.csv", "(" * 3_000 + ",1\n", "characters; expected at most 200"),
    ("exponent.csv", "net(h1),1e99999999999999999999\n", "beyond the numbers of float64"),
    ("large.csv", "net(h1),1e350\n", "beyond the numbers of float64"),
    ("coarse.csv", "net(h1),1e300\n", "too large: its last digit"),
]


@pytest.mark.parametrize(("name", "text", "says"), HOSTILE, ids=[name for name, *_ in HOSTILE])
def test_files_that_would_hang_or_break_are_refused(name, text, says, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BacklitError, match=says):
        read_sheet(tmp_path / name)


def test_brackets_in_names_of_json_are_no_lists(tmp_path):
    (tmp_path / "names.json").write_text(json.dumps({"W1" + "[" * 20: 0.5, 'a\\"[[[[[[[[[': 0.5}), encoding="utf-8")
    assert len(read_sheet(tmp_path / "names.json").sheet.numbers) == 2


def test_a_long_name_is_refused_in_python():
    with pytest.raises(BacklitError, match="has 20,000 characters; expected at most 200"):
        given_sheet({"(" * 20_000: 0.5})


def test_many_names_of_json_are_read_in_one_pass(tmp_path):
    entries = ",\n".join(f'"net(h{k})": 0.5' for k in range(20_000))
    (tmp_path / "many.json").write_text("{" + entries + "}", encoding="utf-8")
    found = read_sheet(tmp_path / "many.json")
    assert found.sheet.numbers[-1].line == 20_000
