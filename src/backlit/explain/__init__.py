"""How a training step comes about: one recorded float64 step of the engine, as records of formulas and numbers.

The interface is what this package exports: `explain_step` runs the engine on a copy of a network and gives a `Step`,
whose `example()` holds the records that `show` draws. Nothing here computes backpropagation: `record/` reads the
buffers that the engine left, `stages/` says of each op how its numbers come about, `algebra/` reads and prints the
formulas, and `contents` puts all quantities in the order in which a person would work them out. `derivation` writes a
page of the documentation from the same formulas.

>>> import backlit as bl
>>> from backlit.explain import explain_step
>>> network = bl.Network([bl.Dense(1, weights=[[2.0]], biases=[1.0])], inputs=1)
>>> record = explain_step(network, [[3.0]], [[5.0]], optimizer="sgd")["net(o1)"]
>>> record.plain_formula, record.plain_substituted, record.value
('w(i1,o1) · i1 + b(o1)', '2 · 3 + 1', 7.0)
"""

from backlit.explain.record.step_records import Change, Column, Drawing, Edge, Example, Node, Record, Section, Summary
from backlit.explain.step import (
    Presentation,
    Step,
    course_of,
    explain_epoch,
    explain_step,
    precision_facts,
    steps_of_epoch,
)

__all__ = [
    "Change",
    "Column",
    "Drawing",
    "Edge",
    "Example",
    "Node",
    "Presentation",
    "Record",
    "Section",
    "Step",
    "Summary",
    "course_of",
    "explain_epoch",
    "explain_step",
    "precision_facts",
    "steps_of_epoch",
]
