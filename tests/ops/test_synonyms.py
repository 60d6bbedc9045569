"""The words of other libraries and books lead to ours, and every line of the table leads to something that exists."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import msgspec
import pytest

import backlit as bl
from backlit import BacklitError
from backlit.cli import COMMANDS
from backlit.errors import ArgumentError
from backlit.examples.file_tables import LABELS, TRAINING, DataTable, FileTable, NetworkTable
from backlit.model.scores import ClassScores
from backlit.ops.registry import REGISTRIES, UnknownOpError
from backlit.ops.synonyms import hint, normal
from backlit.ops.word_table import ABSENT, AS_WRITTEN, THEIRS, WRITTEN

OPTIMIZERS, LOSSES, ACTIVATIONS = (list(REGISTRIES[kind]) for kind in ("optimizer", "loss", "activation"))
LAYER_KEYS = [*bl.Dense.__struct_fields__, *LABELS]
FILTER_KEYS, RECURRENT_KEYS = list(bl.Conv2D.__struct_fields__), list(bl.GRU.__struct_fields__)
TABLES = {"file": FileTable, "network": NetworkTable, "data": DataTable}


def options() -> dict[str, set[str]]:
    """Give the options of each command, without their dashes."""
    from importlib import import_module
    from inspect import signature

    from backlit.cli.table_options import TableOptions

    found = {}
    for command in COMMANDS:
        names = set(signature(getattr(import_module(f"backlit.cli.{command}"), command)).parameters)
        if "options" in names:  # those that commands share
            names |= set(signature(TableOptions).parameters)
        found[command] = {name.replace("_", "-") for name in names} | {"format"}
    return found


def everything() -> set[str]:
    """Give every name that a person can write, in a file, on the command line or in Python."""
    ops = [cls for registry in REGISTRIES.values() for cls in registry.values()]
    names = {name for registry in REGISTRIES.values() for name in registry} | {cls.__name__ for cls in ops}
    names |= {field for cls in ops for field in cls.__struct_fields__}
    names |= {field for table in TABLES.values() for field in table.__struct_fields__}
    names |= {*LABELS, *TRAINING, *bl.__all__, *COMMANDS, "op", "sample_weight", "validation", "compiled", "threads"}
    names |= set(ClassScores.__struct_fields__) | {"metrics", "callbacks"}  # arguments of a training
    return names | {option for of_command in options().values() for option in of_command}


def test_every_word_of_ours_exists():
    known = {normal(name) for name in everything()}
    ours = {*THEIRS, *AS_WRITTEN.values(), *(near for near in ABSENT if near)}
    assert sorted(word for word in ours if normal(word) not in known) == []


def test_no_word_of_theirs_is_listed_twice_or_is_ours_in_the_same_place():
    for ours, words in THEIRS.items():
        listed = [normal(word) for word in words.split()]
        assert len(listed) == len(set(listed)), ours
        assert normal(ours) not in listed, ours


def test_no_word_is_both_there_and_absent_in_one_place():
    """A step is a schedule that there is, and an activation that there is not."""
    theirs = {normal(ours): {normal(word) for word in (ours, *words.split())} for ours, words in THEIRS.items()}
    for near, words in ABSENT.items():
        here = [registry for registry in REGISTRIES.values() if not near or near in registry]
        for name in (name for registry in here for name in registry):
            assert {normal(word) for word in words.split()}.isdisjoint(theirs.get(normal(name), {normal(name)}))


@pytest.mark.parametrize("entry", WRITTEN, ids=[f"{e.words[:20]}, {e.beside}" for e in WRITTEN])
def test_what_is_to_be_written_can_be_written(entry):
    known = {normal(name) for name in everything()}
    assert normal(entry.beside) in known
    assert entry.file or entry.python or entry.option
    for text in re.findall(r"\w+ = (?:\{[^}]*\}|\[[^\]]*\]|\S+)", entry.file):
        for key, value in tomllib.loads(text.rstrip(",;")).items():
            assert normal(key) in known
            if isinstance(value, dict) and "op" in value:
                made(value)
    for text in re.findall(r"bl\.\w+\([^()]*\)", entry.python):
        if "..." not in text and "network" not in text:
            eval(text, {"bl": bl})
    for option in re.findall(r"--([\w-]+)", entry.option):
        assert any(option in of_command for of_command in options().values())


def made(table: dict[str, Any]) -> Any:
    registry = next(r for r in REGISTRIES.values() if table["op"] in r)
    return registry.from_dict(table)


# The words, and where each leads: (their words, the names known there, our word).
LEADS = [
    ("MSE mean_squared_error MSELoss Mean-Squared-Error", LOSSES, "mse"),
    ("MAE mean_absolute_error l1_loss L1Loss", LOSSES, "mae"),
    ("categorical_crossentropy sparse_categorical_crossentropy CategoricalCrossentropy CrossEntropyLoss nll NLLLoss "
     "crossentropy cross-entropy", LOSSES, "cross_entropy"),
    ("bce BCELoss binary_crossentropy BinaryCrossentropy binary-cross-entropy", LOSSES, "binary_cross_entropy"),
    ("BCEWithLogitsLoss", LOSSES, "sigmoid_binary_cross_entropy"),
    ("Huber huber_loss smooth_l1_loss SmoothL1Loss HuberLoss", LOSSES, "huber"),
    ("LogCosh logcosh", LOSSES, "log_cosh"),
    ("categorical_hinge CategoricalHinge", LOSSES, "multiclass_hinge"),
    ("ReLU Relu RELU rectifier", ACTIVATIONS, "relu"),
    ("LeakyReLU leaky-relu leakyrelu", ACTIVATIONS, "leaky_relu"),
    ("swish Swish SiLU", ACTIVATIONS, "silu"),
    ("linear Identity purelin", ACTIVATIONS, "identity"),
    ("logistic Sigmoid logsig expit", ACTIVATIONS, "sigmoid"),
    ("hyperbolic-tangent Tanh tansig", ACTIVATIONS, "tanh"),
    ("Softmax", ACTIVATIONS, "softmax"),
    ("hardsigmoid Hardsigmoid", ACTIVATIONS, "hard_sigmoid"),
    ("exponential", ACTIVATIONS, "exp"),
    ("SGD gradient_descent GD batch-gradient-descent", OPTIMIZERS, "sgd"),
    ("RMSprop rms_prop RMSProp", OPTIMIZERS, "rmsprop"),
    ("Adam", OPTIMIZERS, "adam"), ("AdamW", OPTIMIZERS, "adamw"), ("Nadam NAdam", OPTIMIZERS, "nadam"),
    ("NAG nesterov_momentum", OPTIMIZERS, "nesterov"), ("heavy_ball sgd_momentum", OPTIMIZERS, "momentum"),
    ("L-BFGS lbfgs_b bfgs", OPTIMIZERS, "lbfgs"),
    ("he_normal_ kaiming_normal kaiming_normal_ HeNormal", REGISTRIES["initializer"], "he_normal"),
    ("xavier_uniform XavierUniform GlorotUniform", REGISTRIES["initializer"], "glorot_uniform"),
    ("StepLR", REGISTRIES["schedule"], "step"), ("ReduceLROnPlateau", REGISTRIES["schedule"], "plateau"),
    ("CosineAnnealingLR CosineDecay", REGISTRIES["schedule"], "cosine"),
    ("ExponentialLR ExponentialDecay", REGISTRIES["schedule"], "exponential"),
    ("OneCycleLR", REGISTRIES["schedule"], "one_cycle"), ("invscaling", REGISTRIES["schedule"], "inverse_scaling"),
    ("Linear fully_connected Dense", REGISTRIES["layer"], "dense"),
    ("BatchNormalization BatchNorm1d BatchNorm", REGISTRIES["layer"], "batch_norm"),
    ("LayerNormalization LayerNorm", REGISTRIES["layer"], "layer_norm"),
    ("Conv2d conv", ["conv2d", "dense"], "conv2d"), ("MaxPooling2D MaxPool2d", REGISTRIES["layer"], "max_pool"),
    ("SimpleRNN RNN", REGISTRIES["layer"], "recurrent"), ("AvgPool2d", REGISTRIES["layer"], "average_pool"),
    ("kernel_size", FILTER_KEYS, "size"), ("out_channels", FILTER_KEYS, "filters"), ("strides", FILTER_KEYS, "stride"),
    ("hidden_size", RECURRENT_KEYS, "units"), ("recurrent_kernel", RECURRENT_KEYS, "recurrent_weights"),
    ("neurons nodes size hidden_units out_features", LAYER_KEYS, "units"),
    ("activation_function nonlinearity act transfer", LAYER_KEYS, "activation"),
    ("use_bias", LAYER_KEYS, "bias"), ("kernel_initializer weight_init", LAYER_KEYS, "weights"),
    ("bias_initializer", LAYER_KEYS, "biases"),
    ("n_epochs num_epochs max_iter iterations epoch nb_epoch n_iter", TRAINING, "epochs"),
    ("minibatch batch mini-batch-size batchsize", TRAINING, "batch_size"),
    ("random_state", TRAINING, "seed"), ("alpha regularization l2_regularization", TRAINING, "l2"),
    ("n_iter_no_change", TRAINING, "patience"), ("tol", TRAINING, "tolerance"), ("solver", TRAINING, "optimizer"),
    ("lr_scheduler", TRAINING, "schedule"), ("clipnorm max_grad_norm", TRAINING, "clip_norm"),
    ("loss_function cost criterion objective error", list(NetworkTable.__struct_fields__), "loss"),
    ("X features", list(DataTable.__struct_fields__), "inputs"),
    ("y labels outputs desired", list(DataTable.__struct_fields__), "targets"),
    ("lr learning_rate eta step_size learning-rate Learning_Rate", ["rate", "momentum"], "rate"),
    ("eps", ["rate", "epsilon"], "epsilon"), ("beta_1", ["beta1", "beta2"], "beta1"),
    ("negative_slope", ["alpha"], "alpha"), ("rate prob dropout_rate", ["p"], "p"),
    ("σ", ACTIVATIONS, "sigmoid"), ("η α", ["rate", "beta1"], "rate"), ("SGDM sgd-m", OPTIMIZERS, "momentum"),
    ("epochs", ["steps", "epoch"], "epoch"), ("steps", ["steps", "epoch"], "steps"),
    ("validation_data eval_set", ["validation", "epochs"], "validation"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "known", "ours"), [(word, known, ours) for words, known, ours in LEADS for word in words.split()]
)
def test_a_word_leads_to_ours(word, known, ours):
    assert hint(word, known) == f"did you mean {ours!r}?"


@pytest.mark.parametrize("word", ["glorot", "xavier", "Xavier", "he", "kaiming", "lecun"])
def test_a_word_of_two_of_ours_names_both(word):
    assert re.fullmatch(r"did you mean '\w+_uniform' or '\w+_normal'\?", hint(word, REGISTRIES["initializer"]))


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("adamax", OPTIMIZERS),
        ("relu6", ACTIVATIONS),
        ("mish", ACTIVATIONS),
        ("kl_divergence", LOSSES),
        ("rmse", LOSSES),
    ],
)
def test_what_is_missing_is_said(word, known):
    assert hint(word, known).startswith("Backlit has none; the nearest is '")


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [(word, ACTIVATIONS, "sigmoid") for word in ("perceptron", "log_sigmoid")]
    + [(word, ACTIVATIONS, "tanh") for word in ("sign", "signum", "Sgn")],
)
def test_the_nearest_has_the_same_range(word, known, near):
    assert hint(word, known) == f"Backlit has none; the nearest is {near!r}."


@pytest.mark.parametrize("word", ["step", "unit_step", "heaviside", "Step-Function"])
def test_a_step_unit_is_written_with_the_loss_that_has_its_rule(word):
    assert hint(word, ACTIVATIONS, "file") == 'write loss = "perceptron".'


def test_words_of_several_of_ours():
    assert hint("L2", LOSSES) == "did you mean 'half_squared_error' or 'mse'?"
    assert "'step' or 'exponential'" in hint("decay", REGISTRIES["schedule"])
    assert hint("step", REGISTRIES["layer"]).startswith("known: dense")


@pytest.mark.parametrize(
    ("word", "known", "kind", "value", "advice"),
    [("learning_rate", TRAINING, "file", 0.25, 'write optimizer = { op = "sgd", rate = 0.25 }.'),
     ("lr", TRAINING, "python", 0.25, "write optimizer=bl.SGD(rate=0.25)."),
     ("momentum", TRAINING, "file", 0.5, 'write optimizer = { op = "momentum", rate = 0.1, momentum = 0.5 }.'),
     ("beta2", TRAINING, "file", 0.5, 'write optimizer = { op = "adam", beta1 = 0.9, beta2 = 0.5, epsilon = 1e-8 }.'),
     ("loss", TRAINING, "file", "mae", 'write loss = "mae" below [network].'),
     ("dropout", LAYER_KEYS, "file", 0.2, 'write op = "dropout" and p = 0.2, in a [[network.layers]] table below'),
     ("dropout", LAYER_KEYS, "python", 0.2, "write bl.Dropout(p=0.2) after this layer."),
     ("wd", TRAINING[3:], "file", 0.2, 'write l2 = 0.2, or optimizer = { op = "adamw", weight_decay = 0.01 }.'),
     ("return_sequences", RECURRENT_KEYS, "file", True, 'write returns = "sequence".'),
     ("in_channels", FILTER_KEYS, "file", 3, "write inputs = [28, 28, 1] below [network]."),
     ("input_size", RECURRENT_KEYS, "file", 3, "write inputs = 3 below [network]."),
     ("early_stopping", TRAINING, "file", True, "write patience = 10."),
     ("learning_rate", TRAINING, "file", [1], 'write optimizer = { op = "sgd", rate = 0.1 }.')],
)  # fmt: skip
def test_what_to_write_has_the_value_that_was_given(word, known, kind, value, advice):
    assert hint(word, known, kind, value).startswith(advice)


@pytest.mark.parametrize("word", ["learning_rate", "lr", "eta", "Learning-Rate", "lerning_rate", "learningrate"])
def test_the_rate_is_a_setting_of_the_optimizer(word):
    assert hint(word, TRAINING, "file") == 'write optimizer = { op = "sgd", rate = 0.1 }.'
    assert hint(word, TRAINING, "python") == "write optimizer=bl.SGD(rate=0.1)."
    assert hint(word, ["--rate", "--optimizer"], "option") == "did you mean '--rate'?"


def test_a_word_of_another_meaning_does_not_win_by_its_letters():
    """As difflib, categorical_crossentropy is nearest to binary_cross_entropy, and linear to nothing."""
    assert hint("categorical_crossentropy", ["binary_cross_entropy", "hinge"]) == "known: binary_cross_entropy, hinge."
    assert hint("loss", ["l1", "l2"]) == "known: l1, l2."


@pytest.mark.parametrize(
    ("word", "ours"), [("sigmod", "sigmoid"), ("tahn", "tanh"), ("hyperbolic_tangens", "tanh"), ("logitsic", "sigmoid")]
)
def test_a_misspelt_word_leads_to_ours(word, ours):
    assert hint(word, ACTIVATIONS) == f"did you mean {ours!r}?"


# ----------------------------------------------------------------------------------------------------- where it is used


@pytest.mark.parametrize(
    ("name", "ours"),
    [("Linear", "Dense"), ("CrossEntropyLoss", "CrossEntropy"), ("BCELoss", "BinaryCrossEntropy"), ("MSELoss", "MSE"),
     ("Sequential", "Network"), ("BatchNorm1d", "BatchNorm"), ("StepLR", "StepDecay"), ("RMSprop", "RMSProp"),
     ("LeakyRelu", "LeakyReLU"), ("Nadam", "NAdam"), ("CategoricalCrossentropy", "CrossEntropy")],
)  # fmt: skip
def test_a_name_of_the_package(name, ours):
    with pytest.raises(AttributeError, match=rf"^module 'backlit' has no attribute '{name}'; did you mean '{ours}'\?$"):
        getattr(bl, name)
    assert hasattr(bl, ours)


@pytest.mark.parametrize("name", ["GroupNorm", "MultiHeadAttention", "Tensor"])
def test_a_name_that_is_missing(name):
    with pytest.raises(AttributeError, match="dir\\(backlit\\) lists what it has"):
        getattr(bl, name)


def test_pythons_own_names_are_asked_for_in_vain():
    assert not hasattr(bl, "__wrapped__")
    assert not hasattr(bl, "_repr_html_")


@pytest.mark.parametrize(
    ("call", "message"),
    [(lambda: bl.Adam(lr=0.1), "optimizer 'adam' has no setting 'lr'; did you mean 'rate'?"),
     (lambda: bl.SGD(momentum=0.9), "optimizer 'sgd' has no setting 'momentum'; write bl.Momentum(rate=0.1,"),
     (lambda: bl.Dense(8, act="relu"), "layer 'dense' has no setting 'act'; did you mean 'activation'?"),
     (lambda: bl.Dropout(rate=0.5), "layer 'dropout' has no setting 'rate'; did you mean 'p'?"),
     (lambda: bl.ReLU(inplace=True), "activation 'relu' has no setting 'inplace'; it has no settings."),
     (bl.Dense, "layer 'dense': missing required argument 'units'; expected Dense(units, activation,"),
     (lambda: bl.SGD(0.1, 0.9), "optimizer 'sgd': extra positional arguments provided; expected SGD(rate")],
)  # fmt: skip
def test_a_setting_in_python(call, message):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert isinstance(caught.value, BacklitError)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("given", "ours"),
    [("lr", "learning_rate_init"), ("optimizer", "solver"), ("epochs", "max_iter"), ("n_epochs", "max_iter"),
     ("seed", "random_state"), ("hidden", "hidden_layer_sizes"), ("neurons", "hidden_layer_sizes"), ("l2", "alpha"),
     ("patience", "n_iter_no_change"), ("activaton", "activation"), ("batchsize", "batch_size")],
)  # fmt: skip
def test_an_argument_of_an_estimator(given, ours):
    for estimator in (bl.MLPClassifier, bl.MLPRegressor):
        with pytest.raises(TypeError, match=f"^{estimator.__name__} has no argument '{given}'; did you mean '{ours}'"):
            estimator(**{given: 1})


def test_what_is_right_is_made_as_before():
    assert bl.Adam(0.1) == bl.Adam(rate=0.1)
    assert msgspec.structs.replace(bl.Adam(0.1), rate=0.2).rate == 0.2
    with pytest.raises(BacklitError, match="rate is -1"):
        bl.Adam(-1)


def test_a_name_of_an_op():
    with pytest.raises(UnknownOpError, match="unknown loss 'bce'; did you mean 'binary_cross_entropy'"):
        bl.Network([bl.Dense(1)], 1, "bce")
    with pytest.raises(UnknownOpError, match="unknown activation 'ReLU'; did you mean 'relu'"):
        bl.Network([bl.Dense(1, "ReLU")], 1)
    with pytest.raises(BacklitError, match="no setting 'learning_rate'; did you mean 'rate'"):
        REGISTRIES["optimizer"].from_dict({"op": "adam", "learning_rate": 0.1})
