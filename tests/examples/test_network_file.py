"""Network files: their reading, and the messages that refuse a wrong one."""

import pickle
import re

import numpy as np
import pytest

import backlit as bl
from backlit.errors import BacklitError
from backlit.examples import parse_network_file, read_network_file, run_example
from backlit.examples.quantity_parsing import QUANTITIES, Names, parse_quantity
from backlit.examples.run_records import same_digits

GOOD = """
title = "a small one"

[network]
inputs = ["a", "b"]
loss = { op = "huber", delta = 2.0 }
seed = 3

[[network.layers]]
units = 3
activation = { op = "leaky_relu", alpha = 0.2 }
weights = [[1, 2, 3], [4, 5, 6]]
biases = "normal"

[[network.layers]]
op = "dropout"
p = 0.25

[[network.layers]]
units = 2
freeze = ["W"]
weights = { op = "normal", std = 0.1 }

[data]
inputs = [[1, 2], [3, 4]]
targets = [[0.5, 1], [1, 0]]
input_divisors = [2, 4]

[training]
optimizer = { op = "adam", rate = 0.01 }
schedule = "cosine"
batch_size = 1
epochs = 3
l2 = 0.001

[[published]]
quantity = "out(o1)[2]"
value = "0.5"
"""


def test_a_file_describes_network_rows_and_training():
    file = parse_network_file(GOOD)
    network, (X, Y) = file.build(), file.rows()
    assert repr(network).startswith("Network(2 -> 3 leaky_relu -> ")
    assert network.layers[0].activation.alpha == 0.2
    assert network.loss.delta == 2.0
    assert network["1.W"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert X.tolist() == [[0.5, 0.5], [1.5, 1.0]]
    assert Y.tolist() == [[0.5, 1.0], [1.0, 0.0]]
    training = file.training(network, compiled=False, epochs=2)
    assert (training.optimizer.rate, training.batch_size, training.epochs, training.rule.l2) == (0.01, 1, 2, 0.001)
    training.run()
    assert file.setups[0].names.units == (("h1", "h2", "h3"), (), ("o1", "o2"))


def test_a_network_from_a_file_can_be_pickled_with_the_settings_of_its_activation():
    twin = pickle.loads(pickle.dumps(parse_network_file(GOOD).build()))
    assert twin.layers[0].activation.alpha == 0.2


def test_runs_differ_in_what_they_say():
    file = parse_network_file(
        GOOD + '[[runs]]\nname = "one"\n[[runs]]\nname = "two"\ndata = { inputs = [[9, 9], [8, 8]] }\n'
        'network = { loss = "mse" }\n[[runs.published]]\nquantity = "E"\nvalue = "1"\n'
    )
    one, two = file.setups
    assert (one.build().loss.name, two.build().loss.name) == ("huber", "mse")
    assert two.rows()[0].tolist() == [[4.5, 2.25], [4.0, 2.0]]
    assert [len(setup.published) for setup in file.setups] == [1, 2]
    assert file.setup("two") is two
    with pytest.raises(BacklitError, match="unknown run 'too'; did you mean 'two'"):
        file.setup("too")


@pytest.mark.parametrize("generator", ["legacy", "default"])
def test_drawn_weights_are_those_of_numpy(generator):
    recipe = f"""[network.initial]
generator = "{generator}"
seed = 5
draw = {{ op = "uniform", low = -1.0, high = 2.0 }}
order = ["3.b", "1.W"]
"""
    network = parse_network_file(
        GOOD.replace("[[network.layers]]\nunits = 3", recipe + "[[network.layers]]\nunits = 3")
    ).build()
    rng = np.random.RandomState(5) if generator == "legacy" else np.random.default_rng(5)
    assert network["3.b"].tolist() == rng.uniform(-1, 2, 2).tolist()
    assert network["1.W"].tolist() == rng.uniform(-1, 2, (2, 3)).tolist()


def test_hidden_units_are_named_by_layer_where_there_are_several():
    text = "[network]\ninputs = 1\n" + "[[network.layers]]\nunits = 2\n" * 3
    names = parse_network_file(text).setups[0].names
    assert names.units == (("h1.1", "h1.2"), ("h2.1", "h2.2"), ("o1", "o2"))
    assert names.parameter("2.W", 0, 1) == "w(h1.1,h2.2)"


def test_a_parameter_that_is_neither_w_nor_b_is_named_after_its_array():
    text = """
[network]
inputs = 2
[[network.layers]]
units = 2
weight_labels = [["a", "b"], ["c", "d"]]
bias_labels = ["e", "f"]
[[network.layers]]
op = "batch_norm"
[[network.layers]]
units = 1
"""
    names = parse_network_file(text).setups[0].names
    assert (names.parameter("1.W", 1, 0), names.own_label("1.W", 1, 0)) == ("w(i2,h1)", "c")
    assert (names.parameter("1.b", 1), names.own_label("1.b", 1)) == ("b(h2)", "f")
    assert (names.parameter("2.gamma", 1), names.own_label("2.gamma", 1)) == ("2.gamma[2]", "")


def test_a_file_without_rows_has_a_network_but_no_training():
    file = parse_network_file("[network]\ninputs = 1\n[[network.layers]]\nunits = 2\n")
    with pytest.raises(BacklitError, match=r"has no \[data\]; expected inputs and targets"):
        file.training(file.build())


# What is wrong: (what of the good file is replaced, by what, the message).
WRONG = [
    ('title = "a small one"', 'titel = "a"', "unknown key 'titel'; did you mean 'title'?"),
    ("seed = 3", "sed = 3", "network: unknown key 'sed'; did you mean 'seed'?"),
    ("units = 3", "unit = 3", "layer 1: unknown key 'unit'; did you mean 'units'?"),
    ("units = 3", "", "layer 1: the key 'units' is missing."),
    ("units = 3", 'units = "three"', "layer 1: layer 'dense': units is 'three'; expected a whole number."),
    ("units = 3", "units = 0", "layer 1: Dense: units is 0; expected a whole number of at least 1."),
    ('op = "dropout"', 'op = "dropot"', "layer 2: unknown layer 'dropot'; did you mean 'dropout'?"),
    ("p = 0.25", "p = 1.5", "layer 2: layer 'dropout': p is 1.5; expected a finite number of at least 0 and below 1."),
    ("p = 0.25", 'p = "half"',
     "layer 2: layer 'dropout': p is 'half'; expected a finite number of at least 0 and below 1."),
    ("p = 0.25", "labels = []", "layer 2: unknown key 'labels'; known: p."),
    ('"leaky_relu"', '"leeky_relu"', "layer 1: activation: unknown activation 'leeky_relu'; did you mean"),
    ("alpha = 0.2", "alfa = 0.2", "layer 1: activation: activation 'leaky_relu' has no setting 'alfa'; did you mean"),
    ("[[1, 2, 3], [4, 5, 6]]", "[[1, 2], [3, 4], [5, 6]]",
     "layer 1: weights has 3 rows of 2; expected 2 rows, one per input of the layer, of 3, one per unit."),
    ("[[1, 2, 3], [4, 5, 6]]", "[[1, 2, 3], [4]]", "layer 1: weights has 2 rows of different lengths; expected 2 rows"),
    ('biases = "normal"', "biases = [1, 2]", "layer 1: biases has 2 numbers; expected 3 numbers, one per unit."),
    ('biases = "normal"', 'bias_labels = ["x"]', "layer 1: bias_labels has 1 name; expected 3 names"),
    ('biases = "normal"', 'labels = ["x"]', "layer 1: labels is ['x']; expected 3 names in quotes, one per unit."),
    ('biases = "normal"', 'labels = ["a", "x", "y"]', "two inputs or units are named 'a'; expected names that differ."),
    ("[4, 5, 6]", "[4, nan, 6]", "layer 1, weights, row 2, column 2: nan was given; expected a finite number."),
    ("[3, 4]]", "[3, inf]]", "data, inputs, row 2, column 2: inf was given; expected a finite number."),
    ("[3, 4]]", '[3, "four"]]', "data, inputs, row 2, column 2: text in quotes was given; expected a number."),
    ("[3, 4]]", "[3, 4, 5]]", "data, inputs, row 2: 3 numbers given; the network has 2 inputs."),
    ("[1, 0]]", "[1]]", "data, targets, row 2: 1 number given; the network has 2 outputs."),
    ("[[0.5, 1], [1, 0]]", "[[0.5, 1]]", "data: 2 rows of inputs and 1 target are given; expected one"),
    ("targets = [[0.5, 1], [1, 0]]", "", "data: targets is missing; expected at least one row."),
    ("[2, 4]", "[2, 0]", "data: input_divisors has a 0; expected numbers to divide by."),
    ("[2, 4]", "[2]", "data, input_divisors: 1 given; the network has 2 inputs."),
    ("inputs = [[1, 2], [3, 4]]", 'set = "iris"', "data: both set and targets are given; expected"),
    ("batch_size = 1", 'batch_size = "all"',
     "training: batch_size is 'all'; expected a whole number of at least 1, or 'full'."),
    ("batch_size = 1", "batch_size = 0",
     "training: batch_size is 0; expected a whole number of at least 1, or 'full'."),
    ("seed = 3", 'dtype = "float16"', "network, dtype: 'float16' is given; expected 'float32' or 'float64'."),
    ('quantity = "out(o1)[2]"', 'quantity = "out(o1)[2]"\nafter = -1', "expected a whole number of at least 0."),
    ("epochs = 3", "threads = 3", "training: unknown key 'threads'; known: optimizer, schedule,"),
    ('{ op = "adam", rate = 0.01 }', "3", "training, optimizer: unknown optimizer 3; known: "),
    ("epochs = 3", "epoch = 3", "training: unknown key 'epoch'; did you mean 'epochs'?"),
    ("epochs = 3", "epochs = 3.5", "training: epochs is 3.5; expected a whole number of at least 0."),
    ('op = "adam"', 'op = "adm"', "training, optimizer: unknown optimizer 'adm'; did you mean 'adam'?"),
    ('op = "adam", ', "", "training, optimizer: the key 'op' is missing; expected a name such as"),
    ('op = "huber", delta', 'op = "huber", delte', "loss: loss 'huber' has no setting 'delte'; did you mean 'delta'?"),
    ('"out(o1)[2]"', '"out(o3)[2]"', "published: in 'out(o3)[2]', unknown unit 'o3'; known: h1, h2, h3, o1, o2."),
    ('"out(o1)[2]"', '"w(c,h1)"', "published: in 'w(c,h1)', unknown name 'c'; known: a, b."),
    ('"out(o1)[2]"', '"ut(o1)"', "published: unknown quantity 'ut(o1)'; did you mean 'out(h1)'?"),
    ('"out(o1)[2]"', '"net"', "published: 'net' does not say of which unit; expected such as net(o1)."),
    ('"out(o1)[2]"', '"b(o1)[2]"', "published: 'b(o1)[2]' names a row; only"),
    ('value = "0.5"', "value = 0.5", "published, item 1, value: a number was given; expected text in quotes."),
    ('title = "a small one"', 'title = "a', 'my.toml, line 2: the text has no closing ".'),
    ("seed = 3", "seed = 3\nseed = 4", "my.toml, line 8: the key seed stands in line 7 too: keep one of them."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("good", "bad", "message"), WRONG, ids=[f"{k}: {message[:40]}" for k, (_, _, message) in enumerate(WRONG)]
)
def test_what_does_not_fit_is_said_in_one_line_with_the_place_below(good, bad, message):
    assert good in GOOD
    with pytest.raises(BacklitError) as caught:
        parse_network_file(GOOD.replace(good, bad, 1), "my.toml")
    words, *place = str(caught.value).split("\n")
    assert message in words
    assert words.startswith("my.toml")
    if place:
        line, mark = place
        number = int(line.split("|")[0])
        assert words.startswith(f"my.toml, line {number}: ")
        assert line == f"  {number} | {GOOD.replace(good, bad, 1).splitlines()[number - 1]}"
        assert mark.index("|") == line.index("|")
        assert line[mark.index("^")].strip()


# What is wrong: (what of the good file is replaced, by what, with the marked part between ‹ and ›; the message).
MARKED = [
    ("[4, 5, 6]]", '[4, ‹"5"›, 6]]', "weights, row 2, column 2: text in quotes was given; expected a number: write 5"),
    ("[4, 5, 6]]", "[4, ‹true›, 6]]", "weights, row 2, column 2: true or false was given; expected a number."),
    ("[4, 5, 6]]", "[4, ‹[5]›, 6]]", "weights, row 2, column 2: a list was given; expected a number."),
    ('biases = "normal"', 'biases = [1, ‹"0.5"›, 2]', "biases, item 2: text in quotes was given; expected a number"),
    ('biases = "normal"', "biases = ‹[0,6, 0,7, 0,8]›", "If 0,6 is one number, write 0.6."),
    ("[[1, 2, 3], [4, 5, 6]]", "‹[[-0,1, 2, 3], [4, 5, 6, 7]]›", "If -0,1 is one number, write -0.1."),
    ('biases = "normal"', "bias = ‹0.60›", "for its numbers write biases = [0.6, 0.6, 0.6]."),
    ('biases = "normal"', "bias = ‹[0.60]›", "for its numbers write biases = [0.6]."),
    ('freeze = ["W"]', 'freeze = ‹"W, b"›', 'write freeze = ["W", "b"].'),
    ('biases = "normal"', 'labels = ‹"y"›', 'expected 3 names in quotes, one per unit: write labels = ["y"].'),
    ('biases = "normal"', 'labels = ["x", "y", ‹"x"›]', "two inputs or units are named 'x'"),
    ('biases = "normal"', 'labels = ["x", ‹"o1"›, "y"]', "two inputs or units are named 'o1'"),
    ('biases = "normal"', 'bias_labels = ‹"x"›', "bias_labels: text in quotes was given; expected a list of names"),
    ('biases = "normal"', 'bias_labels = ["x", ‹1›, "z"]', "bias_labels, item 2: a number was given; expected text"),
    ('["a", "b"]', '["a", ‹"a"›]', "two inputs or units are named 'a'"),
    ("[[network.layers]]\nunits = 2", "‹[[network.layers]]›", "layer 3: the key 'units' is missing."),
    ("[[1, 2], [3, 4]]", "‹[1, 2]›", "numbers were given; expected rows, each a list of numbers. Write [[1, 2]]."),
    ("[[1, 2], [3, 4]]", "[[1, 2], # one, two\n ‹[3,4, 5,6]›]", "4 numbers given; the network has 2 inputs. If 3,4 is"),
    ("[[0.5, 1], [1, 0]]", "‹[[0.5, 1]]›", "2 rows of inputs and 1 target are given"),
    ("[2, 4]", "[2, ‹0›]", "input_divisors has a 0"),
    ('"out(o1)[2]"', '‹"ut(o1)"›', "unknown quantity 'ut(o1)'"),
    ('op = "adam"', 'op = ‹"gradient_descent"›', "did you mean 'sgd'"),
    ("rate = 0.01", '‹rat› = 0.01', "did you mean 'rate'"),
    ("epochs = 3", "epochs = ‹3.5›", "epochs is 3.5"),
    ("epochs = 3", "‹rate› = 0.75", 'write optimizer = { op = "sgd", rate = 0.75 }.'),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "message"), MARKED, ids=[bad for _, bad, _ in MARKED])
def test_the_mark_stands_under_what_is_wrong(good, bad, message):
    assert good in GOOD
    text = GOOD.replace(good, bad, 1)
    before, marked = text.split("‹")[0], text.split("‹")[1].split("›")[0]
    with pytest.raises(BacklitError) as caught:
        parse_network_file(text.replace("‹", "").replace("›", ""), "my.toml")
    words, line, mark = str(caught.value).split("\n")
    assert message in words
    assert words.startswith(f"my.toml, line {before.count(chr(10)) + 1}: ")
    assert line[mark.index("^") : mark.rindex("^") + 1] == marked
    assert mark.index("^") - line.index("|") - 2 == len(before) - before.rfind("\n") - 1


def test_numbers_in_quotes_and_truth_values_are_no_weights():
    for given in ([["0.4"]], [[True]], True, np.array([["0.4"]]), np.array([[True]]), [[np.True_]], [[b"1"]]):
        for name in ("weights", "biases"):
            with pytest.raises(BacklitError, match=f"Dense: {name}: the values hold .*; expected an initializer's"):
                bl.Dense(1, **{name: given})
    with pytest.raises(BacklitError, match=r"Dense: bias is 0\.6; expected True, False, or 'shared'"):
        bl.Dense(1, bias=0.6)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(BacklitError, match=r"cannot read .*none.toml: No such file or directory\."):
        read_network_file(tmp_path / "none.toml")
    with pytest.raises(BacklitError, match="cannot read"):
        read_network_file(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'title = "\xe9"')
    with pytest.raises(BacklitError, match="not text in UTF-8"):
        read_network_file(tmp_path / "latin.toml")


def test_a_byte_order_mark_does_no_harm(tmp_path):
    (tmp_path / "bom.toml").write_text(GOOD, encoding="utf-8-sig")
    assert read_network_file(tmp_path / "bom.toml").title == "a small one"


def test_an_unknown_data_set_names_the_nearest():
    text = '[network]\ninputs = 4\n[[network.layers]]\nunits = 3\n[data]\nset = "irs"\n'
    with pytest.raises(BacklitError, match="data, set: unknown data set 'irs'; did you mean 'iris'"):
        parse_network_file(text)


@pytest.mark.parametrize("text", QUANTITIES)
def test_every_documented_quantity_can_be_asked_for(text):
    names = Names(("i1", "i2"), (("h1", "h2"), ("o1",)), (None, None), (None, None))
    assert parse_quantity(f"-{text}", names).sign == -1.0


@pytest.mark.parametrize(
    ("published", "ours", "same"),
    [
        ("0.5", 0.549, True),
        ("0.50", 0.549, False),
        ("-.25", -0.2501, True),
        ("3.51e-5", 3.509e-5, True),
        ("2", 1.6, True),
    ],
)
def test_published_digits_are_compared_after_rounding(published, ours, same):
    assert same_digits(published, ours) is same


VALLEY = """
[network]
inputs = ["x"]
loss = "mse"
[[network.layers]]
units = 1
[data]
inputs = [[1], [2]]
targets = [3, 5]
[training]
optimizer = { op = "sgd", rate = 0.05 }
[valley]
x_range = [-1, 4]
y_range = [-2, 4]
[[valley.parts]]
title = "down"
shows = ["valley"]
"""


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("units = 1", "units = 1\n[[network.layers]]\nunits = 1", "valley: the network trains 4 numbers; expected two"),
        ("units = 1", "units = 1\nbias = false", "valley: the network trains 1 number; expected two, such as a weight"),
        ("[-1, 4]", "[4, -1]", "valley, x_range: 4 to -1 is given; expected the lower end first"),
        ("[-2, 4]", "[-2, 4, 5]", "valley, y_range"),
        ('"sgd"', '"adam"', 'valley: the optimizer is adam; expected { op = "sgd"'),
        ('optimizer = { op = "sgd", rate = 0.05 }', "epochs = 3", "valley: the optimizer is adam; expected"),
        ("[valley]", "l2 = 0.1\n[valley]", "valley: training has l2; expected none"),
        ("[valley]", 'schedule = "cosine"\n[valley]', "valley: training has schedule; expected none"),
        ('["valley"]', '["valey"]', "valley, parts"),
        ('["valley"]', '["valley"]\nruns = ["one"]', "valley, parts, 'down': unknown run 'one'"),
        ('title = "down"', 'titel = "down"', "unknown key 'titel'; did you mean 'title'"),
        ("[[valley.parts]]", "[valley.parts]", "write [[valley.parts]] in double brackets"),
    ],
)
def test_a_valley_that_does_not_fit_is_refused(good, bad, message):
    assert good in VALLEY
    parse_network_file(VALLEY)
    with pytest.raises(BacklitError, match=re.escape(message)):
        parse_network_file(VALLEY.replace(good, bad, 1))


