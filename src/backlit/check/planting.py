"""A learner's way through a step with a mistake planted in it: every number, and how it is written down.

Tests, the benchmark of checking and worksheets make sheets this way. The numbers come about by the worked example's own
formulas, those of the mistake in their places, each worked out on the learner's own numbers before it.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

import msgspec
import numpy as np

from backlit.check.catalogue import mistakes
from backlit.check.digits import longer_by
from backlit.check.evaluation import recorded
from backlit.check.graph import StepGraph
from backlit.check.programs import Program
from backlit.check.roles import Role
from backlit.check.sheet import Claim, Sheet
from backlit.check.site import Changed, Site
from backlit.check.written import Written
from backlit.errors import BacklitError
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key

Style = Literal["at the end", "each line", "truncated", "float32"]
"""When a learner rounds: only in writing numbers down; at each line, so that later ones come from rounded ones; the
same with the digits cut off; or as float32 does, with about seven figures at each line."""
STYLES: tuple[Style, ...] = ("at the end", "each line", "truncated", "float32")

TASK: frozenset[Role] = frozenset({"input", "weight", "target", "slot"})
"""The roles of numbers that the task gives."""
SMALL = Decimal("0.001")
"""A smaller number is written with as many figures as others have decimals."""


EXACT_DIGITS = 17


class Writing(msgspec.Struct, frozen=True):
    """How numbers are rounded and written down.

    Attributes:
        digits: places behind the point, or significant figures. figures: whether it is these. style: see `Style`.

    >>> Writing(3).text(0.37754), Writing(3, style="truncated").text(0.3776), Writing(3).text(-0.00012345)
    ('0.378', '0.377', '-1.23e-4')
    >>> Writing(3, figures=True).text(12345.0), Writing(3, figures=True).text(0.5)
    ('1.23e+4', '0.500')
    """

    digits: int = 4
    figures: bool = False
    style: Style = "at the end"

    def text(self, value: float) -> str:
        """Write a number down."""
        if not math.isfinite(value):
            return str(value)
        number = Decimal(repr(float(value)))
        way = ROUND_DOWN if self.style == "truncated" else ROUND_HALF_EVEN
        if number and (self.figures or abs(number) < SMALL):
            place = number.adjusted() + 1 - self.digits
            short = number.quantize(Decimal(1).scaleb(place), way)
            if not self.figures or place > 0:
                return f"{short:.{self.digits - 1}e}"
            return f"{short:f}" if short.adjusted() >= SMALL.adjusted() else f"{short:e}"
        return f"{number.quantize(Decimal(1).scaleb(-self.digits), way):f}"

    def unit(self, value: float) -> float:
        """Give the unit of a number's last digit; 0 where it is written with all its digits."""
        return 0.0 if self.digits >= EXACT_DIGITS or not math.isfinite(value) else Written.of(self.text(value)).unit

    def kept(self, value: float) -> float:
        """Give the number that the learner goes on with."""
        if not math.isfinite(value) or self.style == "at the end":
            return value
        if self.style == "float32":
            with np.errstate(over="ignore"):
                return float(np.float32(value))
        return float(self.text(value))


EXACT = Writing(EXACT_DIGITS)


