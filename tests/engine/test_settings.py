"""The settings of a training: bounds, types, defaults and words are those of one record, wherever they are given."""

import inspect
import json
import re

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.cli import main
from backlit.engine import TrainingSettings, describe_setting
from backlit.errors import BacklitError
from backlit.examples import parse_network_file
from backlit.model import Settings
from backlit.ops.optimizers.adaptive import Adam
from backlit.ops.schedules import CosineAnnealing

NAN, INF = float("nan"), float("inf")
WHOLE, COUNT = "a whole number of at least 0", "a whole number of at least 1"
ANY, NOT_NEGATIVE, BOOL = "a finite number", "a finite number of at least 0", "true or false"
NO_COUNT = [0, -1, 1.0, 1.5, True, "many", NAN]
NEGATIVE = [-1e-9, -1, NAN, INF, -INF, "much", True, [1.0]]
NO_BOOL = [0, 1, 1.0, "yes"]

# Of each setting: the words for what is expected, values that are refused, values that are taken.
CASES = {
    "batch_size": (f"{COUNT}, or 'full'", [*NO_COUNT, None], [1, 10**30, "full"]),
    "epochs": (WHOLE, [-1, 1.0, 1.5, True, "3 or 4", NAN, None], [0, 10**30]),
    "shuffle": (BOOL, [*NO_BOOL, None], [True, False]),
    "seed": ("a whole number from 0 to 2**63 - 1", [-1, 2**63, 10**30, 0.5, "one", False, None], [0, 2**63 - 1]),
    "target": (ANY, [NAN, INF, -INF, "low", True], [-1.5, 0, None]),
    "patience": (COUNT, NO_COUNT, [1, None]),
    "tolerance": (NOT_NEGATIVE, [*NEGATIVE, None], [0, 1e-300]),
    "time_limit": (NOT_NEGATIVE, NEGATIVE, [0, 1.5, None]),
    "keep_best": (BOOL, NO_BOOL, [True, False, None]),
    "l1": (NOT_NEGATIVE, [*NEGATIVE, None], [0, 0.5]),
    "l2": (NOT_NEGATIVE, [*NEGATIVE, None], [0, 0.5]),
    "decay_biases": (BOOL, [*NO_BOOL, None], [True, False]),
    "penalty_per_batch": (BOOL, [*NO_BOOL, None], [True, False]),
    "clip_value": (NOT_NEGATIVE, NEGATIVE, [0, 0.5, None]),
    "clip_norm": (NOT_NEGATIVE, NEGATIVE, [0, 0.5, None]),
    "max_norm": (NOT_NEGATIVE, NEGATIVE, [0, 0.5, None]),
    "gradient_norms": (BOOL, [*NO_BOOL, None], [True, False]),
    "signals": (BOOL, [*NO_BOOL, None], [True, False]),
    "divergence": ("'raise' or 'warn'", ["stop", True, None], ["warn", "raise"]),
    "compiled": (BOOL, [*NO_BOOL, None], [True, False]),
    "threads": (COUNT, NO_COUNT, [1, None]),
}
WRONG = [(name, words, value) for name, (words, wrong, _) in CASES.items() for value in wrong]
EXPLAINED = {"l1", "l2", "decay_biases", "clip_value", "clip_norm", "max_norm", "seed"}
OPTIONS = {"batch_size", "l2", "time_limit", "seed"}  # --epochs has a bound of its own
X, Y = np.zeros((3, 2)), np.zeros(3)


def network():
    return bl.Network([bl.Dense(1)], 2, "mse")


def training(name, value):
    bl.Training(network(), X, Y, **{name: value})


def assigned(name, value):
    setattr(bl.Training(network(), X, Y, compiled=False), name, value)


def file_with(name, toml):
    return f"[network]\ninputs = 2\n[[network.layers]]\nunits = 1\n[training]\n{name} = {toml}\n"


def network_file(name, value):
    try:
        parse_network_file(file_with(name, json.dumps(value)), "my.toml")
    except BacklitError as error:
        words, *place = str(error).split("\n")  # below the words, the line and a mark under the key
        assert not place or place[0] == f"  6 | {name} = {json.dumps(value)}"
        raise BacklitError(words.removeprefix("my.toml, line 6: ").removeprefix("training: ")) from None


