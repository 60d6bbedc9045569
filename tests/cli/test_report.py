"""The report as `train` and `report` write it, and what becomes of the model where that fails."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import html5lib
import msgspec
import numpy as np
import pandas as pd
import pytest

from backlit import Dense, Network, save
from backlit.analysis.report.records import ModelReport
from backlit.cli import main
from backlit.model import load
from backlit.sources import reporting

FEW = ["--layers", "4", "--activation", "tanh", "--l2", "0.01", "--epochs", "20", "-q"]
IRIS = ["train", "iris", *FEW]
PAGE, DATA, MODEL = Path("iris.report.html"), Path("iris.report.json"), Path("iris.safetensors")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a model of iris and its report."""
    folder, before = tmp_path_factory.mktemp("trained"), Path.cwd()
    os.chdir(folder)
    try:
        assert main(IRIS) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def iris(trained, own_folder):
    """The model and its report, in the folder of the test."""
    shutil.copytree(trained, own_folder, dirs_exist_ok=True)
    return own_folder


def run(capsys, *arguments):
    """Run the command line in this process and give the exit code, standard output and standard error."""
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def record(path=DATA):
    return msgspec.json.decode(Path(path).read_bytes(), type=ModelReport)


def text_of(page):
    """The words of a page, as a browser would show them, after a strict look at its markup."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False, strict=False)
    tree = parser.parse(page)
    assert [code for _, code, _ in parser.errors] == []
    for element in tree.iter():
        assert element.tag not in {"script", "iframe", "object", "embed", "base", "form"}, element.tag
        for name, value in element.attrib.items():
            assert not str(name).lower().startswith("on")
            assert str(name) not in {"src", "href"} or value.startswith(("#", "data:")), value
    return "".join(tree.itertext())


def test_a_training_writes_its_report_beside_the_model_and_names_it(capsys, own_folder):
    code, out, err = run(capsys, *IRIS, "-o", "models.safetensors")
    assert (code, err) == (0, "")
    assert "\nModel written to models.safetensors.\n" in out
    assert (
        "\nReport written to models.report.html, a page for a browser, and models.report.json, the same as data.\n"
        in out
    )
    assert sorted(os.listdir()) == ["models.report.html", "models.report.json", "models.safetensors"]
    found = record("models.report.json")
    assert (found.table, found.counts["test"], found.private) == ("iris", 30, False)
    assert found.repeat.command == f"backlit {' '.join(IRIS)} -o models.safetensors"
    shown = text_of(Path("models.report.html").read_text())
    assert found.verdict.sentence in shown
    assert found.repeat.command in shown


def test_the_last_line_of_progress_is_the_report(capsys):
    err = run(capsys, *IRIS[:-1])[2]
    assert err.splitlines()[-2:] == ["comparing with a linear model", "writing the report"]
    assert "report" not in run(capsys, *IRIS[:-1], "--no-report")[2]


@pytest.mark.parametrize(
    ("options", "files"),
    [
        (["--no-report"], []),
        (["--report", "a.html"], ["a.html"]),
        (["--report", "a.json"], ["a.json"]),
        (["--report", "sub/a.HTML", "--report", "b.json"], ["sub/a.HTML", "b.json"]),
    ],
)
def test_the_report_that_is_asked_for_is_written(capsys, options, files):
    Path("sub").mkdir()
    code, out, _ = run(capsys, *IRIS, *options, "--json")
    assert code == 0
    assert json.loads(out)["report_files"] == files
    written = {str(path) for path in Path().rglob("*") if path.is_file()}
    assert written == {str(MODEL), *files}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--report", "a.pdf"], 'the output "a.pdf" does not end in .html or .json'),
        (["--report", "away/a.html"], 'the folder "away" does not exist'),
        (["--report", "a.html", "--no-report"], "--report names a file, and --no-report asks for none"),
        (["--report", "folder.html"], '"folder.html" is a folder'),
        (["--report", "link.json"], '"link.json" is an input too and is not overwritten'),
    ],
)
def test_what_cannot_be_written_is_said_before_training(capsys, options, words):
    Path("folder.html").mkdir()
    Path("iris.csv").write_text("a,b\n1,x\n2,y\n")
    Path("link.json").symlink_to("iris.csv")
    code, out, err = run(capsys, "train", "iris.csv", "--target", "b", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert not MODEL.exists()
    assert Path("iris.csv").read_text() == "a,b\n1,x\n2,y\n"


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (RuntimeError("a fault\nof ours"), 1, "error: the model is written to iris.safetensors, but not its report: "
                                              "RuntimeError: a fault of ours\n"),
        (MemoryError(), 1, "not its report: there is not enough memory for it.\n"),
        (OSError(28, "No space left on device"), 1, "not its report: OSError: [Errno 28] No space left on device\n"),
        (signal.SIGINT, 0, "\nCtrl-C: the report is left out; the network is written to iris.safetensors\n"),
    ],
)  # fmt: skip
def test_a_report_that_fails_leaves_the_model(capsys, monkeypatch, fault, code, words):
    def fail(*_, **__):
        if fault is signal.SIGINT:
            signal.raise_signal(fault)
        raise fault

    monkeypatch.setattr(reporting, "model_report", fail)
    found, out, err = run(capsys, *IRIS)
    assert found == code
    assert words in err
    assert "\nModel written to iris.safetensors.\nNext:" in out
    assert os.listdir() == [str(MODEL)]
    assert load(MODEL).predict("iris").shape == (150,)
    found, out, _ = run(capsys, *IRIS, "--json")
    assert (found, json.loads(out)["report_files"]) == (code, [])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_full_disk_leaves_the_model_and_the_report_of_before_is_named(capsys, monkeypatch, iris):
    from backlit.model import file

    before, written = PAGE.read_bytes(), []
    fsync = os.fsync

    def full(handle):
        written.append(handle)
        if len(written) > 2:  # the model is written twice
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(file.os, "fsync", full)
    code, _, err = run(capsys, *IRIS, "--seed", "3")
    assert code == 1
    assert err == (
        "error: the model is written to iris.safetensors, but not its report (iris.report.html and iris.report.json: "
        'of an earlier training): Cannot write "iris.report.html": No space left on device.\n'
    )
    assert PAGE.read_bytes() == before
    assert load(MODEL).report.recipe.seed == 3
    assert sorted(os.listdir()) == [str(PAGE), str(DATA), str(MODEL)]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are text")
def test_a_file_name_that_is_no_text_is_written_out(capsys):
    name = os.fsdecode(b"t\xff.csv")
    Path(name).write_text("a,t\n" + "".join(f"{k},{'xy'[k % 2]}\n" for k in range(30)))
    assert run(capsys, "train", name, "--target", "t", *FEW)[0] == 0
    found = record(os.fsdecode(b"t\xff.report.json"))
    assert found.table == "t\\xff.csv".replace("\\x", "\\udc")
    assert found.repeat.command.startswith("backlit train 't\\udcff.csv' --target t")


# ------------------------------------------------------------------------------------------------------- backlit report


def test_the_report_of_a_model_with_its_table_is_that_of_its_training(capsys, iris):
    pages = PAGE.read_bytes(), DATA.read_bytes()
    PAGE.unlink()
    code, out, err = run(capsys, "report", MODEL, "iris")
    assert (code, err) == (0, "")
    assert (PAGE.read_bytes(), DATA.read_bytes()) == pages
    assert " ".join(out.split()).startswith(record().verdict.sentence)
    assert out.endswith(
        "\nReport written to iris.report.html, a page for a browser, and iris.report.json, the same as data.\n"
    )


def test_the_table_is_known_again_from_another_kind_of_file(capsys, iris):
    from backlit.data import read_table

    before = msgspec.structs.replace(record(), table="")
    read_table("iris").arrow.to_pandas().to_parquet("flowers.parquet")
    assert run(capsys, "report", MODEL, "flowers.parquet")[0] == 0
    found = record()
    assert found.scores == before.scores
    assert found.worst == before.worst
    assert found.importance == before.importance
    assert found.rows == before.rows


def test_another_table_is_measured_whole_and_the_report_says_so(capsys, iris):
    from backlit.data import read_table

    before = PAGE.read_bytes()
    frame = read_table("iris").arrow.to_pandas().iloc[40:120].copy()
    frame.iloc[:3, -1] = None
    frame.to_csv("garden.csv", index=False)
    code, _, err = run(capsys, "report", MODEL, "garden.csv")
    assert (code, err) == (0, "")
    found = record("iris.garden.report.json")
    assert found.counts["measured"] == 77
    assert found.rows == "77 rows of garden.csv (another table; rows of the training may be among them)"
    assert found.rows in found.verdict.sentence
    shown = text_of(Path("iris.garden.report.html").read_text())
    assert found.verdict.sentence in shown
    assert f"backlit {' '.join(IRIS)}\nbacklit report iris.safetensors garden.csv" in shown
    assert PAGE.read_bytes() == before
    assert [row.row > 3 for row in found.worst] == [True] * len(found.worst)


def test_a_report_without_a_table_replaces_one_without_a_table_alone(capsys, iris):
    for path in (PAGE, DATA):
        path.unlink()
    assert [run(capsys, "report", MODEL)[0] for _ in range(2)] == [0, 0]
    assert run(capsys, "report", MODEL, "iris")[0] == 0
    assert run(capsys, "report", MODEL)[0] == 2
    DATA.write_text("[]")
    assert run(capsys, "report", MODEL)[0] == 2


@pytest.mark.parametrize("options", [["--no-report"], ["--report", "other.html"]])
def test_a_report_of_an_earlier_training_beside_the_model_is_named(capsys, iris, options):
    _, out, _ = run(capsys, *IRIS, "--seed", "3", *options)
    assert "Of an earlier training, not of this one: iris.report.html and iris.report.json.\n" in out
    assert "earlier" not in run(capsys, *IRIS)[1]


def test_ctrl_c_while_the_report_is_made_leaves_the_earlier_one_which_is_named(capsys, monkeypatch, iris):
    monkeypatch.setattr(reporting, "report_of", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    code, out, err = run(capsys, *IRIS, "--seed", "3")
    assert code == 0
    assert "Ctrl-C: the report is left out" in err
    assert "Of an earlier training, not of this one: iris.report.html and iris.report.json.\n" in out


def test_ctrl_c_in_a_command_is_one_line(capsys, monkeypatch, iris):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(reporting, "report_of", interrupted)
    assert run(capsys, "report", MODEL, "iris") == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("report", "By default both beside the model: MODEL.report.html"),
        ("report", "Without DATA, the report has what the model's file knows."),
        ("train", "By default both stand beside the model: MODEL.report.html and MODEL.report.json."),
        ("train", "by default 5-fold validation up to 1,000 rows, a tenth above."),
    ],
)
def test_help_breaks_lines_to_the_width_alone(capsys, monkeypatch, command, words):
    monkeypatch.setenv("COLUMNS", "500")
    assert words in run(capsys, command, "--help")[1]


def test_a_file_that_is_named_twice_is_written_and_said_once(capsys, iris):
    _, out, _ = run(capsys, "report", MODEL, "iris", "-o", "a.html", "-o", "a.html")
    assert "Report written to a.html, a page for a browser.\n" in out
    _, out, _ = run(capsys, *IRIS, "--report", "b.html", "--report", "b.html")
    assert "Report written to b.html, a page for a browser.\n" in out


def test_without_a_table_the_report_has_what_the_model_knows(capsys, iris):
    with_table = record()
    code, out, err = run(capsys, "report", MODEL)
    assert (code, out) == (2, "")
    assert 'error: "iris.report.html" is there, and may say more than a report without the table: give DATA' in err
    code, out, _ = run(capsys, "report", MODEL, "-o", "alone.html", "-o", "alone.json")
    assert code == 0
    found = record("alone.json")
    assert "with the table, the report says more" in " ".join(out.split())
    assert (found.columns, found.curve) == (with_table.columns, with_table.curve)
    assert found.repeat.command.split("\n") == [
        with_table.repeat.command, "backlit report iris.safetensors -o alone.html -o alone.json"
    ]  # fmt: skip
    assert found.scores[0].value == with_table.scores[0].value
    assert (found.measured, found.worst, found.importance, found.worked) == (None, (), None, None)
    text_of(Path("alone.html").read_text())


def test_json_is_all_there_is_on_standard_output(capsys, iris):
    files = sorted(os.listdir())
    code, out, err = run(capsys, "report", MODEL, "iris", "--json")
    assert (code, err) == (0, "")
    assert msgspec.json.decode(out, type=ModelReport) == record()
    assert sorted(os.listdir()) == files
    assert run(capsys, "report", MODEL, "iris", "--json", "-o", "page.html")[1] == out
    assert Path("page.html").read_bytes() == PAGE.read_bytes()


def test_an_older_model_file_has_a_report_too(capsys, iris):
    model = load(MODEL)
    old = {"curve": None, "settings": None, "table_digest": None, "command": ""}
    model.report = msgspec.structs.replace(model.report, **old)
    save(model, MODEL)
    code, _, err = run(capsys, "report", MODEL, "iris")
    assert (code, err) == (0, "")
    found = record("iris.iris.report.json")
    assert (found.curve, found.counts["measured"]) == (None, 150)
    assert found.repeat.command == "backlit report iris.safetensors iris"
    assert found.rows == "150 rows of iris (the training may have seen them or not)"
    text_of(Path("iris.iris.report.html").read_text())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("net.safetensors", '"net.safetensors" holds a network alone'),
        ("none.safetensors", 'No model file "none.safetensors"'),
        ("iris.safetensors wine", 'wine has no column "species"'),
        ("iris.safetensors other.csv", 'other.csv lacks 4 columns that the model needs: "sepal length (cm)"'),
        ("iris.safetensors iris -o a.pdf", 'the output "a.pdf" does not end in .html or .json'),
        ("iris.safetensors link.json -o link.json", '"link.json" is an input too and is not overwritten'),
        ("iris.safetensors --privat", "Unknown option: --privat. Did you mean --private?"),
    ],
)
def test_what_does_not_fit_is_said(capsys, iris, arguments, words):
    save(Network([Dense(1)], inputs=2), "net.safetensors")
    Path("other.csv").write_text("species\nsetosa\n")
    Path("link.json").symlink_to("other.csv")
    files = {path: path.read_bytes() for path in Path().iterdir()}
    code, out, err = run(capsys, "report", *arguments.split())
    assert (code, out) == (2, "")
    assert words in err
    assert {path: path.read_bytes() for path in Path().iterdir()} == files


# ------------------------------------------------------------------------------------------- the same, private, hostile


def test_the_same_run_gives_the_same_bytes(tmp_path):
    """In other folders, with other hashes of text, and other numbers of threads."""
    found = []
    for seed in ("1", "2"):
        folder = tmp_path / f"folder {seed}"
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-m", "backlit", "train", "wine", *FEW],
            cwd=folder, env=os.environ | {"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": seed, "COLUMNS": f"6{seed}"},
            check=False, capture_output=True,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        found.append([(folder / f"wine.report.{ending}").read_bytes() for ending in ("html", "json")])
    assert found[0] == found[1]
    assert str(tmp_path).encode() not in found[0][0] + found[0][1]


def sentinels(rng, n):
    """A table with a sentinel in every cell but the classes': text, categories, numbers, dates, a constant."""
    return pd.DataFrame(
        {
            "ident": [f"zqident{k}" for k in range(n)],
            "notes": [f"zqnote {k} {'x' * (k % 7)} " * 3 for k in range(n)],
            "group": rng.choice(["zqgroupa", "zqgroupb", "zqgroupc"], n),
            "same": "zqsame",
            "number": 731_000_000 + rng.integers(0, 99, n) * 7.0,
            "gaps": np.where(rng.random(n) < 0.2, np.nan, 415_263 + rng.integers(0, 50, n)),
            "day": pd.Timestamp("1987-03-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
            "yes": rng.random(n) < 0.5,
        }
    )


PRIVATE = re.compile(rb"zq\w+|(?<![\d.])(731[,_]?000[,_]?\d\d\d|7\.31\d*e\+?0?8|415[,_]?[23]\d\d|1987|62[,_]?91\d)")


@pytest.mark.parametrize("target", ["kind", "price"])
def test_a_private_report_has_no_value_of_a_row(capsys, target):
    rng = np.random.default_rng(4)
    frame = sentinels(rng, 120)
    if target == "kind":
        frame["kind"] = np.where(frame["group"] == "zqgroupa", "good", rng.choice(["good", "bad"], 120))
    else:
        frame["price"] = 62_910 + rng.random(120).round(3)
    frame.to_csv("table.csv", index=False)
    options = ["--target", target, "--ignore", "ident", *FEW]
    code, _, err = run(capsys, "train", "table.csv", *options, "--private")
    assert code == 0, err
    files = [Path("table.report.html"), Path("table.report.json")]
    assert record(files[1]).private
    for path in files:
        assert PRIVATE.findall(path.read_bytes()) == [], path
    private = [path.read_bytes() for path in files]
    assert run(capsys, "report", "table.safetensors", "table.csv", "--private")[0] == 0
    assert [path.read_bytes() for path in files] == private
    assert run(capsys, "report", "table.safetensors", "table.csv")[0] == 0
    assert record(files[1]).repeat.command.endswith(" --private\nbacklit report table.safetensors table.csv")
    for path in files:
        assert PRIVATE.findall(path.read_bytes()), "the sentinels are those of the table"


HOSTILE = ["<script>alert(1)</script>", "\"q\" onload='x()'", "{{ 7*7 }}{% raw %}", "two\nlines", "\u202egnp.exe",
           "</style></title></svg>", "&lt;b&gt;", "a" * 3_000]  # fmt: skip


def test_hostile_names_and_cells_stay_text(capsys):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({name: rng.normal(size=90) for name in ["plain", *HOSTILE[:4]]})
    frame = frame.assign(**{name: rng.choice(HOSTILE, 90) for name in HOSTILE[4:]})
    frame["<img src=x onerror=alert(1)>"] = rng.choice(HOSTILE[:3], 90)
    frame.to_csv("<i>.csv", index=False)
    code, _, err = run(capsys, "train", "<i>.csv", "--target", frame.columns[-1], *FEW)
    assert code == 0, err
    page = Path("<i>.report.html").read_text(encoding="utf-8")
    shown = text_of(page)
    for text in ("<script>alert(1)</script>", "{{ 7*7 }}{% raw %}", "</style></title></svg>", "&lt;b&gt;", "<i>.csv"):
        assert text in shown, text
    assert "\u202e" not in page  # it would turn what stands beside it
    assert len(page) < 1_000_000


# ----------------------------------------------------------------------------------------------------------- odd tables


def odd_tables():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=40), rng.normal(size=40)
    kind = np.where(a > 0, "up", "down")
    yield "no test rows", pd.DataFrame({"a": a, "t": kind}), ["--test", "0"]
    yield "three rows", pd.DataFrame({"a": [1.0, 2, 3], "t": ["x", "y", "x"]}), []
    yield "three numbers", pd.DataFrame({"a": [1.0, 2, 3], "t": [0.5, 1.25, 2.5]}), []
    yield "nothing in a column", pd.DataFrame({"a": a, "empty": [None] * 40, "t": kind}), []
    yield "huge numbers", pd.DataFrame({"a": a * 1e300, "b": b * 1e-300, "t": (a + b) * 1e200}), []
    yield "targets all near one", pd.DataFrame({"a": a, "t": 1e9 + b * 1e-3}), []
    yield "a class of one row", pd.DataFrame({"a": a, "t": [*kind[:-1], "rare"]}), []
    yield (
        "forty classes",
        pd.DataFrame({"a": np.arange(400) % 40 + rng.random(400), "t": [f"c{k % 40}" for k in range(400)]}),
        [],
    )


