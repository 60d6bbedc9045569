"""`bl.explain` of a name, a file, a model and a training: which step it is, on which rows, with whose settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import backlit as bl
from backlit.engine import SingleUpdates
from backlit.errors import BacklitError
from backlit.explain import explain_step
from backlit.model import Settings, TabularModel, fit_table, load, save

ADALINE = """
[network]
inputs = ["X1", "X2"]
loss = "half_squared_error"
[[network.layers]]
units = 1
weights = [[0.1], [0.1]]
biases = [0.1]
labels = ["y"]
[data]
inputs = [[1, 1], [1, -1], [-1, 1], [-1, -1]]
targets = [1, 1, 1, -1]
[training]
optimizer = { op = "sgd", rate = 0.1 }
batch_size = 1
shuffle = false
epochs = 1
"""
PUBLISHED = [(0.17, 0.17, 0.17), (0.253, 0.087, 0.253), (0.1617, 0.1783, 0.3443), (0.2621, 0.2787, 0.2439)]
"""The weights and the bias after each row, as textbooks print them."""


@pytest.fixture
def adaline(tmp_path: Path) -> str:
    path = tmp_path / "adaline.toml"
    path.write_text(ADALINE, encoding="utf-8")
    return str(path)


def new_weights(step: Any) -> list[float]:
    return [step[f"{name}+"].value for name in ("w(X1,y)", "w(X2,y)", "b(y)")]


def facts(step: Any) -> dict[str, str]:
    return dict(step.step.summary.facts)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_row_by_row_as_published(adaline: str, steps: int) -> None:
    step = bl.explain(adaline, steps=steps)
    assert [round(value, 4) for value in new_weights(step)] == list(PUBLISHED[steps - 1])
    assert facts(step)["rows"] == f"1 of 4: row {steps}"
    assert facts(step)["step"] == f"{steps}: batch {steps} of 4 of epoch 1"


def test_an_epoch_row_by_row(adaline: str) -> None:
    epoch = bl.explain(Path(adaline), epoch=1)
    assert isinstance(epoch, bl.WorkedEpoch)
    assert [[round(value, 4) for value in new_weights(step)] for step in epoch] == [list(row) for row in PUBLISHED]
    single = bl.explain(adaline, steps=3)
    assert [record.value for record in epoch[2]] == [record.value for record in single]


def test_beyond_the_files_epochs_is_said(adaline: str) -> None:
    assert "beyond" not in facts(bl.explain(adaline, steps=4))
    assert facts(bl.explain(adaline, steps=5))["beyond"] == "the training has 1 epoch; this is epoch 2, if it went on"
    assert facts(bl.explain(adaline, steps=5, epochs=2)).get("beyond") is None
    assert bl.explain(adaline, epoch=2)[0].step.recording.number == 5


@pytest.mark.parametrize(("given", "message"), [
    ({"steps": 5, "schedule": "cosine"}, r"steps is 5; the training has 4 steps \(1 epoch of 4 batches\)"),
    ({"epoch": 3, "schedule": "cosine"}, "epoch is 3; the training has 4 steps"),
    ({"steps": 9, "epochs": 5, "target": 1e9}, r"stops after 4 steps in epoch 1 \(error target"),
    ({"epoch": 2, "epochs": 5, "target": 1e9}, "epoch is 2; the training stops after 4 steps"),
    ({"steps": 2, "epoch": 1}, "expected one of them"), ({"epoch": 0}, "epoch is 0"), ({"epoch": 1.5}, "epoch is 1.5"),
    ({"row": [1, 2], "steps": 2}, "trains on 1 row at a time"), ({"row": 1, "epoch": 1}, "leave one of them out"),
    ({"row": [5]}, "row is 5; .* has rows 1 to 4"), ({"row": "1,x"}, "row is x"), ({"row": [2, 2]}, "given twice"),
    ({"row": []}, "row is empty"), ({"run": "AND"}, "one run, without a name"), ({"X": [[1, 2]]}, "leave it out"),
    ({"data": "iris"}, "rows of its own"), ({"digit": 4}, "did you mean 'digits'"),
    ({"learning_rate": 4}, "did you mean 'rate'"), ({"digits": -1}, "digits"),
    ({"optimizer": "lbfgs"}, "searches along a line"), ({"optimizer": "lbfgs", "rate": 0.1}, "has none"),
    ({"rate": -1.0}, "rate"), ({"steps": 0}, "steps is 0"), ({"steps": 1.5}, "steps is 1.5"),
])  # fmt: skip
def test_what_has_no_meaning_is_refused_in_words(adaline: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(BacklitError, match=message):
        bl.explain(adaline, **given)


def test_chosen_rows_are_one_batch(adaline: str) -> None:
    step = bl.explain(adaline, row="2,3")
    assert facts(step)["chosen"] == "rows 2, 3 of 4 as one batch, as if the training had no other rows"
    assert step["E[3]"].row == "3"
    assert "chosen" in facts(bl.explain(adaline, row=[1, 2, 3, 4])), "its training takes one row at a time"
    assert "chosen" not in facts(bl.explain(adaline, row=[1, 2, 3, 4], batch_size="full"))
    weighted = bl.explain(adaline, row=[2, 3], sample_weight=[1, 2, 3, 4])
    assert weighted.step.recording.weights.tolist() == [2.0, 3.0]
    assert new_weights(bl.explain(adaline, row=2)) != new_weights(bl.explain(adaline, steps=2))


def test_options_take_the_place_of_the_files_own(adaline: str) -> None:
    assert bl.explain(adaline, rate=0.2).step.recording.rates == (0.2,)
    assert bl.explain(adaline, optimizer=bl.Momentum(0.3), rate=0.2).step.recording.optimizer == bl.Momentum(0.2)
    assert bl.explain(adaline, batch_size=2).step.recording.rows == 2
    assert bl.explain(adaline, l2=0.5)["g(w(X1,y))"].value == pytest.approx(-0.7 + 0.05)


@pytest.mark.parametrize("name", ["AND", "XOR", None])
def test_which_of_several_runs_is_shown(name: str | None) -> None:
    step = bl.explain("gates", run=name)
    said = facts(step)["run"]
    assert said.startswith(f"{name or 'AND'}, ")
    assert said.endswith('AND, OR, NAND, NOT, XOR, "AND-1958", "OR-1958", "XOR-1958"')
    assert "--run" in said
    assert "run" not in facts(bl.explain("two-layer"))
    with pytest.raises(BacklitError, match="unknown run"):
        bl.explain("gates", run="NAN")


def test_an_example_by_its_name() -> None:
    assert f"{bl.explain('two-layer')['w5+'].value:.9f}" == "0.358916480"
    with pytest.raises(BacklitError, match="two-layer"):
        bl.explain("two-lair")
    with pytest.raises(BacklitError, match="expected a Network with X and Y"):
        bl.explain(3)
    with pytest.raises(BacklitError, match=r"estimator\.explain"):
        bl.explain(bl.MLPClassifier())


# ------------------------------------------------------------------------------------------------------------ penalties


def test_a_penalty_per_batch_is_divided_by_the_weight_of_weighted_rows(adaline: str) -> None:
    step = bl.explain(adaline, batch_size=3, penalty_per_batch=True, l2=0.6, sample_weight=[1.0, 0.5, 2.0, 1.0])
    assert facts(step)["penalty per batch"] == "l2 0.6 / 3.5 = 0.171428571; divided by the weight of the batch's rows"
    assert step["g(w(X1,y))"].value == pytest.approx(step["dE/dw(X1,y)"].value + 0.6 / 3.5 * 0.1, rel=1e-15)


def test_a_penalty_per_batch_is_divided_by_its_rows(adaline: str) -> None:
    step = bl.explain(adaline, batch_size=3, penalty_per_batch=True, l2=0.6, steps=2)
    assert facts(step)["penalty per batch"] == "l2 0.6 / 1 = 0.6; divided by the rows of the batch"
    step = bl.explain(adaline, batch_size=3, penalty_per_batch=True, l2=0.6)
    assert facts(step)["penalty per batch"] == "l2 0.6 / 3 = 0.2; divided by the rows of the batch"
    record = step["g(w(X1,y))"]
    assert record.value == pytest.approx(step["dE/dw(X1,y)"].value + 0.2 * 0.1, rel=1e-15)
    assert "0.2" in record.plain_substituted


# --------------------------------------------------------------------------------------------------------------- models


@pytest.fixture(scope="module")
def shop(tmp_path_factory: Any) -> Path:
    """A table with numbers, categories, true and false, dates and gaps."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({
        "size": rng.normal(100, 30, 60).round(1), "colour": rng.choice(["red", "blue", "green"], 60),
        "new": rng.random(60) < 0.5,
    })  # fmt: skip
    table.loc[[3, 10, 11, 12, 20, 21, 22], "size"] = None
    table["price"] = (table["size"].fillna(100) * 2 + rng.normal(size=60)).round(2)
    table.loc[5, "price"] = None
    path = tmp_path_factory.mktemp("shop") / "shop.csv"
    table.to_csv(path, index=False)
    return path


