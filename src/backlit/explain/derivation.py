r"""Writes docs/derivation.md: backpropagation derived in Backlit's notation, every formula taken from its op.

    python -m backlit.explain.derivation docs/derivation.md

A test writes the page anew and compares, and other tests hold each formula text equal to its op.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from backlit.ops.base import Op
from backlit.ops.registry import activations, layers, losses, optimizers

HEAD = r"""# Backpropagation, derived

*Written by `python -m backlit.explain.derivation docs/derivation.md` from the formula texts that stand beside the code
of the ops. Change them there.*

A network is made of layers, in the simplest case a chain of them. Training changes its weights so that its error on
known examples falls, a little at each step. To know how, it needs one number per weight: how the error $`E`$ changes
when that weight changes a little, the slope $`\frac{\partial E}{\partial w}`$. Backpropagation computes all of them
in one pass from the back to the front, with nothing but the chain rule.

## Notation

A batch is a matrix of rows. A layer reads $`X`$, one row per example, and each of its units $`j`$ computes a weighted
sum, $`\mathrm{net}_j`$, and from it an output, $`\mathrm{out}_j`$:

"""

MIDDLE = r"""
with $`w_{ij}`$ the weight from input $`i`$ to unit $`j`$ and $`b_j`$ the unit's bias
([`Dense`](../src/backlit/ops/layers/dense.py)). For the whole batch, $`Z = X W + b`$ and $`A = f(Z)`$.

## The chain rule, from the back

**At the output** the loss says how $`E`$ changes with each output: $`\frac{\partial E}{\partial \mathrm{out}_j}`$,
the *slope* column of the table of losses below.

**Through an activation.** $`E`$ depends on $`\mathrm{net}_j`$ only by way of $`\mathrm{out}_j`$, so slopes multiply:

```math
\frac{\partial E}{\partial \mathrm{net}_j} = \frac{\partial E}{\partial \mathrm{out}_j} \cdot f'(\mathrm{net}_j)
```

Where outputs share their inputs, as in softmax, each input acts on $`E`$ along every output, and what is multiplied is
summed:

```math
\frac{\partial E}{\partial \mathrm{net}_j} = \sum_k \frac{\partial E}{\partial \mathrm{out}_k}
\frac{\partial \mathrm{out}_k}{\partial \mathrm{net}_j}
```

**To the weights.** $`\mathrm{net}_j`$ is a sum in which $`w_{ij}`$ stands beside $`x_i`$ and $`b_j`$ alone, so

```math
\frac{\partial E}{\partial w_{ij}} = \frac{\partial E}{\partial \mathrm{net}_j}\, x_i \qquad
\frac{\partial E}{\partial b_j} = \frac{\partial E}{\partial \mathrm{net}_j}
```

and over a batch these are summed over its rows: $`dW = X^T dZ`$, $`db = \sum_{\mathrm{rows}} dZ`$.

**To the layer before.** $`x_i`$ acts on every unit that it leads to:

```math
\frac{\partial E}{\partial x_i} = \sum_j \frac{\partial E}{\partial \mathrm{net}_j}\, w_{ij}
```

or $`dX = dZ\, W^T`$. That is $`\frac{\partial E}{\partial \mathrm{out}}`$ of the layer before, and the same three lines
are worked out again there. All slopes are taken at the **old** weights; only then is any weight changed.

## Softmax with cross-entropy, in short

With $`p = \mathrm{softmax}(\mathrm{net})`$ and the cross-entropy $`-\sum_k t_k \log p_k`$, the sum over the outputs is

```math
\frac{\partial E}{\partial \mathrm{net}_j} = \sum_k \left(-\frac{t_k}{p_k}\right) p_k\,([k = j] - p_j)
= p_j \sum_k t_k - t_j = p_j - t_j
```

for the targets of a row sum to 1. Training uses the simplified form, which keeps its digits where a $`p`$ rounds
to 0 or 1; `backlit explain` shows both ways and their numbers side by side. Sigmoid with binary cross-entropy shortens
to $`\mathrm{out}_j - t_j`$ in the same way.
"""

BEYOND = r"""## The chain rule over windows

A convolution looks at a sequence, or a picture, through a window and uses the same weights at every place of it. Over
a sequence, with $`x_{sc}`$ the number in channel $`c`$ at place $`s`$ and $`w_{kcf}`$ the weight at place $`k`$ of
the window, filter $`f`$ gives at place $`t`$

```math
\mathrm{net}_{tf} = \sum_k \sum_c w_{kcf}\, x_{t+k,\,c} + b_f
```

**To the filter.** $`w_{kcf}`$ acts on $`E`$ along $`\mathrm{net}_{tf}`$ of every window $`t`$, and there it stands
beside $`x_{t+k,\,c}`$. Slopes along several ways add up, so

