"""Draws the record of a demo: as blocks, which a terminal, a notebook and a page show each in its own way."""
