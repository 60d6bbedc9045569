"""How many of the mistakes that are planted in NumPy code `bl.check_gradients` names, and how many right ones it flags.

    python -m bench.code

It plants every mistake of `tests/learners_code.py` in every network in which it can be made, in float64 and float32.
"""

from __future__ import annotations

import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import backlit as bl

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
learners: Any = import_module("learners_code")  # of the tests


def verdict(case: Any, flaw: str, codes: frozenset[str], dtype: str) -> str:
    """Check one function, and say what became of it."""
    X, Y = case.data()
    found = bl.check_gradients(
        learners.backward(case, flaw), case.network(dtype), X.astype(dtype), Y, optimizer=bl.SGD(learners.RATE)
    )
    if found.all_right:
        return "right" if not flaw else "planted, not seen"
    if not flaw:
        return "right, but flagged"
    whole = {one.code for one in found.mistakes if one.explains_all}
    if found.named is not None:
        return "named" if found.named.code in codes else "another name"
    if whole & codes and not found.together:
        return "among a tie"
    return "two names together" if found.together else "no name" if not whole else "another name"


def main() -> None:
    """Print the counts of each dtype."""
    for dtype in ("float64", "float32"):
        counts = Counter(verdict(case, "", frozenset(), dtype) for case in learners.CASES)
        for case in learners.CASES:
            for flaw in learners.FLAWS:
                if flaw.can(case):
                    said = verdict(case, flaw.name, flaw.codes, dtype)
                    counts[said] += 1
                    if said not in {"named", "among a tie"}:
                        print(f"  {dtype}, {case.name}, {flaw.name}: {said}")
        print(f"{dtype}: {', '.join(f'{count} {said}' for said, count in counts.most_common())}", flush=True)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
