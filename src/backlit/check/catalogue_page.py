"""The catalogue of mistakes as a part of docs/mistakes.md: each entry with its right line and its wrong one.

    python -m backlit.sources.catalogue_page docs/mistakes.md

writes that part anew, from the entries and their examples. A test holds the page equal to it.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterator

from backlit.check.catalogue import Mistake, mistakes
from backlit.check.evaluation import recorded, value_of
from backlit.check.graph import StepGraph
from backlit.check.judging.learner import Learner
from backlit.check.judging.working import Working
from backlit.check.sheet import Sheet
from backlit.check.site import Changed, Site
from backlit.check.update_examples import update_example
from backlit.errors import BacklitError
from backlit.explain.record.quantities import Key

START, END = "<!-- catalogue -->", "<!-- end of the catalogue -->"

ABOUT = """*Written by `python -m backlit.sources.catalogue_page docs/mistakes.md` from the entries of
[`check/mistakes`](../src/backlit/check/mistakes). Change them there.*"""

DIGITS = 6
CHAPTERS = ("forward", "activation", "error", "backward", "batch", "update", "moments", "divisors", "decay", "limits",
            "general", "slips")  # fmt: skip
"""The files of entries in the order of the computation; others come after these."""

Examples = Callable[[str], StepGraph]
"""Gives the steps of an example by its name."""


def with_catalogue(page: str, examples: Examples) -> str:
    """Give a page with the catalogue between its two markers written anew.

    Errors: a BacklitError where the page lacks the markers.
    """
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise BacklitError(f"the page has no place for the catalogue; expected the lines {START!r} and {END!r}.")
    return f"{before}{START}\n\n{catalogue_part(examples)}\n{END}{after}"


def catalogue_part(examples: Examples) -> str:
    """Write the catalogue: a chapter for each file of entries, in the order of the computation."""
    entries = sorted(mistakes().values(), key=_chapter)
    count = sum(not entry.general for entry in entries)
    lines = [f"{ABOUT}\n", f"{count} mistakes with a name, and {len(entries) - count} slips and general changes.\n"]
    for module, group in itertools.groupby(entries, key=lambda entry: inspect.getmodule(entry.change)):
        title, _, rest = (inspect.getdoc(module) or "").partition("\n\n")
        heading = title.partition(":")[0].rstrip(".")
        lines += [f"### {heading}\n", *([" ".join(rest.split()) + "\n"] if rest else [])]
        lines += [text for entry in group for text in _entry(entry, examples)]
    return "\n".join(lines)


def _chapter(entry: Mistake) -> tuple[int, str]:
    """Give where an entry's file stands in the page."""
    name = entry.change.__module__.rpartition(".")[2]
    return CHAPTERS.index(name) if name in CHAPTERS else len(CHAPTERS), name


def _bare(detail: str) -> str:
    return detail[1:-1] if detail.startswith("(") and detail.endswith(")") else detail


def _entry(entry: Mistake, examples: Examples) -> Iterator[str]:
    graph, key = example_of(entry, examples)
    site = Site(graph, key)
    chosen = shown_form(entry, graph, key)
    working = Working(Learner(graph, Sheet("", ())))
    working.digits = DIGITS
    detail = f" ({_bare(chosen.detail)})" if chosen.detail else ""
    once = " *At one number.*" if entry.scope == "here" else ""
    yield f"**{_begun(entry.title)}**{detail}. {entry.why}{once} `{entry.code}`\n"
    yield f"```text\nright  {working.changed_line(key, site.node)}"
    yield f"wrong  {working.changed_line(key, chosen.node)}\n```\n"


def _begun(title: str) -> str:
    """Begin a sentence with a title: with a capital, but where it begins with a symbol.

    >>> _begun("a factor is left out"), _begun("ε is left out"), _begun("l1 · w in place of l1 · sign(w)")
    ('A factor is left out', 'ε is left out', 'l1 · w in place of l1 · sign(w)')
    """
    word = title.partition(" ")[0]
    plain = word.isascii() and word.replace("'", "").replace(",", "").isalpha() and word not in {"e", "tan", "tanh"}
    return title[0].upper() + title[1:] if plain else title


def example_of(entry: Mistake, examples: Examples) -> tuple[StepGraph, Key]:
    """Give the number of an entry's example: of several steps, that of the last.

    Errors: a BacklitError where the example has no such number.
    """
    name, number = entry.example
    graph = update_example(name) or examples(name)
    key = graph.find(number, len(graph.steps) - 1)
    if key is None or graph.formula(key) is None:
        raise BacklitError(
            f"the mistake {entry.code!r} is shown at {number!r} of {name!r}, which works out no such number."
        )
    return graph, key


def shown_form(entry: Mistake, graph: StepGraph, key: Key) -> Changed:
    """Give the first formula that a mistake leads to at a number and that gives another result.

    Errors: a BacklitError where none does.
    """
    right = recorded(key)
    for node in graph.formulas(key):
        for changed in entry.at(Site(graph, key, node)):
            value = value_of(changed.node, recorded)
            if math.isfinite(value) and not math.isclose(value, right, rel_tol=1e-6, abs_tol=1e-9):
                return changed
    raise BacklitError(f"the mistake {entry.code!r} changes nothing at {graph.name(key)} of {entry.example[0]!r}.")
