"""A sheet's names, read: its numbers made into claims about numbers of the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from backlit.check.graph import StepGraph
from backlit.check.reading.array_claims import array_claims
from backlit.check.reading.convention_table import Factor
from backlit.check.reading.conventions import DELTAS, recognised
from backlit.check.reading.declarations import Declared, delta_of, velocity_of
from backlit.check.reading.givens import Given, GivenArray, GivenError, GivenSheet
from backlit.check.reading.name_forms import form_of, squashed
from backlit.check.reading.name_rules import Reading, counts_from_one
from backlit.check.reading.naming import Namer
from backlit.check.sheet import Claim, Sheet
from backlit.errors import BacklitError


def steps_of(sheet: GivenSheet, default: int) -> set[int]:
    """Give the steps that a sheet's numbers are of; `default` is that of those that name none."""
    return {_step_of(one, default) for of_kind in (sheet.numbers, sheet.arrays) for one in of_kind} or {default}


def _step_of(given: Given | GivenArray, default: int) -> int:
    said = given.step if given.step is not None else form_of(given.name).step
    return default if said is None else said


def sheet_of(
    graph: StepGraph, given: GivenSheet, *, figures: Mapping[str, str] | None = None, delta: str = "",
    velocity: str = "", first: int = 1, default: int = 1,
) -> Sheet:  # fmt: skip
    """Read the names of a sheet's numbers.

    Args:
        graph: the numbers of the step, or of several. given: the sheet.
        figures: what the network's file calls numbers, such as {"δ3": "-dE/dnet(y3)"}.
        delta, velocity: what δ is, such as "-dE/dnet", and how v is worked out, such as "μv + g", if that is said
            outside the sheet.
        first: the number of the graph's first step. default: the step of the numbers that name none.

    Errors: a GivenError where a name stands for no number, or a number is given twice in different ways.
    """
    namers = {first + k: Namer(step, figures) for k, step in enumerate(graph.steps)}
    notes = list(given.notes)
    for step, namer in namers.items():
        forms = (form_of(one.name) for one in given.numbers if _step_of(one, default) == step)
        namer.finder.first_index = int(counts_from_one(namer.finder, forms))
    if any(namer.finder.first_index for namer in namers.values()):
        notes.append("the indices of arrays are read as counted from 1")
    unread = None if given.unread is None else [*given.unread]
    read = list(_readings(namers, given.numbers, default, unread))
    for step in sorted({_step_of(one, default) for one in given.arrays}):
        arrays = [one for one in given.arrays if _step_of(one, default) == step]
        read += array_claims(_namer(namers, step, arrays[0]).step, arrays, notes)
    if not read:
        raise BacklitError("the sheet gives no number; expected some, such as net(h1) = 0.3775.")
    read = _once(read)
    declared = _declared(delta or given.delta, velocity or given.velocity, figures or {})
    factors = recognised(graph, read, declared, notes)
    notes += dict.fromkeys(reading.says for _, reading in read if reading.says)
    claims = tuple(
        Claim(one.name, reading.key, one.written, factor.value, reading.base, one.place, _means(graph, reading, factor))
        for (one, reading), factor in zip(read, factors, strict=True)
    )
    return Sheet(given.name, claims, tuple(notes), given.places, tuple(unread or ()))


def _means(graph: StepGraph, reading: Reading, factor: Factor) -> str:
    """Say what a number of the sheet is by the worked example's name; empty where it is that number itself."""
    if reading.base is None:
        return factor.means(graph.name(reading.key))
    names = graph.name(reading.key), graph.name(reading.base)
    return " - ".join(names if factor.value > 0 else reversed(names))


def _declared(delta: str, velocity: str, figures: Mapping[str, str]) -> Declared:
    """Give what is declared, of δ's sign also by the network's file in its own figures."""
    meant, rule = delta_of(delta), velocity_of(velocity)
    if meant:
        return Declared(-1 if meant.startswith("-") else 1, "n" in meant.partition("dE")[0], rule)
    negative = {q.startswith("-") for label, q in figures.items()
                if label.startswith(DELTAS) and q.lstrip("-").startswith("dE/dnet")}  # fmt: skip
    return Declared(None if len(negative) != 1 else -1 if negative.pop() else 1, False, rule)


def _readings(
    namers: Mapping[int, Namer], numbers: Sequence[Given], default: int, unread: list[str] | None
) -> Iterator[tuple[Given, Reading]]:
    """Read the names; where the others are to count, a name that stands for no number goes to those not read.

    Errors: a GivenError where it is not so, or no name is understood.
    """
    error: GivenError | None = None
    understood = 0
    for one in numbers:
        try:
            reading = _read(namers, one, default)
        except GivenError as found:
            if unread is None:
                raise
            error = error or found
            unread.append(f"{one.name} = {one.written.text}")
            continue
        understood += 1
        yield one, reading
    if error is not None and not understood:
        raise error


def _read(namers: Mapping[int, Namer], given: Given, default: int) -> Reading:
    """Read one name, in the step that it or its place says."""
    named = form_of(given.name).step
    if given.step is not None and named is not None and given.step != named:
        says = f"{given.name!r} says step {named}, and step {given.step} stands beside it."
        raise GivenError(says, given.line, given.name)
    namer = _namer(namers, _step_of(given, default), given)
    name = _without_step(given.name) if named is not None else given.name
    try:
        return namer.read(name, given.row)
    except BacklitError as error:
        raise GivenError(str(error), given.line, given.name) from None


def _namer(namers: Mapping[int, Namer], step: int, given: Given | GivenArray) -> Namer:
    if step not in namers:
        first, last = min(namers), max(namers)
        steps = f"step {first} alone" if first == last else f"steps {first} to {last}"
        raise GivenError(f"{given.name!r} is of step {step}; {steps} can be checked here.", given.line, given.name)
    return namers[step]


def _without_step(name: str) -> str:
    form = form_of(name)
    return f"{'-' if form.negative else ''}{form.body}{'+' if form.new else ''}{f'[{form.row}]' if form.row else ''}"


def _once(read: list[tuple[Given, Reading]]) -> list[tuple[Given, Reading]]:
    """Give each number once; refuse one that is given twice in different ways."""
    first: dict[tuple[object, ...], Given] = {}
    kept = []
    for given, reading in read:
        same = (reading.key, reading.sign, reading.kind)
        before = first.setdefault(same, given)
        if before is given:
            kept.append((given, reading))
        elif before.written.value != given.written.value:
            other = f" ({before.name})" if squashed(before.name) != squashed(given.name) else ""
            where = f" in {before.place}{other}" if before.place else other
            raise GivenError(
                f"{given.name} is given twice: {before.written.text}{where}, and {given.written.text} here; keep one.",
                given.line, given.name,
            )  # fmt: skip
    return kept
