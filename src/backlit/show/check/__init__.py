"""Draws checked work and the marking of a class: as text, Markdown, a page, a part of a page, and as records."""
