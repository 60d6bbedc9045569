"""Tables of numbers in the worked example's forms: as text, Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from backlit.explain import NumberTable
from backlit.explain.algebra.numerals import latex_number
from backlit.show.notebook import padded
from backlit.show.worked.escapes import escaped, text_latex

MOST_COLUMNS = 12
"""Of more, a table is broken in Markdown and LaTeX."""
PAPER = 9
BETWEEN = "   "


def blocks(table: NumberTable, most: int, width: int = 0) -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Break a table between columns; each block begins with the columns that are repeated.

    Args:
        most: columns of a block at the most. width: signs of its lines at the most, where that counts.
    """
    fixed = range(table.fixed)
    wide = [max(len(line[k]) for line in (table.heads, *table.lines)) + len(BETWEEN) for k in range(len(table.heads))]

    def fits(columns: list[int]) -> bool:
        return len(columns) <= most and (not width or sum(wide[k] for k in columns) - len(BETWEEN) <= width)

    rest = list(range(table.fixed, len(table.heads)))
    groups = [rest]
    if table.group and not fits([*fixed, *rest]):
        groups = [[k for k in rest if k < table.group], [k for k in rest if k >= table.group]]
    for group in groups:
        block: list[int] = []
        for k in group:
            if block and not fits([*fixed, *block, k]):
                yield _block(table, [*fixed, *block])
                block = []
            block.append(k)
        if block:
            yield _block(table, [*fixed, *block])


def _block(table: NumberTable, columns: list[int]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Give the heads and the lines of a block, without lines that have nothing in it."""
    lines = [tuple(line[k] for k in columns) for line in table.lines]
    return tuple(table.heads[k] for k in columns), [line for line in lines if any(line[table.fixed :])]


def table_text(table: NumberTable, width: int) -> list[str]:
    """Give the table as lines of text, one block below the other."""
    lines: list[str] = []
    for heads, body in blocks(table, len(table.heads), width):
        lines += [""] if lines else []
        lines += [BETWEEN.join(line).rstrip() for line in padded([heads, *body], table.fixed)]
    return lines


def table_markdown(table: NumberTable) -> Iterator[str]:
    """Give the table as Markdown."""
    for heads, body in blocks(table, MOST_COLUMNS):
        yield f"| {' | '.join(map(escaped, heads))} |"
        yield f"|{'|'.join('---' if k < table.fixed else '---:' for k in range(len(heads)))}|"
        yield from (f"| {' | '.join(map(escaped, line))} |" for line in body)
        yield ""


def table_latex(table: NumberTable) -> Iterator[str]:
    """Give the table as LaTeX."""
    for heads, body in blocks(table, PAPER):
        yield rf"\begin{{longtable}}{{{'l' * table.fixed}{'r' * (len(heads) - table.fixed)}}}"
        yield " & ".join(map(text_latex, heads)) + r" \\ \hline"
        for line in body:
            cells = [text_latex(cell) if k < table.fixed else _latex_cell(cell) for k, cell in enumerate(line)]
            yield " & ".join(cells) + r" \\"
        yield r"\end{longtable}"


def _latex_cell(cell: str) -> str:
    """Give a number, behind its name where it has one."""
    name, equals, number = cell.rpartition(" = ")
    return f"{text_latex(name + equals)}${latex_number(number)}$" if number else ""


def table_rows_html(table: NumberTable) -> str:
    """Give the table as HTML, whole: a page scrolls it."""
    heads = "".join(f"<th{'' if k < table.fixed else NUMBER}>{escape(head)}</th>" for k, head in enumerate(table.heads))
    body = "\n".join(
        "<tr>" + "".join(
            f"<th>{escape(cell)}</th>" if k < table.fixed else f"<td{NUMBER}>{escape(cell)}</td>"
            for k, cell in enumerate(line)
        ) + "</tr>"
        for line in table.lines
    )  # fmt: skip
    return f"<table><tr>{heads}</tr>\n{body}</table>"


NUMBER = ' class="number"'
