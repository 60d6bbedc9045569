"""Draws records: as text for the terminal, Markdown, LaTeX, HTML with MathML and SVG. Takes records, never networks.

Each file makes one form: `worked_text`, `worked_markdown`, `worked_latex` and `worked_html` draw a worked example,
`diagram_text` and `network_svg` the network in it; `text_charts` draws bars of plain numbers. The interface:
`worked_example`, in which `explain` runs a step and gives it as a `WorkedExample` that shows itself in every form, and
`text_charts`.
"""