class Planted(dict[Key, float]):
    """The numbers of a step as a learner has them.

    Attributes:
        graph: the step. code: of the mistake; empty where there is none. changed: the formulas that it led to.
        slips: numbers that stand on the sheet otherwise than the learner has them.
        writing: how they are written down.
    """

    def __init__(self, graph: StepGraph, code: str, changed: Mapping[Key, Changed], writing: Writing) -> None:
        super().__init__()
        self.graph, self.code, self.changed, self.writing = graph, code, dict(changed), writing
        self.slips: dict[Key, float] = {}

    def read_off_the_sheet(self, course: Course) -> dict[int, float]:
        """Give the numbers that slips have left on the sheet, by their places."""
        return {course.index[key]: float(self.text(key)) for key in self.slips}

    def text(self, key: Key, sign: int = 1) -> str:
        """Give a number as it stands on the sheet, in its sign."""
        if key not in self.slips:
            return self.writing.text(sign * self[key])
        more = longer_by(self.changed[key].node)
        writing = msgspec.structs.replace(self.writing, digits=max(self.writing.digits + more, 0))
        return writing.text(sign * self.slips[key])

    def sheet(self, keys: Iterable[Key] | None = None, *, delta: bool = False, name: str = "") -> Sheet:
        """Write a sheet of some numbers, or of all that the learner works out; those without a value are left out.

        With `delta`, the slopes of weighted sums are the textbooks' δ = -dE/dnet.
        """
        claims = []
        for key in workable(self.graph) if keys is None else keys:
            if math.isfinite(self[key]):
                sign = -1 if delta and self.graph.role(key) == "net slope" else 1
                claims.append(Claim(self.graph.name(key), key, Written.of(self.text(key, sign)), sign))
        return Sheet(name, tuple(claims))


def workable(graph: StepGraph) -> list[Key]:
    """Give the numbers of a step that a learner works out."""
    return [key for key in Course.of(graph).keys if graph.role(key) not in TASK and graph.formula(key) is not None]


def some_of(keys: Sequence[Key], share: float, seed: int, keep: Iterable[Key] = ()) -> list[Key]:
    """Choose so large a share of some numbers by a seed, those in `keep` among them; at least one."""
    rng, kept = np.random.default_rng(seed), set(keep)
    return [key for key in keys if rng.random() < share or key in kept] or [*keys[-1:]]


# ------------------------------------------------------------------------------------------------------------- planting


def plant(
    graph: StepGraph, code: str = "", site: Key | None = None, *, detail: str | None = None, choice: int = 0,
    writing: Writing = EXACT, slip_carried: bool = False,
) -> Planted:  # fmt: skip
    """Work a step out as a learner who makes a mistake.

    Args:
        graph: the step. code: the mistake's; empty for none.
        site: where it is made; None for everywhere, of a mistake of that scope, else for the first number where it can
            be made.
        detail: which of several forms; else the one at the place `choice`, or the first where there are fewer.
        writing: how numbers are rounded: at each line, later ones come from rounded ones.
        slip_carried: whether the learner goes on with what a slip has left on the sheet, instead of the right number.

    Errors: a BacklitError where the catalogue has no such mistake, or it cannot be made there.

    >>> from backlit.check.update_examples import update_example
    >>> graph = update_example("sgd-step")
    >>> key = graph.find("w(i1,o1)+")
    >>> round(plant(graph)[key], 4), round(plant(graph, "update-sign")[key], 4)
    (0.4287, 0.3713)
    """
    changed = _changed(graph, code, site, detail, choice, writing) if code else {}
    planted, course = Planted(graph, code, changed, writing), Course.of(graph)
    slip = bool(code) and mistakes()[code].scope == "slip"
    programs = {course.index[key]: course.program(one.node) for key, one in changed.items()}
    values = course.worked_out({} if slip else programs, writing.kept)
    if slip:
        planted.slips = {course.keys[at]: program.run(values) for at, program in programs.items()}
        if slip_carried:
            values = course.worked_out({}, writing.kept, planted.read_off_the_sheet(course))
    planted.update(zip(course.keys, values, strict=True))
    return planted


def _changed(
    graph: StepGraph, code: str, site: Key | None, detail: str | None, choice: int, writing: Writing
) -> dict[Key, Changed]:  # fmt: skip
    """Choose the formulas that a mistake leads to."""
    entry = mistakes().get(code)
    if entry is None:
        raise BacklitError(f"the catalogue has no mistake {code!r}; `mistakes()` has their codes.")
    found = {}
    for key in workable(graph) if site is None else [site]:
        made = forms(graph, code, key, writing.unit(recorded(key)))
        fitting = made if detail is None else [one for one in made if one.detail == detail]
        if fitting:
            found[key] = fitting[choice if choice < len(fitting) else 0]
            if entry.scope != "everywhere":
                break
    if not found:
        where = "nowhere in this step" if site is None else f"not at {graph.name(site)}"
        raise BacklitError(f"the mistake {code!r} can be made {where}{f' {detail!r}' if detail else ''}.")
    return found


