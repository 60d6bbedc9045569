"""The colours of charts, light and dark, as attributes of the parts and as a style that changes them in the dark.

A part has its light colour as an attribute, for viewers that drop styles, and a class that the style of the page, or of
the picture itself, knows. Ink on paper has a contrast of at least 4.5 to 1, in both.
"""

from __future__ import annotations

SERIES = ("#1a62d6", "#b93a0a", "#16794b", "#7a3fc4", "#0b7285", "#b0246f", "#7a6200", "#4a5568",
          "#6d3b1f", "#4f7a00", "#283593", "#d11a2a")  # fmt: skip
DARK_SERIES = ("#7ab0ff", "#ff9f4a", "#5fd39b", "#c7a2ff", "#5cc8dc", "#ff8fc7", "#e0c64a", "#b8c2d0",
               "#d9a27a", "#b5d96a", "#9aa5ff", "#ff8080")  # fmt: skip

LIGHT = {"ink": "#1c2430", "quiet": "#566375", "grid": "#e3e8ee", "paper": "#ffffff"}
DARK = {"ink": "#e6ebf2", "quiet": "#a3afbf", "grid": "#2a323d", "paper": "#151a21"}

DEPTHS = 12
"""So many colours of a field, from deep (low values) to pale (high ones)."""


def mixed(first: str, second: str, share: float) -> str:
    """Give the colour between two, `share` of the way to the second.

    >>> mixed("#000000", "#ffffff", 0.5)
    '#808080'
    """
    ends = [[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in (first, second)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(*ends, strict=True))


def _ramp(*colours: str) -> tuple[str, ...]:
    places = [k * (len(colours) - 1) / (DEPTHS - 1) for k in range(DEPTHS)]
    return tuple(mixed(colours[int(at)], colours[min(int(at) + 1, len(colours) - 1)], at % 1) for at in places)


RAMP = 100
"""The series from this number on are an ordered ramp of `DEPTHS` colours, for things in an order: see `ramp`."""

SHADES = _ramp("#2c2a8c", "#8a2a9c", "#c2304f", "#a85a00")
DARK_SHADES = _ramp("#8d9bff", "#cf8bf5", "#ff8fa3", "#ffd25e")

FIELD = _ramp("#3f78c9", "#8db4e6", "#d3e3f6", "#f6f9fd")
DARK_FIELD = _ramp("#0f3a78", "#1d4472", "#233f5c", "#27333f")


def ramp(place: int, count: int) -> int:
    """Give the series of the thing at a place among `count` in an order, from the ramp's first colour to its last.

    >>> ramp(0, 10), ramp(9, 10), ramp(0, 1)
    (100, 111, 100)
    """
    return RAMP + round(place * (DEPTHS - 1) / max(count - 1, 1))


def colour(series: int | None) -> str:
    """Give the light colour of a series; without one, ink."""
    if series is not None and series >= RAMP:
        return SHADES[(series - RAMP) % DEPTHS]
    return LIGHT["ink"] if series is None else SERIES[series % len(SERIES)]


def token(series: int | None) -> str:
    """Give the end of a series' class names."""
    if series is not None and series >= RAMP:
        return f"r{(series - RAMP) % DEPTHS}"
    return "i" if series is None else str(series % len(SERIES))


def _style() -> str:
    rules = [f".chart .paper{{fill:{DARK['paper']}}}", f".chart .halo{{stroke:{DARK['paper']}}}",
             f".chart .grid{{stroke:{DARK['grid']}}}", f".chart .axis{{stroke:{DARK['quiet']}}}"]  # fmt: skip
    rules += [f".chart .{ink}{{fill:{DARK[ink]}}}" for ink in ("ink", "quiet")]
    inks = [*enumerate(DARK_SERIES), ("i", DARK["ink"]), *((f"r{k}", shade) for k, shade in enumerate(DARK_SHADES))]
    rules += [f".chart .f{k}{{fill:{shade}}}.chart .s{k}{{stroke:{shade}}}" for k, shade in inks]
    rules += [f".chart .d{k}{{fill:{shade}}}" for k, shade in enumerate(DARK_FIELD)]
    return f"@media screen and (prefers-color-scheme:dark){{{''.join(rules)}}}"


CHART_STYLE = _style()
"""What changes in the dark: for the page that holds charts, and in each picture of its own."""
