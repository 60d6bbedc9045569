"""The benchmark of checking work: sheets with planted mistakes, right sheets, and what the check says of them.

    python -m bench.check --small
    python -m bench.check -o sheets.jsonl
    python -m bench.check --table sheets.jsonl docs/check-my-work.md

`networks` are ten small networks with their steps, `sheets` plants mistakes and writes the numbers down as learners do,
`scores` says of each sheet what was found and counts.
"""
