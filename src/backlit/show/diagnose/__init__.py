"""Draws a diagnosis: in a terminal, in a notebook and as a page, from the same blocks."""
