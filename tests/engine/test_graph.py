"""Graphs that are no chain: buffers with several readers, ops and networks with several inputs, rows with shapes."""

from __future__ import annotations

import copy
import functools
import pickle
import re
from typing import Any, ClassVar

import numpy as np
import pytest

import backlit
from backlit.engine.executable import Executable
from backlit.engine.gradcheck import gradcheck
from backlit.engine.network import Network
from backlit.engine.program.buffers import gradient_name
from backlit.engine.program.graph import Graph, Node
from backlit.engine.program.structs import Row
from backlit.engine.training import Training
from backlit.engine.wiring import nodes_of
from backlit.errors import BacklitError
from backlit.ops.activations.smooth import Sigmoid, Tanh
from backlit.ops.base import Layer, Shapes
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm
from backlit.ops.layers.reshaping import Flatten


class Join(Layer, frozen=True):
    """Z = X Y, element by element."""

    name: ClassVar[str] = "join"
    reads: ClassVar[tuple[str, ...]] = ("X", "Y")

    @staticmethod
    def forward(X: Any, Y: Any, Z: Any) -> None:
        """Z = X Y."""
        Z[:] = X * Y

    @staticmethod
    def backward(X: Any, Y: Any, dZ: Any, dX: Any, dY: Any) -> None:
        """dX = dZ Y, dY = dZ X."""
        if dX.size:
            dX[:] = dZ * Y
        if dY.size:
            dY[:] = dZ * X


class Turn(Layer, frozen=True):
    """Turns rows of shape (a, b) into rows of shape (b, a), each row with its weights G (a, b)."""

    name: ClassVar[str] = "turn"
    shaped: ClassVar[bool] = True

    def shapes(self, *rows: Any) -> Shapes:
        """Give X (a, b), Z (b, a) and G (a, b, 1)."""
        ((a, b),) = rows
        return Shapes({"X": (a, b), "Z": (b, a)}, {"G": (a, b, 1)})

    def initial(self, name: str) -> Any:
        """Give normal numbers."""
        return np.linspace(0.5, 1.5, 6).reshape(2, 3, 1)

    @staticmethod
    def forward(X: Any, G: Any, Z: Any) -> None:
        """Z[n, j, i] = X[n, i, j] G[i, j]."""
        for n in range(X.shape[0]):
            for i in range(X.shape[1]):
                for j in range(X.shape[2]):
                    Z[n, j, i] = X[n, i, j] * G[i, j, 0]

    @staticmethod
    def backward(X: Any, G: Any, dZ: Any, dX: Any, dG: Any) -> None:
        """dX[n, i, j] = dZ[n, j, i] G[i, j], dG[i, j] = Σ_n dZ[n, j, i] X[n, i, j]."""
        if dG.size:
            dG[:] = 0.0
        for n in range(X.shape[0]):
            for i in range(X.shape[1]):
                for j in range(X.shape[2]):
                    if dX.size:
                        dX[n, i, j] = dZ[n, j, i] * G[i, j, 0]
                    if dG.size:
                        dG[i, j, 0] += dZ[n, j, i] * X[n, i, j]


def diamond(*, coupled: bool = False, softmax: bool = False) -> Graph:
    """Two inputs; 1.A has three readers, of which two meet again; the input V has two."""
    nodes = [
        Node(Dense(4), "1", ("X",)),
        Node(Tanh(), "1", ("1.Z",)),
        Node(Dense(4), "2", ("1.A",)),
        Node(BatchNorm() if coupled else Dropout(0.3), "2n", ("2.Z",)),
        Node(Sigmoid(), "2s", ("2n.Z",)),
        Node(Dense(4), "3", ("V",)),
        Node(Join(), "4", ("2s.A", "1.A")),
        Node(Join(), "5", ("3.Z", "4.Z")),
        Node(Dense(4), "6", ("V",)),
        Node(Join(), "7", ("6.Z", "1.A")),
        Node(Join(), "8", ("5.Z", "7.Z")),
        *[Node(node.op, f"9{node.label}", tuple(f"9{name}" if name != "8.Z" else name for name in node.reads))
          for node in nodes_of([Dense(3, "softmax")] if softmax else [Dense(2)], {"8.Z": (4,)})],
    ]  # fmt: skip
    return Graph({"X": (3,), "V": (2,)}, nodes)


