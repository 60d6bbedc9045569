"""Faults planted in the layers beyond the chain: each must change a number that the 50 digits of `exact_network` hold.

A fault is a line of a function, written wrong. The NumPy forms run as they are; hand-tuned loops run as Python in their
place, so that no fault is compiled.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import network_checks
import numpy as np
import pytest
from exact_network import Exact

import backlit as bl
from backlit.ops.gradient_sum import GradientSum
from backlit.ops.layers.joins import JOINING
from backlit.ops.registry import layers as registered

CLOSE = 1e-12


def picture(*layers: Any, inputs: Any = (4, 5, 2)) -> tuple[list[Any], Any]:
    return [*layers, bl.Flatten(), bl.Dense(2)], inputs


def sequence(*layers: Any, inputs: Any = (4, 2)) -> tuple[list[Any], Any]:
    return [*layers, bl.Dense(2)], inputs


NETWORKS = {
    "convolution": picture(
        bl.Conv2D(4, (3, 2), "tanh", (1, 2), (2, 1), (1, 2), 2), bl.Conv2D(2, (2, 3), "tanh", 1, "same")
    ),
    "a filter for each channel": picture(bl.Conv2D(16, 2, "tanh", (1, 2), 1, groups=16), inputs=(2, 3, 16)),
    "groups": picture(
        bl.Conv2D(4, 2, "tanh", groups=2), bl.Conv2D(4, (1, 2), "tanh", (1, 2), groups=2), inputs=(3, 4, 4)
    ),
    "pooling": picture(bl.Conv2D(2, 2), bl.MaxPool(2, 1, "same"), bl.AveragePool(2, 2, "same")),
    "pooling, padded": picture(bl.MaxPool(3, 2, 1), bl.AveragePool((3, 2), 1, (1, 0)), inputs=(5, 4, 2)),
    "upsampled": picture(bl.Upsample((2, 1)), bl.LayerNorm(), bl.Conv2D(2, 2), inputs=(2, 2, 3)),
    "equal numbers": picture(bl.MaxPool(2, 1), inputs=(4, 3, 1)),
    "global": ([bl.Conv2D(2, 2), bl.GlobalAveragePool(), bl.Dense(2)], (4, 5, 2)),
    "recurrent": sequence(bl.Recurrent(2, returns="sequence"), bl.Recurrent(2, "sigmoid", reverse=True)),
    "lstm": sequence(bl.LSTM(2, returns="sequence"), bl.LSTM(2, reverse=True)),
    "gru": sequence(bl.GRU(2, returns="sequence"), bl.GRU(2, reverse=True)),
    "cut": ([bl.Recurrent(2, truncate=2), bl.Dense(2)], (5, 2)),
    "lengths": ([bl.LSTM(2, lengths="steps"), bl.Dense(2)], {"x": (4, 2), "steps": (1,)}),
    "lengths, backward": ([bl.GRU(2, lengths="steps", reverse=True), bl.Dense(2)], {"x": (4, 2), "steps": (1,)}),
    "lengths, backward, cut": (
        [bl.LSTM(2, lengths="steps", reverse=True, truncate=2), bl.Dense(2)],
        {"x": (5, 2), "steps": (1,)},
    ),
    "lengths, all states": (
        [bl.Recurrent(2, lengths="steps", returns="sequence"), bl.Flatten(), bl.Dense(2)],
        {"x": (4, 2), "steps": (1,)},
    ),
    "categories": ([bl.Embedding(3, 2), bl.Flatten(), bl.Dense(2)], (3,)),
    "branches": (
        [
            bl.Dense(3, "tanh"),
            bl.Residual([bl.Dense(3, "tanh")]),
            bl.Parallel([[bl.Dense(2)], [bl.Select([2, 0, 2]), bl.Dense(1)]]),
            bl.Parallel([[], [bl.Dense(3, "sigmoid")]], join="multiply"),
            bl.Dense(2),
        ],
        2,
    ),
    "ties": ([bl.Dense(3, "tanh", tie="t"), bl.Dense(3, "tanh", tie="t"), bl.Dense(2)], 3),
}
"""Networks with all that faults may be in."""

WHOLE = ("categories", "equal numbers")
"""Those that are given whole numbers, some of them equal."""

CONVOLUTION, POOLING = "backlit.kernels.convolution:", "backlit.kernels.pooling:"
LOOPS = "backlit.kernels.convolution_loops:"
LAYERS = "backlit.ops.layers."
TIME = f"{LAYERS}through_time:"

FAULTS = {
    "a window too far right": (
        f"{CONVOLUTION}padding_before",
        "return padding\n",
        "return padding + 1\n",
        "convolution",
    ),
    "all of the padding before": (f"{CONVOLUTION}padding_before", "// 2", "// 1", "convolution"),
    "the odd part of the padding before": (f"{CONVOLUTION}padding_before", ", 0) //", " + 1, 0) //", "convolution"),
    "a filter flipped": (f"{CONVOLUTION}convolve", "W[k, l, :", "W[-1 - k, l, :", "convolution"),
    "the input's slope not flipped": (f"{CONVOLUTION}convolve_backward", "W[k, l, :", "W[-1 - k, l, :", "convolution"),
    "windows that overlap overwrite": (
        f"{CONVOLUTION}convolve_backward",
        "channels] += given",
        "channels] = given",
        "convolution",
    ),
    "biases of one row of windows": (
        f"{CONVOLUTION}convolve_backward",
        "dZ.sum(axis=(0, 1, 2))",
        "dZ[:, 0].sum(axis=(0, 1))",
        "convolution",
    ),
    "one group's channels for all": (
        f"{CONVOLUTION}groups_of",
        "slice(g * c, (g + 1) * c)",
        "slice(0, c)",
        "convolution",
    ),
    "no bias": (f"{CONVOLUTION}convolve", "b if b.size else 0.0", "0.0", "convolution"),
    "loops: rows for columns": (
        f"{LOOPS}fill_places",
        "% columns_out * right",
        "% columns_out * down",
        "convolution",
    ),
    "loops: no dilation": (f"{LOOPS}fill_places", "l * d_right * channels", "l * channels", "convolution"),
    "loops: padding on one side alone": (f"{LOOPS}lay_out", "at += left * channels", "at += 0", "convolution"),
    "loops: a window's slope beside its place": (
        f"{LOOPS}add_window",
        "(to + column + l) * channels",
        "(to + column) * channels",
        "convolution",
    ),
    "loops: a filter for each channel, beside its place": (
        f"{LOOPS}simply",
        "l * d_right - left",
        "l * d_right",
        "a filter for each channel",
    ),
    "loops: groups, another group's channels": (
        f"{LOOPS}inputs_slope",
        "d_right, group * depth, depth",
        "d_right, 0, depth",
        "groups",
    ),
    "loops: groups, another group's filters": (
        f"{LOOPS}filters_of",
        "+ group * share + f",
        "+ f",
        "groups",
    ),
    "loops: groups, another group's filters turned": (
        f"{LOOPS}sweep_back",
        " + q // depth * share + f",
        " + f",
        "groups",
    ),
    "loops: groups of one channel, another's filters": (
        f"{LOOPS}multiply_place",
        "first = q // depth * share",
        "first = 0",
        "convolution",
    ),
    "loops: groups, another group's channels forward": (
        f"{LOOPS}sweep_pictures",
        "at + group * depth",
        "at",
        "convolution",
    ),
    "loops: a row of the window left out": (f"{LOOPS}add_window", "r >= rows", "r >= rows - 1", "convolution"),
    "equal numbers: the last": (f"{POOLING}max_pool", "X[met] > Z[out]", "X[met] >= Z[out]", "equal numbers"),
    "equal numbers: all": (f"{POOLING}max_pool_backward", "M[out] == place", "M[out] >= 0", "equal numbers"),
    "pooling keeps one window's slope": (f"{POOLING}max_pool_backward", "dX[met] +=", "dX[met] =", "pooling"),
    "padding counts in a mean": (f"{POOLING}average_pool", "Z /= count", "Z /= count.max()", "pooling"),
    "padding counts in a mean's slope": (f"{POOLING}average_pool_backward", "/ count[out]", "/ count.max()", "pooling"),
    "loops: places counted from the picture's edge": (
        f"{POOLING}max_pool_loops",
        "(top - r * down + above) * w",
        "0 * w",
        "pooling, padded",
    ),
    "loops: a mean's slope in windows too long": (
        f"{POOLING}average_pool_backward_loops",
        "min(r * down - above + h, rows)",
        "min(r * down + h, rows)",
        "pooling, padded",
    ),
    "loops: the slope of a number's last place": (
        f"{LAYERS}reshaping:upsample_backward_loops",
        "c, q] += dZ",
        "c, q] = dZ",
        "upsampled",
    ),
    "loops: a normalized number's slope": (
        f"{LAYERS}normalization:layer_norm_backward_loops",
        "- N[i, j] * along",
        "+ N[i, j] * along",
        "upsampled",
    ),
    "a mean's slope not shared out": (
        f"{LAYERS}pooling:GlobalAveragePool.backward",
        " / places.shape[1]",
        "",
        "global",
    ),
    "the state before is not read": (
        f"{LAYERS}recurrent:Recurrent.forward",
        "matrix_product(state, U, S)",
        "S[:] = 0.0",
        "recurrent",
    ),
    "no slope through time": (
        f"{LAYERS}recurrent:Recurrent.backward",
        "product_nt(dN[:, t], U, R)",
        "R[:] = 0.0",
        "recurrent",
    ),
    "a slope through time, not transposed": (
        f"{LAYERS}recurrent:Recurrent.backward",
        "product_nt(dN[:, t], U, R)",
        "R[:] = dN[:, t] @ U",
        "recurrent",
    ),
    "one step too late": (f"{TIME}states_before", "before[:, 1:] = H[:, :-1]", "before[:] = H", "recurrent"),
    "backward begins forward": (f"{TIME}order", "if reverse", "if not reverse", "recurrent"),
    "gates in another order": (f"{LAYERS}lstm:LSTM.forward", "i, f, g, o = (", "f, i, g, o = (", "lstm"),
    "the cell's slope stops": (f"{LAYERS}lstm:LSTM.backward", "dC[:, t] * f", "0.0 * f", "lstm"),
    "the state's slope stops at the gates": (
        f"{LAYERS}lstm:LSTM.backward",
        "product_nt(dN[:, t], U, R)",
        "R[:] = 0.0",
        "lstm",
    ),
    "a cell without its tanh's slope": (f"{LAYERS}lstm:LSTM.backward", "(1.0 - K[:, t] ** 2)", "1.0", "lstm"),
    "keep for renew": (
        f"{LAYERS}gru:GRU.forward",
        "(1.0 - keep) * new + keep * h",
        "keep * new + (1.0 - keep) * h",
        "gru",
    ),
    "reset before the product": (
        f"{LAYERS}gru:GRU.forward",
        "reset * Q[:, t, 2 * units :]",
        "(reset * h) @ U[:, 2 * units :]",
        "gru",
    ),
    "no slope of what is kept": (f"{LAYERS}gru:GRU.backward", "+ dH[:, t] * keep", "", "gru"),
    "the recurrent bias without its slope": (
        f"{LAYERS}gru:GRU.backward",
        "sum_rows(positions(dQ)[:, 2 * units :], db[3 * units :])",
        "db[3 * units :] = 0.0",
        "gru",
    ),
    "slopes are not cut": (f"{TIME}cut_before", "if not truncate", "if True", "cut"),
    "slopes are cut a step too early": (f"{TIME}cut_before", "t % int(truncate)", "(t + 1) % int(truncate)", "cut"),
    "slopes are cut from the end of all rows": (f"{TIME}cut_before", "ends - 1", "steps - 1", "lengths, backward, cut"),
    "loops: slopes are cut from the end of all rows": (
        f"{TIME}way_back",
        "length - 1 - after",
        "5 - 1 - after",
        "lengths, backward, cut",
    ),
    "a row runs on": (f"{TIME}running", "places < lengths", "places <= lengths", "lengths"),
    "a row runs on, backward": (f"{TIME}running", "places < lengths", "places <= lengths", "lengths, backward"),
    "states behind the end": (f"{TIME}passed_on", "H, 0.0)", "H, H)", "lengths, all states"),
    "loops: no slope through time": (
        f"{LAYERS}recurrent:recurrent_backward_loops",
        "copy_loops(part(dH, i * steps + t, units), part(R, i, units))",
        "clear_loops(part(dH, i * steps + t, units))",
        "recurrent",
    ),
    "loops: keep for take": (f"{LAYERS}lstm:step_loops", "keep[j] * earlier[j]", "take[j] * earlier[j]", "lstm"),
    "loops: a cell's slope stops": (
        f"{LAYERS}lstm:lstm_backward_loops",
        "behind[j] * keep[j]",
        "0.0 * behind[j]",
        "lstm",
    ),
    "loops: a cell's slope through another step's gate": (
        f"{LAYERS}lstm:lstm_backward_loops",
        "4 * (i * steps + after) + KEEP",
        "4 * (i * steps + t) + KEEP",
        "lstm",
    ),
    "loops: the weights' slope of a step too late": (
        f"{TIME}recurrent_gradient_loops",
        "states[: n * steps - 1], nets[1:]",
        "states[: n * steps - 1], nets[: n * steps - 1]",
        "recurrent",
    ),
    "loops: slopes are not cut": (f"{TIME}way_back", "truncate != 0.0 and", "False and", "cut"),
    "loops: a row runs on": (f"{TIME}length_of", "int(given)", "int(given) + 1", "lengths"),
    "loops: a row's end gives no slope": (f"{TIME}way_back", "return AS_IT_IS", "return NOT_AT_ALL", "lengths"),
    "loops: states behind the end": (
        f"{TIME}passed_on_loops",
        "clear_loops(part(Z, i * steps + t, units))",
        "copy_loops(part(Z, i * steps + t, units), part(H, i * steps + t, units))",
        "lengths, all states",
    ),
    "an embedding's slopes overwrite": (
        f"{LAYERS}embedding:Embedding.backward",
        "np.add.at(dW, _rows(X, W).reshape(-1), dZ.reshape(-1, W.shape[1]))",
        "dW[_rows(X, W).reshape(-1)] = dZ.reshape(-1, W.shape[1])",
        "categories",
    ),
    "slopes of readers overwrite": (
        "backlit.ops.gradient_sum:GradientSum.backward",
        "np.add(dX, dY, out=dX)",
        "dX[:] = dY",
        "branches",
    ),
    "slopes of ties overwrite": (
        "backlit.ops.gradient_sum:GradientSum.backward",
        "np.add(dX, dY, out=dX)",
        "dX[:] = dY",
        "ties",
    ),
    "a factor's own slope": (
        f"{LAYERS}joins:Multiply.backward",
        "np.multiply(dZ, Y, out=dX)",
        "np.multiply(dZ, X, out=dX)",
        "branches",
    ),
    "branches side by side, exchanged": (
        f"{LAYERS}joins:Concatenate.backward",
        "dZ[:, : dX.shape[1]]",
        "dZ[:, -dX.shape[1] :]",
        "branches",
    ),
    "a column's slopes overwrite": (
        f"{LAYERS}select:Select.backward",
        "np.add.at(dX.T, columns.astype(np.int64), dZ.T)",
        "dX[:, columns.astype(np.int64)] = dZ",
        "branches",
    ),
}
"""The function, the line, what is written in its place, and the network whose numbers must tell."""


def function_at(where: str) -> Any:
    module, _, path = where.partition(":")
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found


@contextmanager
def planted(where: str, right: str, wrong: str) -> Iterator[None]:
    """Write a line of a function wrong, for all who call it."""
    function = function_at(where)
    text = textwrap.dedent(inspect.getsource(function))
    text = text[text.index(f"def {function.__name__}") :]
    assert right in text, f"{where} has no longer {right!r}: plant the fault elsewhere"
    made: dict[str, Any] = {}
    exec(compile(text.replace(right, wrong), where, "exec"), function.__globals__, made)
    with running(function, made[function.__name__]):
        yield


@contextmanager
def running(function: Any, other: Any) -> Iterator[None]:
    """Have a function run another one's code, which finds the names of its own module too."""
    own, names = function.__code__, function.__globals__
    lent = {name: value for name, value in other.__globals__.items() if name not in names}
    function.__code__ = other.__code__
    names.update(lent)
    try:
        yield
    finally:
        function.__code__ = own
        for name in lent:
            del names[name]


