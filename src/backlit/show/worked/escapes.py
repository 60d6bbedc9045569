"""Texts of a worked example with the characters escaped that mean something in Markdown or LaTeX."""

from __future__ import annotations

from backlit.explain.quantity_names import latex_text

SIGNS = {
    "→": r"\to", "·": r"\cdot", "²": "^2", "√": r"\surd", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "Σ": r"\Sigma",
    "‖": r"\Vert", "η": r"\eta", "μ": r"\mu", "ρ": r"\rho", "ε": r"\varepsilon", "β": r"\beta", "λ": r"\lambda",
    "α": r"\alpha", "δ": r"\delta", "∞": r"\infty", "…": r"\ldots",
}  # fmt: skip


def escaped(text: str) -> str:
    """Give text with the characters escaped that mean something in Markdown."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text)


def text_latex(text: str) -> str:
    """Give text with the characters escaped that mean something in LaTeX, and signs that its fonts lack as formulas."""
    return "".join(f"${SIGNS[c]}$" if c in SIGNS else c for c in latex_text(text))
