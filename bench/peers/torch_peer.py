"""PyTorch, eager and compiled, with its fused optimizers."""

from __future__ import annotations

import os
import shutil
from itertools import pairwise
from typing import Any

import torch

from bench.peers.base import CannotError, Peer
from bench.workloads import Array, divisor

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

ACTIVATIONS = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU, "silu": torch.nn.SiLU}


class Eager(Peer):
    """The usual loop; rows are shuffled once per epoch and batches are views, the optimizer is the fused one."""

    packages = ("torch",)

    def build(self) -> None:
        """Build the module."""
        workload, problem = self.workload, self.problem
        dtype = getattr(torch, workload.dtype)
        layers: list[torch.nn.Module] = []
        sizes = workload.sizes
        for k, m in pairwise(sizes[:-1]):
            layers.append(torch.nn.Linear(k, m, bias=not workload.batch_norm, dtype=dtype))
            if workload.batch_norm:
                layers.append(torch.nn.BatchNorm1d(m, dtype=dtype))
            layers.append(ACTIVATIONS[workload.activation]())
            if workload.dropout:
                layers.append(torch.nn.Dropout(workload.dropout))
        layers.append(torch.nn.Linear(sizes[-2], sizes[-1], dtype=dtype))
        if workload.loss == "half_squared_error" and workload.output == "sigmoid":
            layers.append(torch.nn.Sigmoid())
        self.model = torch.nn.Sequential(*layers)
        self.X: Any = torch.from_numpy(problem.X)
        self.T: Any = torch.from_numpy(problem.T if problem.labels is None else problem.labels)
        self.orders = torch.from_numpy(problem.orders)
        self.divisor = divisor(workload, workload.batch)
        self.error = self.compute_error

    def compute_error(self, X: Any, T: Any) -> Any:
        """Give the loss of a batch."""
        A = self.model(X)
        if self.workload.loss == "half_squared_error":
            return 0.5 * torch.nn.functional.mse_loss(A, T, reduction="sum") / self.divisor
        if self.workload.loss == "binary_cross_entropy":
            return torch.nn.functional.binary_cross_entropy_with_logits(A, T)
        return torch.nn.functional.cross_entropy(A, T)

    def reset(self) -> None:
        """Copy the weights in; weights of a linear layer are transposed in PyTorch."""
        with torch.no_grad():
            for parameter, weight in zip(self.model.parameters(), self.problem.weights, strict=True):
                parameter.copy_(torch.from_numpy(weight.T if weight.ndim == 2 else weight))
        parameters, rate = list(self.model.parameters()), self.workload.rate
        make: Any = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
        self.optimizer = make[self.workload.optimizer](parameters, lr=rate, fused=True)
        self.update = self.optimizer.step

    def train(self) -> None:
        """Loop over epochs and batches."""
        workload, X, T = self.workload, self.X, self.T
        self.model.train()
        for order in self.orders:
            if not workload.full_batch:
                X, T = self.X[order], self.T[order]
            for batch, targets in zip(X.split(workload.batch), T.split(workload.batch), strict=True):
                self.optimizer.zero_grad()
                self.error(batch, targets).backward()
                self.update()

    def weights(self) -> list[Array] | None:
        """Give the parameters, transposed back."""
        arrays = [parameter.detach().numpy() for parameter in self.model.parameters()]
        return [array.T if array.ndim == 2 else array for array in arrays]


class Compiling:
    """What a peer runs by `torch.compile`: model and loss, forward and backward; the update is one call already."""

    error: Any
    compute_error: Any

    def build(self) -> None:
        """Compile, which needs a C++ compiler."""
        if not any(shutil.which(name) for name in ("g++", "c++", "clang++")):
            raise CannotError("torch.compile needs a C++ compiler")
        super().build()  # type: ignore[misc]
        torch._dynamo.reset()
        self.error = torch.compile(self.compute_error, dynamic=False)


class Compiled(Compiling, Eager):
    """A dense network by `torch.compile`."""
