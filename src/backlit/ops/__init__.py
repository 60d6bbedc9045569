"""The maths: each op whole in one place, with its shapes, forward, backward and formula; one registry of them all.

Importing any of it imports every op, so that the registries are whole wherever they are read.
"""

from backlit.ops import activations, initializers, layers, losses, optimizers, schedules  # noqa: F401
