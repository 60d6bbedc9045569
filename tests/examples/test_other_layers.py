"""Network files with convolutions, recurrent layers, blocks, shapes and several inputs; what refuses wrong ones."""

import re

import numpy as np
import pytest

from backlit.engine import Objective
from backlit.errors import BacklitError
from backlit.examples import parse_network_file, read_layers, read_network_file
from backlit.examples.measuring import Measurement
from backlit.examples.quantity_parsing import parse_quantity

PICTURE = """
[network]
inputs = [4, 4, 1]
[[network.layers]]
op = "conv2d"
filters = 1
size = 2
weights = [[[[1]], [[0]]], [[[0]], [[2]]]]
weight_labels = [[[["k11"]], [["k12"]]], [[["k21"]], [["k22"]]]]
[[network.layers]]
op = "max_pool"
[[network.layers]]
op = "flatten"
[[network.layers]]
units = 1
weights = [[0.5]]
[data]
inputs = [[[0,1,0,1],[1,0,1,0],[0,1,1,0],[1,0,0,1]]]
targets = [1]
"""

SEQUENCE = """
[network]
inputs = 1
[[network.layers]]
op = "recurrent"
units = 1
weights = [[0.5]]
recurrent_weights = [[0.1]]
recurrent_labels = [["Wh"]]
[[network.layers]]
units = 1
weights = [[2.0]]
bias = false
[data]
inputs = [[1.0], [2.0]]
targets = [1.0, 2.0]
"""

ONE = """
[network]
inputs = 3
[[network.layers]]
{layer}
[[network.layers]]
units = 1
[data]
inputs = [[1, 2, 3]]
targets = [1]
"""


def value(text, quantity):
    setup = parse_network_file(text).setups[0]
    return Measurement(setup, setup.build(), compiled=False).value(parse_quantity(quantity, setup.names))


def test_a_picture_is_given_nested_or_as_one_row():
    setup = parse_network_file(PICTURE).setups[0]
    assert setup.build().graph.inputs == {"X": (4, 4, 1)}
    flat = re.sub(r"inputs = \[\[\[.*", "inputs = [[0,1,0,1,1,0,1,0,0,1,1,0,1,0,0,1]]", PICTURE)
    for one, other in zip(setup.rows(), parse_network_file(flat).setups[0].rows(), strict=True):
        assert (one == other).all()


@pytest.mark.parametrize(
    ("quantity", "found"),
    [
        ("net(f1@r1c1)", 0.0), ("net(f1@r1c2)", 3.0), ("net(f1@r2c1)", 3.0), ("k22", 2.0), ("w(i1,f1@r2c2)", 2.0),
        ("b(f1)", 0.0), ("net(o1)", 1.5), ("dE/dnet(o1)", 0.5), ("-dE/dout(o1)", -0.5), ("E", 0.125),
        ("dE/dk22", 0.25), ("dE/dk11", 0.25), ("w(f1@r1c1,o1)", 0.5),
    ],
)  # fmt: skip
def test_quantities_of_a_convolution(quantity, found):
    """The largest window is the one at row 1, column 2: 1·1 + 2·1 = 3, out(o1) = 0.5·3, and its slope 0.5."""
    try:
        assert value(PICTURE, quantity) == pytest.approx(found)
    except BacklitError:
        assert quantity == "w(f1@r1c1,o1)"  # named after the flattened pool
        assert value(PICTURE, "w(f1,o1)") == pytest.approx(found)


def test_a_sequence_as_the_books_write_it():
    """Two moments in two rows, with a target for each: the layer that says nothing gives the whole sequence."""
    setup = parse_network_file(SEQUENCE).setups[0]
    assert setup.build().graph.inputs == {"X": (2, 1)}
    h1 = np.tanh(0.5)
    h2 = np.tanh(1.0 + 0.1 * h1)
    for quantity, found in (("out(h1@t1)", h1), ("out(h1@t2)", h2), ("net(h1@t2)", 1.0 + 0.1 * h1),
                            ("net(o1@t2)", 2 * h2), ("Wh", 0.1), ("u(h1,h1)", 0.1),
                            ("dE/dWh", (2 * h2 - 2.0) * 2 * (1 - h2**2) * h1)):  # fmt: skip
        assert value(SEQUENCE, quantity) == pytest.approx(found), quantity


