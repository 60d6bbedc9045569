"""Worksheets as a LaTeX document of standard packages, with the network drawn by TikZ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backlit.check.worksheets.sheets import Line, Worksheet
from backlit.explain import Drawing
from backlit.explain.algebra.numerals import latex_number
from backlit.show.network.parts import Box, Circle, Layout, Text
from backlit.show.network.parts import Line as Stroke
from backlit.show.network.stack import drawing_pieces
from backlit.show.worked.escapes import text_latex
from backlit.show.worked.formula_forms import broken
from backlit.show.worksheet.words import footer, formulas, intro, short

PREAMBLE = r"""\documentclass[a4paper,10pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=12mm,includefoot,footskip=6mm]{geometry}
\usepackage{amsmath,amssymb,multicol,tikz}
\setlength{\parindent}{0pt}
\setlength{\columnsep}{7mm}
\setlength{\multicolsep}{1mm}
\pagestyle{empty}
\newcommand{\blank}[1][24mm]{\rule[-1.2mm]{0pt}{6.5mm}\underline{\hspace*{#1}}}
\newcommand{\result}[1]{\underline{\mathbf{#1}}}
\newenvironment{worked}{\begin{multicols}{2}\raggedright\hangindent=4mm}{\end{multicols}}
\newcommand{\lineof}[1]{\par\hangindent=4mm\hangafter=1 #1\vspace{0.6mm}}
\makeatletter % a name in letters that the font lacks is no error: LaTeX writes ? for each of them
\def\UTFviii@undefined@err#1{?}
\makeatother
\begin{document}
"""

WIDEST, TALLEST, MILLIMETRES = 175.0, 72.0, 0.27
"""Of a drawing, in millimetres; and of one of its pixels."""
WIDE_FORMULA = 40


def sheets_latex(sheets: Sequence[Worksheet], *, key: bool = False) -> str:
    """Give a document with all sheets, or all keys."""
    bodies = ["\n".join(_sheet(sheet, key=key)) for sheet in sheets]
    return PREAMBLE + "\n\\newpage\n".join(bodies) + "\n\\end{document}\n"


def _sheet(sheet: Worksheet, *, key: bool) -> Iterator[str]:
    title = text_latex(sheet.title) + (": key" if key else "")
    blank = r"\underline{\hspace*{55mm}}"
    name = rf"\textbf{{{text_latex(sheet.student)}}}" if sheet.student else blank
    yield rf"{{\large\textbf{{{title}}}}}\hfill Name {name}\par\vspace{{1mm}}\hrule\vspace{{2mm}}"
    for text in intro(sheet, key=key):
        yield rf"{text_latex(text)}\par"
    for group, records in sheet.given:
        cells = [rf"${record.symbol} = {latex_number(short(record))}$" for record in records]
        yield rf"\textbf{{{group}}}\quad " + r"\quad ".join(cells) + r"\par"
    for name, matrix in sheet.matrices:
        yield rf"\textbf{{{text_latex(name)}}}\quad ${matrix}$\par"
    if sheet.drawing is not None:
        yield r"\begin{center}"
        yield from tikz(sheet.drawing)
        yield r"\end{center}"
    yield r"\begin{worked}"
    for part in sheet.parts:
        yield rf"\par\vspace{{1mm}}\textbf{{{text_latex(part.title)}}}\nopagebreak"
        yield from (_line(line, key=key) for line in part.lines)
    yield r"\end{worked}"
    yield rf"\vfill{{\footnotesize {text_latex(footer(sheet, key=key))}}}"


def _line(line: Line, *, key: bool) -> str:
    """Set a line, which may be broken before each equals sign and within long sums."""
    sides = formulas(line, key=key)
    symbol = line.record.symbol
    if not sides:
        return rf"\lineof{{$\displaystyle {symbol} =$~\hrulefill~$=$~\blank[20mm]}}"
    parts = [part for side in sides for part in broken(f"= {side}", WIDE_FORMULA)]
    parts[0] = f"{symbol} {parts[0]}"
    shown = latex_number(line.record.shown)
    if key or line.shows_result:
        parts.append(rf"= \result{{{shown}}}" if line.blank else f"= {shown}")
        end = ""
    else:
        end = r"\hfill$=$~\blank" if line.blank else ""
    body = " ".join(rf"$\displaystyle {part}$" for part in parts)
    return rf"\lineof{{{body}{end}}}"


# -------------------------------------------------------------------------------------------------------------- drawing


def tikz(drawing: Drawing) -> Iterator[str]:
    """Draw the network, panel by panel: what the page has as SVG, in black."""
    for piece in drawing_pieces(drawing, backward=False, digits=4, names=True):
        placed = piece.narrow
        scale = min(MILLIMETRES, WIDEST / placed.width, TALLEST / placed.height)
        nodes = rf"every node/.style={{inner sep=0pt,scale={scale / MILLIMETRES:.3f}}}"
        yield rf"\begin{{tikzpicture}}[baseline=(current bounding box.center),x={scale:.4f}mm,y=-{scale:.4f}mm,{nodes}]"
        yield from _parts(placed)
        yield r"\end{tikzpicture}\quad"


def _parts(placed: Layout) -> Iterator[str]:
    yield from map(_stroke, placed.lines)
    yield from map(_box, placed.boxes)
    for text in placed.texts:
        yield _text(text)
    for circle in placed.circles:
        yield from _circle(circle)


def _stroke(line: Stroke) -> str:
    style = ["->"] if "arrow" in line.role else []
    style += ["dashed"] if "bias" in line.role else []
    style.append("black!25" if "weak" in line.role else "black!55")
    return rf"\draw[{','.join(style)}] ({line.x1:.1f},{line.y1:.1f}) -- ({line.x2:.1f},{line.y2:.1f});"


def _box(box: Box) -> str:
    style = "thick" if box.role in {"window", "made"} else "black!45"
    corners = f"({box.x:.1f},{box.y:.1f}) rectangle ({box.x + box.width:.1f},{box.y + box.height:.1f})"
    return rf"\draw[{style}] {corners};"


def _circle(circle: Circle) -> Iterator[str]:
    yield rf"\filldraw[fill=white,draw=black] ({circle.x:.1f},{circle.y:.1f}) circle[radius={circle.radius:.1f}];"
    yield from map(_text, circle.texts)


def _text(text: Text) -> str:
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[text.anchor]
    words = text_latex(f"{text.lead} {text.text}".strip())
    shown = rf"\textbf{{{words}}}" if text.bold else words
    fill = ",fill=white" if text.role == "label" else ""
    return rf"\node[anchor={anchor},font=\small{fill}] at ({text.x:.1f},{text.y:.1f}) {{{shown}}};"
