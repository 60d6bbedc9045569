"""Formulas as trees: read from the ops' LaTeX, filled with quantities, evaluated, and printed.

A worked example shows one tree twice, with symbols and with numbers. The interface: `parsing.statements` reads an op's
formula text, the functions of `tree` make and change trees, `printing.latex` and `printing.plain` print them, and
`numerals` writes numbers with so many digits, correctly rounded. Nothing here knows networks or steps.
"""
