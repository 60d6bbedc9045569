"""Checked work in every form: what is said, in which order, what a hint keeps back, and that names mean nothing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import html5lib
import msgspec
import pytest
from checked_samples import SAMPLES, UPDATED, WEIGHT, number, with_records
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from visible import visible_text

import backlit as bl
from backlit.check.records import CheckedWork, Fit, Verdict
from backlit.show.check import words
from backlit.show.check.checked import Checked
from backlit.show.check.html import check_style
from backlit.show.check.lines import NUMBER, breaks, compared, parts_of
from backlit.show.check.parts import MOST_CAUSES, MOST_DETAILS, parts

HINTS = (1, 2, 3)
FORMS: dict[str, Callable[[Checked], str]] = {
    "text": str, "narrow text": lambda checked: checked.text(50).plain, "repr": repr,
    "markdown": Checked.to_markdown, "page": Checked.to_html, "fragment": Checked.to_fragment,
    "cell": Checked._repr_html_, "json": Checked.to_json,
    "records": lambda checked: repr((checked.work, checked.numbers, checked.wrong, checked.parts)),
}  # fmt: skip
READ = {"text": str, "markdown": Checked.to_markdown, "page": lambda checked: visible_text(checked.to_html()),
        "cell": lambda checked: visible_text(checked._repr_html_())}  # fmt: skip


def tree(page: str, *, part: bool = False) -> Any:
    """Give the elements of a page, which is valid."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    found = parser.parseFragment(page) if part else parser.parse(page)
    assert [code for _, code, _ in parser.errors] == []
    return found


def flat(text: str) -> str:
    """Give a text on one line, without what Markdown escapes."""
    return " ".join(re.sub(r"\\(.)", r"\1", text).split())


def work(*verdicts: Verdict, **more: Any) -> CheckedWork:
    """Give checked work of these verdicts."""
    numbers = tuple(number(f"n{k}", f"0.{k}234", verdict, **more) for k, verdict in enumerate(verdicts, 1))
    return CheckedWork("net", "", numbers)


# ----------------------------------------------------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("verdicts", "said", "beside"),
    [
        ((), "The sheet gives no numbers.", ""),
        (("right",), "The number is right.", ""),
        (("right", "rounded", "truncated"), "All 3 numbers are right.", ""),
        (("wrong",), "The number, n1, is wrong.", ""),
        (("not tested",), "The number cannot be tested.", ""),
        (("right", "not tested"), "1 of 2 numbers is right.", "1 is not tested."),
        (("right", "wrong"), "1 of 2 numbers is right. The wrong one is n2.", ""),
        (("right", "right", "wrong", "wrong"), "2 of 4 numbers are right. The first of 2 wrong ones is n3.", ""),
        (("wrong", "wrong"), "Neither number is right. The first of 2 wrong ones is n1.", ""),
        (("right", "wrong", "carried"),
         "2 of 3 numbers are right (1 carries an earlier mistake). The wrong one is n2.", ""),
        (("right", "wrong", "carried", "carried", "not tested"),
         "3 of 5 numbers are right (2 carry an earlier mistake). The wrong one is n2.", "1 is not tested."),
        (("wrong", "carried"), "1 of 2 numbers is right (1 carries an earlier mistake). The wrong one is n1.", ""),
        (("wrong", "carried", "carried"),
         "2 of 3 numbers are right, but all carry an earlier mistake. The wrong one is n1.", ""),
    ],
)  # fmt: skip
def test_the_verdict_is_one_line(verdicts: tuple[Verdict, ...], said: str, beside: str) -> None:
    assert words.verdict(work(*verdicts)) == said
    assert words.beside(work(*verdicts)) == beside
    assert str(Checked(work(*verdicts))).splitlines()[0] == said
    assert repr(Checked(work(*verdicts))) == f"<checked work: {said.rstrip('.')}; print it>"


