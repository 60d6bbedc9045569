"""How a training step comes about: one recorded float64 step of the engine, as records of formulas and numbers."""

from backlit.explain.record.step_records import Change, Column, Drawing, Edge, Example, Node, Record, Section, Summary
from backlit.explain.step import Step, explain_step

__all__ = [
    "Change",
    "Column",
    "Drawing",
    "Edge",
    "Example",
    "Node",
    "Record",
    "Section",
    "Step",
    "Summary",
    "explain_step",
]
