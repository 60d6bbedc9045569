"""`backlit diagnose`, and what `backlit train` says of what may be wrong."""

import importlib
import inspect
import os
import re
import signal
import subprocess
import sys
import time

import html5lib
import msgspec
import numpy as np
import pandas as pd
import pytest

from backlit.cli import _app, main
from backlit.cli.diagnose import diagnose
from backlit.cli.train import train
from backlit.diagnose import Diagnosis
from backlit.model import load
from backlit.model.commands import FLAGS, OF_TRAIN, diagnosing, retyped

SLOW = ["--layers", "8", "--activation", "tanh", "--l2", "0.01", "--rate", "1e-6", "--epochs", "80"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def table(n=400, **columns):
    random = np.random.default_rng(0)
    X = random.normal(size=(n, 4))
    z = X @ [1.0, -1.0, 0.5, 0.0] + 0.7 * random.normal(size=n)
    return pd.DataFrame(X, columns=list("abcd")).assign(y=np.where(z > 0, "yes", "no"), **columns)


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_training_is_diagnosed_and_the_next_command_is_named(capsys):
    code, out, err = run(capsys, "diagnose", "iris", *SLOW)
    assert code == 0
    assert re.match(r"\d findings?: BL401 learning rate too small", out)
    assert out.splitlines()[-1] == f"  backlit diagnose iris {' '.join(SLOW)} --fix"
    assert "training references to compare with" in err


def test_a_remedy_is_trained_and_the_command_with_what_helped_works_as_it_is_typed(capsys):
    code, out, err = run(capsys, "diagnose", "iris", *SLOW, "--fix", "-q")
    assert code == 0
    assert "It helped" in out
    assert err == ""
    assert out.splitlines()[-2] == "Train with what helped:"
    typed = out.splitlines()[-1].split()
    assert typed[:3] == ["backlit", "train", "iris"]
    assert "1e-6" not in typed
    assert run(capsys, *typed[1:], "--no-report", "-q")[0] == 0


def test_nothing_wrong_is_said_as_such(capsys):
    code, out, _ = run(capsys, "diagnose", "wine", "--layers", "16", "--activation", "relu", "--l2", "0.01")
    assert code == 0
    assert out.startswith("Nothing is")
    assert "backlit diagnose" not in out


def test_json_is_the_record_and_a_file_is_written_in_the_form_that_its_ending_names(capsys, own_folder):
    code, out, err = run(capsys, "diagnose", "xor", "--json", "-o", "xor.html")
    assert (code, err) == (0, "")
    assert msgspec.json.decode(out, type=Diagnosis).compared.rows == 4
    page = (own_folder / "xor.html").read_text()
    parser = html5lib.HTMLParser()
    parser.parse(page)
    assert [code for _, code, _ in parser.errors] == []
    code, out, _ = run(capsys, "diagnose", "xor", "-o", "xor.json")
    assert code == 0
    assert re.fullmatch(r"(Nothing|\d+ finding).*\.\nDiagnosis written to xor\.json\.\n", out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["xor", "--rate", "3"], "xor is a network file, which says itself how it is trained"),
        (["nothing.csv", "--target", "y"], 'No file "nothing.csv"'),
        (["iris", "-o", "d.pdf"], "does not end in .html or .txt or .json"),
        (["iris", "--rate", "0,5"], "--rate is 0,5; expected a finite number of at least 0: write 0.5."),
        (["iris", "--fixx"], "Unknown option: --fixx. Did you mean --fix?"),
        (["t.csv"], "which column is to be predicted? Name it with --target: "),
    ],
)
def test_what_does_not_fit_is_one_line(capsys, arguments, message):
    table(40).to_csv("t.csv", index=False)
    code, out, err = run(capsys, "diagnose", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_the_input_is_not_overwritten(capsys, own_folder):
    (own_folder / "t.json").write_text("a,y\n1,2\n")
    assert "is the input too" in run(capsys, "diagnose", "t.json", "--target", "y", "-o", "t.json")[2]


def test_ctrl_c_ends_it_at_once():
    code = "import sys; from backlit.cli import main; sys.exit(main(sys.argv[1:]))"
    given = ["diagnose", "digits", "--layers", "256,256", "--l2", "0", "--epochs", "100000"]
    process = subprocess.Popen([sys.executable, "-c", code, *given], stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:  # the first line says that it trains
        if line.startswith(("trying", "training")):
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert err.endswith("interrupted\n")
    assert "Traceback" not in err


# ------------------------------------------------------------------------------------------------------ backlit train


FEW = ["--layers", "8", "--activation", "tanh", "--l2", "0.01", "-q", "--no-report"]


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "diabetes"])
def test_healthy_tables_are_passed_in_silence(capsys, name):
    code, out, _ = run(capsys, "train", name, "-q", "--no-report")
    assert code == 0
    assert "What may be wrong" not in out
    assert load(f"{name}.safetensors").report.notices == ()


