"""`backlit.explain`: a training step, recorded, explained, and shown in every form."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy.typing as npt
from rich.text import Text

from backlit.engine import Shown
from backlit.explain import Example, Record, Step, explain_step
from backlit.show import notebook
from backlit.show.worked import html as worked_html
from backlit.show.worked import latex as worked_latex
from backlit.show.worked import markdown as worked_markdown
from backlit.show.worked import notebook as worked_notebook
from backlit.show.worked import text as worked_text


class WorkedExample(Shown):
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
            parts["changes"] = list(self.step.changes(self.step.wanted))
        return msgspec.json.format(msgspec.json.encode(parts), indent=1).decode()

    def _ipython_display_(self) -> None:
        """Show the step in a notebook, in several outputs: no single one is right in all programs that open it."""
        notebook.publish(self._outputs())

    def _outputs(self) -> Iterator[notebook.Output]:
        yield from worked_notebook.worked_outputs(self.example)

    def _repr_html_(self) -> str:
        return worked_notebook.worked_fragment(self.example)

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def _repr_latex_(self) -> str:
        return worked_latex.worked_body(self.example)


def explain(
    network: Any, X: npt.ArrayLike, Y: npt.ArrayLike, *, compare: bool = False, **settings: Any
) -> WorkedExample:
    """Work one training step of a network on rows X and Y out; the arguments are those of `backlit.explain`."""
    return WorkedExample(explain_step(network, X, Y, **settings), compare=compare)