def forms(graph: StepGraph, code: str, key: Key, unit: float = 0.0) -> list[Changed]:
    """Give the formulas that a mistake leads to at a number, by any way to work it out, each once.

    `unit` is that of the last digit with which the number is written: of a slip.
    """
    entry, own = mistakes()[code], graph.formulas(key)
    unit = unit if entry.scope == "slip" else 0.0
    cache = _FORMS.setdefault(graph, {})
    if (code, key, unit) not in cache:
        made = {changed.node: changed for node in own for changed in entry.at(Site(graph, key, node, unit=unit))}
        cache[code, key, unit] = [changed for node, changed in made.items() if node not in own]
    return cache[code, key, unit]


def sites(graph: StepGraph, code: str) -> list[Key]:
    """Give the numbers at which a mistake can be made."""
    return [key for key in workable(graph) if forms(graph, code, key)]


_FORMS: weakref.WeakKeyDictionary[StepGraph, dict[tuple[str, Key, float], list[Changed]]] = weakref.WeakKeyDictionary()


class Course:
    """The numbers of a graph in the order in which they are worked out, with their formulas as programs.

    Attributes:
        keys: the numbers. index: the place of each among them.
    """

    def __init__(self, graph: StepGraph) -> None:
        self.keys = list(graph.numbers())
        self.index = {key: place for place, key in enumerate(self.keys)}
        self.recorded = [recorded(key) for key in self.keys]
        self._programs: list[Program | None] = []
        self._computed = [graph.formula(key) is not None for key in self.keys]
        for key in self.keys:
            node: Node | None = graph.formula(key)
            earlier = graph.earlier(key)
            if node is None and earlier is not None:  # a later step's weight is the new one of the step before
                node = earlier.quantity.ref(earlier.place.row, earlier.place.unit, earlier.place.source)
            self._programs.append(None if node is None else self.program(node))

    @classmethod
    def of(cls, graph: StepGraph) -> Course:
        """Give that of a graph, made once."""
        if graph not in _COURSES:
            _COURSES[graph] = cls(graph)
        return _COURSES[graph]

    def program(self, node: Node) -> Program:
        """Make a program of a formula of these numbers."""
        return Program(node, self.index)

    def worked_out(
        self, changed: Mapping[int, Program], kept: Callable[[float], float], fixed: Mapping[int, float] | None = None
    ) -> list[float]:
        """Work all numbers out, with some formulas changed and some numbers fixed.

        What a changed formula needs from further on is worked out before it; a number that would need itself is as
        recorded, and so is one whose formula is known by its name alone and whose operands are all as recorded.
        """
        values: list[Any] = [None] * len(self.keys)
        for place, value in (fixed or {}).items():
            values[place] = value
        for start in range(len(values)):
            waiting, begun = [start], set[int]()
            while waiting:
                place = waiting[-1]
                if values[place] is not None:
                    waiting.pop()
                    continue
                program = changed.get(place) or self._programs[place]
                missing = [need for need in program.needs if values[need] is None] if program else []
                if missing and place not in begun:
                    begun.add(place)
                    for need in begun.intersection(missing):
                        values[need] = self.recorded[need]
                    waiting += [need for need in missing if need not in begun]
                    continue
                values[place] = self._value(place, program, values, kept)
                waiting.pop()
        return values

    def _value(
        self, place: int, program: Program | None, values: Sequence[float], kept: Callable[[float], float]
    ) -> float:  # fmt: skip
        if program is None:
            return self.recorded[place]
        value = program.run(values)
        if math.isnan(value) and all(values[need] == self.recorded[need] for need in program.needs):
            value = self.recorded[place]
        return kept(value) if self._computed[place] else value


_COURSES: weakref.WeakKeyDictionary[StepGraph, Course] = weakref.WeakKeyDictionary()