```math
\frac{\partial E}{\partial w_{kcf}} = \sum_t \frac{\partial E}{\partial \mathrm{net}_{tf}}\, x_{t+k,\,c} \qquad
\frac{\partial E}{\partial b_f} = \sum_t \frac{\partial E}{\partial \mathrm{net}_{tf}}
```

**To the layer before.** $`x_{sc}`$ lies at place $`k`$ of the window that begins at $`s - k`$:

```math
\frac{\partial E}{\partial x_{sc}} = \sum_k \sum_f \frac{\partial E}{\partial \mathrm{net}_{s-k,\,f}}\, w_{kcf}
```

where slopes of windows that do not exist count as 0. As $`k`$ grows, $`s - k`$ falls: this is a sweep of the flipped
filter over the slopes. In a picture each of $`s`$, $`t`$ and $`k`$ is a pair, a row and a column, and the filter is
flipped in both. With a stride $`\sigma`$, a dilation $`\delta`$ and $`p`$ zeros of padding in front, window $`t`$
reads $`x_{t \sigma + k \delta - p}`$ at its place $`k`$, and both sums take the pairs of $`t`$ and $`k`$ that meet
there. A convolution is a dense layer whose rows are the windows: with the windows of a batch as the rows of a matrix
$`X_w`$, again $`Z = X_w W + b`$ and $`dW = X_w^T dZ`$, and $`dX_w = dZ\, W^T`$, whose numbers are added up at the
places that they were read from.

**Pooling.** The largest number of a window is passed on as it is, so it alone takes the slope; where several are
equal, the first of them. Of a mean of $`m`$ numbers each takes $`\frac{1}{m}`$ of the slope. A number that lies in
several windows sums what it gets from each.

## The chain rule through time

A recurrent layer reads a sequence and uses the same weights at every time $`t`$. Its state leads to the next state:

```math
\mathrm{net}_j^{(t)} = \sum_i w_{ij} x_i^{(t)} + \sum_k u_{kj} h_k^{(t-1)} + b_j,
\quad h_j^{(t)} = f(\mathrm{net}_j^{(t)})
```

Written out for all times this is a network with one layer for each time, and backpropagation goes from the last to
the first. The state $`h_k^{(t)}`$ acts on $`E`$ along two ways: as what the layer passes on at that time,
$`y_k^{(t)}`$, if it does, and along every unit at the next time:

```math
\frac{\partial E}{\partial h_k^{(t)}} = \frac{\partial E}{\partial y_k^{(t)}} +
\sum_j u_{kj} \frac{\partial E}{\partial \mathrm{net}_j^{(t+1)}} \qquad
\frac{\partial E}{\partial \mathrm{net}_j^{(t)}} =
\frac{\partial E}{\partial h_j^{(t)}} \cdot f'(\mathrm{net}_j^{(t)})
```

The weights were used at every time, so their slopes are sums over the times:

```math
\frac{\partial E}{\partial w_{ij}} = \sum_t \frac{\partial E}{\partial \mathrm{net}_j^{(t)}}\, x_i^{(t)} \qquad
\frac{\partial E}{\partial u_{kj}} = \sum_t \frac{\partial E}{\partial \mathrm{net}_j^{(t)}}\, h_k^{(t-1)} \qquad
\frac{\partial E}{\partial b_j} = \sum_t \frac{\partial E}{\partial \mathrm{net}_j^{(t)}}
```

**Where it vanishes or explodes.** Of one unit, the slope that reaches back from time $`t`$ to time $`s`$ is
multiplied once for each time between:

```math
\frac{\partial h^{(t)}}{\partial h^{(s)}} =
u f'(\mathrm{net}^{(s+1)}) \cdot u f'(\mathrm{net}^{(s+2)}) \cdots u f'(\mathrm{net}^{(t)})
```

Factors below 1 in size make it vanish with the distance, factors above 1 make it explode. Of several units the
factors are matrices. *Truncated* backpropagation leaves out the way to the next time at every $`n`$-th time; states
are carried on there all the same.

**LSTM** keeps a cell $`c^{(t)} = f^{(t)} c^{(t-1)} + i^{(t)} g^{(t)}`$ beside its state
$`h^{(t)} = o^{(t)} \tanh c^{(t)}`$, each unit its own. The gates $`i, f, o`$ are sigmoids, $`g`$ a tanh, of sums such
as the one above. The cell's slope is

```math
\frac{\partial E}{\partial c^{(t)}} =
\frac{\partial E}{\partial h^{(t)}}\, o^{(t)} \left(1 - (\tanh c^{(t)})^2\right) +
\frac{\partial E}{\partial c^{(t+1)}}\, f^{(t+1)}
```