def explained(name, value):
    bl.explain(network(), X, Y, **{name: value})


RUN = ("gradient_norms", "signals", "divergence", "compiled", "threads")
"""What a file leaves to the run at hand."""


def finite(value):
    return not isinstance(value, float) or np.isfinite(value)


TAKERS = {
    "record": (lambda name, value: TrainingSettings(**{name: value}), lambda name, value: True),
    "Training": (training, lambda name, value: True),
    "attribute": (assigned, lambda name, value: type(bl.Training.__dict__.get(name)).__name__ == "Setting"),
    "network file": (
        network_file,
        lambda name, value: name not in RUN and value is not None and finite(value),
    ),
    "fit_table": (lambda name, value: Settings(**{name: value}),
                  lambda name, value: name in Settings.__struct_fields__ and value is not None),
    "explain": (explained, lambda name, value: name in EXPLAINED and value is not None),
}  # fmt: skip


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize(("name", "words", "value"), WRONG, ids=lambda value: str(value)[:20])
def test_a_wrong_value_is_refused_in_the_same_words_everywhere(name, words, value, taker):
    give, takes = TAKERS[taker]
    if not takes(name, value):
        with pytest.raises(BacklitError):  # by the record at least
            TrainingSettings(**{name: value})
        return
    with pytest.raises(BacklitError) as refused:
        give(name, value)
    advice = (
        ": write 1"
        if taker == "network file" and type(value) is float and value == 1.0 and "whole number" in words
        else ""
    )
    assert str(refused.value) == f"{name} is {value!r}; expected {words}{advice}."


@pytest.mark.parametrize(
    ("name", "words", "value"),
    [(*case, value) for *case, value in WRONG if case[0] in OPTIONS and isinstance(value, int | float | str)
     and not isinstance(value, bool)],
)  # fmt: skip
def test_the_command_line_says_the_same(name, words, value, capsys):
    option = f"--{name.replace('_', '-')}"
    assert main(["train", "iris", option, str(value)]) != 0
    advice = ": write 1" if value == 1 and "whole number" in words else ""  # given as 1.0
    assert capsys.readouterr().err == f"error: {option} is {value}; expected {words}{advice}.\n"


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, case in CASES.items() for value in case[2]])
def test_values_at_the_bounds_are_taken(name, value):
    kept = getattr(TrainingSettings(**{name: value}), name)
    assert kept == value
    assert getattr(bl.Training(network(), X, Y, **{"compiled": False, name: value}).settings, name) == value


def test_no_setting_is_left_out():
    assert set(CASES) | {"optimizer", "schedule"} == set(TrainingSettings.__struct_fields__)


@pytest.mark.parametrize("name", RUN)
def test_a_network_file_leaves_the_run_open(name):
    with pytest.raises(BacklitError, match=f"training: unknown key '{name}'"):
        parse_network_file(file_with(name, "1"))


def test_names_and_defaults_are_those_of_the_signature():
    data = {"self", "network", "X", "Y", "sample_weight", "validation", "order"}
    data |= {"metrics", "callbacks", "progress", "unknown"}  # for the one who watches: they change no bit of a training
    signature = inspect.signature(bl.Training.__init__).parameters.items()
    given = {name: repr(parameter.default) for name, parameter in signature if name not in data}
    assert given == {field.name: repr(field.default) for field in msgspec.structs.fields(TrainingSettings)}


def test_the_words_are_those_of_the_docstring():
    said = " ".join(bl.Training.__doc__.split())
    for name in TrainingSettings.__struct_fields__:
        assert f" {name}: {describe_setting(name)}." in said


