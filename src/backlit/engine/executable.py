"""A network's program, ready to run: its tables with kernels, plain or compiled, its memory, its machine."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from backlit.engine import machine
from backlit.engine.architecture import Architecture
from backlit.engine.code_cache import background
from backlit.engine.compiled import CompiledMachine, compiled_kernel, compiled_update
from backlit.engine.machine import python_kernels
from backlit.engine.machine.barrier import LINE
from backlit.engine.machine.reduce import levels
from backlit.engine.program.structs import Memory, Row, Tables
from backlit.engine.program.tables import Program, Step
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Optimizer


class Executable(Program):
    """The tables of a network for batches of up to `batch_size` rows, with their kernels.

    Args:
        network: what to run.
        compiled: whether kernels are compiled; plain ones otherwise.

    The other arguments are those of `Program`.
    """

    def __init__(
        self, network: Architecture, batch_size: int, optimizer: Optimizer | None = None, *, compiled: bool = True,
        **settings: Any,
    ) -> None:  # fmt: skip
        super().__init__(network.graph, network.loss, batch_size, optimizer, together=compiled, **settings)
        self.network = network
        self.compiled = compiled
        self.dtype = network.dtype.name
        self._plain_kernels: list[int] = []
        weakref.finalize(self, python_kernels.forget, self._plain_kernels)
        if compiled:
            background.begin(self.dtype, self._shared_code())

    @functools.cached_property
    def runner(self) -> ModuleType | CompiledMachine:
        """The machine that runs the tables, plain or compiled."""
        return CompiledMachine(self.dtype) if self.compiled else machine

    @functools.cached_property
    def prediction(self) -> Tables:
        """The tables for prediction: the whole graph forward."""
        return self.prediction_tables(self._kernel)

    @functools.cached_property
    def ending(self) -> Tables:
        """The tables for the outputs of rows whose losses were just measured: a fused loss leaves an activation out."""
        done, tables = len(self._trained), self.prediction
        return tables._replace(
            chain=tables.chain[done * Row.WIDTH :], ops=tables.ops - done, coupled=tables.coupled[done:], input_count=0
        )

    @functools.cached_property
    def training(self) -> Tables:
        """The tables for training: the loss may take the place of the last activation."""
        return self.training_tables(self._kernel, self._update_kernel)

    @property
    def entry(self) -> str:
        """The machine's entry point that trains on such batches."""
        return "train_coupled" if self.coupled else "train_batches"

    @property
    def train(self) -> Callable[..., Any]:
        """The machine's function that trains on such batches."""
        return getattr(self.runner, self.entry)  # type: ignore[no-any-return]

    def _shared_code(self) -> tuple[str, ...]:
        """Name the entry points that this program will call; all programs share them."""
        if self.optimizer is None:
            return background.PREDICTION
        entry = "batch_gradient" if self.optimizer.full_batch else self.entry
        return (entry, *(["worker_loop"] if self.shards > 1 else []), *background.TRAINING)

    def memory(self) -> Memory:
        """Allocate what the program works on, over the network's own parameters and running statistics."""
        network = self.network
        zeros = np.zeros(network.parameters.size, network.dtype)
        apart = self.shards - 1 if self.coupled else min(self.shards - 1, 1) + levels(self.shards)
        return Memory(
            network.parameters, zeros, np.zeros(apart * zeros.size, network.dtype),
            np.zeros(self.size, network.dtype), np.zeros(self.size, network.dtype), network.state,
            np.array(self.settings or [0.0]), self._slots(), network.parameters.size,
            np.zeros((apart + 1) * LINE), np.zeros(1, np.int64), np.zeros(0, np.int64),
        )  # fmt: skip

    def _slots(self) -> Array:
        """Give the optimizer's vectors, one after another, each of the parameters' layout."""
        optimizer = self.optimizer
        values = [] if optimizer is None else optimizer.slots.values()
        first = [getattr(optimizer, value) if isinstance(value, str) else value for value in values]
        if not any(first):  # the system gives zeros without writing them
            return np.zeros(len(first) * self.network.parameters.size, self.network.dtype)
        return np.repeat(np.array(first, self.network.dtype), self.network.parameters.size)

    def input_gradient_of(self, memory: Memory, n: int) -> Array:
        """Give the gradient of the first n rows of X (n, inputs), where it was asked for by `input_gradient`."""
        views = [self.view(memory, f"d{name}", n).reshape(n, -1) for name in self.graph.inputs]
        return views[0] if len(views) == 1 else np.concatenate(views, axis=1)

    def _kernel(self, step: Step, which: str) -> int:
        """Give the address of an op's kernel, or the number of a plain one, which lives as long as the program."""
        binding = step.binding
        if not self.compiled:
            return self._plain(python_kernels.plain_kernel(binding, which))
        try:
            return compiled_kernel(binding, which, step.in_place, self.dtype)
        except Exception as error:
            if not type(error).__module__.startswith("numba"):
                raise
            op = binding.op
            reason = next((line for line in str(error).splitlines() if line.strip() and "Failed in" not in line), "")
            raise BacklitError(
                f"{op.kind} {op.name!r}: its {which} cannot be compiled: {reason.strip()} Write it in what NumPy and "
                "Numba share (static methods, float constants, no branches), or train with compiled=False."
            ) from error

    def _update_kernel(self, optimizer: Optimizer) -> int:
        if not self.compiled:
            return self._plain(python_kernels.plain_update(optimizer))
        return compiled_update(optimizer, self.dtype)

    def _plain(self, number: int) -> int:
        self._plain_kernels.append(number)
        return number