@pytest.mark.parametrize("form", READ)
def test_a_learner_reads_verdict_what_is_right_place_name_lines_and_the_rest_in_order(form: str) -> None:
    text = flat(READ[form](Checked(SAMPLES["one mistake"]))).replace("**", "")
    text = text[text.index("9 of 10") :]
    last = -1
    for part in (
        "9 of 10 numbers are right (2 carry an earlier mistake). The wrong one is dE/dnet(h1).",
        "Right: forward pass 4 of 4, error 1 of 1, backward pass 3 of 4 (2 carried), update 1 of 1.",
        "dE/dnet(h1) = 0.0364", "Expected: 0.00878.",
        "A known mistake gives this number. The activation's slope is left out.", "E changes with net through out",
        "It explains 2 of 2: this number and dE/dnet(h2).", "ith the mistake", "ight",
        "out(h1) · (1 - out(h1))", "Right, carried: dE/dnet(h2), dE/dw1", "which is counted once",
        "All numbers", "net(h1)", "0.37750",
    ):  # fmt: skip
        at = text.find(part, last + 1)
        assert at > last, f"{part!r} comes too early or not at all"
        last = at


@pytest.mark.parametrize("form", READ)
def test_of_two_mistakes_neither_is_named_as_the_one_that_was_made(form: str) -> None:
    text = flat(READ[form](Checked(SAMPLES["tie"])))
    assert "Two mistakes give this number, and the sheet does not tell which of them was made:" in text
    assert "A known mistake gives this number" not in text
    for fit in (WEIGHT, UPDATED):
        assert fit.title[1:] in text
        assert fit.line.split(" = ")[1] in text
        assert fit.line.split(" = ")[2] not in text
    assert text.count("0.1385 · 0.4 + -0.0381 · 0.5") == 1
    assert "give dE/dout(h2) too" in text
    assert "with w6 in place of w5" in text


def test_a_number_alone_is_not_repeated_with_other_zeros() -> None:
    fit = Fit("bias-without-slope", "the bias is given no slope", "It is dE/dnet.", "dE/db", "dE/db = 0 = 0.0000")
    work = CheckedWork("", "", (number("dE/db", "0.000", "wrong", "0.0812", fits=(fit,), line="dE/db = a = 0.0812"),))
    text = str(Checked(work))
    assert "dE/db = 0\n" in text
    assert "0.0000" not in text


def test_of_a_tie_the_right_formula_of_another_number_stands_beside_once() -> None:
    of = SAMPLES["tie"].wrong[0]
    other = {"at": "E", "line": "E = a = 2", "right": "E = a · b = 2 · 3 = 6"}
    fits = (of.fits[0], *(replace(of.fits[1], code=code, **other) for code in ("one", "two")))
    work = CheckedWork("", "", (replace(of, fits=fits),))
    (detail,) = parts(work).details
    assert [cause.right is not None for cause in detail.causes] == [False, True, False]
    assert str(Checked(work)).count("E = a · b") == 1


@pytest.mark.parametrize("form", READ)
def test_a_number_without_a_known_mistake_is_called_wrong_beside_its_right_line(form: str) -> None:
    text = flat(READ[form](Checked(SAMPLES["unknown"])))
    assert "It is wrong, and no known mistake gives this number." in text
    assert "0.7413 · 0.7513 · (1 - 0.7513)" in text
    assert "Expected from the numbers before it on the sheet: 0.25168. In the worked example: 0.08217." in text


@pytest.mark.parametrize("form", READ)
def test_rounding_is_said_and_called_no_mistake(form: str) -> None:
    text = flat(READ[form](Checked(SAMPLES["rounding"]))).replace("**", "")
    for part in (
        "3 of 4 numbers are right.", "Rounded on the way: out(h1)",
        "No mistake. A number on the way was rounded to the sheet's digits.", "Digits cut off: net(o1)",
        "No mistake. The last digits were cut off instead of rounded.", "Not tested: E",
    ):  # fmt: skip
        assert part in text, part


def test_a_mistake_on_the_way_shows_the_line_where_it_was_made() -> None:
    checked = Checked(with_records(SAMPLES["on the way"]))
    detail = checked.parts.details[0]
    assert "It was made on the way, at dE/dnet(h1), which the sheet does not give." in detail.causes[0].sentences
    assert [(line.label, line.name) for line in detail.lines] == [("right", "dE/dnet(h1)"), ("and from that", "w1+")]
    assert detail.record is not None
    assert detail.record.name == "dE/dnet(h1)"
    assert "<math" in checked.to_html()


def test_the_sign_of_textbooks_is_said() -> None:
    text = str(Checked(SAMPLES["delta"]))
    assert "δ(h1) = 0.0088 (-dE/dnet(h1) in the worked example)" in text
    assert "δ is read as -dE/dnet." in text
    assert " δ(o1) " in text.replace("\n", " ")


