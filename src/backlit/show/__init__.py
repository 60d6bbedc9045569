"""Draws records: as text, Markdown, LaTeX, HTML and SVG. Takes records, never networks."""
