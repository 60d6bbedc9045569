"""The names of units and weights as worked examples have them, i1, h2, o1 and w(i1,h2), beside those of arrays, "1.W".

>>> from backlit.engine.network import Network
>>> from backlit.ops.layers.dense import Dense
>>> network = Network([Dense(2, "tanh"), Dense(1)], inputs=3)
>>> element_name(network, "1.W", (0, 1)), element_name(network, "2.b", (0,)), element_name(network, "X", (4, 2))
('w(i1,h2)', 'b(o1)', 'i3[5]')
"""

from __future__ import annotations

from backlit.engine.architecture import Architecture
from backlit.ops.layers.dense import Dense


def usual_unit(place: int, count: int, j: int) -> str:
    """Name unit j of the dense layer at `place` of `count`, all from 0: o1; h1, or h2.1 of several hidden layers."""
    if place == count - 1:
        return f"o{j + 1}"
    return f"h{j + 1}" if count == 2 else f"h{place + 1}.{j + 1}"


def element_name(network: Architecture, array: str, index: tuple[int, ...]) -> str:
    """Name an element of an array of a network, or of the inputs "X"; an empty text where worked examples have no name.

    The elements of X are those of a row, from 1: i3[5] is the third input of row 5.
    """
    if array == "X":
        return f"i{index[1] + 1}[{index[0] + 1}]"
    label, _, own = array.rpartition(".")
    dense = [k for k, op in enumerate(network.ops) if isinstance(op, Dense)]
    names = [f"i{k + 1}" for k in range(network.inputs)]
    for k, op in enumerate(network.ops if network.layers else ()):
        before = names
        if isinstance(op, Dense):
            names = [usual_unit(dense.index(k), len(dense), j) for j in range(op.units)]
        if network.labels[k] == label and own in network.shapes[k].parameters:
            shape = network.shapes[k].parameters[own]
            if shape == (len(before), len(names)) and isinstance(op, Dense):
                return f"w({before[index[0]]},{names[index[1]]})"
            return f"{own}({names[index[0]]})" if shape == (len(names),) else ""
    return ""
