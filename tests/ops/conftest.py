"""Running a few layers alone, plain and compiled, with every array in sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from projection import Projection

import backlit.ops.activations.smooth  # noqa: F401  (registers what layers name)
from backlit.engine.compiled.retype import Retyper
from backlit.engine.network import Network
from backlit.engine.objective import Objective
from backlit.ops.base import MACHINE_SCALARS, Layer, Op, arguments
from backlit.ops.whole_arrays import is_matrix

DTYPES = ("float32", "float64")
MODES = ("plain", "compiled")


class Run:
    """One forward and backward pass of `layers` on X, with dA = `d_outputs` (ones by default) behind the last of them.

    `run["1.dW"]` is the array of that name; `outputs`, `d_inputs` and `error` are what they say.
    """

    def __init__(
        self, layers: Sequence[Layer | str], X: Any, d_outputs: Any = None, *, mode: str = "plain",
        dtype: str = "float64", training: int = 1, step: int = 0, seed: int = 0, keep: bool = False,
        parameters: Any = None, state: Any = None, batch_size: int | None = None,
    ) -> None:  # fmt: skip
        X = np.atleast_2d(np.asarray(X, dtype))
        network = Network(layers, X.shape[1:], Projection(), dtype=dtype, seed=1)
        if parameters is not None:
            network.parameters[:] = parameters
        if state is not None:
            network.state[:] = state
        T = (
            np.ones((X.shape[0], network.output_size), dtype)
            if d_outputs is None
            else np.asarray(d_outputs, dtype).reshape(len(X), -1)
        )
        self.objective = objective = Objective.of(
            network, X, T, step=step, seed=seed, training=training, batch_size=batch_size or len(X),
            compiled=mode == "compiled", keep=keep, input_gradient=True,
        )  # fmt: skip
        self.executable, self.memory, self.network = objective.executable, objective.memory, network
        self.error = objective.loss()
        self.gradient = objective.gradient.copy()
        n, tables = min(len(X), objective.tables.rows), objective.tables  # of the last shard
        self.outputs = (
            self.memory.A[tables.Y : tables.Y + n * network.output_size].reshape(n, network.output_size).copy()
        )
        self.d_inputs = self["dX"]

    def __getitem__(self, name: str) -> Any:
        return self.executable.view(self.memory, name, self.objective.data.rows).copy()


@pytest.fixture(params=DTYPES)
def dtype(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def run() -> type[Run]:
    """Give the class that runs a few layers, so that tests need no import from here."""
    return Run


def assert_close(got: Any, wanted: Any, dtype: str, scale: float = 1.0) -> None:
    """Hold two arrays equal to the type's accuracy: 1e-12 of the value in float64, 1e-5 in float32."""
    relative, absolute = (1e-12, 1e-14) if dtype == "float64" else (1e-5, 2e-6)
    np.testing.assert_allclose(got, wanted, rtol=relative, atol=absolute * scale)


@pytest.fixture
def close() -> Any:
    """Give the comparison of plain and compiled results."""
    return assert_close


@pytest.fixture
def plain_and_compiled(dtype: str) -> Any:
    """Give a function that runs layers both ways and holds outputs and all gradients equal."""

    def check(layers: Sequence[Layer | str], X: Any, d_outputs: Any = None, **settings: Any) -> tuple[Run, Run]:
        plain, compiled = (Run(layers, X, d_outputs, mode=mode, dtype=dtype, **settings) for mode in MODES)
        assert_close(compiled.outputs, plain.outputs, dtype, np.abs(plain.outputs).max(initial=1.0))
        assert_close(compiled.d_inputs, plain.d_inputs, dtype, np.abs(plain.d_inputs).max(initial=1.0))
        assert_close(compiled.gradient, plain.gradient, dtype, np.abs(plain.gradient).max(initial=1.0))
        assert_close(compiled.memory.S, plain.memory.S, dtype, np.abs(plain.memory.S).max(initial=1.0))
        return plain, compiled

    return check


@pytest.fixture
def types_inside() -> Any:
    """Give a function that names the types of all variables when an op's function is compiled for float32."""

    def names(op: Op, which: str, scalar: bool = False) -> set[str]:
        from numba import float32, int64

        def kind(name: str) -> Any:
            if scalar or name in op.__struct_fields__:
                return float32
            if name in MACHINE_SCALARS:
                return int64
            return float32[:, ::1] if is_matrix(name) else float32[::1]

        function = getattr(op, which)
        jit = Retyper("float32", from_python=True)
        asked = arguments(getattr(function, "compiled", function))
        jit(function, scalar).compile(tuple(kind(name) for name in asked))
        overloads = [overload for twin in jit.done.values() for overload in twin.overloads.values()]
        return {str(kind) for overload in overloads for kind in overload.type_annotation.typemap.values()}

    return names
