"""The formulas that recurrent layers give as data: evaluated, they are the numbers that the arrays hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from formula_numbers import evaluated
from recurrent_runs import KINDS, WAYS, Ran, made

from backlit.ops.equations import Element
from backlit.ops.layers.gru import GRU
from backlit.ops.layers.lstm import LSTM
from backlit.ops.layers.recurrent import Recurrent

SHOWN = {"recurrent": "NHZ", "lstm": "NGCHZ", "gru": "NGHZ"}


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_formulas_give_the_numbers_of_the_arrays(kind, way, mode):
    """Row by row, since a parameter's formula is a row's part of its gradient."""
    network, X, T = made(kind, way, units=2)
    rows = [network.graph.inputs[name] for name in network.graph.inputs]
    equations, shapes = network.ops[0].equations(*rows), network.shapes[0]
    parts = [*equations.forward, *equations.backward, *equations.gradients]
    told = {(part.array, place) for part in parts for place in part.places}
    wanted = {array: shapes.buffers[array.removeprefix("d")] for array in [*SHOWN[kind], "dH", "dN", "dX"]}
    wanted |= {f"d{array}": shape for array, shape in shapes.parameters.items() if math.prod(shape)}
    for array, shape in wanted.items():
        assert {place for name, place in told if name == array} == set(np.ndindex(*shape))
    for k in range(len(T)):
        row = {name: each[k : k + 1] for name, each in X.items()} if isinstance(X, dict) else X[k : k + 1]
        ran = Ran(network, row, T[k : k + 1], mode)

        def value(element, ran=ran):
            name = element.array.removeprefix("d")
            if name in shapes.parameters:
                array = ran.gradients[f"1.{name}"] if element.array != name else network[f"1.{name}"]
                return float(array[element.index])
            return float(ran[f"1.{element.array}"].reshape(shapes.buffers[name])[element.index])

        for part in parts:
            for place in part.places:
                formula = part.row_formula(place, value) if part.row_formula else part.formula(place)
                got = evaluated(formula, value)
                assert got == pytest.approx(value(Element(part.array, place)), rel=1e-9, abs=1e-12), (part, place)


def test_notes_say_where_slopes_are_cut_and_where_a_row_has_ended():
    layer = Recurrent(1, lengths="long", truncate=2)
    equations = layer.equations((4, 1), (1,))
    length = lambda element: 3.0  # noqa: E731
    notes = {(part.array, part.places[0][0]): part.note(part.places[0], length) for part in equations.forward[:-1]
             if part.note}  # fmt: skip
    assert notes == {("N", k): "" for k in range(3)} | {
        ("N", 3): "behind the row's end, 3: this step is not run",
        ("H", 0): "",
        ("H", 1): "",
        ("H", 2): "",
        ("H", 3): "behind the row's end, 3: the state stays as it is",
    }
    cut = {part.places[0][0]: part.note(part.places[0], length) for part in equations.backward if part.array == "dH"}
    assert cut == {
        0: "",
        1: "slopes are cut between times 2 and 3, truncate = 2",
        2: "",
        3: "behind the row's end, 3: the slope passes on as it is",
    }


def test_names_of_gates_and_order_of_the_steps():
    forward = LSTM(1, reverse=True).equations((2, 1)).forward
    names = [part.kind for part in forward]
    assert names == ["net_i", "i", "net_f", "f", "net_g", "g", "net_o", "o", "c", "out"] * 2 + ["y"]
    assert [part.title for part in forward if part.title] == ["time 2", "time 1", "what is passed on"]
    gru = GRU(1).equations((1, 1))
    assert [part.kind for part in gru.forward] == ["net_r", "r", "net_z", "z", "q", "net_n", "n", "out", "y"]
    kinds = [part.kind for part in gru.parameters]
    assert kinds == ["w_r", "w_z", "w_n", "u_r", "u_z", "u_n", "b_r", "b_z", "b_n", "b_q"]
    assert [part.kind for part in Recurrent(1).equations((1, 1)).parameters] == ["w", "u", "b"]
    assert [part.own_source for part in Recurrent(1).equations((1, 1)).parameters] == [False, True, False]