SETTINGS = {"layers": (3,), "epochs": 4, "batch_size": 8, "l2": 0.3, "decay": 0.01, "dropout": 0.2, "seed": 3}


@pytest.fixture(scope="module")
def model(shop: Path) -> TabularModel:
    settings = Settings(**SETTINGS, optimizer="adamw", rate=0.05, schedule="cosine", dtype="float64")
    return fit_table(shop, "price", settings)[0]


def test_a_model_is_explained_by_its_own_training(model: TabularModel, shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "shop.safetensors"
    save(model, path)
    step = bl.explain(path, data=shop, row=[1, 8], steps=2)
    kept, table = load(path), model.read(str(shop)).take([0, 7])
    X, Y = kept.encoder.encode(table, np.float64).X, kept.encoder.encode_target(table, np.float64)
    network = kept.network.copy()
    training = bl.Training(
        network, X, Y, optimizer=bl.AdamW(0.05, weight_decay=0.01), schedule="cosine", l2=0.3, seed=3,
        batch_size="full", epochs=4, compiled=False,
    )  # fmt: skip
    for epoch in training:
        if epoch.number == 2:
            break
    assert step.step.recording.after.tobytes() == network.parameters.tobytes()
    said = facts(step)
    assert said["training"] == "optimizer, schedule and penalties of the model's own training"
    assert "the weights that training ended with; adamw begins anew" in said["start"]
    assert said["batch"] == "these rows alone; that training took 8 rows at a time"
    assert said["penalties and limits"] == "l2 0.3"
    assert bl.explain(model, data=shop, row=[1, 8], steps=2)["E"].value == step["E"].value
    with pytest.raises(BacklitError, match="steps"):
        bl.explain(path, data=shop, row=1, steps=5)  # the schedule of 4 epochs has no rate for it


def test_options_take_the_place_of_the_models_own(model: TabularModel, shop: Path) -> None:
    step = bl.explain(model, data=shop, row=1, optimizer="sgd", rate=0.5, l2=0.0, schedule="constant")
    assert (step.step.recording.optimizer, step.step.recording.settings.l2) == (bl.SGD(0.5), 0.0)
    assert facts(step)["training"].endswith("but for optimizer and schedule and l2")
    assert "anew" not in facts(step)["start"], "plain gradient descent remembers nothing"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_are_encoded_in_the_models_own_precision(dtype: Any) -> None:
    model = fit_table("iris", settings=Settings(layers=(2,), epochs=1, dtype=dtype))[0]
    step = bl.explain(model, data="iris", row=8)
    table = model.read("iris").take([7])
    shown = [step[name].value for name in model.encoder.feature_names]
    assert shown == model.encoder.encode(table, dtype).X[0].astype(np.float64).tolist()
    plan = model.encoder.features.columns[0]
    exact = (5.0 - plan.mean) / plan.deviation
    assert (shown[0] == exact) == (dtype == "float64")
    assert ("precision" in facts(step)) == (dtype == "float32")


def test_the_cells_stand_beside_their_numbers(model: TabularModel, shop: Path) -> None:
    step = bl.explain(model, data=shop, row=[1, 4])
    first = pd.read_csv(shop).iloc[0]
    assert step["size[1]"].note == f"{first['size']}, standardized"
    median = f"{model.encoder.features.columns[0].fill:.6g}"
    assert step["size[4]"].note == f"missing, filled with the median {median}, standardized"
    assert (step["size is missing[1]"].note, step["size is missing[4]"].note) == ("not missing", "missing")
    notes = {step[f"colour={name}[1]"].note for name in ("red", "blue", "green")}
    assert notes == {f"colour is {first['colour']}"}
    assert step["new[1]"].note == str(bool(first["new"])).lower()
    assert step["t(o1)[1]"].note == f"{first['price']}, standardized"
    assert f"({first['size']}, standardized)" in str(step)


def test_the_class_stands_beside_the_targets() -> None:
    model = fit_table("iris", settings=Settings(layers=(2,), epochs=1))[0]
    step = bl.explain(model, data="iris", row=[1, 51], only="error")
    assert step["t(setosa)[1]"].note == step["t(virginica)[1]"].note == "species is setosa"
    assert step["t(setosa)[51]"].note == "species is versicolor"


def test_rows_keep_their_numbers_in_the_table(model: TabularModel, shop: Path) -> None:
    with pytest.raises(BacklitError, match=r'row 6 of .* has no "price"'):
        bl.explain(model, data=shop, row=6)
    assert bl.explain(model, data=shop, row=7)["size"].note.startswith(str(pd.read_csv(shop)["size"][6]))
    with pytest.raises(BacklitError, match="rows 1 to 60"):
        bl.explain(model, data=shop, row=61)
    with pytest.raises(BacklitError, match='no column "price"'):
        bl.explain(model, data="iris", row=1)
    with pytest.raises(BacklitError, match="with data and row"):
        bl.explain(model)
    with pytest.raises(BacklitError, match="epoch"):
        bl.explain(model, data=shop, row=1, epoch=1)


def test_a_bare_networks_file_takes_rows_in_python(tmp_path: Path) -> None:
    network = bl.Network([bl.Dense(1)], 2, seed=0)
    path = save(network, tmp_path / "net.safetensors")
    step = bl.explain(path, [[1.0, 2.0]], [1.0])
    assert step["E"].value == explain_step(network, [[1.0, 2.0]], [1.0])["E"].value
    assert "does not say how" in facts(step)["training"]
    assert "training" not in facts(bl.explain(path, [[1.0, 2.0]], [1.0], optimizer="adam"))
    with pytest.raises(BacklitError, match=r"backlit\.explain\(file, X, Y\)"):
        bl.explain(path, data="iris")
    with pytest.raises(BacklitError, match="without the columns"):
        bl.explain(path)


# ------------------------------------------------------------------------------------------------------------ trainings

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(7, 2)), RNG.normal(size=7)


