"""The main job on the command line: train, predict, evaluate."""

import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backlit.cli import main
from backlit.cli.progress import stopped_by_ctrl_c
from backlit.model import load
from backlit.ops import registry

ONE = ["--layers", "6", "--activation", "tanh", "--l2", "0.01", "--epochs", "30", "--no-report"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture
def customers(tmp_path):
    """A table as people have them: ids, categories, missing values, dates, umlauts, commas, a useless column."""
    rng = np.random.default_rng(5)
    n = 200
    income = rng.lognormal(10, 0.4, n)
    city = rng.choice(["Köln", "Zürich, Stadt", "東京", None], n)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(1000, 1000 + n),
            "income": np.where(rng.random(n) < 0.1, np.nan, income),
            "city": city,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 2000, n), "D"),
            "active": rng.random(n) < 0.5,
            "country": "CH",
            "bought": np.where(income + 6000 * (city == "東京") + rng.normal(size=n) * 500 > 23000, "ja", "nein"),
        }
    )
    frame.to_csv("customers.csv", index=False)
    return frame


def run(capsys, *arguments):
    """Run the command line in this process and give the exit code, standard output and standard error."""
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_session(capsys, customers):
    code, out, err = run(capsys, "train", "customers.csv", "--target", "bought", "--seed", "1", *ONE)
    assert code == 0, err
    for part in (
        'Task: "bought" holds text: 2 classes (to override: --task numbers)',
        "Rows: 200, of which 40 are kept for the test",
        "left out: an identifier by its name", "marked in a", "one-hot: 3 values", "as seconds, standardized",
        'left out: every value is "CH"', "Settings tried, by 5-fold validation on 160 rows.", "chosen",
        "6 tanh -> 2 softmax",
        "by 5-fold validation on 160 rows", "On 40 test rows:", "this network", "linear model (LogisticRegression)",
        "baseline (always", "Model written to customers.safetensors",
        "backlit predict customers.safetensors customers.csv -o predictions.csv",
    ):  # fmt: skip
        assert part in out
    assert "training (6 tanh; l2 0.01): epoch" in err  # plain progress, as there is no terminal

    predict, evaluate = (line.split()[1:] for line in out.splitlines()[-2:])  # what it says to type next
    assert run(capsys, *predict)[0] == 0
    with open("predictions.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["prediction"]
    assert len(rows) == 201
    assert set(np.ravel(rows[1:])) == {"ja", "nein"}

    code, out, err = run(capsys, *evaluate)
    assert code == 0
    for part in ('"bought" in 200 rows of customers.csv', "accuracy", "recall", "Rows of each class (down)"):
        assert part in out


def test_rows_keep_their_order_and_ids_and_the_target_is_not_needed(capsys, customers):
    run(capsys, "train", "customers.csv", "--target", "bought", "-o", "m.safetensors", "-q", *ONE)
    mixed = customers.drop(columns="bought").sample(frac=1, random_state=0)
    mixed.to_parquet("mixed.parquet")
    code, out, _ = run(
        capsys, "predict", "m.safetensors", "mixed.parquet", "--keep", "customer_id,city", "--probabilities"
    )
    assert code == 0
    found = pd.read_csv(io.StringIO(out), keep_default_na=False)
    assert list(found.columns) == ["customer_id", "city", "prediction", "probability ja", "probability nein"]
    assert found["customer_id"].tolist() == mixed["customer_id"].tolist()
    assert found["city"].tolist() == mixed["city"].fillna("").tolist()
    P = found[["probability ja", "probability nein"]].to_numpy()
    assert np.allclose(P.sum(axis=1), 1, atol=1e-6)
    model = load("m.safetensors")
    assert found["prediction"].tolist() == model.predict(mixed).tolist()
    assert np.array_equal(P.astype(np.float32), model.predict_probabilities("mixed.parquet"))


def test_parquet_out_and_all_columns(capsys, customers):
    run(capsys, "train", "customers.csv", "--target", "income", "-o", "m.safetensors", "-q", *ONE)
    code, out, _ = run(capsys, "predict", "m.safetensors", "customers.csv", "--keep-all", "-o", "out.parquet", "--json")
    assert code == 0
    assert json.loads(out)["rows"] == 200
    found = pd.read_parquet("out.parquet")
    assert list(found.columns) == [*customers.columns, "prediction"]
    assert np.array_equal(found["prediction"], load("m.safetensors").predict("customers.csv").astype(np.float32))


def test_json_is_all_there_is_on_standard_output(capsys, customers):
    code, out, err = run(capsys, "train", "customers.csv", "--target", "bought", "--json", *ONE)
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["model"] == "customers.safetensors"
    assert report["test"]["model"].keys() >= {"accuracy", "log_loss"}
    assert {column["column"] for column in report["columns"]} == set(customers.columns) - {"bought"}
    for curve in (report["curve"], report["choice"]["trials"][0]["curve"]):
        assert len(curve["loss"]) == len(curve["numbers"]) == curve["epochs"] > 0
    code, out, _ = run(capsys, "evaluate", "customers.safetensors", "customers.csv", "--json")
    evaluation = json.loads(out)
    assert np.sum(evaluation["confusion"]) == evaluation["rows"] == 200
    code, out, _ = run(capsys, "predict", "customers.safetensors", "customers.csv", "--json", "--keep", "since,city")
    rows = json.loads(out)
    assert len(rows) == 200
    assert rows[0].keys() == {"since", "city", "prediction"}


def test_what_training_rows_did_not_have_is_said(capsys, customers):
    run(capsys, "train", "customers.csv", "--target", "bought", "-q", *ONE)
    customers.assign(city="Bern").to_csv("new.csv", index=False)
    code, _, err = run(capsys, "predict", "customers.safetensors", "new.csv", "-o", "out.csv")
    assert code == 0
    assert 'note: the column "city" has values not seen in training (such as "Bern")' in err
    assert "in 200 rows" in err


@pytest.mark.parametrize("column", ["since", "income"])
def test_one_row_is_one_row_and_a_date_is_a_date(capsys, customers, column):
    customers = customers[customers["income"].notna()]
    customers.to_csv("customers.csv", index=False)
    run(capsys, "train", "customers.csv", "--target", "bought", "-q", *ONE)
    customers[customers["city"] == "東京"].head(1).assign(**{column: None}).to_csv("one.csv", index=False)
    said = "median 2022-" if column == "since" else "median 2"
    code, out, err = run(capsys, "predict", "customers.safetensors", "one.csv", "-o", "p.csv")
    assert (code, out) == (0, "1 prediction written to p.csv\n")
    assert said in err
    assert err.endswith("in 1 row\n")
    assert "e+09" not in err
    out = run(capsys, "evaluate", "customers.safetensors", "one.csv")[1]
    assert '"bought" in 1 row of one.csv' in out
    assert out.endswith("in 1 row\n")


def test_a_wide_table_with_a_single_number_names_it(capsys):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({f"c{k}": rng.choice(["a", "b"], 40) for k in range(15)})
    frame.assign(size=rng.normal(size=40)).to_csv("wide.csv", index=False)
    out = run(capsys, "train", "wide.csv", "--target", "c0", "-q", "--batch-size", "1", *ONE)[1]
    assert "1 columns" not in out
    assert "size" in out
    assert "1 row per step" in out


def test_a_wide_table_is_shown_short(capsys):
    _, out, _ = run(capsys, "train", "digits", "-q", *ONE)
    assert "61 columns" in out
    assert len(out.splitlines()) < 40


def test_options_reach_the_network(capsys):
    code, out, err = run(
        capsys, "train", "wine", "--json", "--layers", "7,5", "--activation", "relu,tanh", "--dropout", "0.1",
        "--optimizer", "nadam", "--rate", "0.01", "--schedule", "cosine", "--batch-size", "full", "--epochs", "9",
        "--decay", "0.001", "--l2", "0.02", "--seed", "3", "--dtype", "float64", "--validation", "0", "--test", "0.25",
        "--ignore", "ash,hue", "--ignore", "alcohol",
    )  # fmt: skip
    assert code == 0, err
    report = json.loads(out)
    assert report["recipe"] == {
        "layers": [7, 5], "activations": ["relu", "tanh"], "l2": 0.02, "decay": 0.001, "dropout": 0.1, "seed": 3,
        "optimizer": "nadam", "rate": 0.01, "schedule": "cosine", "batch_size": "full", "epochs": 9, "dtype": "float64",
        "own": [], "inputs": [], "loss": None,
    }  # fmt: skip
    assert report["epochs"] == 9
    assert "dropout 0.1" in report["network"]
    ignored = {column["column"] for column in report["columns"] if column["kind"] == "ignored"}
    assert ignored == {"ash", "hue", "alcohol"}


def test_a_plugin_brings_an_op_and_its_model_asks_for_it(capsys, tmp_path):
    (tmp_path / "bent.py").write_text(
        "import numpy as np\nimport backlit as bl\n@bl.register('bent')\nclass Bent(bl.Activation):\n"
        "    @staticmethod\n    def value(z):\n        return (np.sqrt(z * z + 1) - 1) / 2 + z\n"
        "    @staticmethod\n    def slope(z):\n        return z / (2 * np.sqrt(z * z + 1)) + 1\n"
    )

    code, out, err = run(
        capsys, "train", "iris", "--plugin", "bent.py", "--layers", "4", "--activation", "bent", "--epochs", "5"
    )
    assert code == 0, err
    assert "4 bent -> 3 softmax" in out
    del registry.activations["bent"]
    code, _, err = run(capsys, "predict", "iris.safetensors", "iris")
    assert code == 2
    assert "unknown activation 'bent'" in err
    assert "--plugin FILE.py" in err
    assert run(capsys, "predict", "iris.safetensors", "iris", "--plugin", "bent.py", "-o", "p.csv")[0] == 0
    del registry.activations["bent"]


@pytest.fixture
def prices(own_folder):
    """The same table as a German and an English program write it: decimal commas with dots between thousands."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"area": rng.normal(0, 40, 60).round(2), "sold": rng.integers(1, 9000, 60), "floor": 1.5})
    frame["price"] = (frame["area"] / 30 + rng.normal(0, 0.1, 60)).round(3)
    frame.loc[0, ["area", "sold"]] = 7, 1234
    frame.loc[3, "area"] = np.nan
    frame.to_csv(own_folder / "english.csv", index=False)
    german = frame.assign(sold=[f"{n:,}".replace(",", ".") for n in frame["sold"]])
    german.to_csv(own_folder / "german.csv", index=False, sep=";", decimal=",")


@pytest.mark.usefixtures("prices")
def test_decimal_commas(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # no cell is broken into lines
    monkeypatch.setattr("backlit.cli.table_printing.WIDTH", 200)
    code, out, err = run(capsys, "train", "german.csv", "--target", "price", *ONE)
    assert code == 0, err
    shown = " ".join(out.split())
    assert 'Task: "price" is written with decimal commas and holds numbers' in shown
    assert shown.count("written with decimal commas") == 4
    assert load("german.safetensors").encoder.decimal_commas == ("area", "sold", "floor", "price")
    german, english = (run(capsys, "predict", "german.safetensors", f"{name}.csv") for name in ("german", "english"))
    assert german == english
    scores = [run(capsys, "evaluate", "german.safetensors", f"{name}.csv") for name in ("german", "english")]
    assert scores[0][1].replace("german.csv", "") == scores[1][1].replace("english.csv", "")
    Path("one.csv").write_text("area;sold\n7;1.234\n")  # which says nothing by itself, but the model knows
    one = run(capsys, "predict", "german.safetensors", "one.csv")
    assert float(one[1].split()[1]) == pytest.approx(float(german[1].split()[1]), rel=1e-6)


def test_decimal_commas_in_a_wide_table(capsys):
    rng = np.random.default_rng(2)
    pd.DataFrame(rng.normal(size=(40, 16)), columns=list("abcdefghijklmnop")).round(3).to_csv(
        "wide.csv", index=False, sep=";", decimal=","
    )
    code, out, err = run(capsys, "train", "wide.csv", "--target", "p", *ONE)
    assert code == 0, err
    assert "standardized, from a to o; all written with decimal commas" in " ".join(out.split())


@pytest.mark.parametrize("scale", [1e-290, 1e-40, 1e40, 1e249])
def test_numbers_of_any_size(capsys, scale):
    """The same training, scores and predictions in another unit; and nothing on standard error."""
    x = np.random.default_rng(2).normal(size=60)
    outs = []
    for unit, name in ((1.0, "plain"), (scale, "scaled")):
        pd.DataFrame({"x": x * unit, "y": np.tanh(x) * unit}).to_csv(f"{name}.csv", index=False)
        code, out, err = run(capsys, "train", f"{name}.csv", "--target", "y", "--json", *ONE)
        assert (code, err) == (0, "")
        scores = json.loads(out)["test"]["model"]
        code, out, err = run(capsys, "predict", f"{name}.safetensors", f"{name}.csv")
        assert (code, err) == (0, "")
        predicted = [float(value) / unit for value in out.split()[1:]]
        outs.append([scores["r2"], scores["mae"] / unit, scores["rmse"] / unit, *predicted])
    np.testing.assert_allclose(outs[1], outs[0], rtol=1e-3, atol=1e-6)


TABLES = {
    "one_class.csv": "x,t\n1,a\n2,a\n",
    "no_input.csv": "customer_id,t\n1,a\n2,b\n3,a\n4,b\n",
    "plain.csv": "x,t\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n",
    "broken.py": "x = 1\nraise RuntimeError('not today')\n",
    "notes.txt": "these are notes",
}

WRONG_CALLS = [
    ("train nope.csv", 'No file "nope.csv"'),
    ("train irsi", 'Did you mean "iris"?'),
    ("train plain.csv", 'Name it with --target: "x", "t"'),
    ("train iris --target specie", 'Did you mean "species"?'),
    ("train iris --ignore species", "is the target"),
    ("train iris --ignore petal", 'No column "petal"'),
    ("train one_class.csv --target t", "only one class"),
    ("train no_input.csv --target t", "No column of no_input.csv can be learned from"),
    ("train iris --task numbers", "use --task classes"),
    ("train iris --task number", 'Did you mean "numbers"?'),
    ("train iris --activaton relu", "Unknown option: --activaton. Did you mean --activation?"),
    ("train iris --activation rleu", "did you mean 'relu'"),
    ("train iris --optimizer adm", "did you mean 'adam'"),
    ("train iris --schedule cosin", "did you mean 'cosine'"),
    ("train iris --seed 99999999999999999999999", "expected a whole number from 0 to 2**63 - 1"),
    ("train iris --layers 1000000000", "expected whole numbers of units from 1 to 10,000,000"),
    ("train iris --layers 64,x", "expected whole numbers with commas between"),
    ("train iris --batch-size many", "--batch-size is many; expected a whole number of at least 1, or 'full'"),
    ("train iris --rate fast", "--rate is fast; expected a finite number of at least 0"),
    ("train iris --rate -1", "rate is -1"),
    ("train iris --test 1", "test is 1; expected a fraction of the rows, of at least 0 and below 1"),
    ("train iris --test nan", "test is nan; expected a fraction"),
    ("train iris --validation 1.5", "validation is 1.5; expected a fraction"),
    ("train iris --validation 0.6 --test 0.5", "validation is 0.6 and test is 0.5; expected a sum below 1"),
    ("train iris -o model.bin", "does not end in .safetensors: choose another name"),
    ("train iris --epochs 1.5", "epochs is 1.5; expected a whole number of at least 1"),
    ("train iris --epochs 0", "epochs is 0; expected a whole number of at least 1"),
    ("train iris --epochs -3", "epochs is -3; expected a whole number of at least 1"),
    ("train iris -o notes.txt", "choose another name"),
    ("train iris -o nowhere/m.safetensors", "does not exist"),
    ("train iris --plugin nope.py", "no plugin file"),
    ("train iris --plugin broken.py", "RuntimeError: not today (line 2)"),
    ("trian iris", 'Did you mean "train"?'),
    ("train", "--data"),
    ("predict m.safetensors", "--data"),
    ("predict notes.txt iris", "not a model file"),
    ("predict nope.safetensors iris", "No model file"),
    ("predict m.safetensors plain.csv", "lacks 4 columns"),
    ("predict m.safetensors iris --keep petal", 'No column "petal"'),
    ("predict m.safetensors iris -o out.xlsx", "does not end in .csv or .parquet"),
    ("predict m.safetensors iris -o m.safetensors", "choose another name"),
    ("predict m.safetensors in.csv -o in.csv", "is an input too"),
    ("predict m.safetensors in.csv --keep-all -o out.csv", 'has a column "prediction" of its own'),
    ("predict numbers.safetensors diabetes --probabilities", "there are no probabilities"),
    ("evaluate m.safetensors plain.csv", 'has no column "species"'),
    ("evaluate bare.safetensors iris", "holds a network alone"),
]


@pytest.fixture(scope="module")
def wrong_folder(tmp_path_factory):
    from backlit.data import read_table
    from backlit.engine.network import Network
    from backlit.model import Settings, fit_table, save
    from backlit.ops.layers.dense import Dense

    folder = tmp_path_factory.mktemp("wrong")
    for name, text in TABLES.items():
        (folder / name).write_text(text)
    quick = Settings(layers=(3,), activation=("tanh",), l2=0.1, epochs=2)
    model, _ = fit_table("iris", settings=quick)
    save(model, folder / "m.safetensors")
    save(fit_table("diabetes", settings=quick)[0], folder / "numbers.safetensors")
    save(Network([Dense(2)], inputs=3), folder / "bare.safetensors")
    frame = read_table("iris").arrow.to_pandas()
    frame.assign(prediction=1).to_csv(folder / "in.csv", index=False)
    return folder


@pytest.mark.parametrize(("call", "message"), WRONG_CALLS)
def test_a_wrong_call_ends_with_one_line_and_code_2(capsys, monkeypatch, wrong_folder, call, message):
    monkeypatch.chdir(wrong_folder)
    before = {path.name: path.read_bytes() for path in wrong_folder.iterdir() if path.is_file()}
    code, out, err = run(capsys, *call.split())
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    after = {path.name: path.read_bytes() for path in wrong_folder.iterdir() if path.is_file()}
    assert after == before


def backlit(*arguments, **how):
    """Start the command line as a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "backlit", *arguments], text=True, **how)


