"""How a learner's function is called: with what the names of its arguments ask for."""

from __future__ import annotations

import copy
import inspect
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from backlit.check.code.returned import as_array, as_units, kept_gradients
from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.kernels.types import Array

Layout = Literal["inputs", "units", "columns"]
"""How the learner's arrays lie: weights (inputs, units) or (units, inputs); "columns": the latter, with a column for
each row of the data, X (inputs, n), and biases (units, 1)."""

LAYOUTS: tuple[Layout, ...] = ("inputs", "units", "columns")

WAYS = (
    '(network, X, Y); (params, X, Y) with a dictionary, params["W1"]; (weights, X, Y) with a list, [W1, b1, W2, b2]; '
    "(weights, biases, X, Y) with two lists; (X, Y, W1, b1, W2, b2) with the arrays; (X, Y); or no rows, where it has "
    "them itself"
)
FORWARD_WAYS = WAYS.replace(", X, Y", ", X").replace("(X, Y", "(X")

NETWORKS = {"network", "net", "model", "nn"}
DICTIONARIES = {"params", "parameters", "p", "theta", "param"}
INPUTS = {"x", "inputs", "input", "data", "x_train", "xs"}
TARGETS = {"y", "t", "targets", "target", "labels", "y_true", "y_train", "ys", "d"}
WEIGHTS, BIASES = {"weights", "ws", "w"}, {"biases", "bs", "b"}

ARRAY_NAME = re.compile(r"_?(?P<label>[\dab.]*)[._]?(?P<own>[A-Za-z]+?)_?(?P<number>\d*)")
KINDS = {"w": "W", "weight": "W", "weights": "W", "kernel": "W", "b": "b", "bias": "b", "biases": "b"}


class Parameters(dict[str, Array]):
    """A network's arrays by the names that learners use: "1.W" is "W1" and "w1" too.

    >>> Parameters({"1.W": np.zeros((2, 3))})["W1"].shape
    (2, 3)
    """

    def __missing__(self, name: str) -> Array:
        found = array_called(name, list(self)) if isinstance(name, str) else None
        if found is None:
            raise KeyError(f"{name!r}; the network's arrays are {', '.join(map(short_name, self))}")
        return self[found]


def short_name(name: str) -> str:
    """Give an array's name as code has it: "W1" of "1.W"."""
    label, _, own = name.rpartition(".")
    return f"{own}{label.replace('.', '_')}"


def array_called(name: str, known: list[str]) -> str | None:
    """Give the array of the network that a learner calls so, W1, w1, b_2, weight1; None where there is none."""
    if name in known:
        return name
    found = ARRAY_NAME.fullmatch(name)
    if found is None:
        return None
    label, own = found["number"] or found["label"].strip("."), found["own"]
    own = own if f"{label}.{own}" in known else KINDS.get(own.lower(), own)
    return f"{label}.{own}" if f"{label}.{own}" in known else None


