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

from typing import TYPE_CHECKING

from backlit.lazy import lazily

if TYPE_CHECKING:
    from backlit.explain.epoch_rows import epoch_table
    from backlit.explain.map_panels import filters_of
    from backlit.explain.one_number import OneNumber, next_step, one_number, unit_numbers
    from backlit.explain.record.drawing_records import Branches, Grid, Maps, Unrolled
    from backlit.explain.record.node_record import Node
    from backlit.explain.record.step_records import (
        Change,
        Column,
        Drawing,
        Edge,
        Example,
        NumberTable,
        Record,
        Section,
        Summary,
    )
    from backlit.explain.step import (
        Presentation,
        Step,
        course_of,
        explain_epoch,
        explain_step,
        precision_facts,
        steps_of_epoch,
    )

_PLACES = {
    "Branches": "record.drawing_records",
    "Change": "record.step_records",
    "Column": "record.step_records",
    "Drawing": "record.step_records",
    "Edge": "record.step_records",
    "Example": "record.step_records",
    "Grid": "record.drawing_records",
    "Maps": "record.drawing_records",
    "Node": "record.node_record",
    "NumberTable": "record.step_records",
    "OneNumber": "one_number",
    "Presentation": "step",
    "Record": "record.step_records",
    "Section": "record.step_records",
    "Step": "step",
    "Summary": "record.step_records",
    "Unrolled": "record.drawing_records",
    "course_of": "step",
    "epoch_table": "epoch_rows",
    "explain_epoch": "step",
    "explain_step": "step",
    "filters_of": "map_panels",
    "next_step": "one_number",
    "one_number": "one_number",
    "precision_facts": "step",
    "steps_of_epoch": "step",
    "unit_numbers": "one_number",
}
"""Where each name lives: records alone, which reports hold, need nothing of what makes them."""

__all__ = [
    "Branches",
    "Change",
    "Column",
    "Drawing",
    "Edge",
    "Example",
    "Grid",
    "Maps",
    "Node",
    "NumberTable",
    "OneNumber",
    "Presentation",
    "Record",
    "Section",
    "Step",
    "Summary",
    "Unrolled",
    "course_of",
    "epoch_table",
    "explain_epoch",
    "explain_step",
    "filters_of",
    "next_step",
    "one_number",
    "precision_facts",
    "steps_of_epoch",
    "unit_numbers",
]

__getattr__ = lazily(__name__, _PLACES)
