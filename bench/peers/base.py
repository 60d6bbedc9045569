"""What a peer is: something that trains a workload's network from the same weights, as often as asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from bench.workloads import Array, Problem, Workload


class CannotError(Exception):
    """A peer cannot do a workload; the message says why."""


class Peer(ABC):
    """A workload made ready in one library.

    Building it may take as long as it likes: models, compilation and copies of the data are not measured. `reset` goes
    back to the initial weights, unmeasured; `train` runs `workload.epochs` epochs from there, measured; `weights` gives
    what has come of it, in the order of `Problem.weights`, or None where the loss cannot be compared.
    """

    packages: ClassVar[tuple[str, ...]] = ()
    note: str = ""

    def __init__(self, workload: Workload, problem: Problem) -> None:
        self.workload = workload
        self.problem = problem
        self.build()

    @abstractmethod
    def build(self) -> None:
        """Make everything ready, or raise CannotError."""

    @abstractmethod
    def reset(self) -> None:
        """Go back to the initial weights and a fresh optimizer."""

    @abstractmethod
    def train(self) -> None:
        """Do the measured work."""

    @abstractmethod
    def weights(self) -> list[Array] | None:
        """Give the weights as they are now."""
