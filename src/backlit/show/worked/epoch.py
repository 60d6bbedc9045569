"""A whole epoch, step by step: every step's worked example in turn, in every form."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import msgspec
from rich.text import Text

from backlit.engine import Shown
from backlit.explain import NumberTable, Step, Summary, epoch_table
from backlit.explain.algebra.numerals import decimal_text
from backlit.explain.occasion import named_rows
from backlit.explain.record.quantities import Place
from backlit.show import notebook
from backlit.show.worked import latex as worked_latex
from backlit.show.worked import notebook as worked_notebook
from backlit.show.worked import text as worked_text
from backlit.show.worked.equation_parts import latex_decimal
from backlit.show.worked.escapes import escaped, text_latex
from backlit.show.worked.example import WorkedExample
from backlit.show.worked.tables import table_latex, table_markdown, table_rows_html, table_text

TITLE = "One epoch of training, step by step"


FORMULAS, MOST_STEPS = 32, 8
"""Of an epoch a notebook shows so many formulas and steps: JupyterLab folds the outputs of a cell from the 51st on."""


class WorkedEpoch(Shown):
    """Every step of an epoch with every number of it; prints as text, and is a sequence of `WorkedExample`.

    >>> import backlit as bl
    >>> network = bl.Network([bl.Dense(1, "identity", weights=[[0.0]], biases=[0.0])], inputs=1)
    >>> epoch = bl.explain(network, [[1.0], [2.0]], [1.0, 0.0], batch_size=1, shuffle=False, epoch=1)
    >>> [step["w(i1,o1)+"].value for step in epoch]
    [0.01, 0.0094]
    """

    def __init__(self, steps: Sequence[Step], *, compare: bool = False) -> None:
        self.steps = tuple(WorkedExample(step, compare=compare) for step in steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, place: int) -> WorkedExample:
        return self.steps[place]

    def __iter__(self) -> Iterator[WorkedExample]:
        return iter(self.steps)

    def __str__(self) -> str:
        return self.text().plain

    def __repr__(self) -> str:
        batch = self.steps[0].step.recording.batch
        return f"<epoch {batch.epoch} in {len(self)} worked steps; print it>"

    @functools.cached_property
    def summary(self) -> Summary:
        """What all steps share, and the error before each of them, of its own rows."""
        first = self.steps[0].step
        own = {name for name, _ in first.occasion}
        facts = [fact for fact in first.summary.facts if fact[0] not in own]
        batch = first.recording.batch
        if len(self) == 1:
            steps = "step", f"{batch.number}, the one batch of epoch {batch.epoch}"
        else:
            steps = "steps", f"{batch.number} to {batch.number + len(self) - 1}, the batches of epoch {batch.epoch}"
        facts += [("rows", f"{first.recording.of:,}"), steps]
        facts += [fact for fact in first.occasion if fact[0] == "beyond"]
        errors = tuple(step.step.recording.errors[-1] for step in self)
        return Summary(TITLE, tuple(facts), errors, first.digits, first.summary.measured)

    @functools.cached_property
    def table(self) -> NumberTable | None:
        """A line for each step, with the weights behind it; of one row also its inputs, net, out and error.

        Where parts of the steps were asked for, the weights whose new values are among them. None without any, or where
        the network or the epoch is too large for a table.
        """
        return epoch_table([step.step for step in self])

    @property
    def _columns(self) -> tuple[str, str, str]:
        return "step", "rows", f"{self.summary.measured} before it"

    def _table(self) -> list[tuple[str, str, str]]:
        """Give a line for each step: its number, its rows, the error before it."""
        digits, lines = self.summary.digits, []
        for step, error in zip(self, self.summary.errors, strict=True):
            named = named_rows(step.step.rows).partition(" ")[2]
            lines.append((str(step.step.recording.number), named, decimal_text(error, digits)))
        return lines

    def _titled(self) -> Iterator[tuple[str, WorkedExample]]:
        """Give each step with its title; what all steps share is left out of its own summary."""
        for step in self:
            batch = step.step.recording.batch
            title = f"Step {batch.number}: batch {batch.batch} of {batch.batches} of epoch {batch.epoch}"
            facts = tuple(fact for fact in step.step.occasion if fact[0] not in {"step", "beyond"})
            if name := self._carried_on(step) if step is not self[0] else "":
                left = f"those that step {batch.number - 1} left: {name} here is {name}+ there"
                facts += (("weights", left),)
            facts += tuple(fact for fact in step.example.summary.facts if fact[0] == "left out")
            head = Summary(title, facts, (), self.summary.digits)
            twin = WorkedExample(step.step, compare=step.compare)
            twin.example = msgspec.structs.replace(step.example, summary=head)
            yield title, twin

    @staticmethod
    def _carried_on(step: WorkedExample) -> str:
        """Name a parameter that the step before has changed; an empty text where none is trained."""
        updates = step.step.contents.updates
        return updates[0].parameter.name(Place(0, 0, 0)).text if updates else ""

    def text(self, width: int = worked_text.WIDTH, **options: Any) -> Text:
        """Give the text with its styles, for a terminal of that width; `options` are those of `WorkedExample.text`."""
        summary = msgspec.structs.replace(self.summary, errors=())
        lines = [Text(summary.title, style="bold")]
        wide = max(len(name) for name, _ in summary.facts)
        lines += [Text.assemble("  ", (name.ljust(wide), "dim"), "  ", fact) for name, fact in summary.facts]
        rows = [self._columns, *self._table()]
        widths = [max(len(row[k]) for row in rows) for k in range(3)]
        lines.append(Text())
        for number, name, error in rows:
            lines.append(Text(f"  {number:>{widths[0]}}  {name:<{widths[1]}}  {error:>{widths[2]}}"))
        if self.table:
            lines += [Text(), Text(self.table.title, style="bold cyan")]
            lines += [Text(f"  {line}".rstrip()) for line in table_text(self.table, width - 2)]
        for _, step in self._titled():
            lines += [Text(), Text("─" * min(width, 60), style="dim"), step.text(width, **options)]
        return Text("\n").join(lines)

    def to_markdown(self) -> str:
        """Give Markdown with formulas in LaTeX, as GitHub and Jupyter render it."""
        head = self._markdown_head()
        return "\n".join([head, *(step.to_markdown().replace("\n## ", "\n### ").replace("# ", "## ", 1)
                                  for _, step in self._titled())])  # fmt: skip

    def _markdown_head(self) -> str:
        lines = [f"# {TITLE}", ""]
        lines += [f"- **{name}:** {escaped(fact)}" for name, fact in self.summary.facts]
        lines += ["", f"| {' | '.join(self._columns)} |", "|---:|---|---:|"]
        lines += [f"| {number} | {escaped(rows)} | {error} |" for number, rows, error in self._table()]
        if self.table:
            lines += ["", f"## {self.table.title}", "", *table_markdown(self.table)]
        return "\n".join(lines).rstrip() + "\n"

    def to_latex(self) -> str:
        """Give a LaTeX document that compiles as it is."""
        text = text_latex
        lines = [rf"\section*{{{text(TITLE)}}}", r"\begin{itemize}"]
        lines += [rf"\item {text(name)}: {text(fact)}" for name, fact in self.summary.facts]
        lines += [r"\end{itemize}", r"\begin{longtable}{rlr}", " & ".join(self._columns) + r" \\"]
        lines += [
            rf"{number} & {text(rows)} & ${latex_decimal(error, self.summary.digits)}$ \\"
            for (number, rows, _), error in zip(self._table(), self.summary.errors, strict=True)
        ]
        lines += [r"\end{longtable}"]
        if self.table:
            lines += [rf"\subsection*{{{text(self.table.title)}}}", *table_latex(self.table)]
        bodies = [worked_latex.worked_body(step.example) for _, step in self._titled()]
        return worked_latex.PREAMBLE + "\n".join([*lines, *bodies]) + "\\end{document}\n"

    def to_html(self, **options: Any) -> str:
        """Give one page that loads nothing; `options` are those of `WorkedExample.to_html`."""
        pages = [step.to_html(**options) for _, step in self._titled()]
        start, end = pages[0].index("<main"), pages[0].rindex("</main>") + len("</main>")
        bodies = [page[page.index("<main") : page.rindex("</main>") + len("</main>")] for page in pages]
        apart = "\n".join(_apart(body, number) for number, body in enumerate(bodies, 1)).replace("h2>", "h3>")
        apart = apart.replace("<h1>", '<h2 style="font-size: 1.5rem">').replace("</h1>", "</h2>")
        top = re.sub("<title>.*?</title>", f"<title>{escape(TITLE)}</title>", pages[0][:start], flags=re.DOTALL)
        return f"{top}{self._html_head()}\n{apart}{pages[0][end:]}"

    def _html_head(self) -> str:
        facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in self.summary.facts)
        heads = "".join(f"<th>{name}</th>" for name in self._columns)
        rows = "".join(
            f'<tr><td class="number">{number}</td><td>{escape(rows)}</td><td class="number">{error}</td></tr>'
            for number, rows, error in self._table()
        )
        return (
            f'<main class="worked"><h1>{escape(TITLE)}</h1>\n<dl>{facts}</dl>\n'
            f"<table><tr>{heads}</tr>{rows}</table>{self._html_table()}</main>"
        )

    def _html_table(self) -> str:
        if self.table is None:
            return ""
        scrolls = '<div class="scroll" role="group" aria-label="Table" tabindex="0">'
        return f"\n<h2>{escape(self.table.title)}</h2>\n{scrolls}{table_rows_html(self.table)}</div>"

    def to_json(self) -> str:
        """Give the summary, and of each step the summary and all records."""
        steps = [msgspec.Raw(step.to_json().encode()) for step in self]
        return msgspec.json.format(msgspec.json.encode({"summary": self.summary, "steps": steps}), indent=1).decode()

    def _ipython_display_(self) -> None:
        """Show the head and then the steps in a notebook, each in several outputs."""
        notebook.publish(self._outputs())

    def _outputs(self) -> Iterator[notebook.Output]:
        yield {"text/html": self._notebook_head(), "text/plain": TITLE}
        for _, step in itertools.islice(self._titled(), self._shown):
            yield from worked_notebook.worked_outputs(step.example, FORMULAS // self._shown)
        if len(self) > self._shown:
            words = f"{len(self) - self._shown:,} more steps are left out here; epoch[{self._shown}] is the next one."
            yield {"text/html": notebook.words_html(words), "text/plain": words}

    @property
    def _shown(self) -> int:
        return min(len(self), MOST_STEPS)

    def _notebook_head(self) -> str:
        facts = notebook.table_html(("", ""), self.summary.facts, 2)
        listed = notebook.table_html(self._columns, self._table(), 0)
        parts = [notebook.heading_html(TITLE, size="1.3em"), facts, listed]
        if self.table:
            heads, lines, fixed = self.table.heads, self.table.lines, self.table.fixed
            parts += [notebook.heading_html(self.table.title), notebook.table_html(heads, lines, fixed)]
        return "".join(parts)

    def _repr_html_(self) -> str:
        steps = "".join(worked_notebook.worked_fragment(step.example) for _, step in self._titled())
        return f"<div>{self._notebook_head()}{steps}</div>"


def _apart(html: str, number: int) -> str:
    """Mark the names of places in a part of a page by the part's number, so that links stay inside it."""
    html = re.sub(r'(\s(?:id|for|name|aria-labelledby|aria-describedby)=")', rf"\g<1>s{number}-", html)
    return re.sub(r'((?:href="|url\()#)', rf"\g<1>s{number}-", html)