def test_a_frozen_weight_is_no_axis_of_a_valley():
    two = VALLEY.replace("units = 1", 'units = 2\nfreeze = ["b"]', 1).replace(
        "targets = [3, 5]", "targets = [[3, 3], [5, 5]]"
    )
    assert parse_network_file(two).valley.x_range == (-1.0, 4.0)


# ------------------------------------------------------------------------------------------------------ validation rows


HELD_OUT = """
[network]
inputs = 1
loss = "mse"
[[network.layers]]
units = 1
[data]
inputs = [[2], [4]]
targets = [1, 3]
validation_inputs = [[6], [8], [10]]
validation_targets = [5, 7, 9]
input_divisors = [2]
target_divisors = [10]
scale = "standard"
target_scale = "standard"
[training]
epochs = 3
"""


def test_validation_rows_are_divided_and_scaled_as_the_training_rows_are():
    setup = parse_network_file(HELD_OUT).setups[0]
    X, Y = setup.rows()
    assert [*X.ravel(), *Y.ravel()] == pytest.approx([-1.0, 1.0, -1.0, 1.0])
    X, Y = setup.validation()
    assert X.ravel() == pytest.approx([3.0, 5.0, 7.0])
    assert Y.ravel() == pytest.approx([3.0, 5.0, 7.0])
    assert not len(setup.held_out()[0])


