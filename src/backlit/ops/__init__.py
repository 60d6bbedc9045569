"""The maths of every op in one place: shapes, forward, backward, formula, source.

The interface: `base` has the classes that ops derive from, `registry` has the registries by name and the decorator
`register`; `value_checks` checks settings; `whole_arrays` gives an op's functions on whole arrays. Importing any of
these imports every op, so that the registries are complete wherever they are read.
"""

from backlit.ops import activations, initializers, layers, losses, optimizers, schedules  # noqa: F401
