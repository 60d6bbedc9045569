"""What a valley's picture says in words: which error, where the path goes, how far the picture is true."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.analysis.valley.records import PathPoint, Valley, ValleyPath
from backlit.errors import counted
from backlit.show.charts.numbers import four_digits
from backlit.show.names import short

SHADING = "The stronger the shading, the lower the error"
"""True on white, on black, and of block characters: dark is none of these everywhere."""


def is_exact(valley: Valley) -> bool:
    """Tell whether the surface is the whole error: the path then lies on it."""
    return valley.kind == "weights" and valley.weights == 2


def caption(valley: Valley) -> str:
    """Say which error is drawn, where the paths go, how far they lie on the surface, and what is left out."""
    alone = len(valley.paths) == 1
    parts = [f"{SHADING} E: {valley.what}."]
    parts += [_way(path, alone=alone) for path in valley.paths]
    if not valley.paths:
        parts += [valley.chosen, valley.base]
    elif is_exact(valley):
        parts.append(f"{valley.base} The {'path lies' if alone else 'paths lie'} on the surface.")
    else:
        parts += [valley.base, shared(valley, alone=alone), difference(valley)]
    if valley.hypothetical:
        parts.append(f"The training has not run; a copy of it took the path{'' if alone else 's'}.")
    places = [value for row in valley.error for value in row]
    if missing := places.count(None):
        parts.append(f"At {missing:,} of {len(places):,} places E is not a finite number; nothing is drawn there.")
    parts += [told for path in valley.paths for told in left_out(path, alone=alone)]
    return " ".join(part for part in parts if part)


def shared(valley: Valley, *, alone: bool) -> str:
    """Say how much of the way lies in the main plane; nothing of another plane."""
    if valley.share is None:
        return ""
    of = "path's variance about its last weights" if alone else "paths' variance about these weights"
    few = " Three points always lie in one plane." if sum(len(path.points) for path in valley.paths) <= 3 else ""
    return (
        f"{_percent(valley.share)} of the {of} lies in this plane.{few} Where {'the' if alone else 'a'} path leaves "
        "the plane, the nearest point of the plane is drawn."
    )


def _way(path: ValleyPath, *, alone: bool) -> str:
    """Say where a path begins and ends."""
    first, last = path.points[0], path.points[-1]
    after = counted(last.step, "update") if path.each == "step" else counted(last.epoch, "epoch")
    return f"{_who(path, alone)} goes from E = {number(first.true)} at the start to {number(last.true)} after {after}."


def _who(path: ValleyPath, alone: bool) -> str:
    return "The path" if alone else f"The path {short(path.name)!r}"


def left_out(path: ValleyPath, *, alone: bool) -> Iterator[str]:
    """Say which points are not drawn, and whose weights the network got."""
    who = _who(path, alone)
    if path.far:
        yield (
            f"{who} leaves from there for weights far beyond these: {counted(path.far, 'point')} not drawn; the "
            f"training ended: {path.ended}."
        )
    if path.left_out:
        whole = path.left_out + len(path.points)
        yield f"Of {'its first' if path.far else 'its'} {whole:,} points {len(path.points)} are drawn, evenly spaced."
    if path.kept is not None:
        end = f"{path.points[-1].epoch:,}"
        yield f"{who} goes on to epoch {end}; the network was given the weights of the best epoch, {path.kept:,}."


ROUNDING = 1e-13
"""A difference of two errors below this share of them comes from the order in which numbers were added."""


def difference(valley: Valley) -> str:
    """Say where the true and the drawn error differ the most; nothing where no point has both."""
    found = [
        (abs(point.true - point.drawn), path, point)
        for path in valley.paths
        for point in path.points
        if point.true is not None and point.drawn is not None
    ]
    if not found:
        return ""
    most, path, point = max(found, key=lambda each: each[0])
    if most <= ROUNDING * abs(point.true or 0.0):
        return "At every point of the path the error of the surface is the true error."
    of = "" if len(valley.paths) == 1 else f" of {short(path.name)!r}"
    true, drawn = apart(point.true or 0.0, point.drawn or 0.0)
    return (
        f"True and drawn error differ the most at {place(path, point)}{of}: with all its weights the network's error "
        f"is {true}, and the surface shows {drawn}."
    )


def apart(one: float, other: float) -> tuple[str, str]:
    """Give two numbers with four digits, or with as many as tell them apart.

    >>> apart(0.76459, 0.6631), apart(0.7645878, 0.7645677)
    (('0.7646', '0.6631'), ('0.76459', '0.76457'))
    """
    texts = ((f"{one:.{digits}g}", f"{other:.{digits}g}") for digits in range(4, 18))
    return next((pair for pair in texts if pair[0] != pair[1]), (number(one), number(other)))


def place(path: ValleyPath, point: PathPoint) -> str:
    """Name a point: epoch 3, or update 7."""
    return f"update {point.step:,}" if path.each == "step" else f"epoch {point.epoch:,}"


def number(value: float | None) -> str:
    """Give a number with four digits."""
    return "no finite number" if value is None else four_digits(value)


def _percent(share: float) -> str:
    """Give a share in percent, 100 only where it is the whole.

    >>> _percent(0.99996), _percent(0.5), _percent(1.0)
    ('More than 99.9 %', '50.0 %', '100 %')
    """
    if share >= 1.0 - 1e-12:
        return "100 %"
    return "More than 99.9 %" if share >= 0.9995 else f"{100.0 * share:.1f} %"
