"""What a valley's picture says in words: which error, where the path goes, how far the picture is true."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.analysis.valley.records import PathPoint, Valley, ValleyPath
from backlit.errors import counted

LONGEST_NAME = 40


def is_exact(valley: Valley) -> bool:
    """Tell whether the surface is the whole error: the path then lies on it."""
    return valley.kind == "weights" and valley.weights == 2


def caption(valley: Valley) -> str:
    """Say which error is drawn, where the paths go, how far they lie on the surface, and what is left out."""
    alone = len(valley.paths) == 1
    parts = [f"Dark is a low error E: {valley.what}."]
    parts += [_way(path, alone=alone) for path in valley.paths]
    if valley.share is not None:
        parts.append(
            f"{_percent(valley.share)} of the path's variance about its last weights lies in this plane. Where the "
            "path leaves the plane, the nearest point of the plane is drawn."
        )
    if valley.paths:
        lies = f"The {'path lies' if alone else 'paths lie'} on the surface."
        parts += [f"{valley.base} {lies}"] if is_exact(valley) else [difference(valley), valley.base]
    else:
        parts += [valley.chosen, valley.base]
    if valley.hypothetical:
        parts.append(f"The training has not run; a copy of it took the path{'' if alone else 's'}.")
    places = [value for row in valley.error for value in row]
    if missing := places.count(None):
        parts.append(f"At {missing:,} of {len(places):,} places E is not a finite number; nothing is drawn there.")
    parts += [told for path in valley.paths for told in _left_out(path, alone=alone)]
    return " ".join(part for part in parts if part)


def _way(path: ValleyPath, *, alone: bool) -> str:
    """Say where a path begins and ends."""
    first, last = path.points[0], path.points[-1]
    after = counted(last.step, "update") if path.each == "step" else counted(last.epoch, "epoch")
    return f"{_who(path, alone)} goes from E = {number(first.true)} at the start to {number(last.true)} after {after}."


def _who(path: ValleyPath, alone: bool) -> str:
    return "The path" if alone else f"The path {short(path.name)!r}"


def _left_out(path: ValleyPath, *, alone: bool) -> Iterator[str]:
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
        yield f"{who} ends after the best epoch, {path.kept:,}, whose weights the network was given."


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
    if most == 0.0:
        return "At every point of the path the error of the surface is the true error."
    of = "" if len(valley.paths) == 1 else f" of {short(path.name)!r}"
    return (
        f"True and drawn error differ the most at {place(path, point)}{of}: with all its weights the network's error "
        f"is {number(point.true)}, and the surface shows {number(point.drawn)}."
    )


def place(path: ValleyPath, point: PathPoint) -> str:
    """Name a point: epoch 3, or update 7."""
    return f"update {point.step:,}" if path.each == "step" else f"epoch {point.epoch:,}"


def number(value: float | None) -> str:
    """Give a number with four digits."""
    return "no finite number" if value is None else f"{value:.4g}"


def _percent(share: float) -> str:
    """Give a share in percent, 100 only where it is the whole.

    >>> _percent(0.99996), _percent(0.5), _percent(1.0)
    ('More than 99.9 %', '50.0 %', '100 %')
    """
    if share >= 1.0 - 1e-12:
        return "100 %"
    return "More than 99.9 %" if share >= 0.9995 else f"{100.0 * share:.1f} %"


def short(name: str) -> str:
    """Give a name in one line of characters that are seen, as far as there is room in a sentence."""
    flat = "".join(character for character in " ".join(name.split()) if character.isprintable())
    return flat if len(flat) <= LONGEST_NAME else flat[: LONGEST_NAME - 1] + "…"
