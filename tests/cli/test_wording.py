"""Errors of a call in the words that were typed; and no message advises what the command lacks."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import get_args

import pytest
from cyclopts import Parameter

import backlit
from backlit.cli import COMMANDS, main
from backlit.cli.wording import of_own_op
from backlit.ops.synonyms import hint
from backlit.ops.word_table import ABSENT, THEIRS, WRITTEN

SOURCES = Path(backlit.__file__).parent

TYPED = [
    ("train iris --learning-rate 0.1", "Unknown option: --learning-rate. Did you mean --rate?"),
    ("train iris --lr=0.1", "Unknown option: --lr. Did you mean --rate?"),
    ("train iris --eta 0.1", "Did you mean --rate?"),
    ("train iris --hidden 64", "Write --layers 64,32."),
    ("train iris --hidden-layer-sizes 64", "Write --layers 64,32."),
    ("train iris --neurons 64", "Write --layers 64,32."),
    ("train iris --max-iter 5", "Did you mean --epochs?"),
    ("train iris --n_epochs 5", "Did you mean --epochs?"),
    ("train iris --random-state 5", "Did you mean --seed?"),
    ("train iris --batch 5", "Did you mean --batch-size?"),
    ("train iris --solver adam", "Did you mean --optimizer?"),
    ("train iris --momentum 0.9", "Write --optimizer momentum."),
    ("train iris --validation-split 0.2", "Did you mean --validation?"),
    ("train iris --activaton relu", "Did you mean --activation?"),
    ("explain xor --learning_rate 1", "Did you mean --rate?"),
    ("explain xor --epochs 3", "Did you mean --epoch?"),
    ("explain two-layer --rate 1/3", '"1/3" is not a number: write 0.333333333333333.'),
    ("explain two-layer --rate 0,5", '"0,5" is not a number: write 0.5.'),
    ("explain two-layer --plugin a.py b.py", "each plugin has an option of its own, --plugin b.py."),
    ("explain two-layer --run a", "--run is 'a'; two-layer has one run, without a name: leave --run out."),
    ("explain two-layer --row 9", "--row is 9; two-layer has rows 1 to 1."),
    ("explain two-layer --steps 1 --epoch 2", "--steps is 1 and --epoch is 2; expected one of them"),
    ("explain xor --row 1,2 --epoch 1", "--epoch is 1; --row chooses the rows of one step, and --epoch shows"),
    ("explain iris", "the example on it is 'iris-from-scratch'. `backlit train iris` trains on it."),
    ("demo iris", "the example on it is 'iris-from-scratch'. `backlit train iris` trains on it."),
    ("explain .", ". is a folder; expected a network file"),
    ("explain two-layer --only update,nothing", "the step has no 'nothing'"),
    ("demo xor --n-epochs 3", "Did you mean --epochs?"),
    ("predict m.safetensors iris --predict-proba", "Did you mean --probabilities?"),
    ("fit iris", 'Unknown command "fit". Did you mean "train"?'),
    ("train iris other.csv", '"other.csv" is more than this command takes'),
    ("train iris --seed 1e3", "--seed is 1e3; expected a whole number from 0 to 2**63 - 1: write 1000."),
    ("train iris --rate 0,1", "--rate is 0,1; expected a finite number of at least 0: write 0.1."),
    ("train iris --rate 1/4", "--rate is 1/4; expected a finite number of at least 0: write 0.25."),
    ("train iris --batch_size few", "--batch_size is few; expected a whole number of at least 1, or 'full'."),
    ("train iris --time-limit -1", "--time-limit is -1; expected a finite number of at least 0."),
    ("train iris --epochs=1.5", "--epochs is 1.5; expected a whole number of at least 1."),
    ("explain two-layer --rate -1", "--rate is -1; expected a finite number of at least 0."),
    ("explain two-layer --steps 1e1", '"1e1" is not a whole number: write 10.'),
    ("train iris --activation ReLU", "unknown activation 'ReLU'; did you mean 'relu'?"),
    ("train iris --activation mine", "An op of your own is registered with --plugin FILE.py."),
    ("train iris --optimizer Adamax", "Backlit has none; the nearest is 'adam'."),
    ("explain two-layer --optimizer GD", "did you mean 'sgd'?"),
]


@pytest.mark.parametrize(("call", "message"), TYPED)
def test_a_message_speaks_of_what_was_typed(call, message, capsys):
    assert main(call.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert message in said


def test_the_option_of_a_plugin_is_advised_once():
    words = (
        "\"m\" needs an op that is not registered: unknown loss 'x'. Import it first (command line: --plugin FILE.py)."
    )
    assert of_own_op(words) == words
    assert of_own_op("unknown loss 'x'; known: mse.").count("--plugin") == 1


@pytest.mark.parametrize(
    ("typed", "same"),
    [("update,forward", ["update", "forward"]), ("Update, FORWARD", ["update", "forward"]), ("Layer 1", ["layer 1"]),
     ("w(i1,h1),h2", ["w(i1,h1)", "h2"]), ("w(i1,h1)", ["w(i1,h1)"]), (" backward ", ["backward"])],
)  # fmt: skip
def test_parts_are_named_with_commas_and_in_any_capitals(typed, same, capsys):
    assert main(["explain", "two-layer", "--only", typed]) == 0
    given = capsys.readouterr().out
    assert main(["explain", "two-layer", *(word for part in same for word in ("--only", part))]) == 0
    assert capsys.readouterr().out == given
    assert main(["explain", "two-layer"]) == 0
    assert capsys.readouterr().out != given


def test_a_unit_whose_name_has_commas_or_capitals_is_found_as_typed(tmp_path, capsys):
    layer = '[[network.layers]]\nunits = 2\nlabels = ["a,b", "Update"]\n[[network.layers]]\nunits = 1\n'
    (tmp_path / "n.toml").write_text(
        f"[network]\ninputs = 1\n{layer}[data]\ninputs = [[1]]\ntargets = [1]\n", encoding="utf-8"
    )
    for unit, other in (("a,b", "Update"), ("Update", "a,b")):
        assert main(["explain", str(tmp_path / "n.toml"), "--only", unit]) == 0
        forward = capsys.readouterr().out.partition("Forward")[2].partition("Error")[0]
        assert f"net({unit})" in forward
        assert f"net({other})" not in forward


# ----------------------------------------------------------------------------------------------------- -o and --format


@pytest.mark.parametrize(
    ("name", "begins"),
    [("o.html", "<!DOCTYPE html>"), ("o.htm", "<!DOCTYPE html>"), ("o.md", "# "), ("o.tex", r"\documentclass"),
     ("o.json", "{"), ("o.txt", "One training step"), ("o", "One training step")],
)  # fmt: skip
def test_the_ending_of_the_output_chooses_the_form(name, begins, tmp_path):
    assert main(["explain", "linear", "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--format", "md", "-o", "o.html"], "--format is md, but the output"), (["-o", "o.pdf"], "stands for no form")],
)
def test_an_ending_that_contradicts_is_refused(options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "linear", *options]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_ending_of_none_goes_with_a_form(tmp_path):
    assert main(["explain", "linear", "--format", "md", "-o", str(tmp_path / "o.qmd")]) == 0


# ----------------------------------------------------------------------------------------------------------- advice


def options_of(command: str) -> set[str]:
    """Give the options that a command takes, as they are typed."""
    return {"--help"} | options_in(getattr(import_module(f"backlit.cli.{command}"), command))


def options_in(function) -> set[str]:
    """Give the options of a function, or of a class whose fields stand for options."""
    found = set()
    for parameter in signature(function, eval_str=True).parameters.values():
        kind, *extras = get_args(parameter.annotation) or (None,)
        given = [extra for extra in extras if isinstance(extra, Parameter)]
        if any(extra.name == ("*",) for extra in given):
            found |= options_in(kind)
            continue
        named = {name for extra in given for name in extra.name or ()}
        found |= named or {f"--{parameter.name.replace('_', '-')}"}
        found |= {name for extra in given for name in extra.negative or ()}
    return found


def advice() -> list[tuple[str, str, str]]:
    """Give each option and each command that a text of the package names: the file, what is named, the text."""
    found = []
    for path in sorted(SOURCES.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        bodies = [node.body for node in ast.walk(tree) if isinstance(node, documented)]
        remarks = {id(statement.value) for body in bodies for statement in body if isinstance(statement, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in remarks:
                named = re.findall(r"(?<![\w-])--[a-z][\w-]*|(?<=\bbacklit )[a-z]+\b(?=[ `])", node.value)
                file = path.relative_to(SOURCES).as_posix()
                found += [(file, name, node.value) for name in named if name not in OF_STYLES]
    return found


OF_STYLES = {"--least"}
"""Properties of style sheets, which look like options."""
EVERY = tuple(COMMANDS)
APPEARS = {
    "cli/__init__.py": EVERY, "cli/wording.py": ("train", "predict", "evaluate", "demo", "explain"),
    "cli/options.py": ("explain",), "cli/kept_columns.py": ("predict",), "data/target.py": ("train", "diagnose"),
    "cli/table_options.py": ("train", "diagnose"), "diagnose/changes.py": ("train", "diagnose"),
    "diagnose/noticing.py": ("train",), "model/commands.py": ("train",), "show/report/model_sections.py": ("diagnose",),
    "model/file.py": ("predict", "evaluate", "report", "explain"), "ops/word_table.py": (),
    "show/worksheet/worksheets.py": ("worksheet",), "show/demo/text.py": ("demo",), "show/demo/parts.py": ("demo",),
    "show/network/words.py": ("explain",), "sources/model_files.py": ("explain",),
    "sources/network_files.py": ("explain",), "explain/step.py": ("explain",), "show/worked/text.py": ("explain",),
    "show/report/row_sections.py": ("explain",),
    "analysis/report/reporting.py": ("explain",),  # the command that a report names
    "sources/diagnosing.py": ("train",),  # the commands that a change names
    "sources/reporting.py": ("train",),  # the command that wrote a model
    "ops/layers/select.py": ("train",), "page/serving.py": ("page",), "page/settings_text.py": ("page",),
    "page/panels/address.py": ("page",), "page/panels/build.py": ("train",), "page/panels/source.py": ("page",),
    "page/uploads.py": ("page",), "page/source.py": ("page",), "page/sources.py": ("page",),
    "page/file_sources.py": ("page",), "page/model_sources.py": ("page",), "page/table_sources.py": ("page",),
    "page/lesson_files.py": ("page",), "sources/class_folders.py": ("check",), "sources/sheet_files.py": ("check",),
}  # fmt: skip
"""The commands in which a file's texts can appear; those of a command's own file appear in it alone."""
ALONE = {"--layers": ("train", "diagnose"), "--fix": ("diagnose",)}
"""Options that a shared file names for a command of its own."""


@pytest.mark.parametrize(("file", "named", "text"), advice(), ids=lambda value: str(value)[:40])
def test_no_message_advises_what_the_command_lacks(file, named, text):
    if not named.startswith("--"):
        assert named in COMMANDS, text
        return
    own = re.fullmatch(r"cli/(\w+)\.py", file)
    commands = (own[1],) if own and own[1] in COMMANDS else None
    if commands is None:
        commands = ("train", "diagnose") if file.startswith("diagnose/findings/") else APPEARS.get(file)
    assert commands is not None, f"{file} names {named}: say in APPEARS where its texts can appear"
    for command in ALONE.get(named, commands) if file in {"cli/options.py", "model/commands.py"} else commands:
        assert named in options_of(command), text


@pytest.mark.parametrize("command", COMMANDS)
def test_no_hint_names_an_option_that_the_command_lacks(command):
    options = options_of(command)
    words = {word for words in (*THEIRS.values(), *ABSENT.values()) for word in words.split()} | set(THEIRS)
    words |= {word for entry in WRITTEN for word in entry.words.split()}
    for word in sorted(words):
        for named in re.findall(r"--[a-z][\w-]*", hint(f"--{word}", sorted(options), "option")):
            assert named in options, (word, named)


def test_every_command_that_runs_a_network_takes_a_plugin():
    for command in ("train", "predict", "evaluate", "report", "diagnose", "demo", "explain", "check"):
        assert "--plugin" in options_of(command)
