"""What is trained and how, as plain data: the tables `[network]` and `[training]` of a network file."""

from __future__ import annotations

from typing import Any

import msgspec

from backlit.examples import Setup, setup_of


class Design(msgspec.Struct, frozen=True):
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
        return setup_of(self.tables())

    def tables(self) -> dict[str, Any]:
        """Give the tables as a network file has them."""
        return {"network": self.network, "training": self.training}