def test_a_training_of_a_file_measures_its_validation_rows():
    setup = parse_network_file(HELD_OUT).setups[0]
    training = setup.training(setup.build(), compiled=False).run()
    assert all(epoch.validation_loss is not None for epoch in training.history)
    assert training.keep_best
    assert setup.training(setup.build(), compiled=False, validation=None).validation is None


def test_a_run_records_the_error_of_the_validation_rows(tmp_path):
    (tmp_path / "mine.toml").write_text(HELD_OUT)
    run = run_example(str(tmp_path / "mine.toml"), compiled=False).runs[0]
    network = read_network_file(tmp_path / "mine.toml").build()
    X, Y = read_network_file(tmp_path / "mine.toml").setups[0].validation()
    assert run.validation_rows == 3
    assert run.errors[0].validation_error == pytest.approx(network.evaluate(X, Y, compiled=False).loss)
    assert (run.kept, run.end) == (None, run.errors[-1])  # it falls to the last epoch
    assert {at.validation_accuracy for at in run.errors} == {None}


def test_a_split_holds_rows_out_for_testing_and_for_validation():
    text = GOOD_SET.replace("SPLIT", "{ test = 20, validation = 30, seed = 4 }")
    setup = parse_network_file(text).setups[0]
    parts = setup.all_rows()
    assert [len(X) for X, _ in parts] == [100, 30, 20]
    both = parse_network_file(GOOD_SET.replace("SPLIT", "{ test = 50, seed = 4 }")).setups[0]
    assert (np.concatenate([parts.test[0], parts.validation[0]]) == both.held_out()[0]).all()
    assert (parts.training[0] == both.rows()[0]).all()


