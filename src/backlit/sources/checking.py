"""`backlit.check_work`: a learner's numbers, checked against the step that they are of."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from backlit.check.graph import StepGraph
from backlit.check.judging.verdicts import judge
from backlit.check.reading.givens import GivenError, GivenSheet
from backlit.check.reading.sheet_reading import sheet_of, steps_of
from backlit.check.records import CheckedWork
from backlit.engine import Training
from backlit.errors import BacklitError
from backlit.examples import NAMES
from backlit.explain import Step
from backlit.ops.value_checks import checked
from backlit.show.check.checked import Checked
from backlit.show.worked.epoch import WorkedEpoch
from backlit.sources.explaining import explain
from backlit.sources.sheet_files import SheetText, given_sheet, placed, read_sheet

StepNumber = Annotated[int, msgspec.Meta(ge=1)]
MOST_STEPS = 100
"""A sheet's steps are worked out one after another, with all numbers of each."""


def check_work(
    source: Any, X: Any = None, Y: Any = None, claimed: Any = None, *, delta: str = "", velocity: str = "",
    steps: int | None = None, epoch: int | None = None, hint: int | None = None, name: str = "", **settings: Any,
) -> Checked:  # fmt: skip
    """Check numbers that a learner has worked out, each against what follows from the learner's own earlier numbers.

    A number is right within half a unit of its last digit, plus what the rounding of the numbers before it allows. One
    that follows from an earlier wrong one is right too. Of the first wrong ones, the mistake is named whose result they
    are, where exactly one known mistake gives it.

    Args:
        source: what the numbers are of: a `Network`, with X and Y; an example's name ("two-layer"); a network file
            ("mine.toml"), whose table [claimed] is checked where no other numbers are given; a model file with `data`;
            a `Training`.
        X: inputs (n, inputs). Y: targets. As `backlit.explain` takes them.
        claimed: the learner's numbers by the names of the worked example or of textbooks: {"net(h1)": "0.3775",
            "δ(o1)": "-0.1385", "w5 new": 0.3589}; arrays of gradients by the parameters' names, {"1.W": dW1}; or the
            path of a sheet: .csv, .json, .npz, or a network file. The digits of a text count as they are written.
        delta: what δ is: "dE/dnet", or "-dE/dnet", where a weight changes by plus the rate times δ times the input; of
            a batch "n dE/dnet", without the 1/n of the mean. Without it, that is taken under which more numbers follow.
        velocity: how the velocity v is worked out: "μv - ηg", "μv + ηg" or "μv + g"; without it, as δ is.
        steps: which step of the training the numbers are of, that name none; 1 by default.
        epoch: the numbers are of the steps of this epoch, which are counted from 1.
        hint: 1 gives the place of the first wrong number, 2 the kind of mistake too, 3 the line too; None everything.
        name: the sheet's.
        **settings: those of `backlit.explain`: optimizer, rate, batch_size, row, run, labels, ...

    Errors: a BacklitError where a name stands for no number of the step, a number is given twice in different ways, a
    text is no number, or `backlit.explain` refuses the source.

    >>> import backlit as bl
    >>> checked = bl.check_work("two-layer", claimed={"net(h1)": "0.3775", "out(h1)": "0.5933", "w5 new": "0.4411"})
    >>> [number.verdict for number in checked.numbers]
    ['right', 'right', 'wrong']
    """
    sheet = _sheet_given(source, claimed, name)
    work = checked_work(source, X, Y, sheet, delta=delta, velocity=velocity, steps=steps, epoch=epoch, **settings)
    return Checked(work, hint=hint)


def _sheet_given(source: Any, claimed: Any, name: str) -> SheetText:
    """Give the learner's numbers: those of `claimed`, else those of the network file itself."""
    if claimed is None:
        if not isinstance(source, (str, os.PathLike)) or str(source) in NAMES:
            what = f"the example {source}" if isinstance(source, str) else f"a {type(source).__name__}"
            raise BacklitError(
                f"check_work was given {what} without numbers to check; expected claimed={{'net(h1)': \"0.3775\"}}, "
                "or the path of a sheet."
            )
        return read_sheet(source)
    if isinstance(claimed, (str, os.PathLike)):
        return read_sheet(claimed)
    return SheetText(given_sheet(claimed, name))


def checked_work(
    source: Any, X: Any, Y: Any, given: SheetText, *, delta: str = "", velocity: str = "", steps: int | None = None,
    epoch: int | None = None, **settings: Any,
) -> CheckedWork:  # fmt: skip
    """Check a sheet that has been read; the arguments are those of `check_work`."""
    first, chain = chain_of(source, X, Y, given.sheet, steps=steps, epoch=epoch, **settings)
    graph = StepGraph(chain)
    try:
        sheet = sheet_of(graph, given.sheet, figures=chain[0].figures, delta=delta, velocity=velocity, first=first,
                         default=steps or 1)  # fmt: skip
    except GivenError as error:
        raise placed(error, given.path, given.text) from None
    work = msgspec.structs.replace(judge(graph, sheet, title=_title(source, chain[0], given)), unread=sheet.unread)
    if first == 1:
        return work
    numbers = tuple(msgspec.structs.replace(number, step=number.step + first - 1) for number in work.numbers)
    return msgspec.structs.replace(work, numbers=numbers)


def chain_of(
    source: Any, X: Any, Y: Any, sheet: GivenSheet, *, steps: int | None, epoch: int | None, **settings: Any
) -> tuple[int, Sequence[Step]]:
    """Record the steps that a sheet's numbers are of; give the number of the first, and all that follow.

    Errors: a BacklitError where they are too many, or the source has no such step.
    """
    try:
        if epoch is not None:
            found = explain(source, X, Y, steps=steps, epoch=epoch, **settings)
            assert isinstance(found, WorkedEpoch)
            return 1, [example.step for example in found]
        of = steps_of(sheet, 1 if steps is None else checked("steps", steps, StepNumber))
        first, last = min(of), max(of)
        if last - first >= MOST_STEPS:
            raise BacklitError(
                f"the sheet has numbers of steps {first} to {last}; expected at most {MOST_STEPS} in a row."
            )
        return first, [explain(source, X, Y, steps=k, **settings).step for k in range(first, last + 1)]
    except BacklitError as error:
        words = str(error)
        if words.startswith("explain "):
            raise BacklitError(f"check_work{words.removeprefix('explain')}") from None
        raise


def _title(source: Any, step: Step, given: SheetText) -> str:
    """Name what was checked: the file's title, the example, or what the network is."""
    if isinstance(source, (str, os.PathLike)):
        if given.file is not None and given.file.title:
            return given.file.title
        return str(source) if str(source) in NAMES else Path(source).name
    facts: Mapping[str, str] = dict(step.summary.facts)
    return facts.get("network", "the training" if isinstance(source, Training) else "the network")
