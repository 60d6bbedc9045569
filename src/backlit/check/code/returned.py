"""What a learner's function gave, as NumPy arrays with the names under which it gave them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from backlit.errors import BacklitError
from backlit.kernels.types import Array

Path = tuple[Any, ...]
"""The keys and places under which an array lies in what was given."""

NUMBERS = "biuf"
DEEPEST = 20
"""Dictionaries and lists within one another, at most; one that holds itself has no end."""

PREFIX = re.compile(
    r"^(?:d[A-Za-z]{1,2}[_/]?d|∂[A-Za-z]*/?∂|grads?_?|gradient_?|delta_?|nabla_?|∇|d_?|g_)(?=[A-Za-z\d])"
)
KEPT = re.compile(r"(?i)(?:[wbu]|weights?|bias(?:es)?|kernels?)_?\d*")
"""What an attribute is called that holds a gradient, without what says so."""


class Given(NamedTuple):
    """An array as it was given: under which path, and its numbers; None where it is None or no array."""

    path: Path
    array: Array | None
    problem: str = ""

    @property
    def name(self) -> str:
        """The path as text: "W1" of a dictionary, "[0]" of a list."""
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")


def as_array(value: Any) -> Array | None:
    """Give numbers as a NumPy array: of NumPy, PyTorch, JAX, nested lists; None where they are none.

    >>> as_array([[1, 2], [3, 4]]).shape, as_array("no"), as_array([[1], [2, 3]])
    ((2, 2), None, None)
    """
    for method in ("detach", "cpu"):
        if callable(getattr(value, method, None)):
            value = getattr(value, method)()
    if callable(getattr(value, "numpy", None)) and not isinstance(value, np.ndarray):
        value = value.numpy()
    if value is None or isinstance(value, (str, bytes, Mapping)):
        return None
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # PyTorch's own of a list of its parameters
        return None
    return array if array.dtype.kind in NUMBERS else None


def as_units(array: Array) -> Array:
    """Give a weight array of ours with the units, or filters, first, as PyTorch has it.

    >>> as_units(np.zeros((2, 3))).shape, as_units(np.zeros((5, 5, 2, 3))).shape
    ((3, 2), (3, 2, 5, 5))
    """
    return np.moveaxis(array, (-1, -2), (0, 1)) if array.ndim > 1 else array


def of_units(array: Array) -> Array:
    """Give a weight array with the units first as ours: the inverse of `as_units`."""
    return np.moveaxis(array, (0, 1), (-1, -2)) if array.ndim > 1 else array


def holds_gradients(value: Any) -> bool:
    """Tell whether something is a module of PyTorch, whose parameters hold their gradients."""
    return callable(getattr(value, "named_parameters", None))


def kept_gradients(learner: Any) -> dict[str, Any]:
    """Give the gradients that an object of a learner's keeps, by its attributes: `dW1`, `grads`, `grad_b2` ...

    >>> from types import SimpleNamespace
    >>> kept_gradients(SimpleNamespace(W1=np.zeros(2), dW1=np.ones(2), rate=0.1))
    {'dW1': array([1., 1.])}
    """
    own = {name: value for name, value in getattr(learner, "__dict__", {}).items() if value is not None}
    for name in ("grads", "gradients", "grad", "gradient"):
        if name in own and not callable(own[name]):
            return {name: own[name]}
    plain = {name: plain_name(name) for name in own}
    return {name: own[name] for name, rest in plain.items() if rest != name.strip("_") and KEPT.fullmatch(rest)}


def plain_name(text: str) -> str:
    """Give a name without what says that it is a gradient.

    >>> [plain_name(name) for name in ("dW1", "dE/dW1", "grad_W1", "dLdW1", "W1")]
    ['W1', 'W1', 'W1', 'W1', 'W1']
    """
    return PREFIX.sub("", text.strip("_"))


def given_arrays(given: Any, sizes: Sequence[tuple[int, ...]]) -> tuple[list[Given], float | None]:
    """Give all arrays of what a function gave, and the loss where it gave (loss, gradients).

    `sizes` are the shapes of the gradients that are expected.

    Errors: a BacklitError for None and for what holds no arrays.
    """
    if given is None:
        raise BacklitError("my_backward gave None; expected gradients. Does it end with a return?")
    if holds_gradients(given):
        given = dict(given.named_parameters())
    elif isinstance(given, Iterator):
        given = list(given)
    elif as_array(given) is None and not _holds_arrays(given, sizes):
        given = kept_gradients(given) or given
    loss = None
    for k in (0, 1) if isinstance(given, tuple) and len(given) == 2 else ():
        scalar, other = None if _holds_arrays(given[k], sizes) else as_array(given[k]), given[1 - k]
        if scalar is not None and scalar.ndim == 0 and (_holds_arrays(other, sizes) or is_flat(as_array(other), sizes)):
            loss, given = float(scalar), other
            break
    found = [*_leaves(given, (), sizes)]
    if all(one.array is None or not one.array.ndim or not one.array.size for one in found):
        problems = [f" ({one.name}: {one.problem})" for one in found if one.problem and one.name]
        raise BacklitError(
            f"my_backward gave {shortly(given)}{problems[0] if problems else ''}; expected gradients: a dictionary of "
            "arrays by their names, a list of arrays in the network's order, or one vector of all."
        )
    return found, loss


def shortly(given: Any) -> str:
    """Say what was given: its text where that is short, else what kind of thing it is."""
    try:
        text = repr(given)
    except RecursionError:  # lists of a thousand levels
        text = ""
    return text if 0 < len(text) <= 60 else f"a {type(given).__name__}"


def _kind_of(value: Any) -> str:
    """Say what stands where an array is expected."""
    if value is None or isinstance(value, str):
        return repr(value)
    dtype = getattr(value, "dtype", None)
    return f"numbers of type {dtype}" if dtype is not None else f"a {type(value).__name__}"


def is_flat(array: Array | None, sizes: Sequence[tuple[int, ...]]) -> bool:
    """Tell whether an array has as many numbers as all gradients together."""
    return array is not None and len(sizes) > 1 and array.size == sum(map(math.prod, sizes))


def _holds_arrays(value: Any, sizes: Sequence[tuple[int, ...]]) -> bool:
    """Tell whether something holds arrays, and is not one itself."""
    if isinstance(value, Mapping) or hasattr(value, "_asdict"):
        return True
    if not isinstance(value, (list, tuple)):
        return isinstance(value, np.ndarray) and value.dtype == object
    if any(part is None or isinstance(part, (Mapping, tuple)) or getattr(part, "shape", ()) for part in value):
        return True
    array = as_array(value)
    if array is None:  # lists of several lengths
        return True
    fits = {*sizes, *(shape[::-1] for shape in sizes)}
    return array.shape not in fits and len(value) == len(sizes) and any(isinstance(part, list) for part in value)


def _leaves(value: Any, path: Path, sizes: Sequence[tuple[int, ...]]) -> Iterator[Given]:
    """Give the arrays that a container holds, from first to last.

    Errors: a BacklitError where containers are nested too deeply, or one holds itself.
    """
    if len(path) > DEEPEST:
        raise BacklitError(
            f"my_backward gave containers of more than {DEEPEST} levels, or one that holds itself; expected a "
            "dictionary or a list of arrays."
        )
    if not _holds_arrays(value, sizes):
        if getattr(value, "requires_grad", False) and getattr(value, "is_leaf", False):  # a parameter of PyTorch
            value = value.grad
            said = "its .grad is None: call loss.backward() before"
        else:
            said = f"{_kind_of(value)} in the place of an array"
        array = as_array(value)
        yield Given(path, array, "" if array is not None else said)
        return
    parts = value._asdict() if hasattr(value, "_asdict") else value
    for key, part in parts.items() if isinstance(parts, Mapping) else enumerate(parts):
        yield from _leaves(part, (*path, key), sizes)
