"""The report of a model as one page, and as what people hold of it: drawn from the record `ModelReport` alone.

`page` puts sections together, which `model_sections`, `measured_sections` and `row_sections` make: words, tables, and
charts of `score_figures`, `class_figures`, `number_figures` and `importance_figures`, all of the `parts` that the
template writes. What a page shows is bounded by counts: texts are cut, long lists end with the number of the rest.
`report.json` has it all.
"""
