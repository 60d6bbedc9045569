"""The layers, sizes and loss of a network, with its parameters in one flat vector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from backlit.engine.arguments import known_arguments
from backlit.engine.program.graph import Graph, checked_shape, layout_size
from backlit.engine.row_shapes import as_matrix, check_whole_numbers, one_row_of, shapes_that_fit, whole_numbers_of
from backlit.engine.unlearnable import refuse_constant
from backlit.engine.wiring import nodes_of
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array
from backlit.ops.base import Interval, Layer, Loss, Shape
from backlit.ops.initializers import fill
from backlit.ops.registry import activations, layer_from_dict, losses, make_layer

DTYPES = ("float32", "float64")


class Architecture:
    """What a person describes: layers, sizes, a loss; and the parameters that go with them, in one flat vector.

    `Network` adds prediction, and describes the arguments and attributes.
    """

    @known_arguments("Network")
    def __init__(
        self, layers: Iterable[Layer | str], inputs: int | Shape | Mapping[str, int | Shape],
        loss: Loss | str = "half_squared_error", *,
        dtype: npt.DTypeLike = "float64", seed: int | np.random.Generator = 0,
    ) -> None:  # fmt: skip
        if isinstance(layers, (str, Layer)) or not isinstance(layers, Iterable):
            raise BacklitError(
                f"layers is {layers!r}; expected a list of layers, such as [Dense(16, 'relu'), Dense(1)]."
            )
        self.layers = tuple(make_layer(layer) for layer in layers)
        if not self.layers:
            raise BacklitError("a network needs at least one layer, such as Dense(1).")
        given = _inputs(inputs)
        self._build(Graph(given, nodes_of(self.layers, given)), loss, dtype, seed)

    @classmethod
    def from_graph(
        cls, graph: Graph, loss: Loss | str = "half_squared_error", *, dtype: npt.DTypeLike = "float64",
        seed: int | np.random.Generator = 0,
    ) -> Self:  # fmt: skip
        """Build the network of a graph, which need not be a chain of layers; it cannot be written to a file yet."""
        network = cls.__new__(cls)
        network.layers = ()
        network._build(graph, loss, dtype, seed)
        return network

    def _build(self, graph: Graph, loss: Loss | str, dtype: npt.DTypeLike, seed: Any) -> None:
        """Set up everything but the layers, and draw the parameters."""
        self.graph = graph
        self.inputs, self.output_size = graph.input_size, graph.output_size
        self.loss: Loss = losses.make(loss)
        self.dtype = _dtype(dtype)
        self.ops = [node.op for node in graph.nodes]
        self.labels = [node.label for node in graph.nodes]
        self.shapes, self.frozen = graph.shapes, graph.frozen
        if graph.reach is not None:
            _refuse_unfit_loss(self.loss, self.layers[-1] if self.layers else self.ops[-1], graph.reach)
        refuse_constant(graph, self.loss)
        self.whole_numbers = whole_numbers_of(graph)
        self.layout, self.state_layout = graph.layout, graph.state_layout
        self.parameters = np.zeros(layout_size(self.layout), self.dtype)
        self.state = np.zeros(layout_size(self.state_layout), self.dtype)
        self._initialize(_generator(seed))

    def _initialize(self, rng: np.random.Generator) -> None:
        """Draw the parameters in their order."""
        for name, (_, shape) in self.layout.items():
            label, _, array = name.rpartition(".")
            self[name] = fill(self.graph.owners[name].initial(array), shape, rng, f"layer {label}, {array}")
        for name in self.state_layout:
            self[name] = self.graph.owners[name].initial(name.rpartition(".")[2])

    def __getitem__(self, name: str) -> Array:
        """Give the view of a parameter by its name, such as "1.W"."""
        if name in self.state_layout:
            return self._state_view(name)
        try:
            offset, shape = self.layout[self.graph.shared.get(name, name)]
        except KeyError:
            known = ", ".join([*self.layout, *self.state_layout])
            raise KeyError(f"the network has no parameter {name!r}; it has {known}.") from None
        return self.parameters[offset : offset + int(np.prod(shape))].reshape(shape)

    def _state_view(self, name: str) -> Array:
        offset, shape = self.state_layout[name]
        return self.state[offset : offset + int(np.prod(shape))].reshape(shape)

    def __setitem__(self, name: str, value: Any) -> None:
        """Write new values into a parameter."""
        view, given = self[name], _numbers(name, value, self.dtype)
        if given.shape != view.shape and given.size != 1:
            raise BacklitError(f"{name} is given values of shape {given.shape}; the network expects {view.shape}.")
        view[...] = given

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; new parameters, or state, are written into the vector that there is: kernels know it."""
        if name not in {"parameters", "state"} or name not in self.__dict__:
            super().__setattr__(name, value)
            return
        vector = self.__dict__[name]
        values = np.asarray(value)
        if values.shape != vector.shape:
            raise BacklitError(f"{name} has shape {values.shape}; the network expects {vector.shape}.")
        vector[:] = values

    def __iter__(self) -> Iterator[str]:
        """Name the parameters in their order."""
        return iter(self.layout)

    def check_inputs(self, X: Any) -> Array:
        """Give X as a C-contiguous matrix (n, inputs) of the network's dtype, or say what is wrong with it.

        X is a matrix, or has rows in the inputs' shape; with several inputs it may be {name: rows}. Numbers that a
        layer takes for whole ones, such as those of categories, are checked.
        """
        array = as_matrix(X, self.graph.inputs, self.inputs, lambda name, given: _numbers(name, given, self.dtype))
        check_whole_numbers(self.graph, self.whole_numbers, array)
        return array

    @property
    def output_shape(self) -> Shape:
        """The shape of a row of the outputs."""
        return self.graph.rows[self.graph.output]

    def check_targets(self, Y: npt.ArrayLike, rows: int) -> Array:
        """Give the targets as a matrix (n, outputs), or one column of class numbers if the loss takes them.

        Of outputs with several axes they may come in the outputs' shape.
        """
        given, shape = np.asarray(Y), self.output_shape
        array = _numbers("Y", given.reshape(-1, 1) if given.ndim == 1 else given, self.dtype)
        if len(shape) > 1 and array.shape[1:] in shapes_that_fit(shape):
            array = array.reshape(len(array), self.output_size)
        numbered = self.loss.class_targets and array.ndim == 2 and array.shape[1] == 1 and self.output_size > 1
        if array.ndim != 2 or array.shape[0] != rows or (array.shape[1] != self.output_size and not numbered):
            also = ", or (n,) class numbers" if self.loss.class_targets else ""
            also += f", or {(rows, self.output_size)}" if len(shape) > 1 else ""
            raise BacklitError(
                f"Y has shape {given.shape} beside {counted(rows, 'row')} of X; the network expects "
                f"{(rows, *shape)}{also}.{one_row_of(shape)}"
            )
        if numbered and array.size:
            low, high = array.min(), array.max()
            if not (low >= 0 and high < self.output_size and np.array_equal(array, np.floor(array))):
                raise BacklitError(
                    f"Y holds class numbers from {low:g} to {high:g}; {self.output_size} outputs take whole "
                    f"numbers from 0 to {self.output_size - 1}."
                )
        elif array.size:
            self._check_range(array)
        return array

    def _check_range(self, targets: Array) -> None:
        """Refuse targets for which the loss is not defined, such as labels -1 and 1 in the place of 0 and 1."""
        low, high = self.loss.targets
        if targets.min() < low or targets.max() > high:
            raise BacklitError(
                f"Y holds values from {targets.min():g} to {targets.max():g}; the loss {self.loss.name!r} expects "
                f"targets {_interval(self.loss.targets)}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Describe layers, inputs, loss and dtype as plain data, without the parameters' values."""
        if not self.layers:
            raise BacklitError("a network built from a graph cannot be written down yet; a chain of layers can.")
        plain = {name: row[0] if len(row) == 1 else list(row) for name, row in self.graph.inputs.items()}
        return {
            "layers": [layer.to_dict() for layer in self.layers],
            "inputs": plain["X"] if list(plain) == ["X"] else plain,
            "loss": self.loss.to_dict(),
            "dtype": self.dtype.name,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build the network that `to_dict` described, with fresh parameters."""
        chain = [layer_from_dict(layer) for layer in data["layers"]]
        return cls(chain, data["inputs"], losses.from_dict(data["loss"]), dtype=data["dtype"])

    def copy(self, dtype: npt.DTypeLike | None = None) -> Self:
        """Give a network of the same layers and values, in another dtype if asked."""
        twin = type(self).from_graph(self.graph, self.loss, dtype=dtype or self.dtype)
        twin.layers = self.layers
        twin.parameters[:] = self.parameters
        twin.state[:] = self.state
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what holds addresses of this process."""
        vectors = {"parameters": self.parameters, "state": self.state}
        if self.layers:
            return vectors | {"description": self.to_dict()}
        return vectors | {"graph": self.graph, "loss": self.loss, "dtype": self.dtype.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild the network and its views from the flat vectors."""
        if "graph" in state:
            twin = type(self).from_graph(state["graph"], state["loss"], dtype=state["dtype"])
        else:
            twin = type(self).from_dict(state["description"])
        self.__dict__.update(twin.__dict__)
        self.parameters[:] = state["parameters"]
        self.state[:] = state["state"]

    def __repr__(self) -> str:
        """Name the layers' sizes and activations, the loss and the number of parameters."""
        rows = {name: str(row[0] if len(row) == 1 else row) for name, row in self.graph.inputs.items()}
        start = rows["X"] if list(rows) == ["X"] else " + ".join(f"{name} {row}" for name, row in rows.items())
        sizes = " -> ".join([start, *(layer.summary() for layer in self.layers or self.ops)])
        return f"Network({sizes}; {self.loss.name}; {counted(self.parameters.size, 'parameter')}, {self.dtype.name})"


def graph_of(layers: Iterable[Layer | str], inputs: int | Shape | Mapping[str, int | Shape]) -> Graph:
    """Give the graph of layers, as `Network` takes them, without making any parameter.

    Errors: a BacklitError where sizes do not fit.

    >>> from backlit.ops.layers.dense import Dense
    >>> graph_of([Dense(3), Dense(1)], 4).layout["2.W"]
    (15, (3, 1))
    """
    given = _inputs(inputs)
    return Graph(given, nodes_of(tuple(make_layer(layer) for layer in layers), given))


def _inputs(given: Any) -> dict[str, Shape]:
    """Give the shape of a row of each input, by its name: that of X for a number of columns or a shape."""
    if isinstance(given, Mapping) and not given:
        raise BacklitError("inputs is {}; expected the shape of each input by its name, such as {'image': (8, 8, 1)}.")
    shapes = {name: _row(shape) for name, shape in given.items()} if isinstance(given, Mapping) else {"X": _row(given)}
    return {name: checked_shape(name, shape) for name, shape in shapes.items()}


def _row(inputs: Any) -> Shape:
    """Give the shape of a row of X for so many columns, or a shape."""
    if isinstance(inputs, (tuple, list)):
        return tuple(inputs)
    if isinstance(inputs, bool) or not isinstance(inputs, (int, np.integer)) or inputs < 1:
        raise BacklitError(f"inputs is {inputs!r}; expected the number of columns of X, at least 1.")
    return (int(inputs),)


def _dtype(given: npt.DTypeLike) -> np.dtype[Any]:
    try:
        dtype = np.dtype(given)
    except TypeError:
        dtype = None
    if dtype is None or dtype.name not in DTYPES:
        raise BacklitError(f"dtype is {given!r}; expected 'float32' or 'float64'.")
    return dtype


def _refuse_unfit_loss(loss: Loss, last: Layer, reach: Interval) -> None:
    """Refuse a loss that is not defined everywhere in `reach`, where the last layer's outputs lie, and say what fits.

    What a loss is fused with was made for it, so it comes first; other activations fit by what they declare.
    """
    low, high = loss.outputs
    if low <= reach[0] and reach[1] <= high:
        return
    fitting = [name for name, cls in activations.items() if getattr(cls, "outputs", None) == loss.outputs]
    activation, *others = [*dict.fromkeys([*loss.fused, *fitting])] or ["an activation of such outputs"]
    advice = f"End the network in {activation}" + (f" (or {', '.join(others)})" if others else "")
    unactivated = [name for name in loss.fused.values() if getattr(losses[name], "outputs", None) == reach]
    if unactivated:
        advice += f", or keep it and take the loss {unactivated[0]!r}, which expects such outputs"
    raise BacklitError(
        f"the loss {loss.name!r} is defined for outputs {_interval(loss.outputs)}; the last layer "
        f"({last.summary()}) gives outputs {_interval(reach)}. {advice}."
    )


def _interval(ends: Interval) -> str:
    """Give an interval in words."""
    low, high = ends
    if np.isfinite(high):
        return f"from {low:g} to {high:g}" if np.isfinite(low) else f"of at most {high:g}"
    return f"of at least {low:g}" if np.isfinite(low) else "of any size"


def _generator(seed: Any) -> np.random.Generator:
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise BacklitError(f"seed is {seed!r}; expected a whole number of at least 0, or a Generator.") from None


def _numbers(name: str, given: Any, dtype: np.dtype[Any]) -> Array:
    """Give an array of the network's type, or say that the values are no numbers; too large ones become infinite."""
    if isinstance(given, np.ndarray) and given.dtype == dtype and given.ndim and given.flags.c_contiguous:
        return given
    if hasattr(given, "toarray") and hasattr(given, "nnz"):
        raise BacklitError(
            f"{name} is a sparse {type(given).__name__} of shape {given.shape}; expected a dense array: give "
            f"{name}.toarray()."
        )
    try:
        if np.iscomplexobj(given):
            raise TypeError("they are complex")
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(given, dtype=dtype)
    except (TypeError, ValueError) as error:
        advice = "encode it as a matrix first"
        if "inhomogeneous" in str(error):
            raise BacklitError(
                f"{name} does not hold rows of numbers of one shape; expected all alike. Pad shorter sequences with "
                "zeros at the end, and say how long each is by lengths= of the recurrent layers."
            ) from None
        if name == "Y":
            advice += ": classes, Y = np.unique(Y, return_inverse=True) makes class numbers of names"
        raise BacklitError(f"{name} does not hold rows of numbers ({error}); {advice}.") from None
