"""A learner's own numbers on the page: checked against the step that comes next, as far as a hint lets it."""

from __future__ import annotations

import re
import threading
from html import unescape
from typing import Any

import pytest

from backlit.check.records import CheckedWork
from backlit.errors import BacklitError
from backlit.page.commands import is_slow
from backlit.page.design import Design
from backlit.page.facts import facts_of
from backlit.page.lesson_files import lessons
from backlit.page.own_numbers import judged, lines_of, with_names
from backlit.page.panels import PANELS
from backlit.page.panels import check as check_panel
from backlit.page.panels.check import CheckPanel
from backlit.page.routes import Asked, touched
from backlit.page.session import Session
from backlit.page.sources import source_of

RIGHT = "net(h1) = 0.3775\nout(h1) = 0.5933\ndE/dnet(o1) = 0.1385\ndE/dw5 = 0.0822\nw5+ = 0.3589"
WRONG = "dE/dnet(o1) = 0.13850\nw5+ = 0.35892\ndE/dw5 = 0.0999\ndE/dout(h1) = 0.03635"


def new(data: str = "two-layer", **training: Any) -> Session:
    session = Session(source_of(data), PANELS)
    if training:
        session.build(Design(session.design.network, session.design.training | training))
    return session


def panel_of(session: Session) -> CheckPanel:
    panel = session.panels["check"]
    assert isinstance(panel, CheckPanel)
    return panel


def work_of(session: Session, numbers: str) -> CheckedWork:
    session.do("check.judge", {"numbers": numbers})
    panel_of(session).checking.wait()
    result = panel_of(session).checking.result
    assert result is not None
    return result.work


def said(session: Session) -> str:
    """Give what is read of the verdicts."""
    html = session.draw(("checked",))[1]["checked"].html
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def refused(session: Session, numbers: str, command: str = "check.judge", **given: Any) -> str:
    with pytest.raises(BacklitError) as found:
        session.do(command, {"numbers": numbers, **given})
    return str(found.value)


LINES = {
    "net(h1) = 0.3775": ("net(h1)", "0.3775"),
    "net(h1) = w1·i1 + b = 0.0075 + 0.37 = 0.3775": ("net(h1)", "0.3775"),
    "w(i1,h1), .149": ("w(i1,h1)", ".149"),
    "w(i1, h1)\t-3.5e-5": ("w(i1, h1)", "-3.5e-5"),
    "dE/dw5: −0.0822": ("dE/dw5", "−0.0822"),
    "net(h1) 0.3775": ("net(h1)", "0.3775"),
    "net(h1) =": None,
    "net(h1)": None,
    "# forward": None,
    "": None,
}


@pytest.mark.parametrize("text", LINES)
def test_a_line_has_a_name_and_a_number(text: str) -> None:
    wanted = LINES[text]
    assert [tuple(line[1:]) for line in lines_of(text)] == ([] if wanted is None else [wanted])
    assert [line.number for line in lines_of(f"a = 1\n\n{text}")][1:] == ([] if wanted is None else [3])


def test_right_numbers_are_said_to_be_right() -> None:
    session = new()
    assert said(session) == "What is right, and where the first mistake is, is said here."
    work = work_of(session, RIGHT)
    assert [number.verdict for number in work.numbers] == ["right"] * 5
    assert "All 5 numbers are right." in said(session)
    assert "checked-more" not in session.draw(("checked",))[1]["checked"].html
    assert session.draw(("check",))[1]["check"].numbers["said"] == "All 5 numbers are right."


def test_decimal_commas_are_read_where_no_number_has_a_point() -> None:
    assert work_of(new(), "net(h1) = 0,3775\nnet(h2) 0,3925\nout(h1)\t0,5933").all_right


def test_a_hint_shows_no_more_than_it_says() -> None:
    session = new()
    work_of(session, WRONG)
    assert "The wrong one is dE/dw5." in said(session)
    assert "0.0821" not in said(session)
    for hint in (2, 3, 0):
        session.do("check.further", {})
        assert panel_of(session).shown == hint
    assert "0.08217" in said(session)
    assert facts_of(session)["check.numbers"].startswith("dE/dnet(o1) = 0.13850; ")
    assert "check.hint" not in facts_of(session)
    work_of(session, WRONG)  # the next check begins with the hint that was chosen
    assert panel_of(session).shown == 1
    session.do("check.reveal", {"hint": 0})
    assert "0.08217" in said(session)
    with pytest.raises(BacklitError, match="the hint is 4; expected 1, 2 or 3, or 0"):
        session.do("check.reveal", {"hint": 4})