GOOD_SET = """
[network]
inputs = 4
[[network.layers]]
units = 3
[data]
set = "iris"
split = SPLIT
"""


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("{ seed = 1 }", "data, split holds no rows out; expected such as test = 20, validation = 20, or both."),
        ("{ test = 100, validation = 50, seed = 1 }", "test is 100 and validation is 50; iris has 150 rows in all"),
        ("{ validation = 150, seed = 1 }", "validation is 150; iris has 150 rows in all"),
        ("{ validation = 0, seed = 1 }", "data, split, validation: expected a whole number of at least 1."),
    ],
)
def test_a_split_that_leaves_nothing_is_refused(split, message):
    with pytest.raises(BacklitError, match=re.escape(message)):
        parse_network_file(GOOD_SET.replace("SPLIT", split)).rows()


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("validation_targets = [5, 7, 9]", "", "data: validation_targets is missing; expected at least one row."),
        ("validation_inputs = [[6], [8], [10]]", "", "data: validation_inputs is missing; expected at least one row."),
        ("[[6], [8], [10]]", "[]", "data: validation_inputs is empty; expected at least one row."),
        ("[5, 7, 9]", "[5, 7]",
         "data: 3 rows of validation_inputs and 2 targets are given; expected one target per row."),
        ("[[6], [8], [10]]", "[[6], [8, 1], [10]]",
         "data, validation_inputs, row 2: 2 numbers given; the network has 1 input."),
        ("[5, 7, 9]", "[5, 7, [9, 1]]", "data, validation_targets, row 3: 2 numbers given; the network has 1 output."),
        ('scale = "standard"\n', 'scale = "standard"\nsplit = { validation = 1, seed = 0 }\n',
         "Rows of your own are held out as validation_inputs and validation_targets."),
        ("validation_inputs", "validation_input", "unknown key 'validation_input'; did you mean 'validation_inputs'?"),
    ],
)  # fmt: skip
def test_validation_rows_that_do_not_fit_are_refused(good, bad, message):
    assert good in HELD_OUT
    with pytest.raises(BacklitError, match=re.escape(message)):
        parse_network_file(HELD_OUT.replace(good, bad, 1))