def test_a_sequence_with_one_target_and_several_sequences():
    last = SEQUENCE.replace("targets = [1.0, 2.0]", "targets = [2.0]")
    assert parse_network_file(last).build().output_size == 1
    several = SEQUENCE.replace("[[1.0], [2.0]]", "[[[1.0], [2.0], [3.0]], [[0.0], [1.0], [2.0]]]")
    assert parse_network_file(several).build().graph.inputs == {"X": (3, 1)}


def test_blocks_stand_in_a_table_or_in_tables_of_their_own():
    inline = ONE.format(layer='op = "residual"\nlayers = [{ units = 3, activation = "tanh" }, "relu"]')
    tables = ONE.format(
        layer='op = "residual"\n[[network.layers.layers]]\nunits = 3\nactivation = "tanh"\n'
        '[[network.layers.layers]]\nop = "relu"'
    )
    assert parse_network_file(inline).setups[0].layers() == parse_network_file(tables).setups[0].layers()
    branches = 'op = "parallel"\nbranches = [[{ units = 2 }], [{ op = "select", what = [0] }, { units = 2 }], []]'
    network = parse_network_file(ONE.format(layer=branches)).build()
    assert network.graph.rows["1.Z"] == (7,)
    both = 'op = "bidirectional"\nlayer = { op = "gru", units = 2 }'
    assert parse_network_file(ONE.format(layer=both)).build().graph.inputs == {"X": (1, 3)}


def test_several_inputs_by_name():
    text = """
[network]
inputs = { image = [2, 2, 1], table = 2 }
[[network.layers]]
op = "parallel"
branches = [[{ op = "select", what = "image" }, { op = "flatten" }], [{ op = "select", what = "table" }]]
[[network.layers]]
units = 1
[data]
inputs = [{ image = [[1, 2], [3, 4]], table = [5, 6] }]
targets = [1]
"""
    X, _ = parse_network_file(text).rows()
    assert X.tolist() == [[1, 2, 3, 4, 5, 6]]
    with pytest.raises(BacklitError, match=r"row 1: values of image are given; the network has the inputs"):
        parse_network_file(text.replace(", table = [5, 6] }]", " }]"))