def test_the_panel_has_nothing_that_the_browser_refuses() -> None:
    session = new()
    session.do("check.reveal", {"hint": 0})
    work_of(session, WRONG + "\nnet(h2) = 9")
    html = "".join(part.html for part in session.draw(("check", "checked"))[1].values())
    assert re.findall(r"<script|<style|\sstyle\s*=|\son[a-z]+\s*=|https?:(?!//www\.w3\.org)", html) == []


def test_the_numbers_are_those_of_the_update_that_comes_next() -> None:
    session = new()
    session.do("bar.advance", {"updates": 1})
    assert work_of(session, "w5 = 0.35892\nE = 0.29103").all_right
    assert "moved on" not in said(session)
    session.do("bar.advance", {"updates": 1})
    assert "The training has moved on since" in said(session)
    assert not work_of(session, "w5 = 0.35892").all_right
    session.do("check.write", {"numbers": "w5 = 0.318"})
    assert "The numbers have changed since" in said(session)


def test_the_row_is_the_one_that_one_row_shows() -> None:
    session = new("iris", batch_size=3)
    coming = session.training.coming()
    assert coming is not None
    session.do("step.move", {"by": 1})
    session.do("check.names", {"part": "forward", "numbers": ""})
    assert f"net(h1)[{coming.rows[1] + 1}] = \n" in panel_of(session).text
    session.do("step.single", {"number": 5})
    session.do("check.names", {"part": "error", "numbers": ""})
    assert "[" not in panel_of(session).text
    assert "row 5, as a batch of its own" in session.draw(("check",))[1]["check"].numbers["where"]
    session.do("step.show", {"which": "validation"})
    name = "w(petal width (cm),h1)+"
    assert "Line 1: w(petal width (cm),h1)+ belongs to an update. This row validates" in refused(session, f"{name} = 1")
    assert "This row validates" in refused(session, "", "check.names", part="update")


def test_names_are_added_and_nothing_that_is_written_is_lost() -> None:
    session = new()
    session.do("check.names", {"part": "forward", "numbers": "net(h2) = 0.3925"})
    assert panel_of(session).text.splitlines()[:3] == ["net(h2) = 0.3925", "net(h1) = ", "out(h1) = "]
    for part in ("error", "backward", "update"):
        session.do("check.names", {"part": part, "numbers": panel_of(session).text})
    text = panel_of(session).text
    assert text.count("\n") == 8 + 3 + 20 + 8
    assert "w8+ = \n" in text
    assert work_of(session, text).all_right  # the one number
    session.do("check.names", {"part": "update", "numbers": text})
    assert panel_of(session).text == text
    with pytest.raises(BacklitError, match="there would be 301 names; expected at most 300"):
        with_names("".join(f"a{k} = 1\n" for k in range(299)), ["b", "c"])


REFUSED = {
    "net(h1) = abc": "Line 1: 'abc' is no number: expected digits such as 0.3775 or 3.5e-5.",
    "net(h1) = 0,3775\nnet(h2) = 0.3925": "Line 1: '0,3775' is no number: other numbers of the sheet have points",
    "net(h1) = inf": "Line 1: 'inf' is no number",
    "\nfoo = 1": "Line 2: the step has no number 'foo'",
    "net(h9) = 1\nout(h9) = 2": "Line 2: the step has no number 'out(h9)'",
    "net(h1) = 1\nnet(h1) = 2": "Line 2: net(h1) is given twice: 1 in line 1, and 2 here",
    "= 3": "Line 1 is '= 3'; expected a name and a number",
    "net(h1) =": "There is no number yet",
    "": "There is no number yet",
    "".join(f"a{k} = 1\n" for k in range(301)): "there are 301 numbers; expected at most 300",
    "a" * 20_001: "the numbers take 20,001 bytes; expected at most 20,000",
}


@pytest.mark.parametrize("numbers", REFUSED, ids=range(len(REFUSED)))
def test_what_does_not_fit_is_said_with_its_line(numbers: str) -> None:
    session = new()
    work_of(session, RIGHT)
    assert REFUSED[numbers] in refused(session, numbers)
    if len(numbers) < 20_000:
        assert panel_of(session).text == numbers
        assert panel_of(session).checking.result is None


