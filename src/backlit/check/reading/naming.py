"""From a name on a sheet to a number of the step: names of the worked example, of the file, and of textbooks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from backlit.check.reading.name_finding import Finder, name_of
from backlit.check.reading.name_forms import Form, form_of, plain, squashed
from backlit.check.reading.name_rules import GRADIENT, LOCAL, RULES, SLOPE_OF, Reading, parameters
from backlit.errors import BacklitError
from backlit.explain import Step
from backlit.explain.contents import LARGEST_EXAMPLE
from backlit.explain.record.quantities import Place


class Namer:
    """Reads names of a step's numbers.

    Args:
        step: the step. figures: what its file calls numbers, such as {"δ3": "-dE/dnet(y3)"}.
    """

    def __init__(self, step: Step, figures: Mapping[str, str] | None = None) -> None:
        self.step, self.figures = step, dict(figures or {})
        self.contents, self.finder = step.contents, Finder(step)

    # ---------------------------------------------------------------------------------------------------------- reading

    def read(self, name: str, row: str = "") -> Reading:
        """Give what a name stands for; `row` is the row that is said beside it.

        Errors: a BacklitError that says what may be meant, where it stands for no number, or for several.
        """
        found = self._as_named(name, row)
        if found is not None:
            return found
        form = form_of(name)
        for rule in RULES:
            readings = list(dict.fromkeys(rule(self.finder, form, row or form.row)))
            if len({reading.key for reading in readings}) > 1:
                raise BacklitError(self._several(name, readings))
            if readings:
                sign = -readings[0].sign if form.negative else readings[0].sign
                return readings[0]._replace(sign=sign, says=readings[0].says.replace("NAME", name))
        raise BacklitError(self._unknown(name, form))

    def _as_named(self, name: str, row: str) -> Reading | None:
        """Give the number of exactly that name: the worked example's, or the file's figure."""
        text = name.strip()
        whole = f"{text}[{row}]" if row and self.finder.row_marks else text
        for given in dict.fromkeys((whole, text)):
            if (key := self.contents.find(given)) is not None:
                return Reading(key)
        for same in (str, _squashed):
            figure = next((q for own, q in self.figures.items() if same(own) == same(text)), None)
            if figure is not None and (key := self.contents.find(figure.removeprefix("-"))) is not None:
                return Reading(key, -1 if figure.startswith("-") else 1)
        return None

    # ----------------------------------------------------------------------------------------------------------- errors

    def _several(self, name: str, readings: Iterable[Reading]) -> str:
        names = [name_of(reading.key) for reading in readings]
        listed = ", ".join(map(repr, names[:3])) + (" or others" if len(names) > 3 else "")
        return f"{name!r} may be {' or '.join(map(repr, names)) if len(names) < 4 else listed}: write one of these."

    def _unknown(self, name: str, form: Form) -> str:
        rows = self.contents.context.rows
        if rows and not form.row:
            for rule in RULES:
                if found := next(iter(rule(self.finder, form, rows[0])), None):
                    first = name_of(found.key)
                    return (f"{name!r} has a number for each of {len(rows)} rows: say which, as in {first!r}, or in a "
                            "column row.")  # fmt: skip
        if form.row and form.row not in {*rows, *self.step.rows}:
            known = list(rows or self.step.rows)
            shown = ", ".join(known) if len(known) < 9 else f"{', '.join(known[:3])} to {known[-1]}"
            return f"{name!r} is of row {form.row}; the step has {'row' if len(known) == 1 else 'rows'} {shown}."
        if GRADIENT.fullmatch(form.body) or SLOPE_OF.fullmatch(form.body) or form.new:
            frozen = self._frozen(form)
            if frozen:
                return f"{name!r}: {frozen} is not trained in this step, so it has no slope and no new value here."
        if LOCAL.fullmatch(form.body) and not SLOPE_OF.fullmatch(form.body):
            return (
                f"{name!r} is no number of the step, whose slopes are dE/d... and dout/dnet: the slope of a sum is a "
                "weight, an output or an input itself. Leave it out."
            )
        every = len(self.step) <= LARGEST_EXAMPLE
        known = list(dict.fromkeys(self.contents.known_names(every=every)))
        near = _near(name, known) or _near(plain(name), known)
        ask = f"did you mean {' or '.join(map(repr, near))}?" if near else f"its names look like {self._typical()}."
        return f"the step has no number {name!r}; {ask}"

    def _typical(self) -> str:
        """Give names of three kinds of numbers, as this step has them."""
        kinds = {q.kind: q for q in reversed([*self.contents.quantities()])}
        chosen = [kinds[kind] for kind in ("w", "net", "dE/dw", "dE/dnet") if kind in kinds][:3]
        return ", ".join(repr(q.name(Place(0, 0, 0)).text) for q in chosen or [self.contents.error.E])

    def _frozen(self, form: Form) -> str:
        match = SLOPE_OF.fullmatch(form.body) or GRADIENT.fullmatch(form.body)
        key = next(parameters(self.finder, match["of"] if match else form.body), None)
        return "" if key is None else name_of(key)


def _squashed(text: str) -> str:
    return squashed(plain(text))


def _near(name: str, known: list[str]) -> list[str]:
    by_folded = {text.casefold(): text for text in reversed(known)}
    return [by_folded[text] for text in difflib.get_close_matches(name.casefold(), by_folded, n=3)]
