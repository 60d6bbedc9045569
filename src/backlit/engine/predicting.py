"""Running rows forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backlit.engine import compiler, machine
from backlit.engine.conditions import steady
from backlit.engine.doors import Call
from backlit.engine.machine import Clock
from backlit.engine.program import Program

if TYPE_CHECKING:
    from backlit.engine.network import Network
    from backlit.ops.op import Array


class Predictor:
    """A network's program for prediction, with its arena, kept for the next call."""

    def __init__(self, network: Network, rows: int, compiled: bool) -> None:
        self.program = program = Program(network, rows, compiled=compiled and compiler.can_compile(), forward_only=True)
        self.tables = program.prediction
        self.memory = program.memory()
        self.call: Call | None = None
        if isinstance(program.runner, compiler.CompiledMachine):  # for a row or two, to make the call takes longest
            none = np.empty(0, network.dtype)
            self.call = program.runner.ready("predict_rows", self.tables, self.memory, none, 0, none, Clock(0, 0))

    def __call__(self, X: Array) -> Array:
        """Give the outputs of the rows of X (n, inputs)."""
        Y = np.empty((X.shape[0], self.tables.Y_columns), X.dtype)
        if self.call is not None:
            self.call(X=X, rows=X.shape[0], Y=Y)
            return Y
        with steady(compiled=False):
            machine.predict_rows(self.tables, self.memory, X.reshape(-1), X.shape[0], Y.reshape(-1), Clock(0, 0))
        return Y
