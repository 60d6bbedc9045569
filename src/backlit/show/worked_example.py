"""`backlit.explain`: a training step, recorded, explained, and shown in every form."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy.typing as npt
from rich.text import Text

from backlit.explain import Example, Record, Step, explain_step
from backlit.show import worked_html, worked_latex, worked_markdown, worked_text


class WorkedExample:
    """One training step with every number of it; prints as text, shows in Jupyter, indexes by name.

    >>> import backlit as bl
    >>> network = bl.Network([bl.Dense(1, "sigmoid", weights=[[0.5]], biases=[0.0])], inputs=1)
    >>> step = bl.explain(network, [[1.0]], [[1.0]], optimizer=bl.SGD(rate=1.0))
    >>> step["dE/dw(i1,o1)"].plain_formula, round(step["dE/dw(i1,o1)"].value, 9)
    ('dE/dnet(o1) · i1', -0.088723459)
    """

    def __init__(self, step: Step, *, compare: bool = False) -> None:
        self.step = step
        self.compare = compare

    @functools.cached_property
    def example(self) -> Example:
        """Everything that is shown, as records."""
        return self.step.example(compare=self.compare)

    def __getitem__(self, name: str) -> Record:
        return self.step[name]

    def __iter__(self) -> Iterator[Record]:
        return self.step.records()

    def __len__(self) -> int:
        return len(self.step)

    def __str__(self) -> str:
        return self.text().plain

    def __repr__(self) -> str:
        return f"<worked example of {len(self)} numbers, E = {self.step.recording.E:.6g}; print it>"

    def text(self, width: int = worked_text.WIDTH, *, names: bool | None = None) -> Text:
        """Give the text with its styles, for a terminal of that width; `names` is that of `to_html`."""
        return worked_text.worked_text(self.example, width, names=names)

    def to_markdown(self) -> str:
        """Give Markdown with formulas in LaTeX, as GitHub and Jupyter render it."""
        return worked_markdown.worked_markdown(self.example)

    def to_latex(self) -> str:
        """Give a LaTeX document that compiles as it is."""
        return worked_latex.worked_latex(self.example)

    def to_html(self, *, names: bool | None = None) -> str:
        """Give one self-contained page: MathML and SVG, no script, nothing loaded from elsewhere.

        `names` puts the weights' names beside their values in the drawings; None does so for own `labels` alone.
        """
        return worked_html.worked_html(self.example, names=names)

    def to_json(self) -> str:
        """Give the summary and all records; of networks of any size, one by one.

        JSON has no infinite numbers: `value` is null where it is not finite, and `shown` is "∞", "-∞" or "NaN".
        """
        parts = {"summary": self.step.summary, "records": list(self)}
        if self.compare:
            parts["changes"] = list(self.step.changes())
        return msgspec.json.format(msgspec.json.encode(parts), indent=1).decode()

    def _repr_html_(self) -> str:
        return worked_html.worked_fragment(self.example)

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def _repr_latex_(self) -> str:
        return worked_latex.worked_body(self.example)


def explain(
    network: Any, X: npt.ArrayLike, Y: npt.ArrayLike, *, compare: bool = False, **settings: Any
) -> WorkedExample:
    """Work one training step out: forward pass, error, backward pass, update, every number with its formula.

    The step is run by the engine in float64 on a copy of the network; the numbers are those it leaves in its buffers.

    Args:
        network: the `Network` that is trained; it stays as it is.
        X: inputs (n, inputs). Y: targets, as `Training` takes them.
        optimizer: an optimizer or its name. sample_weight: a weight per row.
        l1, l2, decay_biases, clip_value, clip_norm, max_norm: as in `Training`.
        steps: how many steps to run; the last is explained, and the error before each is shown.
        rates: the learning rate of each of the steps, where a schedule changes the optimizer's own.
        taken, slots: the steps that the optimizer has taken before these, and its vectors that they left, one after
            another, each in the order of `network.parameters`; without them it starts afresh.
        seed: of dropout.
        inputs, outputs, units, rows, labels: own names: of the columns, the outputs, each layer's units, the rows; and
            of quantities, such as {"w(i1,h1)": "w1"}, after which dE/dw1 and w1+ are named.
        only: a phase ("forward", "error", "backward", "update"), a layer ("layer 2"), a unit ("h1"), or a number
            ("w(i1,h1)", "dE/dnet(h2)") with all it depends on; or several of these.
        digits: places behind the point, ties to even; digits that float64 does not have are left out.
        check: put the slope by finite differences beside each gradient; at a kink, those of both sides.
        compare: end with the parameters and the error before and after.

    Errors: a BacklitError where shapes do not fit the network, a setting is out of range, `only` or a key of `labels`
        names nothing, or two numbers get one name by `labels`.

    >>> import backlit as bl
    >>> network = bl.Network([bl.Dense(1, weights=[[2.0]], biases=[1.0])], inputs=1)
    >>> print(bl.explain(network, [[3.0]], [[5.0]], optimizer=bl.SGD(rate=0.1), only="forward", digits=3))
    One training step, worked out
      network    1 → 1 identity; half_squared_error; 2 parameters, float64
      error      half_squared_error, of the row
      optimizer  sgd, rate 0.1
      rows       1
    ...
    """
    return WorkedExample(explain_step(network, X, Y, **settings), compare=compare)
