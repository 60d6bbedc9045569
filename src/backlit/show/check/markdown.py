"""Checked work in Markdown: tables, and the lines of calculations as code, which keeps their columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from backlit.show.check.html import large
from backlit.show.check.parts import Detail, Line, Parts
from backlit.show.check.text import TABLE_NOTE, calculation_text, cells_of, head_of
from backlit.show.worked.escapes import escaped


def checked_markdown(parts: Parts) -> str:
    """Give checked work as Markdown, as GitHub and Jupyter render it."""
    blocks = [f"# {escaped(parts.title)}", f"**{escaped(parts.verdict)}**", escaped(parts.beside), escaped(parts.right)]
    blocks += [f"- {escaped(note)}" for note in parts.notes]
    for detail in parts.details:
        blocks += _detail(detail, len(parts.details) > 1)
    blocks.append(escaped(parts.rest))
    for listed in parts.listed:
        blocks.append(f"**{escaped(listed.title)}:** {escaped(listed.names)}. {escaped(listed.said)}")
    if parts.rows:
        blocks += ["## All numbers", _table(parts), TABLE_NOTE if parts.keys else ""]
    blocks.append(parts.hint)
    return "\n\n".join(filter(None, blocks)) + "\n"


def _detail(detail: Detail, several: bool) -> Iterator[str]:
    heading = f"{detail.place}\\. {escaped(detail.heading)}" if several else escaped(detail.heading)
    yield f"## {heading}"
    yield escaped(detail.expected)
    yield escaped(detail.named)
    for cause in detail.causes:
        said = escaped(" ".join(cause.sentences))
        yield f"- **{escaped(cause.title)}** {said}".rstrip() if len(detail.causes) > 1 else said
        yield from map(_line, filter(None, (cause.line, cause.right)))
    yield escaped(detail.tell)
    for line in detail.lines:
        yield _line(line)
    for said in detail.also:
        yield escaped(said)


def _line(line: Line) -> str:
    """Give a line as code below its label; the fence is longer than any in it."""
    body = calculation_text(line)
    fence = "```"
    while fence in body:
        fence += "`"
    label = f"{large(line.label)}:\n\n" if line.label else ""
    return f"{label}{fence}\n{body}\n{fence}"


def _table(parts: Parts) -> str:
    head = head_of(parts)
    rows = []
    for row in parts.rows:
        *cells, said = cells_of(row, parts)
        rows.append([*cells, f"{row.mark} {said}"])
    return pipes(head, rows, range(1, len(head) - 1))


def pipes(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[int]) -> str:
    """Give a table of texts; the columns of these numbers, from 0, stand to the right."""
    rule = ["---:" if k in numbers else "---" for k in range(len(head))]
    lines = [map(escaped, head), rule, *(map(escaped, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
