"""The report of a training: the files that `train` and `report` write, and what becomes of the model where they fail."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import html5lib
import msgspec
import numpy as np
import pandas as pd
import pytest

import backlit.sources.reporting as reporting
from backlit import Dense, Network, save
from backlit.analysis.report_records import ModelReport
from backlit.cli import main
from backlit.model import load

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
        assert element.tag not in {"script", "iframe", "object", "embed", "link", "base", "form"}, element.tag
        assert not [name for name in element.attrib if str(name).lower().startswith("on")]
    return "".join(tree.itertext())


def test_a_training_writes_its_report_beside_the_model_and_names_it(capsys, own_folder):
    code, out, err = run(capsys, *IRIS, "-o", "models.safetensors")
    assert (code, err) == (0, "")
    assert "\nModel written to models.safetensors.\n" in out
    assert (
        "\nReport written to models.report.html, a page for a browser, and models.report.json, the same as data.\n" in out
    )
    assert sorted(os.listdir()) == ["models.report.html", "models.report.json", "models.safetensors"]
    found = record("models.report.json")
    assert (found.table, found.counts["test"], found.private) == ("iris", 30, False)
    assert found.repeat.command == f"backlit {' '.join(IRIS)} -o models.safetensors"
    shown = text_of(Path("models.report.html").read_text())
    assert found.verdict.sentence in shown
    assert found.repeat.command in shown


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
        (KeyboardInterrupt(), 0, "\nCtrl-C: the report is left out; the network is written to iris.safetensors\n"),
    ],
)  # fmt: skip
def test_a_report_that_fails_leaves_the_model(capsys, monkeypatch, fault, code, words):
    def fail(*_, **__):
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
        "error: the model is written to iris.safetensors, but not its report (iris.report.html and iris.report.json: of "
        'an earlier training): Cannot write "iris.report.html": No space left on device.\n'
    )
    assert PAGE.read_bytes() == before
    assert load(MODEL).report.recipe.seed == 3
    assert sorted(os.listdir()) == [str(PAGE), str(DATA), str(MODEL)]
