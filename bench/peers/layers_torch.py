"""PyTorch on layers beyond the chain: its own modules, eager in the better of two memory formats, or compiled."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bench.clock import now
from bench.layers import GATES, Step, walked
from bench.peers.base import Peer
from bench.peers.torch_peer import Compiling
from bench.workloads import Array, Workload

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
nn, F = torch.nn, torch.nn.functional
WINDOW_AXES = 2


class Mean(nn.Module):
    """The mean over all places."""

    def forward(self, X: Any) -> Any:
        """(n, channels, places) -> (n, channels)."""
        return X.flatten(2).mean(2)


class Last(nn.Module):
    """The state behind the last step of a recurrent module."""

    def __init__(self, kind: str, F: int, units: int, dtype: Any) -> None:
        super().__init__()
        self.recurrent = {"gru": nn.GRU, "lstm": nn.LSTM}[kind](F, units, batch_first=True, dtype=dtype)
        # One bias is trained: two that add up would be trained twice as fast.
        nn.init.zeros_(self.recurrent.bias_hh_l0).requires_grad_(False)
        self.kind, self.units = kind, units
        if kind == "gru":  # but for the gate n, whose bias r scales
            self.scaled = nn.Parameter(torch.zeros(units, dtype=dtype))

    def forward(self, X: Any) -> Any:
        """(n, T, F) -> (n, units)."""
        if self.kind == "lstm":
            return self.recurrent(X)[0][:, -1]
        given = self.recurrent
        beside = torch.cat([given.bias_hh_l0[: 2 * self.units], self.scaled])
        weights = [given.weight_ih_l0, given.weight_hh_l0, given.bias_ih_l0, beside]
        start = X.new_zeros(1, X.shape[0], self.units)
        return torch._VF.gru(X, start, weights, True, 1, 0.0, True, False, True)[0][:, -1]  # type: ignore[attr-defined]


class Beside(nn.Module):
    """A category's numbers before the other columns."""

    def __init__(self, count: int, size: int, dtype: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(count, size, dtype=dtype)

    def forward(self, X: Any) -> Any:
        """(n, 1 + others) -> (n, size + others)."""
        return torch.cat([self.embedding(X[:, 0].int()), X[:, 1:]], 1)


def module_of(workload: Workload) -> nn.Sequential:
    """Build the module; pictures and convolved sequences have their channels first."""
    dtype = getattr(torch, workload.dtype)
    made: list[nn.Module] = []
    for step, read, _ in walked(workload.layers, workload.shape):
        flat = len(read) == WINDOW_AXES
        if step.kind == "conv":
            conv: Any = nn.Conv1d if flat else nn.Conv2d
            made.append(conv(read[-1], step.units, step.size, padding=step.size // 2 * step.same, dtype=dtype))
        elif step.kind == "dense":
            made.append(nn.Linear(read[0], step.units, dtype=dtype))
        elif step.kind in GATES:
            made.append(Last(step.kind, read[1], step.units, dtype))
        else:
            made.append(_other(step, flat, dtype))
        if step.kind in {"conv", "dense"} and step.activation == "relu":
            made.append(nn.ReLU())
    return nn.Sequential(*made)


def _other(step: Step, flat: bool, dtype: Any) -> nn.Module:
    """Give a module that only embeds, pools or reshapes."""
    makers: dict[str, Callable[[], nn.Module]] = {
        "pool": lambda: nn.MaxPool1d(step.size) if flat else nn.MaxPool2d(step.size),
        "mean": Mean,
        "flatten": nn.Flatten,
        "embed": lambda: Beside(step.size, step.units, dtype),
    }
    return makers[step.kind]()


class Form:
    """How one array of a problem lies in PyTorch: the parameter, and the way there and back."""

    def __init__(
        self, there: Callable[[Array], list[Array]], back: Callable[[list[Array]], Array], count: int = 1
    ) -> None:
        self.there, self.back, self.count = there, back, count


def forms_of(workload: Workload) -> list[Form]:
    """Give a form for each array of the problem, in the order of the module's trained parameters."""
    forms, before = [], None
    for step, read, _ in walked(workload.layers, workload.shape):
        u = step.units
        if step.kind == "conv":
            forms.append(Form(lambda W: [np.moveaxis(W, (-1, -2), (0, 1))],
                              lambda given: np.moveaxis(given[0], (0, 1), (-1, -2))))  # fmt: skip
            forms.append(SAME)
        elif step.kind == "dense":
            order = None if before is None else np.moveaxis(np.arange(np.prod(before)).reshape(before), -1, 0).ravel()
            forms += [_dense(order), SAME]
        elif step.kind in GATES:
            forms += [_dense(None), _dense(None)]
            forms.append(
                Form(lambda b, u=u: [b[: 3 * u], b[3 * u :]], np.concatenate, 2) if step.kind == "gru" else SAME
            )
        elif step.kind == "embed":
            forms.append(SAME)
        before = read if step.kind == "flatten" else None
    return forms


SAME = Form(lambda array: [array], lambda given: given[0])


def _dense(order: Array | None) -> Form:
    """Give the form of W (k, m); behind a flattened picture its rows go channel by channel."""
    if order is None:
        return Form(lambda W: [W.T], lambda given: given[0].T)
    return Form(lambda W: [W[order].T], lambda given: given[0].T[np.argsort(order)])


class Layered(Peer):
    """The usual loop over shuffled views, with the fused optimizer."""

    packages = ("torch",)

    def build(self) -> None:
        """Build the module, and take the memory format in which some steps are faster."""
        workload, problem = self.workload, self.problem
        self.T: Any = torch.from_numpy(problem.T if problem.labels is None else problem.labels)
        self.orders = torch.from_numpy(problem.orders)
        self.model = module_of(workload)
        self.forms = forms_of(workload)
        self.X = self._inputs(channels_last=False)
        self.error: Callable[[Any, Any], Any] = self.compute_error
        if self.X.ndim == 4:
            self._choose_format()
            self.note = ""

    def _choose_format(self) -> None:
        seconds = {}
        for last in (False, True):
            self._convert(last)
            self.reset()
            self.some_steps()
            began = now()
            self.some_steps()
            seconds[last] = now() - began
        self._convert(min(seconds, key=seconds.__getitem__))

    def _convert(self, channels_last: bool) -> None:
        self.X = self._inputs(channels_last)
        self.model = self.model.to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)

    def _inputs(self, channels_last: bool) -> Any:
        X: Any = torch.from_numpy(self.problem.X)
        if self.workload.layers[0].kind != "conv":
            return X
        X = X.movedim(-1, 1)
        return X.contiguous(memory_format=torch.channels_last) if channels_last else X.contiguous()

    def some_steps(self, steps: int = 10) -> None:
        """Do a few updates."""
        batch = self.workload.batch
        for k in range(steps):
            first = k % self.workload.batches * batch
            self.step(self.X[first : first + batch], self.T[first : first + batch])

    def compute_error(self, X: Any, T: Any) -> Any:
        """Give the loss of a batch."""
        A = self.model(X)
        if self.workload.loss == "half_squared_error":
            return 0.5 * F.mse_loss(A, T, reduction="sum") / len(T)
        return F.cross_entropy(A, T)

    def step(self, X: Any, T: Any) -> None:
        """Do one update."""
        self.optimizer.zero_grad()
        self.error(X, T).backward()
        self.optimizer.step()

    def trained(self) -> list[Any]:
        """Give the parameters in the order of the forms."""
        return _ordered([parameter for parameter in self.model.parameters() if parameter.requires_grad], self.model)

    def reset(self) -> None:
        """Copy the weights in."""
        parameters = iter(self.trained())
        with torch.no_grad():
            for form, weight in zip(self.forms, self.problem.weights, strict=True):
                for array in form.there(weight):
                    next(parameters).copy_(torch.from_numpy(np.ascontiguousarray(array)))
        self.optimizer = torch.optim.Adam(self.trained(), lr=self.workload.rate, fused=True)

    def train(self) -> None:
        """Loop over epochs and batches."""
        batch = self.workload.batch
        for order in self.orders:
            X, T = self.X[order], self.T[order]
            for rows, targets in zip(X.split(batch), T.split(batch), strict=True):
                self.step(rows, targets)

    def weights(self) -> list[Array] | None:
        """Give the weights in the problem's form."""
        arrays = iter([parameter.detach().numpy() for parameter in self.trained()])
        return [form.back([next(arrays) for _ in range(form.count)]) for form in self.forms]


def _ordered(parameters: list[Any], model: nn.Module) -> list[Any]:
    """Put a GRU's own bias behind the three arrays of PyTorch's module, where it comes first."""
    for last in (part for part in model if isinstance(part, Last) and part.kind == "gru"):  # type: ignore[attr-defined]
        place = next(k for k, parameter in enumerate(parameters) if parameter is last.scaled)
        parameters.insert(place + 3, parameters.pop(place))
    return parameters


class Compiled(Compiling, Layered):
    """Layers of the workload by `torch.compile`."""


def loss_of(workload: Workload, X: Array, T: Array, weights: list[Array]) -> float:
    """Give the loss over all rows in float64."""
    import msgspec  # noqa: PLC0415

    exact = msgspec.structs.replace(workload, dtype="float64", batch=workload.rows)
    model, forms = module_of(exact), forms_of(exact)
    parameters = iter(_ordered([p for p in model.parameters() if p.requires_grad], model))
    with torch.no_grad():
        for form, weight in zip(forms, weights, strict=True):
            for array in form.there(np.asarray(weight, np.float64)):
                next(parameters).copy_(torch.from_numpy(np.ascontiguousarray(array)))
        given: Any = torch.from_numpy(X.astype(np.float64))
        A = model(given.movedim(-1, 1) if workload.layers[0].kind == "conv" else given)
        if workload.loss == "half_squared_error":
            return float(0.5 * ((A - torch.from_numpy(T.astype(np.float64))) ** 2).sum() / len(T))
        return float(F.cross_entropy(A, torch.from_numpy(T.astype(np.float64))))