def test_of_several_steps_each_number_has_its_step() -> None:
    text = str(Checked(SAMPLES["steps"]))
    named = replace(SAMPLES["steps"].wrong[0], name="step 2: w+", record="w+", stands_for="w+")
    twice = str(Checked(CheckedWork("", "", (SAMPLES["steps"].numbers[0], named))))
    assert "The wrong one is w+ of step 2." in twice
    assert "\nw+ of step 2 = 0.71\n" in twice
    assert "The wrong one is w of step 2." in text
    assert "w of step 1 " in text
    assert " of step " not in str(Checked(SAMPLES["one mistake"]))


def test_a_mistake_is_gone_into_once_and_the_first_numbers_alone() -> None:
    parts = Checked(SAMPLES["many"]).parts
    assert [detail.place for detail in parts.details] == list(range(1, MOST_DETAILS + 1))
    assert parts.rest.startswith("2 more numbers are wrong: w(i3,h7)+, w(i1,h10)+.")
    fits = SAMPLES["one mistake"].wrong[0].fits
    twice = CheckedWork("net", "", (number("a", "0.1", "wrong", fits=fits), number("b", "0.2", "wrong", fits=fits)))
    parts = Checked(twice).parts
    assert [detail.name for detail in parts.details] == ["a"]
    assert parts.rest == ""
    assert [(row.said, row.detail) for row in parts.rows] == [("wrong", 1), ("wrong, by the same mistake", 1)]


def test_of_many_mistakes_that_give_a_number_the_first_have_lines_and_the_others_titles() -> None:
    fits = tuple(replace(WEIGHT, code=f"m{k}", title=f"thing {k} is done", detail="(here)") for k in range(8))
    checked = Checked(CheckedWork("net", "", (number("dE/dout(h1)", "0.1", "wrong", fits=fits),)))
    for form in READ.values():
        text = flat(form(checked))
        assert "Eight mistakes give this number" in text
        assert all(f"hing {k} is done (here)" in text for k in range(8))
        assert text.count("dE/dnet(o1) · w6") == MOST_CAUSES


def test_a_mistake_that_explains_one_number_says_no_count() -> None:
    alone = replace(SAMPLES["one mistake"].wrong[0].fits[0], explains=1, of=3)
    text = str(Checked(CheckedWork("net", "", (number("a", "0.1", "wrong", fits=(alone,)),))))
    assert "It explains" not in text


def test_the_worked_example_has_a_column_where_it_differs_by_more_than_rounding() -> None:
    parts = Checked(SAMPLES["one mistake"]).parts
    assert parts.keys
    assert [row.name for row in parts.rows if row.key] == ["dE/dw1"]
    assert not Checked(SAMPLES["all right"]).parts.keys


def test_a_verdict_has_a_word_and_a_sign_in_every_form() -> None:
    assert set(words.VERDICTS) == set(words.MARKS) == set(Verdict.__args__)
    checked = Checked(work(*Verdict.__args__))
    for verdict, said in words.VERDICTS.items():
        page = checked.to_html()
        assert said in page
        assert f'<tr class="{verdict.replace(" ", "-")}">' in page


# ---------------------------------------------------------------------------------------------------------------- hints


def held_back(sample: CheckedWork, hint: int) -> set[str]:
    """Give what a hint must not show of a sheet: the numbers expected, whys, lines, below 2 the mistakes."""
    first = sample.wrong[0]
    numbers = {text for one in sample.numbers for text in (one.follows, one.key)}
    numbers -= {one.given for one in sample.numbers}
    texts = {fit.title for one in sample.wrong[1:] for fit in one.fits} - {fit.title for fit in first.fits}
    texts |= {one.remark for one in sample.numbers if one is not first and one.remark}
    texts |= {sample.records[0].plain_substituted} if sample.records else set()
    if hint < 3:
        texts |= {fit.why for fit in first.fits} | {fit.detail for fit in first.fits if fit.detail}
        texts |= {part for fit in first.fits for part in parts_of(fit.line, fit.at)[1:-1]}
        texts |= set(parts_of(first.line)[1:])
    if hint < 2:
        texts |= {fit.title for fit in first.fits} | {fit.code for fit in first.fits}
    own = {text for one in sample.numbers for text in (one.given, one.name, one.record)}
    return {text for text in numbers | texts if len(text) > 3} - own


