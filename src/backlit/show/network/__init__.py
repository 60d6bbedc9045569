"""Draws a network with its numbers: the layout in plain geometry, then as SVG; and as text."""