def test_delta_has_the_sign_that_is_chosen() -> None:
    session = new()
    assert work_of(session, "δ(o1) = -0.1385\nδ(o2) = 0.0381").all_right
    session.do("check.means", {"delta": "dE/dnet"})
    assert "The numbers have changed since" in said(session)
    assert len(work_of(session, "δ(o1) = -0.1385\nδ(o2) = 0.0381").wrong) == 2
    with pytest.raises(BacklitError, match="δ is 'E'; expected dE/dnet or -dE/dnet"):
        session.do("check.means", {"delta": "E"})


def test_while_it_trains_nothing_is_checked() -> None:
    session = new()
    session.do("bar.play", {})
    assert "Pause it" in refused(session, RIGHT)
    assert "Pause it" in said(session)
    assert "Pause it" in session.draw(("check",))[1]["check"].numbers["where"]
    session.do("bar.pause", {})
    assert work_of(session, RIGHT).all_right


def test_a_step_that_is_too_large_is_said_to_be_and_one_row_of_it_is_not() -> None:
    session = new("digits")
    assert re.search(r"this step has [\d,]+ numbers; the page checks steps of at most", refused(session, "E = 1"))
    session = new("iris")
    session.do("step.single", {"number": 5})
    assert not work_of(session, "E = 1.000").all_right


def test_a_check_holds_no_lock_and_reads_a_step_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    session = new()
    session.draw(("step", "check"))
    found: list[object] = []

    def work(graph: Any, *given: Any) -> CheckedWork:
        def meanwhile() -> None:
            found.append(refused(session, RIGHT))
            session.do("bar.advance", {"updates": 1})
            session.draw(("step",))
            found.append(said(session))

        with session.view() as view:
            assert graph.steps[0] is not session.recorder.of(view.training, view).step
        thread = threading.Thread(target=meanwhile, daemon=True)
        thread.start()
        thread.join(30)
        return judged(graph, *given)

    monkeypatch.setattr(check_panel, "judged", work)
    monkeypatch.setattr(check_panel, "AT_ONCE", 0.0)
    assert is_slow(session.panels["check"], "judge")
    assert is_slow(session.panels["check"], "names")
    assert work_of(session, RIGHT).all_right
    assert found == [check_panel.BUSY, check_panel.BUSY]
    assert session.training.step == 1
    assert "The training has moved on since" in said(session)


def test_numbers_stay_where_the_network_is_another_and_go_with_the_data() -> None:
    session = new()
    work_of(session, RIGHT)
    session.do("bar.reset", {})
    assert panel_of(session).text == RIGHT
    assert panel_of(session).checking.result is None
    session.do("build.change", {"name": "layers.0.units", "text": "3"})
    assert panel_of(session).text == RIGHT
    session.take(source_of("xor"))
    assert panel_of(session).text == ""


def test_numbers_that_an_address_cannot_hold_stay() -> None:
    session = new()
    session.do("check.write", {"numbers": "# " + "a" * 3_000})
    assert "check.numbers" not in facts_of(session)
    session.do("address.restore", {"settings": facts_of(session)})
    assert len(panel_of(session).text) == 3_002
    session.do("check.write", {"numbers": RIGHT})
    session.do("address.restore", {"settings": {"data": "two-layer"}})
    assert panel_of(session).text == ""


def test_a_commands_answer_has_the_form_and_the_verdicts() -> None:
    session = new()
    seen = ("bar", "check", "checked", "curves")
    assert touched(session, Asked("check.judge", {}, seen)) == ("check", "checked")


def test_the_form_stays_as_it_is_where_its_numbers_change() -> None:
    session = new()
    first = session.draw(("check",))[1]["check"]
    work_of(session, "\n" + RIGHT)
    second = session.draw(("check",))[1]["check"]
    assert second.layout == first.layout
    assert second.numbers["text"] == "\n" + RIGHT
    assert '">\n\nnet(h1)' in second.html  # a browser takes the first line break away


# ------------------------------------------------------------------------------------------------------------- lessons

LESSON = lessons()["your-numbers"]


@pytest.mark.parametrize("at", range(len(LESSON.steps)))
def test_the_lessons_numbers_are_as_it_says(at: int) -> None:
    session = new()
    session.do("lesson.begin", {"name": "your-numbers"})
    session.do("lesson.go", {"step": at + 1})
    session.do("lesson.show", {})
    work = work_of(session, panel_of(session).text)
    if at < 2:
        assert work.all_right
        return
    (wrong,) = work.wrong
    assert (wrong.name, [fit.code for fit in wrong.fits]) == ("dE/dout(h1)", ["updated-weights"])
    carried = [number.name for number in work.numbers if number.verdict == "carried"]
    assert carried == ["dE/dnet(h1)", "dE/dw1", "w1+"]
