"""Checked work for a notebook, true without its styles too."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.show.check.html import large
from backlit.show.check.parts import Detail, Line, Parts
from backlit.show.check.text import TABLE_NOTE, calculation_text, cells_of, head_of
from backlit.show.notebook import heading_html, lines_html, table_html, words_html


def checked_cell(parts: Parts) -> str:
    """Give checked work as the HTML of a notebook's cell."""
    return f"<div>{''.join(_parts(parts))}</div>"


def _parts(parts: Parts) -> Iterator[str]:
    yield heading_html(parts.title)
    yield heading_html(parts.verdict, size="1.2em")
    for said in (parts.beside, parts.right, *parts.notes):
        yield from _said(said)
    for detail in parts.details:
        yield from _detail(detail, len(parts.details) > 1)
    yield from _said(parts.rest)
    for listed in parts.listed:
        yield words_html(f"{listed.title}: {listed.names}. {listed.said}")
    if parts.rows:
        yield heading_html("All numbers")
        rows = [_row(parts, k) for k in range(len(parts.rows))]
        yield table_html(["number", "verdict", *head_of(parts)[1:-1]], rows, 2)
        yield from _said(TABLE_NOTE if parts.keys else "")
    yield from _said(parts.hint)


def _row(parts: Parts, k: int) -> list[str]:
    name, *numbers, said = cells_of(parts.rows[k], parts)
    return [name, f"{parts.rows[k].mark} {said}", *numbers]


def _said(text: str) -> Iterator[str]:
    if text:
        yield words_html(text)


def _detail(detail: Detail, several: bool) -> Iterator[str]:
    yield heading_html(f"{detail.place}. {detail.heading}" if several else detail.heading)
    for said in (detail.expected, detail.named):
        yield from _said(said)
    for cause in detail.causes:
        if len(detail.causes) > 1:
            yield words_html(f"- {cause.title}")
        for said in cause.sentences:
            yield words_html(said)
        yield from map(_line, filter(None, (cause.line, cause.right)))
    yield from _said(detail.tell)
    yield from map(_line, detail.lines)
    for said in detail.also:
        yield words_html(said)


def _line(line: Line) -> str:
    label = words_html(f"{large(line.label)}:") if line.label else ""
    return label + lines_html(calculation_text(line))