ODD = {name: (frame, options) for name, frame, options in odd_tables()}


@pytest.mark.parametrize("name", ODD)
def test_odd_tables_have_a_report(capsys, name):
    frame, options = ODD[name]
    frame.to_csv("odd.csv", index=False)
    code, _, err = run(capsys, "train", "odd.csv", "--target", "t", *FEW, *options)
    assert (code, err) == (0, "")
    page, data = Path("odd.report.html").read_text(), Path("odd.report.json").read_bytes()
    found = record("odd.report.json")
    assert found.verdict.sentence in text_of(page)
    assert (found.verdict.kind == "unmeasured") == ("--test" in options)
    assert b"NaN" not in data
    assert b"Infinity" not in data
    assert run(capsys, "report", "odd.safetensors", "odd.csv")[0] == 0
    assert Path("odd.report.json").read_bytes() == data


@pytest.mark.parametrize("kind", ["comma.csv", "table.parquet", "table.csv.gz"])
def test_every_kind_of_file_has_a_report(capsys, kind):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"a": rng.normal(size=50).round(3), "b": rng.choice(["x", "y"], 50)})
    frame["t"] = (frame["a"] * 2 + rng.normal(size=50) / 9).round(3)
    if kind == "table.parquet":
        frame.to_parquet(kind)
    else:
        frame.to_csv(kind, index=False, **({"sep": ";", "decimal": ","} if kind == "comma.csv" else {}))
    code, _, err = run(capsys, "train", kind, "--target", "t", "-o", "m.safetensors", *FEW)
    assert (code, err) == (0, "")
    before = Path("m.report.html").read_bytes()
    text_of(before.decode())
    assert run(capsys, "report", "m.safetensors", kind)[0] == 0
    assert Path("m.report.html").read_bytes() == before


@pytest.mark.parametrize(
    ("target", "printed", "said"),
    [
        ([True, False, False] * 20, 'baseline (always "false")', 'always answering "false" is right'),
        ([k * 1_000_000.5 for k in range(60)], "baseline (the mean, ", "always answering the mean, "),
    ],
    ids=["booleans", "millions"],
)
def test_the_baseline_is_spelt_as_the_table_spells_it(capsys, target, printed, said):
    """False is false as in the file; millions are no power of ten."""
    pd.DataFrame({"a": np.sin(np.arange(60)), "y": target}).to_csv("t.csv", index=False)
    _, out, _ = run(capsys, "train", "t.csv", "--target", "y", *FEW)
    found = record(Path("t.report.json"))
    assert printed in out
    assert said in found.verdict.sentence
    answer = re.search(r"baseline \((.*)\)", out)[1]
    assert found.baseline == answer
    assert "e+0" not in out + answer + found.verdict.sentence
