"""Draws a worked example, a step or an epoch: as text, Markdown, LaTeX, a page with MathML, and cells of a notebook."""
