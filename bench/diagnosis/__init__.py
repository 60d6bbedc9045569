"""The benchmark of the diagnosis: planted faults on many tables, judged by the harm they do on separate clean rows.

    python -m bench.diagnosis run --small -o small.jsonl
    python -m bench.diagnosis table small.jsonl

`tables` makes the rows, `recipes` says how a network is trained on them, `faults` plants one thing in either, `design`
draws the cells, `truth` tells by the scores on clean rows which cells are faulty, `tools` diagnoses, `runs` does all of
it for a cell and a seed, `scores` counts, and `report` writes the tables.
"""
