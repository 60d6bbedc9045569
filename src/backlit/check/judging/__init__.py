"""The judgement of a sheet: each number against what follows from the learner's own, and the mistake behind it.

`verdicts.judge` is the interface.
"""