@pytest.mark.parametrize("hint", HINTS)
@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.wrong])
def test_nothing_of_a_later_hint_is_in_any_form(name: str, hint: int) -> None:
    sample = with_records(SAMPLES[name])
    checked = Checked(sample, hint=hint)
    for form, make in FORMS.items():
        made = make(checked)
        shown = flat(visible_text(made)) + made if form in {"page", "fragment", "cell"} else flat(made) + made
        told = [text for text in held_back(sample, hint) if text in shown]
        assert told == [], f"{form} tells {told}"


def digits(text: str) -> set[Decimal]:
    return {abs(Decimal(found)) for found in NUMBER.findall(text)}


@pytest.mark.parametrize("hint", HINTS)
@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.wrong])
def test_no_number_of_a_hint_is_one_that_was_expected(name: str, hint: int) -> None:
    sample = SAMPLES[name]
    given = {value for one in sample.numbers for value in digits(one.given)}
    expected = {value for one in sample.wrong for text in (one.follows, one.key) for value in digits(text)} - given
    for make in (str, Checked.to_markdown, Checked.to_json):
        assert not digits(make(Checked(sample, hint=hint))) & expected


def test_a_hint_that_is_planted_to_leak_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backlit.show.check.checked.hinted", lambda work, hint: work)
    with pytest.raises(AssertionError, match="tells"):
        test_nothing_of_a_later_hint_is_in_any_form("one mistake", 1)


CLAIMED = {"net(h1)": "0.3775", "out(h1)": "0.5933", "dE/dout(h1)": "0.0364", "dE/dnet(h1)": "0.0364",
           "dE/dw1": "0.0018", "w5+": "0.4411", "w6+": "0.4089"}  # fmt: skip
"""A sheet of the classic example with two mistakes: the slope left out, the sign of the update."""


@pytest.mark.parametrize("hint", HINTS)
def test_hints_of_work_that_was_judged_keep_back_what_they_should(hint: int) -> None:
    sample = bl.check_work("two-layer", claimed=CLAIMED).work
    assert [one.name for one in sample.wrong][:2] == ["dE/dnet(h1)", "w5+"]
    both = Checked(sample, hint=hint), bl.check_work("two-layer", claimed=CLAIMED, hint=hint)
    for form, make in FORMS.items():
        for checked in both:
            shown = flat(make(checked)) + make(checked)
            assert [text for text in held_back(sample, hint) if text in shown] == [], form


@pytest.mark.parametrize("form", READ)
def test_each_hint_adds_what_it_says(form: str) -> None:
    one, two, three, all_of_it = (flat(READ[form](Checked(SAMPLES["one mistake"], hint=h))) for h in (*HINTS, None))
    for text in (one, two, three, all_of_it):
        assert "The wrong one is dE/dnet(h1)." in text
        assert "Right: forward pass 4 of 4" in text
    title, formula = "activation's slope is left out", "out(h1) · (1 - out(h1))"
    assert [title in text for text in (one, two, three, all_of_it)] == [False, True, True, True]
    assert [formula in text for text in (one, two, three, all_of_it)] == [False, False, True, True]
    assert ["0.00878" in text for text in (one, two, three, all_of_it)] == [False, False, False, True]
    assert "Hint 1 gives the place of the first mistake; hint 2 adds the kind." in one
    assert "Hint 3 gives the place, the kind and the line of the first mistake; without a hint, the" in three


def test_a_hint_of_a_mistake_on_the_way_names_the_line_to_look_at() -> None:
    text = flat(str(Checked(SAMPLES["on the way"], hint=1)))
    assert "The mistake may be on the way to it, in the line of dE/dnet(h1)." in text


def test_a_hint_leaves_the_formula_alone_without_the_numbers_put_in() -> None:
    one = number("dE/dw", "0.5", "wrong", "0.251", line="dE/dw = dE/dw[1] + dE/dw[2] = 0.2511 + 0 = 0.2511")
    shown = Checked(CheckedWork("net", "", (one,)), hint=3)
    assert shown.wrong[0].line == "dE/dw = dE/dw[1] + dE/dw[2]"
    bare = number("dE/dw", "0.5", "wrong", "0.251", line="dE/dw = 0.2511 = 0.251")
    assert Checked(CheckedWork("net", "", (bare,)), hint=3).wrong[0].line == ""


