"""The parts of the live page, drawn from records and plain numbers as fragments of HTML and SVG."""
