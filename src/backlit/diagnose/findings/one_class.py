"""BL203: nothing can be told apart: all targets are one class or one number, or a class has no row to learn from.

A softmax over one unit, which is 1 whatever goes in, a `Network` refuses in words when it is made, and so it refuses a
loss of classes with one output. What gets through are targets of this kind.
"""

from __future__ import annotations

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding
from backlit.diagnose.samples import class_numbers


@finding("BL203", "softmax over one unit, or targets of one class", by_itself=True)
def one_class(case: Case) -> Finding | None:
    """Find targets that are all the same, and classes of the validation rows that no training row has."""
    if len(case.targets) > 1 and not np.ptp(case.targets, axis=0).any():
        return _all_the_same(case)
    held_out = class_numbers(case.held_out_targets, case.of_classes)
    if case.classes is None or held_out is None:
        return None
    missing = np.setdiff1d(held_out, case.classes)
    if not missing.size:
        return None
    rows = int(np.isin(held_out, missing).sum())
    told = ", ".join(case.class_name(int(number)) for number in missing[:5])
    return Finding(
        code="BL203", name="a class without training rows", place=told,
        measure="part of the validation rows of a class that no training row has", measured=rows / len(held_out),
        threshold=0.0, healthy="0",
        why="the slope of every training row lowers that class's output, so the network learns that it does not occur; "
        "split the rows so that each part has all classes",
    )  # fmt: skip


def _all_the_same(case: Case) -> Finding:
    what = "class" if case.of_classes else "value"
    return Finding(
        code="BL203", name=f"targets of one {what}", place="the targets",
        measure=f"different {'classes' if case.of_classes else 'values'} among the training targets", measured=1.0,
        threshold=1.0, healthy="at least 2",
        why="the loss is smallest where the output is the same for all inputs: a bias alone learns it, and the inputs "
        "count for nothing",
    )  # fmt: skip