def shaped() -> Graph:
    """An input of shape (2, 3), turned, joined with what turns it twice, flattened, weighed."""
    nodes = [
        Node(Turn(), "1", ("X",)),
        Node(Tanh(), "2", ("1.Z",)),
        Node(Flatten(), "3", ("2.A",)),
        Node(Flatten(), "4", ("X",)),
        Node(Join(), "5", ("3.Z", "4.Z")),
        Node(Dense(2), "6", ("5.Z",)),
    ]
    return Graph({"X": (2, 3)}, nodes)


def problem(graph: Graph, rows: int = 11, seed: int = 3) -> tuple[Network, Any, Any]:
    rng = np.random.default_rng(seed)
    classes = graph.nodes[-1].op.name == "softmax"
    network = Network.from_graph(graph, "cross_entropy" if classes else "mse", seed=1)
    network.parameters += rng.normal(0.0, 0.3, network.parameters.size)
    X = rng.normal(size=(rows, network.inputs))
    return network, X, rng.integers(0, 3, rows) if classes else rng.normal(size=(rows, network.output_size))


class Add(Join, frozen=True):
    """Z = X + Y."""

    name: ClassVar[str] = "add"

    @staticmethod
    def forward(X: Any, Y: Any, Z: Any) -> None:
        """Z = X + Y."""
        Z[:] = X + Y

    @staticmethod
    def backward(dZ: Any, dX: Any, dY: Any) -> None:
        """dX = dY = dZ."""
        if dX.size:
            dX[:] = dZ
        if dY.size:
            dY[:] = dZ


def skip(activation: str) -> Graph:
    """A dense layer's Z is read by its activation, which has its label, and by another layer behind that."""
    nodes = [
        *nodes_of([Dense(3, activation)], {"X": (3,)}),
        Node(Dense(3), "2", ("1.Z",)),
        Node(Add(), "3", ("1.A", "2.Z")),
        Node(Join(), "4", ("1.Z", "3.Z")),
        Node(Join(), "5", ("4.Z", "4.Z")),
        Node(Tanh(), "6", ("X",)),
        Node(Join(), "7", ("5.Z", "6.A")),
    ]
    return Graph({"X": (3,)}, nodes)


GRAPHS = {
    **{f"skip {name}": functools.partial(skip, name) for name in ("tanh", "relu", "gelu", "softmax")},
    "diamond": diamond,
    "diamond, coupled": lambda: diamond(coupled=True),
    "diamond, softmax": lambda: diamond(softmax=True),
    "shaped": shaped,
}


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("graph", GRAPHS)
def test_the_gradient_of_a_graph_is_that_of_its_error(graph, compiled):
    check = gradcheck(*problem(GRAPHS[graph]()), compiled=compiled, seed=5)
    assert check.passed, str(check)
    assert {array.name for array in check.arrays} == {*GRAPHS[graph]().layout, "X"}
    assert all(array.checked for array in check.arrays)


@pytest.mark.parametrize("graph", GRAPHS)
def test_plain_and_compiled_train_and_predict_alike(graph, small_shards):
    ends = []
    for compiled in (False, True):
        network, X, Y = problem(GRAPHS[graph](), rows=20)
        training = Training(network, X, Y, epochs=4, batch_size=10, compiled=compiled, optimizer="adam", seed=2).run()
        ends.append((network.parameters, training.history[-1].loss, network.predict(X, compiled=compiled)))
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    assert np.isfinite(ends[0][1])


@pytest.mark.parametrize("graph", ["diamond", "diamond, coupled"])
def test_threads_do_not_change_a_bit_of_a_graph(graph, shared_batches):
    ends = []
    for threads in (1, 3):
        network, X, Y = problem(GRAPHS[graph](), rows=60)
        Training(network, X, Y, epochs=3, batch_size=30, threads=threads).run()
        ends.append(network.parameters.tobytes())
    assert ends[0] == ends[1]


