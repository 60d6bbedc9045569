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

A network is a chain of layers. Training changes its weights so that its error on known examples falls, a little at each
step. To know how, it needs one number per weight: how the error $`E`$ changes when that weight changes a little, the
slope $`\frac{\partial E}{\partial w}`$. Backpropagation computes all of them in one pass from the back to the front,
with nothing but the chain rule.

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


def derivation() -> str:
    """Give the page."""
    dense = layers["dense"].formula  # type: ignore[attr-defined]
    parts = [HEAD + _block(dense) + "\n" + _block(r"\mathrm{out}_j = f(\mathrm{net}_j)") + MIDDLE]
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