def training(**settings: Any) -> bl.Training:
    network = bl.Network([bl.Dense(3, "tanh"), bl.Dropout(0.2), bl.Dense(1)], 2, "half_squared_error", seed=2)
    return bl.Training(network, X, Y, **{"batch_size": 3, "epochs": 4, "compiled": False, **settings})


def test_a_training_is_explained_from_where_it_is() -> None:
    going = training()
    for epoch in going:
        if epoch.number == 2:
            break
    before = going.state
    step, second = bl.explain(going), bl.explain(going, steps=3)
    assert going.state.differences(before) == []
    assert facts(step)["step"] == "7: batch 1 of 3 of epoch 3"
    for epoch in going:
        if epoch.number == 3:
            break
    assert second.step.recording.after.tobytes() == going.network.parameters.tobytes()
    assert [len(epoch) for epoch in [bl.explain(going, epoch=4)]] == [3]
    with pytest.raises(BacklitError, match="has done 3: expected epoch 4"):
        bl.explain(going, epoch=3)


def test_a_training_that_has_ended_would_go_on() -> None:
    ended = training().run()
    step = bl.explain(ended)
    assert facts(step)["training"].startswith("has ended (all 4 epochs done); this is how it would go on")
    assert facts(step)["step"] == "13: batch 1 of 3 of epoch 5"
    ended.epochs = 5
    single = SingleUpdates.of(ended)
    updates = single.updates()
    assert (next(updates).number, next(updates).number) == (13, 14)
    assert step.step.recording.after.tobytes() == single.network.parameters.tobytes()
    assert facts(bl.explain(training(), steps=13))["beyond"].startswith("the training has 4 epochs")
    with pytest.raises(BacklitError, match="schedule 'cosine' gives rates for these alone"):
        bl.explain(training(schedule="cosine").run())


