"""Charts: a `Figure` says what is drawn, and is drawn as SVG, as text in block characters, and as a table.

Charts know plain values, no records and no networks. What draws a record (`show/curves/figures.py` and its kin) makes
figures of it, and `Picture` (`show/picture.py`) is what people hold. Every figure has its table, which says the same to
those who do not see it.
"""