def test_a_bias_that_units_share():
    shared = 'units = 2\nbias = "shared"\nbiases = [0.5]\nbias_labels = ["b1"]'
    setup = parse_network_file(ONE.format(layer=shared)).setups[0]
    assert setup.build()["1.b"].tolist() == [0.5]
    assert parse_quantity("b1", setup.names).place.array == "1.b"
    twice = ONE.format(layer='units = 2\nbiases = [0.5, 0.5]\nbias_labels = ["b1", "b1"]') + "[training]\nepochs = 1\n"
    with pytest.raises(BacklitError, match=r'write bias = "shared", biases = \[0\.5\], bias_labels = \["b1"\]'):
        parse_network_file(twice)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PICTURE.replace("inputs = [4, 4, 1]", "inputs = 16"), r"line 4: .*may be a picture .*inputs = \[4, 4, 1\]"),
        (PICTURE.replace("size = 2\n", "kernel_size = 2\n"), "line 7: layer 1: unknown key 'kernel_size'; .* 'size'"),
        (PICTURE.replace("filters = 1", "out_channels = 1"), "unknown key 'out_channels'; did you mean 'filters'"),
        (PICTURE.replace("filters = 1\n", ""), "the key 'filters' is missing"),
        (PICTURE.replace("[[[[1]], [[0]]], [[[0]], [[2]]]]", "[[1, 0], [0, 2]]"), "weights, .*|layer 1: weights has 2"),
        (PICTURE.replace("[1,0,0,1]]]", "[1,0,1]]]"), "row 1: lists of different lengths given; .*4 × 4 × 1"),
        (PICTURE.replace("[1,0,0,1]]]", '[1,0,0,"1"]]]'), "text in quotes was given; expected a number: write 1"),
        (PICTURE.replace("targets = [1]", "targets = [[1, 2]]"), "2 numbers given; the network has 1 output"),
        (ONE.format(layer='op = "residual"\nlayers = [{ unit = 3 }]'), r"layer 1\.1: unknown key 'unit'"),
        (ONE.format(layer='op = "residual"\nlayers = { units = 3 }'), "layers is a table; expected a list of tables"),
        (ONE.format(layer='op = "residual"\nlayers = [{ units = 4 }]'), r"line 4: residual 1 joins rows"),
        (ONE.format(layer='op = "parallel"\nbranches = [{ units = 4 }]'), "branches is no list of lists"),
        (ONE.format(layer='op = "parallel"\nbranches = [[{ units = 2 }], []]\njoin = "plus"'), "line 7.*join is"),
        (ONE.format(layer='op = "residual"\nlayers = [{ units = 3, weights = [[1, 2]] }]'), r"layer 1\.1: weights has"),
        (ONE.format(layer='op = "gru"\nunits = 2\nreturn_sequences = true'), 'write returns = "sequence"'),
        (ONE.format(layer='op = "gru"\nhidden_size = 2'), "did you mean 'units'"),
        (ONE.format(layer="units = 2").replace("inputs = 3", 'inputs = ["a", 2]'), "the list has names and numbers"),
        (ONE.format(layer="units = 2").replace("inputs = 3\n", ""), "the key 'inputs' is missing"),
        (PICTURE + '[[published]]\nquantity = "net(f2@r1c1)"\nvalue = "1"\n', "is no net of this network; did"),
        (PICTURE + '[[published]]\nquantity = "gate(f1@r1c1)"\nvalue = "1"\n', "is no quantity of this network"),
        (PICTURE + '[[published]]\nquantity = "k22[1]"\nvalue = "1"\n', "their slopes are of all rows"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(text, says):
    with pytest.raises(BacklitError, match=re.compile(says, re.DOTALL)):
        parse_network_file(text)


def test_the_layers_of_a_file_alone(tmp_path):
    def written(text):
        path = tmp_path / "net.toml"
        path.write_text(text, encoding="utf-8")
        return path

    found = read_layers(written(PICTURE.replace("[4, 4, 1]", "[4, 4, 1]\nloss = 'mse'")))
    assert found.inputs == (4, 4, 1)
    assert found.loss == {"op": "mse", "reduction": "mean_all"}
    assert [layer["op"] for layer in found.layers] == ["conv2d", "max_pool", "flatten", "dense"]
    open_inputs = read_layers(written("[[network.layers]]\nunits = 4\nlabels = ['a', 'b', 'c', 'd']\n"))
    assert (open_inputs.inputs, open_inputs.loss, open_inputs.layers) == (None, None, ({"op": "dense", "units": 4},))
    for text, says in (
        ("[data]\nset = 'iris'\n", r"\[network\] is missing"),
        (
            "[network]\ninputs = { a = [4, 2], b = 2 }\n[[network.layers]]\nunits = 2\n",
            "'a' has the shape .4, 2. beside",
        ),
        ("[[network.layers]]\nunit = 2\n", "unknown key 'unit'"),
        ("[network]\nlayers = []\n", "network.layers is empty"),
        ("[[network.layers]]\nunits = 2\n[network.initial]\nseed = 1\ndraw = 'normal'\norder = []\n", "leave it out"),
        ("[[runs]]\nname = 'a'\n[[runs]]\nname = 'b'\n[runs.network]\nseed = 1\n", "2 runs, and the run 'b' a network"),
    ):
        with pytest.raises(BacklitError, match=says):
            read_layers(written(text))


def test_runs_that_share_a_network_have_one_for_a_table(tmp_path):
    path = tmp_path / "net.toml"
    path.write_text("[[network.layers]]\nunits = 4\n[[runs]]\nname = 'a'\n[[runs]]\nname = 'b'\n", encoding="utf-8")
    assert read_layers(path).layers == ({"op": "dense", "units": 4},)


def test_several_inputs_are_columns_of_those_names(tmp_path):
    path = tmp_path / "net.toml"
    branches = "[[{ op = 'select', what = 'b' }], [{ units = 2 }], [], [{ op = 'residual', layers = ['tanh'] }]]"
    head = "[network]\ninputs = { a = 1, b = 2 }\n"
    path.write_text(f"{head}[[network.layers]]\nop = 'parallel'\nbranches = {branches}\n", encoding="utf-8")
    found = read_layers(path)
    of_a = {"op": "select", "what": "a"}
    residual = {"op": "residual", "layers": [of_a, {"op": "tanh"}], "shortcut": [of_a]}
    begun = [[{"op": "select", "what": "b"}], [of_a, {"op": "dense", "units": 2}], [of_a], [residual]]
    assert (found.inputs, list(found.layers)) == (None, [{"op": "parallel", "branches": begun}])
    path.write_text(f"{head}[[network.layers]]\nunits = 3\n", encoding="utf-8")
    assert read_layers(path).layers == (of_a, {"op": "dense", "units": 3})
    path.write_text(
        path.read_text(encoding="utf-8").replace("units = 3", "op = 'select'\nwhat = 'c'"), encoding="utf-8"
    )
    with pytest.raises(BacklitError, match="selects 'c', which is none of the file's inputs: a, b"):
        read_layers(path)


@pytest.mark.parametrize("read", [read_layers, read_network_file])
@pytest.mark.parametrize(("deep", "says"), [(45, ""), (60, "blocks"), (200, ""), (400, "")])
def test_blocks_nested_beyond_reason_are_refused_in_words(tmp_path, read, deep, says):
    block = "{ op = 'residual', layers = [" * deep + "{ units = 2 }" + "] }" * deep
    path = tmp_path / "deep.toml"
    path.write_text(f"[network]\ninputs = 2\nlayers = [{block}]\n", encoding="utf-8")
    if deep < 50 or (says and read is read_layers):  # the network is made later
        read(path)
        return
    with pytest.raises(BacklitError, match=says or "(at most|more than) 50 times"):
        read(path)


def test_a_name_with_a_place_is_the_number_at_that_place():
    text = PICTURE.partition("[data]")[0].replace("[4, 4, 1]", "[4, 5, 1]").replace("filters = 1", "filters = 2")
    text = "\n".join(line for line in text.split("\n") if not line.startswith("weight"))
    setup = parse_network_file(f"{text}[data]\ninputs = [{[k % 7 for k in range(20)]}]\ntargets = [1]\n").setups[0]
    measured = Measurement(setup, setup.build(), compiled=False)
    Z = measured.array("1.Z").reshape(3, 4, 2)
    for row, column, channel in np.ndindex(3, 4, 2):
        asked = parse_quantity(f"net(f{channel + 1}@r{row + 1}c{column + 1})", setup.names)
        assert measured.value(asked) == Z[row, column, channel]


def test_the_engine_and_the_names_agree_on_every_number():
    """A planted fault in the places of a convolution's weights or of a state would show here."""
    for text in (PICTURE, SEQUENCE):
        setup = parse_network_file(text).setups[0]
        network = setup.build()
        X, Y = setup.rows()
        run = Objective.of(network, X, Y, compiled=False, rows=len(X), keep=True)
        run.loss()
        for array, (_, shape) in network.layout.items():
            for index in np.ndindex(shape):
                name = setup.names.parameter(array, *index)
                place = parse_quantity(name, setup.names).place
                assert (place.array, place.at) == (array, int(np.ravel_multi_index(index, shape)))