def noticed(out):
    """The lines below "What may be wrong:" up to the next empty one."""
    lines = out.splitlines()
    assert "What may be wrong:" in lines, out
    after = lines[lines.index("What may be wrong:") + 1 :]
    return after[: after.index("")]


def test_a_leak_is_named_with_the_command_that_leaves_its_column_out(capsys):
    table().pipe(lambda t: t.assign(**{"the code": np.where(t.y == "yes", 7, 3)})).to_csv("t.csv", index=False)
    code, out, _ = run(capsys, "train", "t.csv", "--target", "y", *FEW)
    assert code == 0
    assert noticed(out)[0] == "  a column may give the target away: the code (BL103)"
    assert noticed(out)[1].endswith("--ignore 'the code'")
    assert noticed(out)[1].startswith("    backlit train t.csv --target y --layers 8")
    kept = load("t.safetensors").report.notices
    assert [notice.code for notice in kept] == ["BL103"]


def test_a_column_of_categories_is_named_itself_and_not_by_its_values(capsys):
    table().pipe(lambda t: t.assign(mark=np.where(t.y == "yes", "secret-1", "secret-2"))).to_csv("t.csv", index=False)
    *given, _ = FEW  # with a report
    _, out, _ = run(capsys, "train", "t.csv", "--target", "y", *given, "--private")
    assert noticed(out)[0] == "  a column may give the target away: mark (BL103)"
    for ending in ("html", "json"):
        with open(f"t.report.{ending}", encoding="utf-8") as file:
            page = file.read()
        assert "secret" not in page
        assert "give the target away" in page


def test_rows_on_both_sides_of_the_split_are_named(capsys):
    rows = table(200)
    pd.concat([rows, rows.sample(150, random_state=0)]).to_csv("t.csv", index=False)
    _, out, _ = run(capsys, "train", "t.csv", "--target", "y", *FEW)
    assert noticed(out)[0].startswith("  the same rows are among the training and the test rows: ")
    assert noticed(out)[1] == "    backlit diagnose t.csv --target y --layers 8 --activation tanh --l2 0.01 --fix"


def test_a_network_that_is_no_better_than_the_baseline_is_named(capsys):
    table().to_csv("t.csv", index=False)
    _, out, _ = run(capsys, "train", "t.csv", "--target", "y", *FEW, "--rate", "1e-7")
    assert noticed(out)[0].startswith("  no better than the baseline: on 80 test rows the network leaves ")
    assert noticed(out)[-1].endswith("--rate 1e-7 --fix")
    assert len([line for line in noticed(out) if not line.startswith("    ")]) <= 3


def test_shuffled_targets_are_named_and_not_twice(capsys):
    rows = table(600)
    rows.assign(y=np.random.default_rng(1).permutation(rows.y)).to_csv("t.csv", index=False)
    _, out, _ = run(capsys, "train", "t.csv", "--target", "y", *FEW)
    assert [line for line in noticed(out) if not line.startswith("    ")] == [
        "  the targets look shuffled: the columns tell nothing of them (BL105)"
    ]


def test_a_loss_that_still_falls_at_the_last_epoch_is_named(capsys):
    table().to_csv("t.csv", index=False)
    _, out, _ = run(capsys, "train", "t.csv", "--target", "y", *FEW, "--epochs", "5", "--rate", "0.01")
    assert noticed(out)[0].startswith("  stopped too early: the validation loss fell by ")
    assert noticed(out)[1].endswith("--epochs 15")


