"""A learner's numbers checked against those of a step, with the name of the mistake.

`graph` holds the numbers of a step with their formulas, `roles` the part that each plays, `worlds` what follows from
numbers that are given, and `records` what is said of a sheet. `reading/` makes a `Sheet` of what a learner hands in,
`judging/` judges it, `marking` adds up a class. `catalogue` gathers the entries of `mistakes/`, each of which changes
the formula of a `Site`. `worksheets/` makes sheets, `code/` checks a learner's own program. `show.check` draws the
records.
"""