def test_explain_shows_a_step_of_a_file_with_validation_rows(tmp_path):
    (tmp_path / "mine.toml").write_text(HELD_OUT)
    (tmp_path / "same.toml").write_text(re.sub("validation_.*\n", "", HELD_OUT))
    one, other = (bl.explain(tmp_path / name, steps=2) for name in ("mine.toml", "same.toml"))
    assert str(one).replace("mine", "same") == str(other)


# ------------------------------------------------------------------------------------------------------------- troubles


TROUBLE = (
    HELD_OUT
    + """
[[runs]]
name = "one"
[[runs]]
name = "two"
[trouble]
findings = { one = "BL401" }
signal = "update_ratio"
[[trouble.parts]]
title = "all"
shows = ["losses", "answers", "signals"]
runs = ["two"]
"""
)


def test_a_trouble_is_read():
    table = parse_network_file(TROUBLE).trouble
    assert (table.findings, table.signal, table.compares) == ({"one": "BL401"}, "update_ratio", "largest")


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ('{ one = "BL401" }', '{ ones = "BL401" }', "trouble, findings: unknown run 'ones'; did you mean 'one'?"),
        ('"BL401"', '"vanishing"',
         "trouble, findings: one is 'vanishing'; expected the code of a finding, such as \"BL303\"."),
        ('{ one = "BL401" }', "{}", "trouble, findings: nothing is in it; expected a table that is not empty."),
        ('signal = "update_ratio"', 'signal = "update_ratio"\ncompares = "first/last"',
         "trouble, compares: 'first/last' is given; expected 'first / last' or 'largest'."),
        ('"update_ratio"', '"update_ratios"',
         "trouble, signal: unknown signal 'update_ratios'; did you mean 'update_ratio'?"),
        ('signal = "update_ratio"\n', "", "trouble, parts, 'all': signals are shown and trouble has no signal"),
        ('runs = ["two"]', 'runs = ["too"]', "trouble, parts, 'all': unknown run 'too'; did you mean 'two'?"),
        ('"losses", "answers"', '"loses", "answers"',
         "trouble, parts, item 1, shows, item 1: 'loses' is given; expected 'accuracy', 'answers', 'beside', "),
        ('"losses", "answers"', '"losses", "finding"',
         "trouble, parts, 'all': a finding is shown of two, and findings has no code of such a run; expected"),
        ("[[network.layers]]\nunits = 1", "[[network.layers]]\nunits = 2",
         "trouble, parts, 'all': answers are drawn of networks of one input and one output only."),
    ],
)  # fmt: skip
def test_a_trouble_that_does_not_fit_is_refused(good, bad, message):
    text = TROUBLE
    assert good in text
    if "units = 2" in bad:
        text = TROUBLE.replace("targets = [1, 3]", "targets = [[1, 1], [3, 3]]").replace(
            "validation_targets = [5, 7, 9]", "validation_targets = [[5, 5], [7, 7], [9, 9]]"
        ).replace("target_divisors = [10]", "")  # fmt: skip
    with pytest.raises(BacklitError, match=re.escape(message)):
        parse_network_file(text.replace(good, bad, 1))