@pytest.mark.parametrize("name", ["one mistake", "tie", "together", "on the way", "delta"])
def test_a_third_hint_puts_no_numbers_into_formulas(name: str) -> None:
    """Those put in may not be on the sheet, and they give the result."""
    first = Checked(SAMPLES[name], hint=3).wrong[0]
    lines = [line for fit in first.fits for line in (fit.line, fit.right) if line] + [first.line]
    for line in lines:
        assert len(parts_of(line)) <= 2, line
        assert not digits(line) - {Decimal(1)}, line


def test_a_third_hint_has_the_right_formula_of_where_a_mistake_was_made() -> None:
    shown = Checked(SAMPLES["on the way"], hint=3)
    assert shown.wrong[0].fits[0].right == "dE/dnet(h1) = dE/dout(h1) · dout/dnet(h1)"
    assert [line.name for line in shown.parts.details[0].lines] == ["dE/dnet(h1)", "w1+"]
    for hint in (1, 2):
        assert all(not fit.right for fit in Checked(SAMPLES["on the way"], hint=hint).wrong[0].fits)


def test_a_hint_of_a_slip_does_not_show_the_right_formula_as_a_wrong_one() -> None:
    formula = "out(o1) = 1 / (1 + e^(-net(o1)))"
    slip = Fit("digits-swapped", "two digits are swapped", "They stand in each other's place.", "out(o1)",
               f"{formula} = 0.5 = 0.7514, written as 0.7541")  # fmt: skip
    one = number("out(o1)", "0.7541", "wrong", "0.75141", fits=(slip,), line=f"{formula} = 0.5 = 0.75141")
    for form in READ.values():
        assert flat(form(Checked(CheckedWork("net", "", (one,)), hint=3))).count("net(o1)") == 1


@pytest.mark.parametrize("hint", [None, *HINTS])
def test_the_counts_are_in_the_records_under_any_hint(hint: int | None) -> None:
    found = msgspec.json.decode(Checked(SAMPLES["one mistake"], hint=hint).to_json())["count"]
    assert found == {"numbers": 10, "right": 9, "carried": 2, "untested": 0, "wrong": 1}


@pytest.mark.parametrize("hint", [None, *HINTS])
def test_the_sign_of_a_number_is_the_same_under_any_hint(hint: int | None) -> None:
    assert "δ(h1) = 0.0088 (-dE/dnet(h1) in the worked example)" in str(Checked(SAMPLES["delta"], hint=hint))


def test_json_under_a_hint_leaves_fields_out() -> None:
    sample = SAMPLES["one mistake"]
    late = {"follows", "key", "allowed", "right_line", "explained_by"}
    for hint in HINTS:
        found = msgspec.json.decode(Checked(sample, hint=hint).to_json())
        assert found["hint"] == hint
        assert "records" not in found
        first = next(one for one in found["numbers"] if one["verdict"] == "wrong")
        assert not {*late} & {field for one in found["numbers"] for field in one}
        assert ("fits" in first, "line" in first) == (hint > 1, hint > 2)
        if hint == 2:
            assert set(first["fits"][0]) <= {"code", "title", "at", "explains", "of", "together", "more"}


def test_json_without_a_hint_is_the_record() -> None:
    for sample in SAMPLES.values():
        assert msgspec.json.decode(Checked(sample).to_json(), type=CheckedWork) == sample


@pytest.mark.parametrize("hint", [0, 4, True, "1", 1.5])
def test_another_hint_is_refused(hint: Any) -> None:
    with pytest.raises(bl.BacklitError, match=r"expected one of 1 \(the place\), 2 \(the kind\), 3 \(the line\)"):
        Checked(SAMPLES["one mistake"], hint=hint)


# ---------------------------------------------------------------------------------------------------------------- forms


@pytest.mark.parametrize("hint", [None, *HINTS])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_page_is_valid_loads_nothing_and_escapes_names(name: str, hint: int | None) -> None:
    page = Checked(with_records(SAMPLES[name]), hint=hint).to_html()
    found = tree(page)
    tags = [element.tag for element in found.iter() if isinstance(element.tag, str)]
    assert not {"script", "iframe", "object", "embed", "form", "base", "img", "i"} & set(tags)
    assert tags.count("h1") == tags.count("main") == 1
    assert "Content-Security-Policy" in page
    ids = [element.get("id") for element in found.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    links = [element.get("href") for element in found.iter("a")]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.numbers])