def test_help_loads_nothing_heavy():
    script = (
        "import sys\nfrom backlit.cli import main\nmain(['--help'])\n"
        "print('heavy:', {'numpy', 'numba', 'pyarrow', 'sklearn', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: set()"
    for command in ("train", "predict", "evaluate", "demo"):
        assert command in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="signals are sent differently there")
def test_ctrl_c_ends_with_a_model(tmp_path):
    process = backlit(
        "train", "digits", "--layers", "64", "--activation", "tanh", "--l2", "0.001", "--validation", "0",
        "--epochs", "1000000", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    lines = iter(process.stderr.readline, "")
    assert any(line.startswith("training") for line in lines)  # the first line of progress: training has begun
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Ctrl-C: training ends here; the model so far is tested and written to digits.safetensors" in err
    assert ": ended by Ctrl-C (" in out
    assert "Model so far written to digits.safetensors" in out
    assert load(tmp_path / "digits.safetensors").predict("digits").shape == (1797,)


def test_the_network_is_written_before_the_comparison_and_ctrl_c_skips_that(capsys, monkeypatch, tmp_path):
    def endless(*_):
        assert load(tmp_path / "iris.safetensors").predict("iris").shape == (150,)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("backlit.model.fitting.linear", endless)
    code, out, err = run(capsys, "train", "iris", *ONE)
    assert code == 0, err
    assert err.splitlines()[-3:] == [
        "comparing with a linear model", "",
        "Ctrl-C: the linear model is left out; the network is written to iris.safetensors",
    ]  # fmt: skip
    assert "linear model (left out: ended by Ctrl-C)" in out
    assert load("iris.safetensors").report.test.linear is None


def test_no_comparison_loses_the_network(capsys, monkeypatch):
    monkeypatch.setattr("backlit.model.fitting.linear", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["train", "iris", "-q", *ONE])
    assert load("iris.safetensors").report.test.model.accuracy > 0.5


class Ending:
    """A training that Ctrl-C ends phase by phase."""

    def __init__(self, phase):
        self.phase, self.stops = phase, []

    def stop(self, why):
        self.stops.append(why)
        self.phase = "training"

    def interrupted(self, times):
        with contextlib.suppress(KeyboardInterrupt):
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("phase", "times", "said", "given_up"),
    [
        ("choosing", 1, ["choosing ends here; the best setting so far is trained"], False),
        (
            "choosing",
            2,
            ["choosing ends here", "training ends here; the model so far is tested and written to m.st"],
            False,
        ),
        ("training", 1, ["training ends here; the model so far is tested and written to m.st"], False),
        ("training", 2, ["training ends here", "Ctrl-C again: no model is written"], True),
        ("testing", 1, ["the training has ended; its model is tested and written to m.st"], False),
        ("testing", 2, ["the training has ended", "Ctrl-C again: no model is written"], True),
        ("comparing", 1, ["the linear model is left out; the network is written to m.st"], False),
        ("reporting", 1, ["the report is left out; the network is written to m.st"], False),
    ],
)
def test_what_ctrl_c_says_and_does(capsys, phase, times, said, given_up):
    training, before = Ending(phase), signal.getsignal(signal.SIGINT)
    ends = pytest.raises(KeyboardInterrupt) if given_up else contextlib.nullcontext()
    with ends, stopped_by_ctrl_c(training, Path("m.st")):
        training.interrupted(times)
    lines = capsys.readouterr().err.strip().split("\n\n")
    assert len(lines) == len(said)
    for line, part in zip(lines, said, strict=True):
        assert part in line
    assert training.stops == ["ended by Ctrl-C"] * (times - given_up if phase in {"choosing", "training"} else 0)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_reader_that_has_enough_is_no_error(wrong_folder):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with backlit("predict", "m.safetensors", "iris", cwd=wrong_folder, **pipes) as process:
        process.stdout.close()
        assert [line for line in process.stderr if not line.startswith("Compiling")] == []
        assert process.wait(timeout=60) == 0
