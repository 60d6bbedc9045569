"""The time left in words: by a clock of its own, and in the lines of `backlit train`."""

import io
import itertools
import re

import pytest

from backlit.cli import progress as shown
from backlit.cli.countdown import Countdown, rounded
from backlit.model import Progress


def told(left, at_most=True, phase="choosing", epoch=1, trial=1):
    return Progress(phase, trial, 2, "64 tanh; l2 0.1", epoch, 9, 0.5, 0.25, left, at_most)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5.0, "1 s"), (0.0, "1 s"), (0.2, "1 s"), (1.0, "1 s"), (9.1, "10 s"), (10.1, "11 s"), (31.0, "35 s"),
        (59.0, "60 s"), (61.0, "65 s"), (119.0, "2 min"),
        (121.0, "2 min 30 s"), (601.0, "11 min"), (3599.0, "1 h"), (3601.0, "1 h 1 min"), (7200.0, "2 h"),
        (1e6, "277 h 47 min"),
    ],
)  # fmt: skip
def test_seconds_are_rounded_up(seconds, words):
    assert rounded(seconds) == words


def test_it_counts_down_between_estimates_and_small_corrections_do_not_show():
    countdown = Countdown(clock := Clock())
    assert countdown.words == ""
    countdown.note(told(None))
    assert countdown.words == ""
    countdown.note(told(9.0))
    assert countdown.words == "at most 9 s left"
    clock.now += 3.0
    assert countdown.words == "at most 6 s left"
    countdown.note(told(6.9))  # a little later than before
    assert countdown.words == "at most 6 s left"
    countdown.note(told(4.0))
    assert countdown.words == "at most 4 s left"
    countdown.note(told(8.0))  # far wrong before
    assert countdown.words == "at most 8 s left"
    clock.now += 1000.0
    assert countdown.words == "at most 1 s left"
    countdown.note(told(30.0))
    assert countdown.words == "at most 30 s left"
    countdown.note(told(2.0, at_most=False))
    assert countdown.words == "about 2 s left"
    countdown.note(told(0.0, at_most=False))
    assert countdown.words == ""
    countdown.note(told(None))
    assert countdown.words == ""


def test_a_noisy_estimate_does_not_jump():
    countdown, clock, seen = Countdown(), Clock(), []
    countdown.clock = clock
    for k in range(100):
        countdown.note(told((100 - k) * (1.05 if k % 2 else 1.0)))
        seen.append(countdown._end - clock.now)
        clock.now += 1.0
    assert all(later < before for before, later in itertools.pairwise(seen))


PHASES = [
    told(None), told(8.0, epoch=2), told(5.0, epoch=3), told(4.0, trial=2), told(2.0, False, "training"),
    told(0.0, False, "training", epoch=9), told(None, False, "testing"),
    told(None, False, "comparing"), told(None, False, "reporting"),
]  # fmt: skip


FIRST, SECOND = (f"trying {k} of 2 (64 tanh; l2 0.1): epoch" for k in (1, 2))
LINES = {
    1e9: [
        f"{FIRST} 3, validation loss 0.2500; at most 4 s left",
        f"{SECOND} 1, validation loss 0.2500; about 2 s left",
        "training (64 tanh; l2 0.1): epoch 9, validation loss 0.2500",
        "measuring on the test rows", "comparing with a linear model",
        "writing the report",
    ],
    -1.0: [
        f"{FIRST} 1, validation loss 0.2500", f"{FIRST} 2, validation loss 0.2500; at most 8 s left",
        f"{FIRST} 3, validation loss 0.2500; at most 5 s left",
    ],
}  # fmt: skip


@pytest.mark.parametrize("every", LINES)
def test_plain_lines_have_it(capsys, monkeypatch, every):
    """A line for each setting and each phase alone, or for each epoch, too."""
    monkeypatch.setattr(shown, "PLAIN_SECONDS", every)
    monkeypatch.setattr(shown, "Countdown", lambda: Countdown(Clock()))
    shown._watch_plain(iter(PHASES))
    lines = capsys.readouterr().err.splitlines()
    assert lines[: len(LINES[every])] == LINES[every]
    assert lines[-2:] == LINES[1e9][-2:]


@pytest.mark.parametrize("width", [20, 60, 80, 120])
def test_the_live_line_has_it_first_and_one_line(monkeypatch, width):
    """What is drawn in a terminal of that width: the head with the time left is whole from 60 columns on."""
    from rich import console

    drawn = io.StringIO()
    monkeypatch.setattr(
        console, "Console", lambda _=console.Console, **__: _(file=drawn, force_terminal=True, width=width)
    )
    monkeypatch.setattr(shown, "LIVE_SECONDS", 0.0)
    monkeypatch.setattr(shown, "Countdown", lambda: Countdown(Clock()))
    draw = shown._draw

    def at_once(bar, task, progress):
        draw(bar, task, progress)
        bar.refresh()

    monkeypatch.setattr(shown, "_draw", at_once)
    shown._watch_live(iter(PHASES))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.getvalue())
    lines = [line for line in re.split(r"[\r\n]", text) if line.strip()]
    assert max(map(len, lines)) <= width
    if width >= 60:
        heads = [re.split(r" ?[━╸╺]", line)[0] for line in lines]
        assert [head for head, _ in itertools.groupby(heads) if head.strip() != "starting"] == [
            "trying 1 of 2", "trying 1 of 2, at most 8 s left", "trying 1 of 2, at most 5 s left",
            "trying 2 of 2, at most 4 s left", "training, about 2 s left", "training",
            "measuring on the test rows", "comparing with a linear model", "writing the report",
        ]  # fmt: skip
    if width >= 80:
        assert all("validation loss 0.2500" in line for line in lines if re.match("trying|training", line))