def test_tables_have_captions_and_scopes(name: str) -> None:
    for hint in (None, 1):
        table = next(one for one in tree(Checked(SAMPLES[name], hint=hint).to_html()).iter("table"))
        assert table.find("caption") is not None
        rows = list(table.iter("tr"))
        assert [cell.get("scope") for cell in rows[0]] == ["col"] * len(rows[0])
        for row in rows[1:]:
            assert len(row) == len(rows[0])
            assert [cell.get("scope") for cell in row] == ["row", *[None] * (len(row) - 1)]


def test_a_part_of_a_page_has_its_own_ids_and_headings_and_no_style() -> None:
    sample = SAMPLES["unknown"]
    one, two = (Checked(sample).to_fragment(prefix=prefix, level=3) for prefix in ("mine", "other"))
    found = tree(one, part=True)
    tags = [element.tag for element in found.iter() if isinstance(element.tag, str)]
    assert tags[1] == "section"
    assert "h3" in tags
    assert "h4" in tags
    assert not {"h1", "h2", "style", "main", "html"} & set(tags)
    assert not [element for element in found.iter() if element.get("style")]
    assert not set(re.findall(' id="([^"]+)"', one)) & set(re.findall(' id="([^"]+)"', two))
    assert "</style" not in check_style()
    used = set(re.findall(r"var\((--[a-z]+)", check_style()))
    assert used <= {"--ink", "--quiet", "--line", "--paper", "--soft", "--good", "--poor", "--link"}


def test_every_rule_of_the_style_is_about_checked_work_alone() -> None:
    bare = re.sub(r"@(?:media|page)[^{]*\{", "", check_style())
    for selector in re.findall(r"([^{}]+)\{[^{}]*\}", bare):
        assert all(part.strip().startswith(".checked-work") for part in re.split(r",(?![^(]*\))", selector)), selector


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
@pytest.mark.parametrize("name", SAMPLES)
def test_lines_of_text_keep_to_the_width_but_for_long_words(name: str, width: int) -> None:
    for line in Checked(SAMPLES[name]).text(width).plain.splitlines():
        words_of_line = [word for word in line.split(" ") if len(word) > 8]
        assert cell_len(line) <= width or "petal length" in line or len(words_of_line) == 1, line


@pytest.mark.parametrize("form", READ)
def test_names_that_look_like_markup_mean_nothing(form: str) -> None:
    text = flat(READ[form](Checked(SAMPLES["markup"])))
    for part in ("The [red]net[/red] of <b>Bob</b> & `co`", "[bold]sheet_1*", "net([red])", "net(<b>&)",
                 "[b]gone[/b]", "<script>alert(1)</script>", "[blue]said[/blue]"):  # fmt: skip
        assert part in text


def test_styles_of_the_terminal_come_from_verdicts_alone() -> None:
    console = Console(width=100, color_system="truecolor", force_terminal=True, record=True, file=None)
    shown = Checked(SAMPLES["markup"]).text()
    assert isinstance(shown, Text)
    assert {str(span.style) for span in shown.spans} <= {
        "bold green", "bold red", "green", "yellow", "dim", "bold", "bold cyan", "bold underline", "",
    }  # fmt: skip
    with console.capture() as capture:
        console.print(shown)
    assert "[red]" in capture.get()


def test_invisible_signs_are_written_out() -> None:
    for form, make in FORMS.items():
        if form not in {"json", "records"}:
            assert "\u202e" not in make(Checked(SAMPLES["long"])), form


def test_markdown_tables_have_as_many_cells_in_each_row() -> None:
    for sample in SAMPLES.values():
        lines = [line for line in Checked(sample).to_markdown().splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) <= 1


def test_a_notebook_shows_it_without_tags_that_it_does_not_keep() -> None:
    for sample in SAMPLES.values():
        found = tree(Checked(sample)._repr_html_(), part=True)
        assert {element.tag for element in found.iter()} <= {"DOCUMENT_FRAGMENT", "div", "span", "pre", "code"}


def test_it_is_saved_in_four_forms_and_refuses_others(tmp_path: Any) -> None:
    checked = Checked(SAMPLES["one mistake"])
    assert checked.save(tmp_path / "c.html").read_text(encoding="utf-8") == checked.to_html().rstrip("\n") + "\n"
    assert checked.save(tmp_path / "c.md").read_text(encoding="utf-8") == checked.to_markdown()
    assert checked.save(tmp_path / "c.txt").read_text(encoding="utf-8") == str(checked).rstrip("\n") + "\n"
    assert checked.save(tmp_path / "c.json").read_text(encoding="utf-8") == checked.to_json() + "\n"
    with pytest.raises(bl.BacklitError, match=r"ends in \.html, \.md, \.txt or \.json"):
        checked.save(tmp_path / "c.pdf")