@contextmanager
def loops_as_python() -> Iterator[None]:
    """Have the loops of all layers run, as Python, where the NumPy form runs."""
    with ExitStack() as stack:
        for op in {*registered.values(), *JOINING.values(), GradientSum}:
            for function in (getattr(op, "forward", None), getattr(op, "backward", None)):
                if loops := getattr(function, "compiled", None):
                    stack.enter_context(running(function, loops))
        yield


def hold(case: str) -> None:
    """Hold E and all slopes of a network on one row to 50 digits."""
    layers, inputs = NETWORKS[case]
    network = bl.Network(layers, inputs, seed=3)
    rng = np.random.default_rng(4)
    network.parameters[:] += rng.normal(0.0, 0.3, network.parameters.size)
    if isinstance(inputs, dict):
        row: Any = {"x": rng.normal(size=inputs["x"]), "steps": np.array([2.0])}
    else:
        row = rng.integers(0, 2, inputs).astype(float) if case in WHOLE else rng.normal(size=inputs)
    target = rng.normal(size=2)
    exact = Exact(network, row, target)
    X = {name: part[None] for name, part in row.items()} if isinstance(row, dict) else row[None]
    with np.errstate(all="ignore"):
        error, found = network_checks.one_batch(network, X, target[None], compiled=False)
    network_checks.agree(error, float(exact.error.value), "error", CLOSE, 1.0)
    for name in network:
        network_checks.agree(found[name], exact.slopes(name), f"gradient of {name}", CLOSE, 1.0)
    of_inputs = np.concatenate([exact.slopes(name).reshape(-1) for name in network.graph.inputs])
    network_checks.agree(found["X"].reshape(-1), of_inputs, "gradient of X", CLOSE, 1.0)


@pytest.mark.parametrize("case", NETWORKS)
def test_without_a_fault_all_numbers_hold(case):
    hold(case)
    with loops_as_python():
        hold(case)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught(fault):
    where, right, wrong, case = FAULTS[fault]
    with planted(where, right, wrong), ExitStack() as stack:
        if fault.startswith("loops"):
            stack.enter_context(loops_as_python())
        try:
            hold(case)
        except (AssertionError, ValueError, IndexError):
            return
    pytest.fail(f"{fault}: nothing tells")
