"""Names as learners write them, in one form: signs of word processors and LaTeX, marks of rows, steps, new values."""

from __future__ import annotations

import re
import unicodedata

import msgspec

SIGNS = str.maketrans({
    "−": "-", "–": "-", "—": "-", "‐": "-", "∂": "d", "∆": "Δ", "ð": "d", "′": "'", "’": "'", "‘": "'",
    "´": "'", "`": "'", "→": ",", "⟶": ",", "∇": "grad ", "“": "", "”": "", '"': "", "⋅": "·", "\ufeff": "",
})  # fmt: skip
LATEX = (
    (r"\\(?:d|t)?frac\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}",
     r"\1/\2"),
    (r"\\partial\s*", "d"), (r"\\delta\s*", "δ"), (r"\\Delta\s*", "Δ"), (r"\\nabla\s*", "grad "), (r"\\prime", "'"),
    (r"\\sigma\s*", "σ"), (r"\\(?:text|mathrm|mathit|mathbf|operatorname|hat|bar)\s*", ""),
    (r"\\(?:to|rightarrow)\b", ","),
    (r"\\[,;! ]", ""), (r"[\\$]", ""), (r"\{|\}", " "),
)  # fmt: skip
ROW = (
    r"[\s,;(]+(?:in |of |for )?row\s*=?\s*(?P<row>[^\s()\[\]]+?)\)?$", r"^row\s+(?P<row>[^\s:,]+)\s*[:,]\s*",
    r"(?<=[)\w+])\s*\[(?P<row>[^\[\],]+)\]$", r"\s*\^\s*\(?(?P<row>\d+)\)?$", r"(?<=\))\s*\((?P<row>\d+)\)$",
)  # fmt: skip
STEP = (
    r"^step\s*(?P<step>\d+)\s*[:.,)-]?\s*", r"^(?P<step>\d+)\.\s*step\s*[:,]?\s*",
    r"\s*@\s*step\s*(?P<step>\d+)$", r"[\s,;(]+(?:in |of |after |at )?step\s*(?P<step>\d+)\)?$",
)  # fmt: skip
NEW = (
    r"^(?:the )?(?:new|updated)\b[\s_]*(?:value of\s*)?", r"[\s_(]+(?:new|updated)\)?$", r"^new_?(?=[\w(])",
    r"\s*\^?\s*\+\+?$", r"(?<=.)'$", r"\s*\(t\s*\+\s*1\)$", r"(?<=\w)new$",
)  # fmt: skip
OLD = (r"^(?:the )?old\b[\s_]*", r"[\s_(]+old\)?$")
DROPPED = re.compile(r"[\s_(){},:;|]+")


class Form(msgspec.Struct, frozen=True):
    """A name taken apart: the number's own name, and the marks around it.

    Attributes:
        body: the name without its marks. row, step: which row and step it says; empty, and None, where it says none.
        new: whether the value after the update is meant. negative: whether it is the negative.
    """

    body: str
    row: str = ""
    step: int | None = None
    new: bool = False
    negative: bool = False


def plain(name: str) -> str:
    r"""Give a name in plain signs: subscripts as digits, LaTeX and the signs of word processors as the keyboard's.

    >>> plain("∂E/∂w₅"), plain(r"$\frac{\partial E_{total}}{\partial w_5}$"), plain("net(h₁) ⁽²⁾")
    ('dE/dw5', 'dE_ total /dw_5', 'net(h1) (2)')
    """
    text = unicodedata.normalize("NFKC", name.translate(SIGNS)).translate(SIGNS)
    if "\\" in text or "$" in text or "{" in text:
        for pattern, put in LATEX:
            text = re.sub(pattern, put, text)
    text = re.sub(r"\s*->\s*|\s+to\s+(?=\w)", ",", text)
    text = re.sub(r"\b[Dd]elta(?=[\s_(]|\d|$)|\b[Dd]elta(?=[a-zA-Z])|Δ", "δ", text)
    return " ".join(text.split())


def squashed(text: str) -> str:
    """Give a name without what people leave out or add: case, spaces, underscores, brackets and commas.

    >>> squashed("w(i1, h1)"), squashed("net_h1"), squashed("dE/dnet(h1)[2]")
    ('wi1h1', 'neth1', 'de/dneth1[2]')
    """
    return DROPPED.sub("", text).casefold()


def form_of(name: str) -> Form:
    """Take a name apart.

    >>> form_of("step 2: new w5"), form_of("net(h1), row 2").row, form_of("-δ(h1)").negative
    (Form(body='w5', row='', step=2, new=True, negative=False), '2', True)
    """
    text, step = _taken(plain(name), STEP, "step")
    text, row = _taken(text, ROW, "row")
    negative = bool(re.match(r"-\s*(?=\D)", text))
    text = re.sub(r"^-\s*", "", text) if negative else text
    new = _without(text, NEW)
    body = _without(text, OLD) if new == text else new
    return Form(body.strip(), row, int(step) if step else None, new != text, negative)


def _taken(text: str, patterns: tuple[str, ...], group: str) -> tuple[str, str]:
    """Give a text without the first mark that is found in it, and what the mark says."""
    for pattern in patterns:
        if found := re.search(pattern, text, re.IGNORECASE):
            left = (text[: found.start()] + text[found.end() :]).strip()
            if left:
                return left, found[group]
    return text, ""


def _without(text: str, patterns: tuple[str, ...]) -> str:
    """Give a text without the first of some marks that is found in it."""
    for pattern in patterns:
        changed = re.sub(pattern, "", text, count=1, flags=re.IGNORECASE)
        if changed != text and changed.strip():
            return changed.strip()
    return text