def test_numbers_are_found_by_either_name() -> None:
    checked = Checked(SAMPLES["delta"])
    assert checked["δ(h1)"] is checked["dE/dnet(h1)"] is checked.wrong[0]
    assert not checked.all_right
    assert checked.numbers == SAMPLES["delta"].numbers
    assert checked.of("wrong") == checked.wrong
    with pytest.raises(KeyError, match=r"no number 'x'; it has net\(h1\), "):
        checked["x"]


# ---------------------------------------------------------------------------------------------------------------- lines


@pytest.mark.parametrize(
    ("line", "name", "parts"),
    [
        ("a = b · c = 2 · 3 = 6", "", ["a", "b · c", "2 · 3", "6"]),
        ("a = [b = 1] · {1 if x = 2, 0 otherwise} = 1", "", ["a", "[b = 1] · {1 if x = 2, 0 otherwise}", "1"]),
        ("my = name = 1 + 2 = 3", "my = name", ["my = name", "1 + 2", "3"]),
        ("a is given: 0.5", "a", ["a is given: 0.5"]),
        ("net(a = b) = 3", "", ["net(a = b)", "3"]),
    ],
)
def test_a_line_is_taken_apart_at_its_own_equals_signs(line: str, name: str, parts: list[str]) -> None:
    assert parts_of(line, name) == parts


def test_what_differs_is_marked_and_nothing_is_lost() -> None:
    line, other = ["dE/dnet(o1) · w6 + a", "0.1385 · 0.45 + 1"], ["dE/dnet(o1) · w5 + a", "0.1385 · 0.4 + 1"]
    found = compared(line, other)
    assert ["".join(piece.text for piece in part) for part in found] == line
    assert [[piece.text for piece in part if piece.differs] for part in found] == [["w6"], ["0.45"]]
    assert compared(["w5+ · a"], ["w5 · a"])[0][0].text == "w5+"
    assert [piece.differs for piece in compared(["a"], [])[0]] == [False]


SUM = "dE/dnet(o1) · w(h1,o1) + dE/dnet(o2) · w(h1,o2) - (t(o1) / out(o1) + 1) · e^(-net(o1))"


@pytest.mark.parametrize("width", [20, 32, 54, 90])
def test_a_formula_breaks_before_operators_the_outermost_first(width: int) -> None:
    lines = [(indent, SUM[part]) for indent, part in breaks(SUM, width)]
    assert " ".join(line for _, line in lines) == SUM
    assert all(line[0] in "+-·/" for _, line in lines[1:])
    assert all(line[-1] not in "+-·/" for _, line in lines)
    assert all(indent + len(line) <= width for indent, line in lines)
    deep = {line[0]: indent for indent, line in reversed(lines[1:])}
    assert deep.get("·", 9) > deep.get("+", 0)


@pytest.mark.parametrize(("form", "width"), [("text", 40), ("text", 80), ("markdown", 0), ("cell", 0), ("page", 0)])
def test_no_form_breaks_a_formula_in_the_middle(form: str, width: int) -> None:
    one = number("dE/dout(h1)", "0.1", "wrong", line=f"dE/dout(h1) = {SUM} = {SUM.replace('(o1)', '')} = 0.11111")
    checked = Checked(CheckedWork("net", "", (one,)))
    if form == "page":
        wholes = re.findall(r'<span class="whole">([^<]*)</span>', checked.to_html())
        assert "dE/dnet(o1)" in wholes
        assert "· w(h1,o1)" in wholes
        return
    shown = checked.text(width).plain if width else READ[form](checked)
    assert not re.search(r"[·/+-]\n", shown)


def test_the_marks_of_a_line_are_in_the_page_and_the_text() -> None:
    checked = Checked(SAMPLES["one mistake"])
    assert "<mark>· out(h1)</mark>" in checked.to_html()
    shown = checked.text()
    underlined = [shown.plain[span.start : span.end] for span in shown.spans if "underline" in str(span.style)]
    assert "· out(h1) · (1 - out(h1))" in underlined


def test_work_that_changes_a_record_is_another_work() -> None:
    sample = SAMPLES["one mistake"]
    Checked(sample, hint=1)
    assert sample == replace(sample)
    assert sample.wrong[0].fits
