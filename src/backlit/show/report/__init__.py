"""The report of a model as one page, and as what people hold of it: drawn from the record `ModelReport` alone.

`page` puts sections together; each section is words (`words`), charts (`score_figures`, `class_figures`,
`number_figures`, `importance_figures`) and tables (`tables`), made of the `parts` that the template writes. What a page
shows is bounded by counts: texts are cut, long lists end with the number of the rest. `report.json` has it all.
"""
