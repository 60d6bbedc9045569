"""Checks own names of quantities against all names of the step: each names one number, and no two share a name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator

from backlit.errors import BacklitError
from backlit.explain.quantity_names import Names
from backlit.explain.record.quantities import Key, Quantity


def check_labels(
    names: Names, nameable: Iterable[Quantity], quantities: Iterable[Quantity], find: Callable[[str], Key | None]
) -> None:
    """Check the own names of a step's quantities.

    Args:
        names: the names, own ones among them.
        nameable: the quantities that can have own names; others, such as derivatives, are named after these.
        quantities: all quantities of the step.
        find: gives the number of a name.

    Errors: a BacklitError where an own name is given to no number, or two numbers get one name.
    """
    given = tuple(names.labels)
    holders: dict[str, str] = {}
    with names.usual():
        _check_given(given, dict.fromkeys(name for quantity in nameable for name in _names_of(quantity)))
        touched = [(key, key.quantity.name(key.place).text) for key in _touched(given, quantities)]
    for key, usual in touched:
        name = key.quantity.name(key.place).text
        if name == usual:
            continue
        with names.usual():
            found = find(name)
        other = name if found not in {None, key} else holders.setdefault(name, usual)
        if other != usual:
            raise BacklitError(
                f"labels: {name!r} is the name of both {usual!r} and {other!r}; "
                "expected names that differ, to tell them apart: choose another."
            )


def _touched(given: tuple[str, ...], quantities: Iterable[Quantity]) -> Iterator[Key]:
    """Give the numbers whose names own names can change: those of the units and sources that these are given to."""
    for quantity in quantities:
        units, sources = (
            {name for name in mentioned if any(name in text for text in given)}
            for mentioned in (quantity.units, quantity.sources)
        )
        for row in range(len(quantity.rows) or 1):
            for at in quantity.places(row):
                if quantity.units[at.unit] in units or (sources and quantity.sources[at.source] in sources):
                    yield Key(quantity, at)


def _names_of(quantity: Quantity) -> Iterator[str]:
    """Give the names of a quantity's numbers, without those of the rows."""
    row = f"[{quantity.rows[0]}]" if quantity.rows else ""
    return (quantity.name(at).text.removesuffix(row) for at in quantity.places(0))


def _check_given(given: Iterable[str], known: Collection[str]) -> None:
    """Refuse own names of numbers that the step does not have."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected usual names, such as {next(iter(known))!r}."
            raise BacklitError(f"labels: the step has no {name!r} to name; {hint}")
