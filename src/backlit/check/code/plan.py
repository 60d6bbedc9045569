"""A training that is to be made: a network, rows, settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from backlit.engine import Network, TrainingSettings
from backlit.kernels.types import Array

COMPILED_FROM = 5_000_000
"""Products of parameters, rows and epochs from which a training is compiled."""

Orders = Callable[[], Callable[[], Array]]
"""Makes what gives the order of the rows of each epoch."""


class Plan(msgspec.Struct, frozen=True):
    """A training that is to be made: a network that stays as it is, rows, settings of `Training`.

    `validation` are rows whose loss is measured too; `orders` makes what gives the order of the rows of each epoch.
    """

    network: Network
    X: Array
    Y: Array
    settings: Mapping[str, Any]
    validation: tuple[Any, ...] | None = None
    orders: Orders | None = None

    def for_losses(self, count: int) -> Plan:
        """Give the same, for so many losses, to the end: the epochs that are asked for, if they are as many."""
        given = self.settings.get("epochs") or 0
        epochs = given if given >= count - 1 and given else count
        asked = {**self.settings, "epochs": epochs, "signals": False}
        for name in ("target", "patience", "time_limit", "validation", "keep_best", "metrics", "callbacks", "progress"):
            asked.pop(name, None)
        return msgspec.structs.replace(self, settings=asked)

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of `Training` beside network and rows."""
        epochs = int(self.settings.get("epochs", 1))
        large = self.network.parameters.size * len(self.X) * epochs > COMPILED_FROM
        order = {} if self.orders is None else {"order": self.orders()}
        compiled = large and bool(self.settings.get("compiled", True))
        return {**self.settings, **order, "compiled": compiled, "divergence": "raise"}

    def training_settings(self) -> TrainingSettings:
        """Give the settings with the usual ones for those that are not given."""
        known = TrainingSettings.__struct_fields__
        return TrainingSettings(**{name: value for name, value in self.settings.items() if name in known})

    @property
    def batches(self) -> int:
        """How many steps an epoch has."""
        return -(-len(self.X) // self.training_settings().batch_rows(len(self.X)))

    @property
    def steps(self) -> int:
        """How many steps the training has."""
        return self.batches * int(self.settings.get("epochs", 1))

    @property
    def penalized(self) -> bool:
        """Whether the error has penalties."""
        return bool(self.settings.get("l1") or self.settings.get("l2"))

    def penalty(self, network: Network) -> float:
        """Give the penalties of the weights as they are."""
        if not self.penalized:
            return 0.0
        s = self.training_settings()
        arrays = [network[name] for name in network if network[name].ndim > 1 or s.decay_biases]
        return float(sum(s.l1 * np.abs(array).sum() + 0.5 * s.l2 * (array**2).sum() for array in arrays))

    def changed(self, **settings: Any) -> Plan:
        """Give the same with other settings."""
        return msgspec.structs.replace(self, settings={**self.settings, **settings})