def by_hand(network: Network, X: Any, V: Any) -> Any:
    """Give the diamond's outputs as its formulas say, without dropout."""
    dense = {label: (network[f"{label}.W"], network[f"{label}.b"]) for label in ("1", "2", "3", "6", "91")}
    a = np.tanh(X @ dense["1"][0] + dense["1"][1])
    s = 1.0 / (1.0 + np.exp(-(a @ dense["2"][0] + dense["2"][1])))
    v, w = (V @ dense[label][0] + dense[label][1] for label in ("3", "6"))
    return (v * (s * a) * (w * a)) @ dense["91"][0] + dense["91"][1]


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_a_graph_computes_its_formulas(compiled):
    network, X, _ = problem(diamond())
    V = X[:, 3:]
    expected = by_hand(network, X[:, :3], V)
    np.testing.assert_allclose(network.predict(X, compiled=compiled), expected, rtol=1e-12)
    given = {"V": V, "X": X[:, :3]}
    np.testing.assert_allclose(network.predict(given, compiled=compiled), expected, rtol=1e-12)


def test_rows_of_several_axes_are_given_as_they_are_or_flat():
    network, X, _ = problem(shaped())
    as_they_are = network.predict(X.reshape(-1, 2, 3), compiled=False)
    assert np.array_equal(as_they_are, network.predict(X, compiled=False))
    with pytest.raises(BacklitError, match=r"X has shape \(11, 3, 2\)"):
        network.predict(X.reshape(-1, 3, 2))


def test_gradients_of_one_buffer_add_up_in_the_order_of_its_readers():
    """1.A is read by the nodes 2, 6 and 9: the last one writes, then come the copies of 6 and 2."""
    program = Executable(Network.from_graph(diamond(), "mse"), 5, compiled=False, keep=True)
    second, fourth = (f"1.A (gradient of node {k}, {array})" for k, array in ((2, "X"), (6, "Y")))
    assert program.buffers.sums["1.A"] == [second, fourth]
    sums = [step.names for step in program._trained if step.binding.op.name == "gradient_sum"]
    steps = [(names["dX"], names["dY"]) for names in sums]
    assert steps == [("1.dA", gradient_name(copy)) for copy in (second, fourth)]  # forward; backward runs from the end
    places = {program.places[gradient_name(name)].offset for name in ("1.A", second, fourth)}
    assert len(places) == 3
    assert program.places["7.dY"] == program.places["1.dA"]


def test_an_activation_that_others_read_before_it_keeps_its_input():
    nodes = [Node(Dense(2), "1", ("X",)), Node(Tanh(), "2", ("1.Z",)), Node(Join(), "3", ("1.Z", "2.A"))]
    program = Executable(Network.from_graph(Graph({"X": (2,)}, nodes), "mse"), 5, compiled=False)
    assert program.in_place == [False, False, False]
    assert gradcheck(*problem(Graph({"X": (2,)}, nodes))).passed


@pytest.mark.parametrize(("nodes", "message"), [
    ([Node(Dense(2), "1", ("V",))], "neither an input nor written before"),
    ([Node(Join(), "1", ("X",))], "reads 1 buffers; its op reads 2: X, Y"),
    ([Node(Dense(2), "1", ("X",)), Node(Dense(2), "1", ("1.Z",))], "1.X would mean X and 1.Z"),
    ([Node(Dense(2), "1", ("X",)), Node(Dense(2), "1", ("X",))], "two nodes write the buffer 1.Z"),
    ([Node(Dense(2), "1", ("X",)), Node(Dense(2), "2", ("X",))], "nothing reads the buffer 1.Z"),
    ([Node(Dense(2), "1", ("X",)), Node(Tanh(), "2", ("1.Z",)), Node(Join(), "2", ("2.A", "1.Z")),
      Node(Dense(2), "2", ("X",))], "2.Z would mean 1.Z and 2.Z"),
    ([Node(Dense(2, "tanh"), "1", ("X",))], "an activation, 2 tanh, which no node runs"),
    ([Node(Dense(2), "1", ("X",)), Node(Dense(3), "2", ("X",)), Node(Join(), "3", ("1.Z", "2.Z"))],
     "rows of one shape"),
    ([Dense(2)], "expected a Node"),
    ([], "no inputs or no nodes"),
])  # fmt: skip
def test_a_graph_that_makes_no_sense_is_refused(nodes, message):
    inputs = {"X": (2,)} | ({"S": (2, 3)} if any("S" in getattr(node, "reads", ()) for node in nodes) else {})
    with pytest.raises(BacklitError, match=message):
        Graph(inputs, nodes)