@pytest.mark.parametrize(("asked", "message"), [
    ({"steps": 3_000_000_000}, "steps is 3000000000, 3,000,000,000 steps ahead; .*1,000,000 steps, .* own 4 steps"),
    ({"epoch": 1_000_000_000}, "epoch is 1000000000, 4,000,000,000 steps ahead; expected one within the next"),
    ({"steps": 3_000_000_000, "schedule": "cosine"}, "schedule 'cosine' gives rates for these alone"),
])  # fmt: skip
def test_a_step_far_beyond_the_end_is_refused_at_once(adaline: str, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(BacklitError, match=message):
        bl.explain(adaline, **asked)


def test_a_step_far_away_of_a_training_without_an_end_is_refused_at_once() -> None:
    with pytest.raises(BacklitError, match="expected one within the next 1,000,000 steps\\."):
        bl.explain(bl.Network([bl.Dense(1)], 2, seed=0), X, Y, steps=2_000_000_000)


def test_settings_of_a_training_are_its_own() -> None:
    with pytest.raises(BacklitError, match="l2 is a setting of the training"):
        bl.explain(training(), l2=0.1)
    with pytest.raises(BacklitError, match="X does not go with a training"):
        bl.explain(training(), X)
    with pytest.raises(BacklitError, match="function of yours"):
        bl.explain(training(order=lambda: np.arange(7)))
    with pytest.raises(BacklitError, match="lbfgs"):
        bl.explain(training(optimizer="lbfgs"))


def test_an_own_order_of_rows_is_followed() -> None:
    network = bl.Network([bl.Dense(1)], 2, seed=0)
    step = bl.explain(network, X, Y, batch_size=2, order=lambda: np.arange(7)[::-1], steps=2, rows=list("abcdefg"))
    assert facts(step)["rows"] == "2 of 7: rows e, d"
    for rows, missing in (((), "rows"), ((X,), "targets Y"), ((None, Y), "inputs X")):
        with pytest.raises(BacklitError, match=f"without {missing};"):
            bl.explain(network, *rows)
    assert json.loads(step.to_json())["summary"]["facts"]
