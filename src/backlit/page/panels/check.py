"""A learner's own numbers, checked against the step that the page is paused at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from backlit.engine import SteppedTraining
from backlit.errors import BacklitError
from backlit.page.background import Background
from backlit.page.commands import command, slow_command
from backlit.page.own_numbers import PARTS, StepPart, check_length, judged, lines_of, names_in, read, with_names
from backlit.page.panels.step import StepPanel
from backlit.page.recorded import Recorded, Recorder
from backlit.page.session import Panel, Part, Session
from backlit.page.source import Which
from backlit.page.view import View
from backlit.show.live.check import HINTS, SIGNS, checked_html, form_html, unchecked_html

if TYPE_CHECKING:
    from backlit.check.records import CheckedWork

LARGEST = 10_000
"""A step of more numbers is not checked."""

LONGEST_FACT = 2_000
"""Longer numbers are kept in the session, and not in the address."""

AT_ONCE = 1.0
"""So many seconds a check is waited for; of a longer one the page is told when it is done."""

BUSY = "The numbers are being checked. Of a large step with few numbers given that takes a while."
PLAYING = "The training runs. Pause it: numbers are checked against the step that comes next."
NOTHING = "What is right, and where the first mistake is, is said here."
CHANGED = "The numbers have changed since; this is of those before."
MOVED_ON = "The training has moved on since: this was checked against another step than the one that comes next now."


class Result(NamedTuple):
    """What a check has found: of which training and step, at which moment, of which text and sign of δ."""

    training: SteppedTraining
    moment: tuple[object, ...]
    text: str
    sign: str
    work: CheckedWork


class CheckPanel(Panel):
    """The form: what the learner has written, how much is shown of the mistakes, and what δ means.

    Attributes:
        text: the numbers, as they are written. hint: which hint is given at first, 0 for everything.
        sign: what δ means: "dE/dnet", "-dE/dnet", or nothing where that is recognised.
        shown: which hint is given now. checking: the check, which is done beside all else, with its result.
    """

    name: ClassVar[str] = "check"
    NAMES: ClassVar[tuple[str, ...]] = ("check.numbers", "check.hint", "check.sign")
    touches: ClassVar[tuple[str, ...]] = ("check", "checked")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.text, self.hint, self.sign = "", 1, ""
        self.shown = 1
        self.checking: Background[Result] = Background(session.change)
        self._drawn: tuple[CheckedWork, int, str, str] | None = None
        self._recorder = Recorder(session.turn)  # its steps are read without the lock of the drawing

    def forget(self) -> None:
        """Forget what was found; the numbers stay."""
        self._drawn = None
        self.checking.drop()
        self._recorder = Recorder(self.session.turn)

    def facts(self) -> Mapping[str, str]:
        """Give the numbers, if they are not too many for an address, the hint and what δ means."""
        text = self.text if len(self.text) <= LONGEST_FACT else ""
        numbers = "; ".join(line.strip() for line in text.splitlines() if line.strip())
        found = {"check.numbers": numbers, "check.sign": self.sign}
        return {name: text for name, text in found.items() if text} | (
            {} if self.hint == 1 else {"check.hint": str(self.hint)}
        )

    def recall(self, facts: Mapping[str, str]) -> None:
        """Take numbers, a hint and what δ means again; too many numbers for an address stay."""
        if "check.numbers" in facts or len(self.text) <= LONGEST_FACT:
            lines = facts.get("check.numbers", "").split(";")
            self.write("".join(f"{line.strip()}\n" for line in lines if line.strip()))
        hint = facts.get("check.hint", "1")
        if hint not in HINTS:
            raise BacklitError(f"check.hint is {hint!r}; expected one of {', '.join(HINTS)}; 0 shows everything.")
        self.reveal(int(hint))
        self.means(facts.get("check.sign", ""))

    def draw(self, view: View) -> Part:
        """Draw the form; what changes is sent alone, and written in beside what is being typed."""
        where = PLAYING
        if not view.playing:
            try:
                where = where_of(self.recorded(self.session.recorder, view), self._row()[1])
            except BacklitError as error:
                where = str(error)
        html = form_html(where, self.text, list(PARTS.items()), self.hint, self.sign)
        result = self.checking.result
        said = "" if result is None else self.said(result.work)[0]
        numbers = {"where": where, "text": self.text, "hint": str(self.hint), "sign": self.sign, "said": said}
        return Part(html, "form", numbers)

    def said(self, work: CheckedWork) -> tuple[str, str]:
        """Give what was found, as far as the hint lets it: in a sentence, and as a part of the page."""
        if self._drawn is None or self._drawn[0] is not work or self._drawn[1] != self.shown:
            self._drawn = work, self.shown, *drawn(work, self.shown)
        return self._drawn[2], self._drawn[3]

    def recorded(self, recorder: Recorder, view: View) -> Recorded:
        """Give the step that is checked against: that of the row, or the batch, that One row shows.

        Errors: a BacklitError where it cannot be recorded.
        """
        alone, which, _ = self._row()
        return recorder.of(view.training, view, alone, which)

    def _row(self) -> tuple[int | None, Which, int]:
        panel = self.session.panels.get("step")
        return (panel.alone, panel.which, panel.place) if isinstance(panel, StepPanel) else (None, "training", 0)

    # --------------------------------------------------------------------------------------------------- commands

    @command
    def write(self, numbers: str) -> None:
        """Keep what is written.

        Errors: a BacklitError where it is too long.
        """
        check_length(numbers)
        self.text = numbers.replace("\r\n", "\n")

    @command
    def reveal(self, hint: int) -> None:
        """Choose how much is shown: hint 1, 2 or 3, or 0 for everything.

        Errors: a BacklitError for another hint.
        """
        if str(hint) not in HINTS:
            raise BacklitError(f"the hint is {hint}; expected 1, 2 or 3, or 0 for everything.")
        self.hint = self.shown = hint

    @command
    def further(self) -> None:
        """Give the next hint, of this check alone."""
        self.shown = (self.shown + 1) % 4 if self.shown else 0

    @command
    def means(self, delta: str) -> None:
        """Say what δ means: "dE/dnet", "-dE/dnet", or nothing where that is to be recognised.

        Errors: a BacklitError for another meaning.
        """
        known = [sign for sign, _ in SIGNS]
        if delta not in known:
            raise BacklitError(f"δ is {delta!r}; expected {' or '.join(known[1:])}, or nothing.")
        self.sign = delta

    @slow_command
    def names(self, part: StepPart, numbers: str) -> None:
        """Add the names of a part of the step to what is written: those of the row that One row shows.

        Errors: a BacklitError where there are too many.
        """
        self.write(numbers)
        recorded, _, _ = self._step()
        row = 0 if recorded.alone else min(self._row()[2], len(recorded.rows) - 1)
        if part == "update" and recorded.why:
            raise BacklitError(recorded.why)
        self.write(with_names(numbers, names_in(recorded.step, row, part)))

    @slow_command
    def judge(self, numbers: str) -> None:
        """Check the numbers against the step, beside all else: the training can go on meanwhile.

        Errors: a BacklitError for what does not fit, with its line.
        """
        self.write(numbers)
        self._refuse_while_busy()
        self.checking.drop()
        lines, text, sign = lines_of(self.text), self.text, self.sign
        recorded, training, moment = self._step()
        self.shown, title = self.hint, self.session.source.title
        graph, sheet = read(recorded.step, lines, delta=sign, no_update=recorded.why)
        self.checking.start(text, lambda _: Result(training, moment, text, sign, judged(graph, sheet, title)))
        self.checking.wait(AT_ONCE)

    def _refuse_while_busy(self) -> None:
        if self.checking.busy is not None:
            raise BacklitError(BUSY)

    def _step(self) -> tuple[Recorded, SteppedTraining, tuple[object, ...]]:
        """Record the step that comes next, of which the drawing reads nothing.

        Errors: a BacklitError where the training runs, while a check reads the step, and for one that is too large.
        """
        self._refuse_while_busy()
        if self.session.playing:
            raise BacklitError(PLAYING)
        with self.session.view() as view:
            recorded = self.recorded(self._recorder, view)
            moment = self.moment(view)
        if len(recorded.step) > LARGEST:
            raise BacklitError(
                f"this step has {len(recorded.step):,} numbers; the page checks steps of at most {LARGEST:,}. Take "
                "fewer units or a smaller batch, or choose This row alone in One row."
            )
        return recorded, view.training, moment

    def moment(self, view: View) -> tuple[object, ...]:
        """Say which step comes next at a moment: it is another one where this differs."""
        alone, which, _ = self._row()
        return view.training.step, view.step, view.replayed, alone, which


class CheckedPanel(Panel):
    """What is said of the numbers, as far as the hint lets it."""

    name: ClassVar[str] = "checked"

    def draw(self, view: View) -> Part:
        """Draw the verdicts."""
        panel = self.session.panels.get("check")
        assert isinstance(panel, CheckPanel)
        checking, result = panel.checking, panel.checking.result
        if checking.busy is not None or checking.error:
            return Part(unchecked_html(checking.error or BUSY, playing=False))
        if result is None or result.training is not view.training:
            return Part(unchecked_html(PLAYING if view.playing else NOTHING, playing=view.playing))
        remarks = [CHANGED if (result.text, result.sign) != (panel.text, panel.sign) else "",
                   MOVED_ON if result.moment != panel.moment(view) else ""]  # fmt: skip
        _, fragment = panel.said(result.work)
        return Part(checked_html(fragment, remarks, panel.shown, good=result.work.all_right))


def where_of(recorded: Recorded, which: Which) -> str:
    """Say which step numbers are checked against."""
    rows, first = len(recorded.rows), recorded.rows[0] + 1
    if recorded.alone:
        on = f"{'validation ' if which == 'validation' else ''}row {first}, as a batch of its own"
    elif rows == 1:
        on = f"row {first}: {recorded.which}"
    else:
        on = f"{rows} rows: {recorded.which}. A name says its row: net(h1)[{first}] is that of row {first}"
    words = (f"They are checked against the next step, on {on}.", recorded.remark, recorded.why)
    return " ".join(word for word in words if word)


def drawn(work: CheckedWork, hint: int) -> tuple[str, str]:
    """Draw what was found, in a sentence and as a part of a page."""
    from backlit.show.check.checked import Checked  # noqa: PLC0415  (few people check)

    checked = Checked(work, hint=hint or None)
    return checked.parts.verdict, checked.to_fragment(prefix="checked", level=3)
