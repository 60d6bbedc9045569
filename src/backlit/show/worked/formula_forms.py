r"""Formulas in LaTeX, written so that those who render them get them whole.

Names of a user's own stand in `\text{...}` with the escapes of LaTeX. MathJax and KaTeX, which render the formulas of
notebooks, do not know all of these there. Markdown takes the backslash away before a sign, on GitHub even within
formulas, ends a table's cell at each bar, and reads `<b>` as HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from backlit.explain.quantity_names import plain_text

TEXT = re.compile(r"\\text\{((?:[^{}\\]|\\.|\{\})*)\}")
OUTSIDE = {
    "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "{": r"\lbrace ", "}": r"\rbrace ",
    "\\": r"\backslash ", "^": r"\wedge ", "~": r"\sim ", "<": "{<}", ">": "{>}",
}  # fmt: skip
"""Signs that a text within a formula cannot hold, as formulas of their own."""

IN_MARKDOWN = {
    "{": r"\lbrace ", "}": r"\rbrace ", "\\": r"\backslash ", "<": r"\lt ", ">": r"\gt ", "|": r"\vert ", "*": r"\ast ",
    "~": r"\sim ", "^": r"\wedge ", "`": r"\prime ", "$": r"\text{＄}", "%": r"\text{％}", "&": r"\text{＆}",
    "#": r"\text{＃}",
}  # fmt: skip
"""The same for Markdown, whose formulas MathJax renders: no backslash before a sign, which Markdown would take away."""

SPACED = re.compile(r"(?<![A-Za-z0-9])_")
"""An underscore that could begin emphasis in Markdown; after one of these letters or digits none can."""

WORDS = {
    r"\\": r"\cr", r"\,": r"\thinspace", r"\;": r"\thickspace", r"\ ": r"\space", r"\{": r"\lbrace", r"\}": r"\rbrace",
    r"\|": r"\Vert",
}  # fmt: skip
"""Commands that are a backslash and a sign, as words, which Markdown leaves alone."""

BARS = re.compile(r"\\left\s*\||\\right\s*\||\|")


def notebook_formula(latex: str) -> str:
    r"""Give a formula as MathJax, KaTeX and LaTeX render it alike.

    >>> notebook_formula(r"w_{\text{a\_b} h_{1}}")
    'w_{\\text{a}\\_\\text{b} h_{1}}'
    """
    return TEXT.sub(_spelled(OUTSIDE), latex)


def markdown_formula(latex: str) -> str:
    r"""Give a formula that Markdown hands on as it is, in Jupyter and on GitHub.

    >>> markdown_formula(r"\begin{cases} 1 & a < 0 \\ \left|a\right| & \text{a\_b} \end{cases}")
    '\\begin{cases} 1 & a \\lt 0 \\cr  \\left\\vert a\\right\\vert  & \\text{a_b} \\end{cases}'
    """
    texts: list[str] = []

    def keep(found: re.Match[str]) -> str:
        texts.append(SPACED.sub("＿", _spelled(IN_MARKDOWN)(found)))
        return f"\0{len(texts) - 1}\0"

    bare = TEXT.sub(keep, latex)
    bare = re.sub(r"\\[^A-Za-z]", lambda found: WORDS.get(found[0], found[0]) + " ", bare)
    bare = BARS.sub(lambda found: found[0].replace("|", r"\vert "), bare)
    bare = re.sub(r"\s*([<>])", lambda found: r" \lt" if found[1] == "<" else r" \gt", bare)
    bare = SPACED.sub(r"\\mathstrut_", bare.replace("*", r"\ast "))  # an empty box of a letter's height
    return re.sub("\0(\\d+)\0", lambda found: texts[int(found[1])], bare).strip()


def notebook_words(text: str, command: str = "text") -> str:
    r"""Give words within a formula, or by `command` "textbf" a heading.

    >>> notebook_words("a_b", "textbf")
    '\\textbf{a}\\_\\textbf{b}'
    """
    return _written(text, OUTSIDE, command)


def _spelled(signs: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    r"""Give a function that writes a `\text{...}` anew, with `signs` outside of it."""
    return lambda found: _written(plain_text(found[1]), signs, "text")


def _written(text: str, signs: Mapping[str, str], command: str) -> str:
    parts = re.split("([" + re.escape("".join(signs)) + "])", text)
    return "".join(signs.get(part, rf"\{command}{{{part}}}") for part in parts if part)


def broken(latex: str, most: float = 80, length: Callable[[str], float] | None = None) -> list[str]:
    r"""Break a long sum before its plus and minus signs into lines of about so many signs; `length` measures them.

    >>> broken(r"a_{1} + \left(b + c\right) + d", 5)
    ['a_{1}', '+ \\left(b + c\\right)', '+ d']
    """
    length = length or _length
    terms, depth, start = [], 0, 0
    for found in re.finditer(r"\\[A-Za-z]+|\\.|[{}]| [+-] ", latex):
        token = found[0]
        depth += (token in {"{", r"\left", r"\begin"}) - (token in {"}", r"\right", r"\end"})
        if token in {" + ", " - "} and not depth:
            terms.append(latex[start : found.start()])
            start = found.start() + 1
    lines = [""]
    for term in [*terms, latex[start:]]:
        if lines[-1] and length(lines[-1]) + length(term) > most:
            lines.append(term)
        else:
            lines[-1] = f"{lines[-1]} {term}".strip()
    return lines


def _length(latex: str) -> int:
    """Give about how many signs are seen of a formula."""
    return len(re.sub(r"\\(?:text|frac|left|right|partial)|[{}_^\\ ]", "", latex))