class Call:
    """A learner's function, ready to be called on rows.

    Args:
        function: the learner's. what: its name for messages, "my_backward".
        network: whose weights it is given. layout: how its arrays lie.
        convert: turns each array into what the function takes, such as `torch.tensor`; None leaves NumPy's.

    A method is called on a copy of its object, so that a call leaves nothing behind for the next one; what returns
    nothing gives the gradients that its object keeps. `takes_rows` says whether it is handed all of the rows' arrays.

    Errors: a BacklitError where its arguments ask for something else.
    """

    def __init__(
        self, function: Callable[..., Any], what: str, network: Network, *, layout: Layout = "inputs",
        convert: Callable[[Array], Any] | None = None,
    ) -> None:  # fmt: skip
        self.function, self.what, self.network, self.layout, self.convert = function, what, network, layout, convert
        self.changes: list[str] = []
        self.data = ["X"] if what == "my_forward" else ["X", "Y"]
        self.asked, self.named = self._signature()
        self._arguments(None, None)
        self.takes_rows = set(self.data) <= set(self._roles([*self.asked, *self.named]) or ())

    def __call__(self, X: Array, Y: Array | None = None) -> Any:
        """Call it on rows. Errors: a BacklitError that says what the function raised, and where."""
        given, named = self._arguments(X, Y)
        before = self._handed(given, named)
        function = _on_a_copy(self.function)
        try:
            found = function(*given, **named)
        except Exception as error:
            raise BacklitError(self._raised(error, X, Y)) from error
        self.changes = _changes(before, self._handed(given, named), self.what)
        return found if found is not None else kept_gradients(getattr(function, "__self__", None)) or None

    def _handed(self, given: list[Any], named: dict[str, Any]) -> dict[str, Any]:
        """Give a copy of the parameters that the function was handed, by names."""
        found: dict[str, Any] = {}
        for role, value in zip(self._roles([*self.asked, *self.named]) or (), [*given, *named.values()], strict=True):
            if role == "network":
                found |= {name: value[name].copy() for name in value}
            elif role == "params":
                found |= {name: np.array(value[name]) for name in self.network if dict.__contains__(value, name)}
            elif role in self.network.layout:
                found[role] = np.array(as_array(value))
        return found

    def _raised(self, error: Exception, X: Array, Y: Array | None) -> str:
        frames = traceback.extract_tb(error.__traceback__)
        file = getattr(getattr(self.function, "__code__", None), "co_filename", None)
        own = [frame for frame in frames if frame.filename == file] or frames[-1:]
        place = f" in line {own[-1].lineno} of {Path(own[-1].filename).name}"
        line = f" ({own[-1].line})" if own[-1].line else ""
        shapes = f"X has shape {np.shape(self._rows(X))}"
        shapes += "" if Y is None else f", Y {np.shape(self._rows(Y))}"
        said = f"{self.what} raised {type(error).__name__}{place}{line}: {error}. It was called on your rows: {shapes}."
        if Y is not None and np.ndim(Y) == 1 and self.network.output_size == 1 and isinstance(error, ValueError):
            n = len(Y)
            said += (
                f" With Y ({n},), out - Y is ({n}, {n}): if your code expects ({n}, 1), give np.reshape(Y, (-1, 1))."
            )
        return said

    # ------------------------------------------------------------------------------------------------------- arguments

    def _signature(self) -> tuple[list[str], list[str]]:
        """Give the names of the arguments by place, and of those by name alone; "*" stands for any number more."""
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError):
            return list(self.data), []
        asked = []
        for one in parameters:
            if one.kind is one.VAR_POSITIONAL:
                asked.append("*")
            elif one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD):
                if one.default is one.empty or self._known(one.name):
                    asked.append(one.name)
                else:
                    break
        required = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY
                    and (one.default is one.empty or self._known(one.name))]  # fmt: skip
        return asked, required

    def _known(self, name: str) -> bool:
        return self._role(name) is not None

    def _role(self, name: str) -> str | None:
        """Give what an argument of that name is: "network", "params", "X", "Y", "weights", "biases", or an array's."""
        low = name.lower().rstrip("_")
        array = array_called(name, list(self.network))
        if array is not None:
            return array
        for role, names in (("network", NETWORKS), ("params", DICTIONARIES), ("X", INPUTS), ("Y", TARGETS)):
            if low in names:
                return role
        if low in WEIGHTS or low in BIASES:
            return "weights" if low in WEIGHTS else "biases"
        return None

    def _roles(self, names: list[str]) -> list[str] | None:
        """Give what each argument is by its name, or by its place; None where neither tells."""
        roles, arrays = [self._role(name) for name in names if name != "*"], list(self.network)
        if "*" in names and None not in roles:
            roles += [name for name in arrays if name not in roles]
        plain, data = [role for role in roles if role is not None], self.data
        if len(plain) == len(roles) and len(set(plain)) == len(plain):
            return plain
        if len(roles) == len(data) + len(arrays) and roles[: len(data)] == data:
            return [*data, *arrays]
        if len(roles) == 1 + len(data) and roles[1:] == data:
            return ["params", *data]
        return data if len(roles) == len(data) and not plain else None

    def _arguments(self, X: Array | None, Y: Array | None) -> tuple[list[Any], dict[str, Any]]:
        names = [*self.asked, *self.named]
        roles = self._roles(names)
        if roles is None:
            ways = WAYS if "Y" in self.data else FORWARD_WAYS
            raise BacklitError(
                f"{self.what} takes ({', '.join(names)}); expected one of {ways}. The network's arrays are "
                f"{', '.join(map(short_name, self.network))}. Wrap yours: lambda {', '.join(self.data)}: "
                f"{self._name()}(...)."
            )
        if X is None:
            return [], {}
        values = [self._value(role, X, Y, "biases" in roles) for role in roles]
        by_place = len(values) - len(self.named)
        return values[:by_place], dict(zip(self.named, values[by_place:], strict=True))

    def _name(self) -> str:
        return getattr(self.function, "__name__", self.what).replace("<lambda>", "f")

    def _value(self, role: str, X: Array, Y: Array | None, apart: bool) -> Any:
        if role == "network":
            return self.network.copy()
        if role in {"X", "Y"}:
            return self._made(self._rows(X if role == "X" else Y))
        arrays = {name: self._made(self._laid(self.network[name])) for name in self.network}
        if role == "params":
            return Parameters(arrays)
        if role in {"weights", "biases"}:
            bias = {name: self.network[name].ndim == 1 for name in arrays}
            return [array for name, array in arrays.items() if not apart or bias[name] == (role == "biases")]
        return arrays[role]

    def _made(self, array: Any) -> Any:
        return array if self.convert is None else self.convert(array)

    def _rows(self, array: Any) -> Any:
        """Give rows as the learner has them; the learner's own copy."""
        array = np.array(array)
        return np.ascontiguousarray(np.atleast_2d(array.T)) if self.layout == "columns" and array.ndim <= 2 else array

    def _laid(self, array: Array) -> Array:
        """Give a parameter as the learner has it; a copy."""
        if self.layout == "inputs" or (array.ndim == 1 and self.layout == "units"):
            return array.copy()
        return array[:, np.newaxis].copy() if array.ndim == 1 else np.ascontiguousarray(as_units(array))


def _on_a_copy(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a method of a copy of its object; any other function, or where there is no copy, as it is."""
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if owner is None or inspect.ismodule(owner) or inspect.isclass(owner):
        return function
    try:
        return getattr(copy.deepcopy(owner), name)  # type: ignore[no-any-return]
    except Exception:  # noqa: BLE001  any may be raised by a class of the learner's
        return function


def _changes(before: dict[str, Any], after: dict[str, Any], what: str) -> list[str]:
    """Say which parameters a function has changed in place."""
    changed = [name for name, array in after.items() if name in before and not np.array_equal(before[name], array)]
    if not changed:
        return []
    names = ", ".join(map(short_name, changed))
    return [f"{what} changes {names} while it works: what is computed after it is computed with the new values"]


def checked_layout(layout: Any) -> Layout:
    """Give the layout. Errors: a BacklitError for another."""
    if layout not in LAYOUTS:
        raise BacklitError(
            f'layout is {layout!r}; expected "inputs" for weights (inputs, units), "units" for (units, inputs), '
            'as PyTorch has them, or "columns" for those with a column for each row of the data.'
        )
    return layout  # type: ignore[no-any-return]
