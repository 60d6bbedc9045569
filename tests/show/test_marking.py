"""The marking of a class: points, the most common mistakes first, in every form, whatever the names of students are."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import html5lib
import msgspec
import pytest
from checked_samples import (
    ALL_RIGHT,
    DELTA,
    EMPTY,
    ONE_MISTAKE,
    ROUNDING,
    TIE,
    UNKNOWN,
    UPDATED,
    WEIGHT,
    number,
)
from visible import visible_text

import backlit as bl
from backlit.check.marking import ABSENT, ClassResult, Common, class_result, mark
from backlit.check.records import FEW_PLACES, CheckedWork
from backlit.show.check.marking import COLUMNS, Marking, points, verdict

WORKS = {"Ada": ONE_MISTAKE, "Bob": TIE, "Cem Öztürk": ONE_MISTAKE, "Dana": ALL_RIGHT, "=cmd()": UNKNOWN,
         "<b>Eve</b>": DELTA, "[red]Fay[/red]": ROUNDING, "Grace": EMPTY}  # fmt: skip
UNSURE = number("dE/dnet(o1)", "0.4242", "wrong", "0.13850")
PROBLEM = "ivan.csv, line 3: <0,37,75> is no number"


@pytest.fixture(scope="module")
def marking() -> Marking:
    return Marking(class_result("Sheet <3>", WORKS, of=12, problems={"Ivan": PROBLEM}, notes=("δ is -dE/dnet",)))


@pytest.mark.parametrize(
    ("work", "points", "first", "codes", "carried"),
    [
        (ONE_MISTAKE, 9, "dE/dnet(h1)", ["slope-left-out"], 2),
        (TIE, 6, "dE/dout(h1)", ["wrong-edge or updated-weights"], 1),
        (UNKNOWN, 5, "dE/dnet(o1)", [""], 0),
        (ROUNDING, 4, "", [], 0),
        (ALL_RIGHT, 5, "", [], 0),
        (EMPTY, 0, "", [], 0),
    ],
)
def test_points_are_numbers_without_a_mistake_of_their_own(
    work: Any, points: int, first: str, codes: list[str], carried: int
) -> None:
    marked = mark("Ada", work, of=12)
    assert (marked.points, marked.of, marked.missing) == (points, 12, 12 - len(work.numbers))
    assert (marked.first, [made.code for made in marked.mistakes], marked.carried) == (first, codes, carried)
    assert mark("Ada", work).of == len(work.numbers)


def test_the_most_common_comes_first_with_who_made_it(marking: Marking) -> None:
    first, *others = marking.mistakes
    assert first == Common("the activation's slope is left out", ("Ada", "Cem Öztürk"), "slope-left-out")
    assert {one.what for one in others if not one.code} == {"no known mistake"}
    assert [len(one.students) for one in marking.result.firsts] == [2, 1, 1, 1]


def test_what_is_made_again_costs_one_point_and_what_is_made_together_is_no_tie() -> None:
    """A tie that fits again, a tie of which one fits again, and two mistakes at one number."""
    tie = number("dE/dout(h1)", "0.04", "wrong", fits=(WEIGHT, UPDATED))
    again = number("dE/dout(h2)", "0.05", "wrong", fits=(UPDATED,))
    both = tuple(msgspec.structs.replace(fit, together=True) for fit in (WEIGHT, UPDATED))
    pair = number("dE/dout(h1)", "0.04", "wrong", fits=both)
    one = mark("Ada", CheckedWork("", "", (tie, tie, again)))
    assert (one.points, one.of, [made.code for made in one.mistakes]) == (1, 2, ["updated-weights"])
    two = mark("Ada", CheckedWork("", "", (pair, again)))
    assert (two.points, [made.code for made in two.mistakes]) == (1, ["wrong-edge", "updated-weights"])
    text = str(Marking(class_result("", {"Ada": CheckedWork("", "", (pair,)), "Bob": CheckedWork("", "", (tie,))})))
    assert f"{WEIGHT.title}; {UPDATED.title[:20]}" in " ".join(text.split())
    assert f"{WEIGHT.title}, or {UPDATED.title[:20]}" in " ".join(text.split())


def test_only_numbers_that_the_sheet_asks_for_with_its_digits_earn_points() -> None:
    coarse = number("E", "0.3", "not tested", remark=FEW_PLACES)
    work = CheckedWork("", "", (number("net(o1)", "0.3775"), number("out(o1)", "0.5933", step=2), coarse, UNSURE))
    marked = mark("Ada", work, of=("net(o1)", "step 2: out(o1)", "E", "w1+"))
    assert (marked.points, marked.of, marked.missing, marked.coarse) == (1, 4, 1, 1)
    result = class_result("", {"Ada": work}, of={"Ada": ("net(o1)", "E", "out(o1)")})
    assert "1 number with too few digits" in " ".join(str(Marking(result)).split())
    assert "fewer digits than the sheet asks for" in points(result)
    assert "The median" not in points(result)
    assert class_result("", {"Ada": work}, of=3).all_right is False


def test_of_may_differ_from_student_to_student() -> None:
    result = class_result("", {"Ada": ALL_RIGHT, "Bob": ALL_RIGHT}, of={"Ada": 7})
    assert [(one.of, one.missing) for one in result.students] == [(7, 2), (5, 0)]
    assert points(result).endswith("The median is 5.")


@pytest.mark.parametrize(
    ("result", "said", "right"),
    [
        (class_result("", {}), "There are no sheets.", True),
        (class_result("", {"Ada": ALL_RIGHT}), "The sheet is right.", True),
        (class_result("", {"Ada": ALL_RIGHT, "Bob": ROUNDING}), "All 2 sheets are right.", True),
        (class_result("", {"Ada": ALL_RIGHT}, of=6), "The sheet has no mistake.", True),
        (class_result("", {"Ada": TIE, "Bob": ALL_RIGHT}), "1 of 2 sheets has no mistake and 1 has mistakes.", False),
        (class_result("", {"Ada": TIE}, problems={"Bob": "empty"}),
         "0 of 2 sheets have no mistake, 1 has mistakes and 1 could not be read.", False),
        (class_result("", {"Ada": ALL_RIGHT}, problems={"Bob": ABSENT}),
         "1 of 2 sheets has no mistake and 1 was not handed in.", True),
        (class_result("", {}, problems={"Bob": "empty"}), "The sheet could not be read.", False),
        (class_result("", {"Ada": TIE}), "The sheet has mistakes.", False),
    ],
)  # fmt: skip
def test_the_verdict_is_one_line(result: ClassResult, said: str, right: bool) -> None:
    assert verdict(result) == said
    assert str(Marking(result)).splitlines()[0] == said
    assert result.all_right is right


def unescaped(markdown: str) -> str:
    return re.sub(r"\\(.)", r"\1", markdown)


FORMS = {"text": str, "page": lambda marking: visible_text(marking.to_html()),
         "cell": lambda marking: visible_text(marking._repr_html_()),
         "markdown": lambda marking: unescaped(marking.to_markdown())}  # fmt: skip


def test_what_is_carried_stands_beside_the_points_in_every_table() -> None:
    shown = Marking(class_result("", {"Ada": ONE_MISTAKE}))
    assert shown.students[0].carried == ONE_MISTAKE.count.carried == 2
    assert re.search(r"Ada +9 of 10 +2 +dE/dnet\(h1\)", str(shown))
    assert "| Ada | 9 | 10 | 2 | dE/dnet(h1) |" in shown.to_markdown()
    assert '<td class="n" data-head="carried">2</td>' in shown.to_html()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_points_mistakes_and_who(marking: Marking, form: str) -> None:
    text = " ".join(FORMS[form](marking).split())
    last = -1
    for part in ("5 have mistakes", "The median is", "δ is -dE/dnet.", "The most common mistakes", "Ada and Cem Öztürk",
                 "Where the first mistake is", "dE/dnet(h1)", "Students", "Ada", "9", "12", "=cmd()", "<b>Eve</b>",
                 "[red]Fay[/red]", "8 numbers missing", "Ivan", PROBLEM):  # fmt: skip
        at = text.find(part, last + 1)
        assert at > last, part
        last = at


def test_the_table_is_read_back_and_holds_no_formula(marking: Marking) -> None:
    head, *rows = csv.reader(io.StringIO(marking.to_csv()))
    assert tuple(head) == COLUMNS
    assert len(rows) == len(WORKS) + 1
    found = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert found["Ada"] | {"points": "9", "of": "12", "missing": "2", "first wrong": "dE/dnet(h1)",
                           "mistakes": "slope-left-out"} == found["Ada"]  # fmt: skip
    assert found["Ivan"]["problem"] == PROBLEM
    assert "'=cmd()" in found
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("names", [True, False])
def test_the_page_is_valid_and_names_students_where_it_may(marking: Marking, names: bool) -> None:
    page = marking.to_html(names=names)
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    found = parser.parse(page)
    assert [code for _, code, _ in parser.errors] == []
    tables = list(found.iter("table"))
    assert len(tables) == 2 + names
    for table in tables:
        assert table.find("caption") is not None
        first, *rows = table.iter("tr")
        assert [cell.get("scope") for cell in first] == ["col"] * len(first)
        assert all(len(row) == len(first) and row[0].get("scope") == "row" for row in rows)
    told = [name for name in (*WORKS, "Ivan") if name in visible_text(page)]
    assert told == ([*WORKS, "Ivan"] if names else [])


def test_it_is_saved_in_five_forms_and_refuses_others(marking: Marking, tmp_path: Any) -> None:
    assert marking.save(tmp_path / "m.csv").read_bytes().startswith(b"\xef\xbb\xbfstudent,")
    assert marking.save(tmp_path / "m.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert marking.save(tmp_path / "m.txt").read_text(encoding="utf-8") == str(marking).rstrip("\n") + "\n"
    assert marking.save(tmp_path / "m.md").read_text(encoding="utf-8") == marking.to_markdown()
    kept = marking.save(tmp_path / "m.json").read_bytes()
    assert msgspec.json.decode(kept, type=ClassResult) == marking.result
    with pytest.raises(bl.BacklitError, match=r"ends in \.csv, \.html, \.md, \.txt or \.json"):
        marking.save(tmp_path / "m.pdf")
    assert repr(marking).startswith("<marking: 2 of 9 sheets have no mistake, 5 have mistakes, 1 is blank")


def test_lines_that_were_not_read_are_shown_and_a_long_name_is_whole() -> None:
    name = "Maximilian Theophil Mustermann-Schmidt of the Second Row"
    work = CheckedWork("", "", ALL_RIGHT.numbers, unread=("E = abc", "w1+ = ?", "a = b", "c = d"))
    marking = Marking(class_result("", {name: work}, of=6))
    text = str(marking)
    assert all(word in text for word in name.split())
    assert all(line == line.rstrip() for line in text.splitlines())
    said = '1 number missing; not read: "E = abc", "w1+ = ?", "a = b" and 1 more'
    assert said in marking.to_markdown()
    assert next(csv.DictReader(io.StringIO(marking.to_csv())))["problem"] == said.partition("; ")[2]
