"""A network's weights in PyTorch's order and shapes, and back; PyTorch itself is not needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from backlit.engine import Network
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array
from backlit.model.torch_arrays import Laid, laid_out, ours, theirs, written
from backlit.ops.base import Layer
from backlit.ops.layers.through_time import ThroughTime


def torch_weights(network: Network, names: Any = None) -> dict[str, Array]:
    r"""Give a network's parameters and running statistics as a PyTorch module of the same layers has them.

    Layer by layer, with W, U, b ours:

    * `Linear.weight` = Wᵀ (units, inputs); `Embedding.weight` = W (count, size).
    * `Conv2d.weight` (filters, channels / groups, rows, columns), `Conv1d.weight` (filters, channels / groups, size): W
      with its last two axes in front, the other way round.
    * `weight_ih_l0` = Wᵀ, `weight_hh_l0` = Uᵀ, with the gates i, f, g, o (LSTM) and r, z, n (GRU) in that order, as
      here. Of PyTorch's two biases `bias_ih_l0` = b and `bias_hh_l0` = 0, but for a GRU's gate n, whose second bias is
      the last part of b: r scales it. The second direction of a bidirectional layer is called `..._l0_reverse`.
    * Normalization's weight and bias are gamma and beta.
    * PyTorch flattens a picture channel by channel. So the rows of a dense layer behind Flatten, and normalization
      there, are put in that order; so it is with sequences that a convolution, pooling or upsampling wrote. Other
      sequences are flattened step by step in both.

    Args:
        network: the network.
        names: what to call the arrays: the names of the module's `state_dict()`, which are taken in their order. By
            default the layer's label and the name in PyTorch: "1.weight".

    Returns:
        The arrays by name, in the order of a state_dict, C-contiguous copies of the network's dtype. Layers of one tie
        are each there, as a module that is used twice is in PyTorch.

    Errors: a BacklitError for a layer of parameters whose order in PyTorch is not known, for a network that its modules
    could not rebuild, and where `names` are not as many as the arrays.

    Source: PyTorch 2.13's documentation of `Linear`, `Conv2d`, `GRU`, `LSTM`, `RNN`, `Embedding`, `BatchNorm1d`.

    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(3, "tanh"), Dense(1)], inputs=2)
    >>> {name: array.shape for name, array in torch_weights(network).items()}
    {'1.weight': (3, 2), '1.bias': (3,), '2.weight': (1, 3), '2.bias': (1,)}
    >>> list(torch_weights(network, names=["0.weight", "0.bias", "2.weight", "2.bias"]))
    ['0.weight', '0.bias', '2.weight', '2.bias']

    With PyTorch: `module.load_state_dict({name: torch.from_numpy(array) for name, array in torch_weights(network,
    module.state_dict()).items()})`.
    """
    found: dict[str, Array] = {}
    for layer in _layers(network):
        for name, array in layer.theirs().items():
            found[name] = np.array(array, order="C")
    if names is None:
        return found
    given = list(names)
    if len(given) != len(found):
        raise BacklitError(
            f"names has {counted(len(given), 'name')}; the network has {counted(len(found), 'array')}: "
            f"{', '.join(found)}. Expected the names of the state_dict of a module with the same layers."
        )
    return dict(zip(given, found.values(), strict=True))


def set_torch_weights(network: Network, state: Mapping[str, Any]) -> None:
    """Write a PyTorch module's `state_dict()` into a network of the same layers: the inverse of `torch_weights`.

    Args:
        network: the network, which is changed.
        state: the arrays, or PyTorch's tensors on the CPU. Their names may be any, since they are taken in their order;
            where they are the names that `torch_weights` gives, they may come in any order.

    A recurrent layer's two biases are added, but for a GRU's gate n, which has both. `num_batches_tracked` is not used.

    Errors: a BacklitError that names the first array whose shape does not fit, with the shape that does; then the
    network is left as it was. And where there are too few or too many arrays, where layers of one tie are given
    different values, or units that share a bias different biases.

    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(3, "tanh"), Dense(1)], inputs=2)
    >>> twin = Network([Dense(3, "tanh"), Dense(1)], inputs=2, seed=1)
    >>> set_torch_weights(twin, torch_weights(network))
    >>> bool((twin["1.W"] == network["1.W"]).all())
    True
    """
    layers = list(_layers(network))
    wanted = {name: np.shape(array) for layer in layers for name, array in layer.theirs().items()}
    given = _matched(state, wanted)
    values: dict[str, Array] = {}
    for layer in layers:
        for name, array in layer.ours(given).items():
            if name in values and not np.array_equal(values[name], array):
                raise BacklitError(
                    f"layer {layer.label} shares {name} with another layer by a tie; the state has other values for it "
                    "in each place. Expected the same values."
                )
            values[name] = array
    for name, array in values.items():
        network[name] = array


def _matched(state: Mapping[str, Any], wanted: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Give the state's arrays by our names for them."""
    if not isinstance(state, Mapping):
        raise BacklitError(f"state is {type(state).__name__}; expected arrays by name, such as module.state_dict().")
    kept = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    ours_only = [name for name in wanted if not name.endswith("num_batches_tracked")]
    if len(kept) != len(ours_only):
        raise BacklitError(
            f"state has {counted(len(kept), 'array')} ({', '.join(kept)}); the network has "
            f"{counted(len(ours_only), 'array')} ({', '.join(ours_only)}). Expected those of a module with the same "
            "layers, one after another."
        )
    pairs = [(name, name) for name in ours_only] if set(kept) == set(ours_only) else zip(ours_only, kept, strict=True)
    found = {}
    for name, key in pairs:
        array = np.asarray(kept[key])
        if array.shape != wanted[name]:
            raise BacklitError(
                f"state's {key!r} has shape {array.shape}; the network expects {wanted[name]} there, for {name}. The "
                "module's layers must be the network's, in their order."
            )
        found[name] = array
    return found