def test_the_data_of_the_training_hold_what_may_be_wrong(capsys):
    table().pipe(lambda t: t.assign(code=np.where(t.y == "yes", 7, 3))).to_csv("t.csv", index=False)
    _, out, _ = run(capsys, "train", "t.csv", "--target", "y", *FEW, "--json")
    (notice,) = msgspec.json.decode(out)["notices"]
    assert notice["code"] == "BL103"
    assert notice["command"].endswith("--ignore code")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("backlit train t.csv --target y -o m.safetensors --report r.html --time-limit 3 --private -q --rate 2",
         "backlit diagnose t.csv --target y --rate 2 --fix"),
        ("backlit train t.csv --log l.jsonl --log mlflow --epochs 3", "backlit diagnose t.csv --epochs 3 --fix"),
        ("backlit train t.csv --output=m.safetensors --json", "backlit diagnose t.csv --fix"),
        ("backlit train t.csv --log a.jsonl --log=tensorboard:runs -q", "backlit diagnose t.csv --fix"),
        ("model, _ = fit_table('t.csv', 'y', Settings(rate=2.0))",
         "backlit.diagnose('t.csv', 'y', settings=Settings(rate=2.0), fix=True)"),
        ("", ""),
        ("something else", ""),
    ],
)  # fmt: skip
def test_a_command_is_typed_anew(command, expected):
    assert diagnosing(command) == expected


def test_no_option_of_train_alone_is_handed_to_diagnose():
    alone = inspect.signature(train).parameters.keys() - inspect.signature(diagnose).parameters.keys()
    assert "log" in alone
    assert {f"--{name.replace('_', '-')}" for name in alone} <= OF_TRAIN


def test_an_option_that_is_given_anew_replaces_the_one_before():
    typed = "backlit diagnose t.csv --rate=1 --ignore a --fix -q"
    assert retyped(typed, "train", "--rate 2 --ignore b", without={"--fix"}) == (
        "backlit train t.csv --ignore a -q --rate 2 --ignore b"
    )


def test_no_option_is_missed_that_a_command_is_typed_anew_without():
    """What is typed anew knows the options that only `train` has, and those that take no value."""
    options = {
        verb: {name: one.hint for one in _app()[verb].assemble_argument_collection()
               for name in one.names if name.startswith("-")}
        for verb in ("train", "diagnose")
    }  # fmt: skip
    assert options["train"].keys() - options["diagnose"].keys() <= OF_TRAIN
    flags = {name for given in options.values() for name, hint in given.items() if hint is bool}
    assert flags == FLAGS - {"--help"}


def test_a_remedy_that_these_rows_cannot_judge_is_named_as_a_training_and_not_as_a_trial(capsys):
    table().pipe(lambda t: t.assign(code=np.where(t.y == "yes", 7, 3))).to_csv("t.csv", index=False)
    given = ["t.csv", "--target", "y", "--layers", "8", "--activation", "tanh", "--l2", "0.01"]
    _, out, _ = run(capsys, "diagnose", *given, "-q")
    assert out.splitlines()[-2:] == [
        "To train with the remedy of BL103:", f"  backlit train {' '.join(given)} --ignore code",
    ]  # fmt: skip
    assert "The remedy of BL103 cannot be judged by the validation rows" in " ".join(out.split())


def test_a_class_that_is_never_answered_is_named_by_both_commands_and_nothing_is_trained_to_find_it(
    capsys, monkeypatch
):
    random = np.random.default_rng(1)
    noise = pd.DataFrame(random.normal(size=(2400, 3)), columns=list("abc"))
    noise.assign(a=noise.a + 1.3 * (rare := np.arange(2400) % 20 == 0), y=np.where(rare, "ill", "well")).to_csv(
        "t.csv", index=False
    )

    def trained(*_):
        raise AssertionError("a training at the end of train")

    with monkeypatch.context() as patch:
        patch.setattr(importlib.import_module("backlit.diagnose.findings.imbalance"), "run", trained)
        _, out, _ = run(capsys, "train", "t.csv", "--target", "y", *FEW)
    assert noticed(out)[0] == '  a class is never found: "ill" (24 test rows)'
    _, out, _ = run(capsys, "diagnose", "t.csv", "--target", "y", *FEW[:-1])
    assert 'class "ill"' in " ".join(out.split())


def test_a_few_wild_targets_do_not_make_the_others_look_shuffled(capsys):
    random = np.random.default_rng(2)
    X = random.normal(size=(500, 3))
    y = X @ [2.0, -1.0, 0.5] + 0.3 * random.normal(size=500)
    y[random.choice(500, 5, replace=False)] *= 1000
    pd.DataFrame(X, columns=list("abc")).assign(y=y).to_csv("t.csv", index=False)
    for verb, given in (("train", FEW), ("diagnose", FEW[:-1])):
        _, out, _ = run(capsys, verb, "t.csv", "--target", "y", *given)
        assert "shuffled" not in out
        assert "(BL405)" not in out  # a symptom, which train does not call the cause
