"""Running rows forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backlit.engine import compiler
from backlit.engine.conditions import steady
from backlit.engine.machine import Clock
from backlit.engine.program import Program

if TYPE_CHECKING:
    from backlit.engine.network import Network
    from backlit.ops.op import Array


class Predictor:
    """A network's program for prediction, with its arena, kept for the next call."""

    def __init__(self, network: Network, rows: int, compiled: bool) -> None:
        self.compiled = compiled and compiler.can_compile()
        program = Program(network, rows, compiled=self.compiled)
        self.program = program  # which owns the kernels
        self.tables = program.prediction
        self.memory = program.memory()
        self.run = program.runner.predict_rows

    def __call__(self, X: Array) -> Array:
        """Give the outputs of the rows of X (n, inputs)."""
        Y = np.empty((X.shape[0], self.tables.Y_columns), X.dtype)
        with steady(self.compiled):
            self.run(self.tables, self.memory, X.reshape(-1), X.shape[0], Y.reshape(-1), Clock(0, 0))
        return Y