class _Learned:
    """A layer with parameters: its arrays, and what PyTorch calls them."""

    def __init__(self, network: Network, op: Layer, label: str, names: tuple[str, ...], laid: Laid) -> None:
        self.network, self.op, self.label, self.order = network, op, label, laid.order
        shared = network.graph.shared
        self.names = {name: shared.get(f"{label}.{name}", f"{label}.{name}") for name in names}
        self.prefix, self.suffix = f"{label}.", ""
        if isinstance(op, ThroughTime):
            forward = _forward_of(network, label)
            self.prefix = f"{forward.removesuffix('a.1')}." if forward else self.prefix
            self.suffix = "_l0_reverse" if forward and forward != label else "_l0"

    def theirs(self) -> dict[str, Array]:
        """Give PyTorch's arrays by name."""
        own = {name: self.network[place] for name, place in self.names.items()}
        arrays = theirs(self.op, self.label, own, self.order)
        return {f"{self.prefix}{name}{self.suffix}": array for name, array in arrays.items()}

    def ours(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """Give our arrays, by their names in the network, of PyTorch's."""
        cut = slice(len(self.prefix), -len(self.suffix) or None)
        own = {name[cut]: given[name] for name in self.theirs() if name in given}
        return {self.names[name]: array for name, array in ours(self.op, self.label, own, self.order).items()}


def _layers(network: Network) -> Iterator[_Learned]:
    """Give the layers with parameters, each with the order of what it reads, and refuse what PyTorch could not do."""
    graph = network.graph
    laid = laid_out(graph.inputs)
    for node, shapes in zip(graph.nodes, graph.shapes, strict=True):
        read = [laid[name] for name in node.reads]
        laid[node.writes] = written(node.op, node.label, read, [graph.rows[name] for name in node.reads])
        names = tuple(shapes.parameters) + tuple(shapes.state)
        if names:
            yield _Learned(network, node.op, node.label, names, read[0])


def _forward_of(network: Network, label: str) -> str:
    """Give the label of the first direction where a recurrent layer is one of the two of a bidirectional one, or ""."""
    ahead, mark, _ = label.rpartition(".")
    if mark and ahead.endswith(("a", "b")):
        pair = [f"{ahead[:-1]}{letter}.1" for letter in "ab"]
        ops = {node.label: node.op for node in network.graph.nodes if isinstance(node.op, ThroughTime)}
        if all(name in ops for name in pair) and not ops[pair[0]].reverse and ops[pair[1]].reverse:
            return pair[0]
    return ""
