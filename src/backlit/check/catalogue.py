"""What an entry of the catalogue of mistakes is, and the reading of all of them.

An entry changes the formula of a number as a learner who makes the mistake would:

    @mistake("slope-left-out", roles=("net slope",), title="the activation's slope is left out",
             why="E changes with net through out, so dE/dout is multiplied by the slope dout/dnet.",
             example=("two-layer", "dE/dnet(h1)"))
    def slope_left_out(site: Site) -> Iterator[Changed]:
        yield Changed(site.without_factor(site.local_slope))
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from backlit.check.roles import Role
from backlit.check.site import Changed, Site

Scope = Literal["everywhere", "here", "slip"]
"""How a mistake is made: a wrong belief, wherever it applies; at one number alone; or a slip in writing one down, which
is looked for only where the sheet gives the number."""

Change = Callable[[Site], Iterator[Changed]]


class Mistake(msgspec.Struct, frozen=True):
    """An entry of the catalogue.

    Attributes:
        code: its name, lower-case words joined by "-". title: what is done, in a few words. why: why it is wrong, in
            one sentence. roles: the roles of the numbers at which it can be made; empty for all with a formula.
        change: gives the formulas that it leads to at a number; none where it cannot be made there.
        scope: see `Scope`. general: whether it says what was done to a formula but not which belief is behind it; it
            counts only where no other entry leads to the same formula.
        harmless: whether it is no mistake but a loss of digits, such as rounding on the way.
        example: an example of the package (or of `check/examples.py`) and a number there at which it can be made; the
            catalogue's page shows it, and a test plants it.
    """

    code: str
    title: str
    why: str
    roles: tuple[Role, ...]
    change: Change
    example: tuple[str, str]
    scope: Scope = "everywhere"
    general: bool = False
    harmless: bool = False

    def at(self, site: Site) -> Iterator[Changed]:
        """Give the formulas that the mistake leads to at a number."""
        if not self.roles or site.role in self.roles:
            yield from self.change(site)


_FOUND: dict[str, Mistake] = {}


def mistake(
    code: str, *, roles: tuple[Role, ...], title: str, why: str, example: tuple[str, str], scope: Scope = "everywhere",
    general: bool = False, harmless: bool = False,
) -> Callable[[Change], Change]:  # fmt: skip
    """Enter the decorated function into the catalogue."""

    def enter(change: Change) -> Change:
        assert code not in _FOUND, f"two mistakes have the code {code!r}"
        _FOUND[code] = Mistake(code, title, why, roles, change, example, scope, general, harmless)
        return change

    return enter


@functools.cache
def mistakes() -> Mapping[str, Mistake]:
    """Give all entries by their codes, in the order of their files and there of their places."""
    from backlit.check import mistakes as folder  # noqa: PLC0415  (its modules import this one)

    for module in sorted(found.name for found in pkgutil.iter_modules(folder.__path__)):
        importlib.import_module(f"{folder.__name__}.{module}")
    return dict(_FOUND)
