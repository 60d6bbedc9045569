"""`backlit check`: sheets of every kind, exit codes, and what a learner or a teacher is told."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from backlit.cli import main
from backlit.errors import BacklitError
from backlit.sources import class_folders
from backlit.sources.sheet_files import read_sheet

NETWORK = """
title = "my first network"

[network]
inputs = 2

[[network.layers]]
units = 2
activation = "sigmoid"
weights = [[0.15, 0.25], [0.20, 0.30]]
biases = [0.35, 0.35]

[[network.layers]]
units = 1
activation = "sigmoid"
weights = [[0.4], [0.45]]

[data]
inputs = [[0.05, 0.10]]
targets = [0.9]

[training]
optimizer = { op = "sgd", rate = 0.5 }
batch_size = "full"
epochs = 100
"""
RIGHT = '"net(h1)" = 0.3775\n"out(h1)" = 0.5933\n"out(o1)" = 0.6238\n"δ(o1)" = -0.0648\n"new w(h1,o1)" = 0.4192\n'


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_network_file_with_claimed_numbers(here, capsys):
    write(here / "mine.toml", f"{NETWORK}\n[claimed]\n{RIGHT}")
    assert main(["check", "mine.toml"]) == 0
    said = capsys.readouterr().out
    assert "All 5 numbers are right." in said
    assert "my first network: mine" in said
    write(here / "mine.toml", f"{NETWORK}\n[claimed]\n{RIGHT.replace('0.4192', '0.3808')}")
    assert main(["check", "mine.toml"]) == 1
    assert "new w(h1,o1) = 0.3808" in capsys.readouterr().out


def test_other_commands_leave_claimed_numbers_alone(here, capsys):
    write(here / "mine.toml", f'{NETWORK}\n[claimed]\n"no such number" = 1\ndelta = "x"\nstep = 3\n')
    assert main(["explain", "mine.toml", "--only", "E"]) == 0
    assert main(["demo", "mine.toml", "--epochs", "1"]) == 0
    capsys.readouterr()


def test_the_digits_of_a_file_count(here, capsys):
    """0.3770 is wrong, where 0.377 would be right."""
    write(here / "mine.toml", f'{NETWORK}\n[claimed]\n"net(h1)" = 0.3770\n')
    assert main(["check", "mine.toml", "--json"]) == 1
    given = json.loads(capsys.readouterr().out)["numbers"][0]
    assert (given["given"], given["verdict"]) == ("0.3770", "wrong")
    write(here / "mine.toml", f'{NETWORK}\n[claimed]\n"net(h1)" = 0.378\n')
    assert main(["check", "mine.toml"]) == 0
    write(here / "mine.toml", f'{NETWORK}\n[claimed]\ndigits = 4\n"net(h1)" = 0.378\n')
    assert main(["check", "mine.toml"]) == 1


def test_tables_for_several_steps(here, capsys):
    tables = '[[claimed]]\n"w(h1,o1)+" = 0.4192\n[[claimed]]\nstep = 2\n"w(h1,o1)+" = 0.4373\n'
    write(here / "mine.toml", f"{NETWORK}\n{tables}")
    assert main(["check", "mine.toml", "--json"]) == 0
    assert [number["step"] for number in json.loads(capsys.readouterr().out)["numbers"]] == [1, 2]


def test_a_csv_with_a_network_file_or_an_example(here, capsys):
    write(here / "net.toml", NETWORK)
    write(here / "sheet.csv", "name;number\nnet(h1);0,3775\nout(h1);0,5933\n")
    assert main(["check", "sheet.csv", "--network", "net.toml"]) == 0
    assert main(["check", "sheet.csv", "--network", "two-layer"]) == 0
    assert main(["check", "sheet.csv", "--network", "two-layer", "--hint", "1"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    ("name", "start"), [("out.html", "<!doctype"), ("out.md", ""), ("out.json", "{"), ("o.txt", "")]
)
def test_every_form_is_written(here, capsys, name, start):
    write(here / "sheet.csv", "net(h1),0.3775\nw5+,0.5\n")
    assert main(["check", "sheet.csv", "--network", "two-layer", "-o", name]) == 1
    assert f"Checked work written to {name}." in capsys.readouterr().out
    text = (here / name).read_text(encoding="utf-8")
    assert text.lower().startswith(start)
    assert "w5+" in text


SHEETS = {
    "two.csv": ("w5+,0.3589\nw5 new,0.3600\n", "two.csv, line 2: w5 new is given twice: 0.3589 in line 1 (w5+), "),
    "odd.csv": ("net(h1),0.3775\nnet(h9),0.5\n", "line 2: the step has no number 'net(h9)'; did you mean 'net("),
    "word.csv": ("net(h1),zero point three\n", "word.csv, line 1: net(h1): 'zero point three' is no number"),
    "row.csv": ("net(h1)[2],0.5\n", "row.csv, line 1: 'net(h1)[2]' is of row 2; the step has row 1."),
    "step.json": ('{"step 2: E": 0.1, "E": "x"}', "step.json, line 1: E: 'x' is no number"),
    "delta.csv": ("δ1,0.5\n", "delta.csv, line 1: 'δ1' may be 'dE/dnet(o1)' or 'dE/dnet(h1)': write one of these."),
    "plain.toml": (NETWORK, "plain.toml has no table [claimed]; expected one with the numbers to check"),
    "list.toml": (f"{NETWORK}\n[claimed]\nE = [1]\n", "line 28: claimed, E: a list was given; expected a number"),
    "text.toml": (f'{NETWORK}\n[claimed]\nE = "no"\n', "text.toml, line 28: claimed, E: 'no' is no number"),
    "inf.toml": (f"{NETWORK}\n[claimed]\nE = inf\n", "line 28: claimed, E: inf was given; expected a finite"),
    "name.toml": (f'{NETWORK}\n[claimed]\n"net(h7)" = 1\n', "name.toml, line 28: the step has no number 'net(h7)'"),
    "step.toml": (f"{NETWORK}\n[claimed]\nstep = 0\nE = 1\n", "claimed, step: 0 was given; expected a whole number"),
    "number.toml": (f"claimed = 5\n{NETWORK}", "number.toml, line 1: claimed is 5; expected a table: [claimed]"),
    "sub.toml": (f"{NETWORK}\n[claimed.1]\nW = 1\n", "claimed: 1 is a table; expected numbers"),
    "toml.toml": (f"{NETWORK}\n[claimed]\nnet(h1) = 1\n", "toml.toml, line 28: a name with more than letters"),
    "empty.csv": ("", "empty.csv is empty"),
    "sheet.xlsx": ("PK", "sheet.xlsx ends in .xlsx; expected a sheet of numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHEETS)
def test_a_sheet_that_cannot_be_read_is_one_message_and_exit_code_2(here, capsys, name):
    text, says = SHEETS[name]
    write(here / name, text)
    network = [] if name.endswith(".toml") else ["--network", "two-layer"]
    assert main(["check", name, *network]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said


CALLS = [
    (["check", "sheet.csv"], "sheet.csv does not say which network its numbers are of; name it: --network two-layer"),
    (["check", "no.csv", "--network", "two-layer"], "cannot read no.csv: No such file"),
    (["check", "sheet.csv", "--network", "two-lair"], "two-layer"),
    (["check", "sheet.csv", "--network", "two-layer", "--hint", "7"], "hint is 7"),
    (["check", "sheet.csv", "--network", "two-layer", "--delta", "up"], "delta is up; expected what δ means"),
    (["check", "sheet.csv", "--network", "two-layer", "--json", "--format", "md"], "--json and --format md are both"),
    (["check", "sheet.csv", "--network", "two-layer", "--format", "csv"], "csv is the form of a class's marks"),
    (["check", "sheet.csv", "--network", "two-layer", "-o", "x.pdf"], "ends in .pdf"),
    (["check", "sheet.csv", "--network", "two-layer", "--steps", "0"], "steps is 0"),
    (["check", "empty"], "empty has no sheets; expected a file for each student"),
    (["check"], "sheet"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "says"), CALLS)
def test_a_wrong_call_says_what_to_do(here, capsys, call, says):
    write(here / "sheet.csv", "net(h1),0.3775\n")
    (here / "empty").mkdir()
    assert main(call) == 2
    assert says in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------------- a class


@pytest.fixture
def a_class(here):
    for name in ("ada-lovelace", "grace", "eve", "zoe", "max"):
        write(here / f"class/key/{name}.toml", NETWORK)
    write(here / "class/ada-lovelace.csv", "name,number\nnet(h1),0.3775\nout(h1),0.5933\nw(h1,o1)+,\n")
    write(here / "class/grace.csv", "# student: Grace Hopper\nname;number\nnet(h1);0,3775\nw(h1,o1)+;0,3808\n")
    write(here / "class/3071_eve_late.csv", "name,number\nnet(h1),0.3775\nw(h1,o1)+,0.3808\n")
    write(here / "class/zoe.csv", "name,number\nnet(h1),\nw(h1,o1)+,\n")
    write(here / "class/max.xlsx", "PK")
    write(here / "class/students.csv", "name\nAda\n")
    write(here / "class/~$max.xlsx", "x")
    return here / "class"


def test_a_class_is_marked(a_class, capsys):
    assert main(["check", "class", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    students = {one["student"]: one for one in found["students"]}
    assert {name: (one["points"], one["of"], one["missing"]) for name, one in students.items()} == {
        "ada-lovelace": (2, 3, 1), "Grace Hopper": (1, 2, 0), "eve": (1, 2, 0), "zoe": (0, 2, 2), "max": (0, 0, 0),
    }  # fmt: skip
    assert students["max"]["problem"].startswith("max.xlsx ends in .xlsx; expected a sheet of numbers")
    assert found["mistakes"][0]["students"] == ["eve", "Grace Hopper"]
    assert any("students.csv is left out: it is the sheet of no student" in note for note in found["notes"])


def test_a_class_is_printed_and_written(a_class, capsys):
    assert main(["check", "class"]) == 1
    said = capsys.readouterr().out
    assert "The most common mistakes" in said
    assert "Grace Hopper" in said
    for name in ("marks.csv", "marks.html"):
        assert main(["check", "class", "-o", name]) == 1
    assert (a_class.parent / "marks.csv").read_text(encoding="utf-8").count("\n") >= 6
    assert main(["check", "class", "--format", "md"]) == 1
    assert "| Grace Hopper |" in capsys.readouterr().out
    assert main(["check", "class", "--hint", "1"]) == 2


def test_one_sheet_of_a_class_finds_its_key(a_class, capsys):
    assert main(["check", "class/ada-lovelace.csv"]) == 0
    assert main(["check", "class/3071_eve_late.csv", "--hint", "1"]) == 1
    capsys.readouterr()


def test_a_class_with_one_network_for_all(a_class, capsys):
    shutil.rmtree(a_class / "key")
    assert main(["check", "class"]) == 2
    assert "but no network file for them in key/: give one for all, --network FILE." in capsys.readouterr().err
    write(a_class.parent / "net.toml", NETWORK)
    (a_class / "max.xlsx").unlink()
    assert main(["check", "class", "--network", "net.toml", "--json"]) == 1
    assert {one["student"] for one in json.loads(capsys.readouterr().out)["students"]} >= {"Grace Hopper", "zoe"}


def test_a_class_of_right_sheets_has_exit_code_0(here, capsys):
    write(here / "class/key/ada.toml", NETWORK)
    write(here / "class/ada.csv", "net(h1),0.3775\n")
    assert main(["check", "class"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize("wrong", [BacklitError, ValueError, OverflowError, RecursionError, KeyError, MemoryError])
def test_one_sheet_never_ends_the_table_of_a_class(a_class, capsys, monkeypatch, wrong):
    def breaks(path, **settings):
        if path.name == "ada-lovelace.csv":
            raise wrong("it broke")
        return read_sheet(path, **settings)

    monkeypatch.setattr(class_folders, "read_sheet", breaks)
    assert main(["check", "class", "--json"]) == 1
    students = {one["student"]: one for one in json.loads(capsys.readouterr().out)["students"]}
    assert students["ada-lovelace"]["problem"]
    assert students["Grace Hopper"]["points"] == 1


def test_files_with_their_own_networks_need_no_key(here, capsys):
    write(here / "class/ada.toml", f"{NETWORK}\n[claimed]\n{RIGHT}")
    assert main(["check", "class", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["students"][0]["points"] == 5


# ---------------------------------------------------------------------------------------------- a class of worksheets

HEAD = "name,number\nstudent,{}\nsheet,{} / seed 7 / my first network\n"
ASKED = ["net(h1)", "out(h1)", "w(h1,o1)+"]
RIGHT_ROWS = "net(h1),0.3775\nout(h1),0.5933\nw(h1,o1)+,0.4192\n"


@pytest.fixture
def worksheets(here):
    """A class of four: Ada, Grace and Zoe, and another Ada, whose files lie in the folder as they were handed out."""
    for stem, name in {"ada": "Ada", "grace-hopper": "Grace Hopper", "zoe": "Zoë", "ada-2": "Ada (2)"}.items():
        own = f'\n[worksheet]\nsheet = "{stem}"\nstudent = "{name}"\nseed = 7\ndigits = 4\nblanks = {ASKED}\n'
        write(here / f"class/key/{stem}.toml", NETWORK + own)
        rows = "".join(f'"{asked}",\n' for asked in ASKED)
        write(here / f"class/{stem}.csv", HEAD.format(name, stem) + rows)
    return here / "class"


def handed_in(folder, name, text, when=1e9):
    write(folder / name, text)
    os.utime(folder / name, (when, when))


def marks(capsys, code):
    assert main(["check", "class", "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    return {one["student"]: one for one in found["students"]}, " ".join(found["notes"])


def test_renamed_files_are_found_by_their_heads_and_names(worksheets, capsys):
    handed_in(worksheets, "final version.csv", HEAD.format("Ada", "ada") + RIGHT_ROWS)
    rows = "".join(f"Grace Hopper,{row}\n" for row in RIGHT_ROWS.splitlines())
    handed_in(worksheets, "of the second row.csv", f"student,name,number\n{rows}")
    handed_in(worksheets, "Zoë_3071_assignsubmission_file/x.csv", RIGHT_ROWS)
    handed_in(worksheets, "Ada (2).csv", f"student,Ada (2)\n{RIGHT_ROWS}")
    students, notes = marks(capsys, 0)
    assert list(students) == ["Ada", "Ada (2)", "Grace Hopper", "Zoë"]
    assert {one["points"] for one in students.values()} == {3}
    assert "final version.csv is checked as Ada" in notes
    assert "several" not in notes  # the empty ones that were handed out do not count


def test_of_several_files_the_later_counts_and_it_is_said(worksheets, capsys):
    handed_in(worksheets, "ada.csv", HEAD.format("Ada", "ada") + RIGHT_ROWS, when=1e9)
    handed_in(worksheets, "ada final.csv", HEAD.format("Ada", "ada") + RIGHT_ROWS.replace("0.4192", "0.3808"), when=2e9)
    handed_in(worksheets, "grace-hopper.xlsx", "PK")
    students, notes = marks(capsys, 1)
    assert students["Ada"]["points"] == 2
    assert "Ada has several files: ada final.csv counts, which was written last, and not ada.csv" in notes
    assert students["Grace Hopper"]["problem"].startswith("grace-hopper.xlsx ends in .xlsx")


def test_files_of_others_of_another_sheet_and_none_at_all(worksheets, capsys):
    handed_in(worksheets, "ada.csv", HEAD.format("Grace Hopper", "grace-hopper") + RIGHT_ROWS)
    handed_in(worksheets, "zoe.csv", HEAD.format("Zoë", "zoe").replace("seed 7", "seed 8") + RIGHT_ROWS)
    handed_in(worksheets, "stranger.csv", HEAD.format("Emmy", "emmy") + RIGHT_ROWS)
    handed_in(worksheets, "ada-2.csv", "")
    (worksheets / "grace-hopper.csv").unlink()
    students, notes = marks(capsys, 1)
    assert "is by its head the sheet of Grace Hopper" in students["Ada"]["problem"]
    assert "zoe.csv is sheet 'zoe / seed 8 / my first network', and the key is of" in students["Zoë"]["problem"]
    assert students["Grace Hopper"]["problem"] == "no sheet was handed in"
    assert (students["Ada (2)"]["missing"], students["Ada (2)"]["problem"]) == (3, "")
    assert "stranger.csv, of Emmy, is left out: it is the sheet of no student on the list" in notes


def test_a_line_that_cannot_be_read_is_not_given_and_the_others_count(worksheets, capsys):
    handed_in(worksheets, "ada.csv", HEAD.format("Ada", "ada") + RIGHT_ROWS.replace("0.5933", "abc") + "time,45\n")
    handed_in(worksheets, "zoe.csv", "net(h1),0,3775\nout(h1),0.5933\n,0.4192\n")
    handed_in(worksheets, "grace-hopper.csv", "net(h1),abc\nout(h1),?\n")
    handed_in(worksheets, "ada-2.csv", "one,0.3775\ntwo,0.5933\n")
    students, _ = marks(capsys, 1)
    assert {name: (one["points"], one["missing"], one["unread"]) for name, one in students.items()} == {
        "Ada": (2, 1, ["out(h1) = abc", "time = 45"]), "Zoë": (1, 2, ["net(h1) = 0,3775", "(no name) = 0.4192"]),
        "Ada (2)": (0, 0, []), "Grace Hopper": (0, 0, []),
    }  # fmt: skip
    assert "'abc' is no number" in students["Grace Hopper"]["problem"]  # nothing is left to mark
    assert students["Ada (2)"]["problem"]
    assert main(["check", "class/ada.csv"]) == 2  # alone, the line is to be mended
    assert "'abc' is no number" in capsys.readouterr().err


def test_too_few_digits_earn_no_point_and_are_no_mistake(worksheets, capsys):
    """0.419 for 0.4192 says less than the sheet asks for; 0.5 for 0.5000 would not."""
    handed_in(worksheets, "ada.csv", "net(h1),0.38\nout(h1),0.5933\nw(h1,o1)+,0.419\n")
    handed_in(worksheets, "zoe.csv", "net(h1),0.3775\nout(h1),0.60\nw(h1,o1)+,0.4192\n")
    students, _ = marks(capsys, 1)
    assert (students["Ada"]["points"], students["Ada"]["coarse"], students["Ada"]["mistakes"]) == (1, 2, [])
    assert (students["Zoë"]["points"], students["Zoë"]["first"]) == (2, "out(h1)")
    assert main(["check", "class/ada.csv"]) == 0
    assert "fewer places behind the point than the sheet asks for" in " ".join(capsys.readouterr().out.split())
