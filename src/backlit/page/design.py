"""What is trained and how, as plain data: the tables `[network]` and `[training]` of a network file."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from backlit.examples import Setup, setup_of
from backlit.ops.base import Layer, Op


class Design(msgspec.Struct, frozen=True, dict=True):
    """A network and its training as the tables of a network file say them, so that one writes the other.

    `network` has the keys of `[network]`, `training` those of `[training]`.

    >>> Design({"inputs": 2, "layers": [{"units": 1}]}, {"epochs": 5}).setup().build().parameters.size
    3
    """

    network: dict[str, Any]
    training: dict[str, Any] = {}

    def setup(self) -> Setup:
        """Check the tables and give the run that they describe, without rows.

        Errors: a MisfitError that says which key of which table does not fit.
        """
        return self._setup

    @cached_property
    def _setup(self) -> Setup:
        return setup_of(self.tables())

    def tables(self) -> dict[str, Any]:
        """Give the tables as a network file has them."""
        return {"network": self.network, "training": self.training}


def layer_table(layer: Layer) -> dict[str, Any]:
    """Give a layer as the table of a network file, without settings that it has by default."""
    found = op_table(layer)
    if found["op"] == "dense":
        del found["op"]
    return found


def op_table(op: Op) -> dict[str, Any]:
    """Give an op's name and its settings as plain data, without settings that it has by default."""
    usual = {field.name: field.default for field in msgspec.structs.fields(type(op))}
    return {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in op.to_dict().items()
        if key == "op" or not _is_usual(value, usual.get(key))
    }


def _is_usual(value: Any, usual: Any) -> bool:
    if value is None:
        return True
    return type(value) is type(usual) and not isinstance(value, np.ndarray) and bool(value == usual)


def difference(one: Design, other: Design) -> str:
    """Say in a few words what a design has that another one has not: its values of the settings that differ.

    >>> one, other = ({"network": {"layers": [{"units": k}]}, "training": {"seed": 0, "epochs": k}} for k in (5, 6))
    >>> difference(Design(**one), Design(**other))
    'units 5, epochs 5'
    """
    mine, theirs = _leaves(one), _leaves(other)
    said = [f"{name} {mine[name]}" if name in mine else f"no {name}" for name in {**mine, **theirs}
            if mine.get(name) != theirs.get(name)]  # fmt: skip
    return ", ".join([*said[:MOST_SAID], *(["…"] if len(said) > MOST_SAID else [])]) or "another network"


MOST_SAID = 2
"""Of more settings that differ, so many are named."""


def _leaves(design: Design) -> dict[str, str]:
    """Give the settings by short names: those of the network, then those of the training, steps by their parts."""
    found: dict[str, str] = {}
    for key, value in {**design.network, **design.training}.items():
        if key == "layers":
            found["units"] = "-".join(str(layer.get("units", "…")) for layer in value)
            found["activation"] = "-".join(str(layer.get("activation", "identity")) for layer in value)
        elif isinstance(value, dict):
            found |= {key if part == "op" else part: _short(one) for part, one in value.items()}
        elif key not in {"inputs", "loss"} or not isinstance(value, list):
            found[key] = _short(value)
    return found


def _short(value: Any) -> str:
    words = f"{value:g}" if isinstance(value, float) else str(value)
    return words if len(words) <= 20 else f"{words[:19]}…"
