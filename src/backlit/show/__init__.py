"""Draws records: as text for the terminal, Markdown, LaTeX, HTML with MathML, SVG. Takes records, never networks.

A package for each thing that is drawn: `worked` (a worked example), `network` (the network in it), `demo`, `curves`,
`valley`, `boundary`, `report`, `check` (checked work); `charts` is what all pictures of numbers are made of. `picture`
is what people hold of a chart, `notebook` what a notebook may show, `summary_tables` the engine's own records as
tables; `text_charts` draws small bars and networks of plain text. `names` has the user's names as they fit into a
picture, `saving` writes files.
"""