@pytest.mark.parametrize("name", ["T", "l", "g", "dX", "1.Z", ""])
def test_an_input_that_is_named_like_an_array_of_the_engine_is_refused(name):
    with pytest.raises(BacklitError, match="an input is named"):
        Graph({name: (2,)}, [Node(Dense(2), "1", (name,))])


def test_a_graph_is_not_written_down_yet_but_copied_and_pickled():
    network, X, _ = problem(diamond())
    with pytest.raises(BacklitError, match="cannot be written down yet"):
        network.to_dict()
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network)), network.copy()):
        assert np.array_equal(twin.predict(X, compiled=False), network.predict(X, compiled=False))


def test_a_graph_is_explained_with_the_slopes_that_train_it():
    network, X, Y = problem(diamond())
    slopes = network.gradient(X, Y, seed=0, compiled=False)
    shown = {record.name: record.value for record in backlit.explain(network, X, Y)}
    found = [value for name, value in shown.items() if re.fullmatch(r"dE/d[wb]\(.*\)", name)]
    assert sorted(found) == sorted(value for slope in slopes.values() for value in slope.ravel().tolist())


def square(rank: int) -> Graph:
    """Give a graph whose first op, of one class, sees rows of so many axes."""
    nodes = [Node(Square(), "1", ("X",)), Node(Flatten(), "2", ("1.Z",)), Node(Dense(1), "3", ("2.Z",))]
    return Graph({"X": (2, 3, 1)[:rank]}, nodes)


class Square(Layer, frozen=True):
    """Z = X², on rows of any shape."""

    name: ClassVar[str] = "square"
    shaped: ClassVar[bool] = True

    @staticmethod
    def forward(X: Any, Z: Any) -> None:
        """Z = X²."""
        Z[:] = X * X

    @staticmethod
    def backward(X: Any, dZ: Any, dX: Any) -> None:
        """dX = 2 X dZ."""
        if dX.size:
            dX[:] = 2.0 * X * dZ


def test_a_shaped_op_has_a_kernel_for_each_number_of_axes():
    for rank in (1, 2, 3, 2, 1):
        network, X, _ = problem(square(rank))
        plain, compiled = (network.predict(X, compiled=compiled) for compiled in (False, True))
        np.testing.assert_allclose(compiled, plain, rtol=1e-12)
        assert np.abs(plain).max() > 0.1


def test_an_op_of_more_arrays_than_an_instruction_holds_is_refused():
    names = {f"P{k}": (1, 1) for k in range(30)}

    class Crowded(Layer, frozen=True):
        name: ClassVar[str] = "crowded"

        def shapes(self, *rows: Any) -> Shapes:
            return Shapes({"X": rows[0], "Z": rows[0]}, names)

    signature = ", ".join([*names, "dZ", "dX", *(f"d{name}" for name in names)])
    made: dict[str, Any] = {}
    exec(f"def forward(X, Z): Z[:] = X\ndef backward({signature}): dX[:] = dZ", made)
    Crowded.forward, Crowded.backward = staticmethod(made["forward"]), staticmethod(made["backward"])
    with pytest.raises(BacklitError, match=f"expected at most {(Row.WIDTH - Row.ARRAYS) // 3} matrices"):
        Executable(Network([Crowded(), Dense(1)], 2, "mse"), 3, compiled=False)
