"""Draws worksheets: pages to print, Markdown, LaTeX, and a CSV file to fill in."""