def test_each_argument_arrives():
    """No two settings are mixed up on their way from the arguments to the record."""
    given = {"optimizer": Adam(0.5), "schedule": CosineAnnealing(), "shuffle": False, "keep_best": True,
             "decay_biases": True, "penalty_per_batch": True, "gradient_norms": True, "signals": False,
             "compiled": False, "divergence": "raise"}  # fmt: skip
    given |= {name: k for k, name in enumerate(TrainingSettings.__struct_fields__, 2) if name not in given}
    training = bl.Training(network(), X, Y, **given)
    assert training.settings == TrainingSettings(**given)
    assert {name: getattr(training.settings, name) for name in given} == given
    rule = training.rule._asdict()
    assert {name: rule[name] for name in rule.keys() & given.keys()} == {
        name: given[name] for name in ("l1", "l2", "penalty_per_batch", "clip_value", "clip_norm", "max_norm")
    }


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("optimizer", "adm", "unknown optimizer 'adm'; did you mean 'adam'?"),
        ("schedule", "cosin", "unknown schedule 'cosin'; did you mean 'cosine'?"),
        ("optimizer", 3, "unknown optimizer 3; known: sgd, "),
    ],
)
def test_unknown_names_come_with_a_hint(name, value, message, capsys):
    for give in (training, lambda name, value: Settings(**{name: value})):
        with pytest.raises(BacklitError, match=f"^{re.escape(message)}"):
            give(name, value)
    with pytest.raises(BacklitError, match=re.escape(f"training, {name}: {message}")):
        parse_network_file(file_with(name, json.dumps(value)))
    assert main(["train", "iris", f"--{name}", str(value)]) != 0
    assert message.split(";")[0].replace(" 3", " '3'") in capsys.readouterr().err


def test_numbers_of_numpy_become_those_of_python():
    settings = TrainingSettings(
        l2=np.float32(0.5), epochs=np.int16(3), batch_size=np.uint8(4), shuffle=np.bool_(False), target=2
    )
    values = settings.l2, settings.epochs, settings.batch_size, settings.shuffle, settings.target
    assert [type(value) for value in values] == [float, int, int, bool, float]
    with pytest.raises(BacklitError, match=r"^target is nan; expected a finite number"):
        TrainingSettings(target=np.float32("nan"))


@pytest.mark.parametrize("name", ["clip_value", "clip_norm", "max_norm"])
def test_a_line_search_has_no_limits(name):
    message = f"{name} is 1; expected none beside the optimizer 'lbfgs'"
    for give in (lambda **given: bl.Training(network(), X, Y, **given), TrainingSettings):
        with pytest.raises(BacklitError, match=message):
            give(optimizer="lbfgs", **{name: 1.0})
        give(optimizer="lbfgs", **{name: 0.0})
    with pytest.raises(BacklitError, match=f"training: {message}"):
        parse_network_file(file_with(name, "1.0") + 'optimizer = "lbfgs"\n')


@pytest.mark.parametrize(
    ("batch_size", "optimizer", "rows"), [(2, "adam", 2), (9, "adam", 3), ("full", "adam", 3), (2, "lbfgs", 3)]
)
def test_a_batch_has_at_most_all_rows(batch_size, optimizer, rows):
    assert TrainingSettings(batch_size=batch_size, optimizer=optimizer).batch_rows(3) == rows
    assert bl.Training(network(), X, Y, batch_size=batch_size, optimizer=optimizer, compiled=False).batch_size == rows


def test_an_assigned_attribute_is_in_the_settings():
    training = bl.Training(network(), X, Y, epochs=2, compiled=False)
    training.epochs = np.int64(4)
    assert training.settings == TrainingSettings(epochs=4, compiled=False)
    assert len(training.run().history) == 4


def test_the_seed_of_a_table_leaves_room_for_the_seeds_of_its_folds():
    assert Settings(seed=10**18).seed == 10**18
    with pytest.raises(BacklitError, match=r"^seed is 1000000000000000001; expected a whole number from 0 to 10\*\*18"):
        Settings(seed=10**18 + 1)


def test_the_batch_size_of_a_training_is_fixed():
    training = bl.Training(bl.Network([bl.Dense(1)], 1, "mse"), [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0], batch_size=2)
    with pytest.raises(BacklitError, match="batch_size of a training is fixed, 2"):
        training.batch_size = 3
    assert training.batch_size == 2