The way from one cell to the one before passes no weight and no activation, only the forget gate: where that stays
near 1, the slope keeps its size. To the gates' sums:

```math
\frac{\partial E}{\partial \mathrm{net}_i^{(t)}} =
\frac{\partial E}{\partial c^{(t)}}\, g^{(t)}\, i^{(t)} (1 - i^{(t)}) \qquad
\frac{\partial E}{\partial \mathrm{net}_f^{(t)}} =
\frac{\partial E}{\partial c^{(t)}}\, c^{(t-1)} f^{(t)} (1 - f^{(t)})
```

```math
\frac{\partial E}{\partial \mathrm{net}_g^{(t)}} =
\frac{\partial E}{\partial c^{(t)}}\, i^{(t)} \left(1 - (g^{(t)})^2\right) \qquad
\frac{\partial E}{\partial \mathrm{net}_o^{(t)}} =
\frac{\partial E}{\partial h^{(t)}} \tanh c^{(t)}\, o^{(t)} (1 - o^{(t)})
```

**GRU** mixes its last state with a new one, $`h^{(t)} = (1 - z^{(t)}) n^{(t)} + z^{(t)} h^{(t-1)}`$, where $`n`$ is
the tanh of a sum in which the part of the last state is multiplied by a gate $`r`$. So

```math
\frac{\partial E}{\partial n^{(t)}} = \frac{\partial E}{\partial h^{(t)}} (1 - z^{(t)}) \qquad
\frac{\partial E}{\partial z^{(t)}} = \frac{\partial E}{\partial h^{(t)}} (h^{(t-1)} - n^{(t)})
```

and the last state gets $`\frac{\partial E}{\partial h^{(t)}} z^{(t)}`$ beside what comes through the three sums.
Where $`z`$ is near 1, the slope keeps its size here too.

## Where ways meet

What several layers read gets the sum of their slopes. What a join gets is handed to its branches: a sum hands the
whole slope to each, a product the slope times the other factors, and of numbers side by side each branch takes its
own. So $`y = x + F(x)`$, a *residual* block, has

```math
\frac{\partial E}{\partial x_i} = \frac{\partial E}{\partial y_i} + \sum_j \frac{\partial E}{\partial y_j}
\frac{\partial F_j}{\partial x_i}
```

and the first term reaches the layers before undiminished, however deep the network is. Weights that several places
share get the sum of the slopes at all places, as the weights of a filter and of a recurrent layer do. A row of an
embedding is such a weight: it gets the slopes of the places that picked it, and a row that none picked gets 0.
"""


def derivation() -> str:
    """Give the page."""
    dense = layers["dense"].formula  # type: ignore[attr-defined]
    parts = [HEAD + _block(dense) + "\n" + _block(r"\mathrm{out}_j = f(\mathrm{net}_j)") + MIDDLE]
    parts.append(BEYOND)
    parts.append(_table("Activations", "f(z)", "f'(z)", list(activations.values())))
    parts.append(_table("Losses, of one output or one row", "error", "slope", list(losses.values())))
    parts.append(_chapter("Layers beside the dense one", [cls for name, cls in layers.items() if name != "dense"]))
    parts.append(_chapter("Optimizers: from slopes to new weights", list(optimizers.values())))
    return "\n".join(parts)


def _block(latex: str) -> str:
    return f"```math\n{latex}\n```\n"


def _link(cls: type[Op]) -> str:
    """Give the op's name, linked to its file."""
    module = inspect.getmodule(cls)
    path = module.__name__.replace(".", "/") if module else ""
    return f"[`{cls.name}`](../src/{path}.py)"


def _own(ops: list[type[Op]]) -> Iterator[type[Op]]:
    """Leave out the ops that plug-ins registered."""
    return (cls for cls in ops if cls.__module__.startswith("backlit.ops."))


def _table(title: str, value: str, slope: str, ops: list[type[Op]]) -> str:
    lines = [f"## {title}\n", f"| | {value} | {slope} |", "|---|---|---|"]
    for cls in _own(ops):
        cells = [f"$`{text.replace('|', _BAR)}`$" if (text := getattr(cls, name)) else ""
                 for name in ("formula", "slope_formula")]  # fmt: skip
        lines.append(f"| {_link(cls)} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


_BAR = r"\vert "
"""A bar within a table would end its cell."""


def _chapter(title: str, ops: list[type[Op]]) -> str:
    lines = [f"## {title}\n"]
    for cls in _own(ops):
        about = (inspect.getdoc(cls) or "").splitlines()[0].split(": ", 1)[0].rstrip(".")
        lines.append(f"**{_link(cls)}.** {about}.\n")
        lines += [_block(text) for name in ("formula", "slope_formula") if (text := getattr(cls, name, ""))]
    return "\n".join(lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(derivation(), encoding="utf-8")
