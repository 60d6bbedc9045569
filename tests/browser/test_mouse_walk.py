"""What a person can do on the page, by mouse: running, the network, a weight, the data, the descent, the health."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_page import opened, until
from page_use import click, pick, point_at, shows, text, write

from backlit.page.design import Design
from backlit.page.panels import PANELS
from backlit.page.session import Session
from backlit.page.sources import source_of

PLACE = "#bar-place"


@pytest.fixture(scope="module")
def opened_page(browser: Any) -> Iterator[tuple[Any, Session]]:
    session = Session(source_of("xor"), PANELS)
    with opened(browser, session):
        yield browser, session


@pytest.fixture
def page(opened_page: tuple[Any, Session]) -> tuple[Any, Session]:
    """XOR at its first weights, in a wide window, with the view of the network shown."""
    browser, session = opened_page
    session.take(source_of("xor"))
    session.do("bar.pace", {"speed": 1_000})
    browser.run("scrollTo(0, 0)")
    click(browser, "#tab-network")
    until(lambda: text(browser, PLACE) == "0 of 10,000 epochs, 0 updates")
    shows(browser, session, "build")
    return browser, session


def on_iris(page: tuple[Any, Session], epochs: int = 0) -> tuple[Any, Session]:
    """Train on iris instead, for some epochs."""
    browser, session = page
    session.take(source_of("iris"))
    if epochs:
        session.do("bar.advance", {"epochs": epochs})
        until(lambda: not session.playing)
    until(lambda: text(browser, "h1.title") == "iris")
    return browser, session


# --------------------------------------------------------------------------------------------------------------- build


def test_build_each_kind_of_control(page: tuple[Any, Session]) -> None:
    browser, session = page
    write(browser, "[data-setting='layers.0.units']", "3")
    until(lambda: session.design.network["layers"][0]["units"] == 3)
    shows(browser, session, "build")
    pick(browser, "[data-setting='layers.0.activation']", "relu")
    until(lambda: session.design.network["layers"][0]["activation"] == "relu")
    until(lambda: text(browser, "#panel-network").find("relu") >= 0)
    shows(browser, session, "build")
    pick(browser, "[data-setting='optimizer']", "adam")
    until(lambda: session.training.optimizer.name == "adam")
    shows(browser, session, "build")
    write(browser, "[data-setting='optimizer.rate']", "0.25")
    until(lambda: session.training.optimizer.rate == 0.25)
    shows(browser, session, "build")
    click(browser, "#build-add-layers")
    until(lambda: len(session.design.network["layers"]) == 3)
    shows(browser, session, "build")
    click(browser, "#build-remove-0")
    until(lambda: len(session.design.network["layers"]) == 2)


def test_build_refuses_beside_the_control_and_keeps_the_network(page: tuple[Any, Session]) -> None:
    browser, session = page
    before = session.training
    write(browser, "[data-setting='optimizer.rate']", "-1")
    error = "[data-setting='optimizer.rate'] ~ .error"
    until(lambda: "rate" in text(browser, error) and "-1" in text(browser, error))
    assert session.training is before
    field = browser.driver.find_element("css selector", "[data-setting='optimizer.rate']")
    assert field.get_attribute("value") == "-1"
    assert field.get_attribute("aria-invalid") == "true"
    described = browser.driver.find_element("id", field.get_attribute("aria-describedby"))
    assert described.text == text(browser, error)
    write(browser, "[data-setting='optimizer.rate']", "0.5")
    until(lambda: session.training.optimizer.rate == 0.5)
    until(lambda: text(browser, "#panel-build .error") == "")


def test_reset_rewinds_to_the_same_weights_bit_for_bit(page: tuple[Any, Session]) -> None:
    browser, session = page
    first, shown = session.training.network.parameters.tobytes(), text(browser, "#panel-unit .unit-weights")
    click(browser, "#bar-epoch")
    until(lambda: session.training.step == 1)
    until(lambda: text(browser, PLACE).startswith("1 of"))
    assert session.training.network.parameters.tobytes() != first
    click(browser, "#bar-reset")
    until(lambda: text(browser, PLACE).startswith("0 of"))
    assert session.training.network.parameters.tobytes() == first
    until(lambda: text(browser, "#panel-unit .unit-weights") == shown)


# ----------------------------------------------------------------------------------------------------------------- run


def test_run_play_pause_epoch_batch_row_and_speed(page: tuple[Any, Session]) -> None:
    browser, session = on_iris(page)
    click(browser, "#bar-batch")
    until(lambda: text(browser, PLACE) == "0 of 1,000 epochs and 1 of 6 batches, 1 update")
    click(browser, "#bar-epoch")
    until(lambda: text(browser, PLACE) == "1 of 1,000 epochs, 6 updates")
    click(browser, "#bar-row")
    until(lambda: "row 1 of 16" in text(browser, "#step-where"))  # the view opens with the row at hand
    click(browser, "#bar-row")
    until(lambda: "row 2 of 16" in text(browser, "#step-where"))
    pick(browser, "#bar-speed", "1 update a second")
    until(lambda: session.speed == 1)
    pick(browser, "#bar-speed", "full speed")
    until(lambda: session.speed > 1_000)
    pick(browser, "#bar-speed", "100 updates a second")
    until(lambda: session.speed == 100)
    loss = text(browser, "#bar-loss")
    click(browser, "#bar-play")
    until(lambda: text(browser, "#bar-play") == "Pause" and text(browser, "#bar-loss") != loss)
    click(browser, "#bar-play")
    until(lambda: text(browser, "#bar-play") == "Play")
    assert not session.playing
    shows(browser, session, "curves")
    curves = text(browser, "#panel-curves")
    assert all(word in curves for word in ("Loss", "Accuracy", "validation", "baseline"))


# ------------------------------------------------------------------------------------------------------------- network


def test_look_at_a_unit_by_hover_and_at_the_slopes(page: tuple[Any, Session]) -> None:
    browser, _ = page
    point_at(browser, ".unit[data-unit=h3]")
    until(lambda: text(browser, "#panel-unit h2") == "Unit h3")
    panel = text(browser, "#panel-unit")
    assert all(word in panel for word in ("Output over 4 training rows", "Saturated for", "w(i1,h3)", "b(h3)"))
    counts = browser.run("return [...document.querySelectorAll('#unit-histogram .n')].map(one => one.textContent)")
    assert sum(int(count) for count in counts[1:]) == 4
    colours = "return [...document.querySelectorAll('.edges path')].map(one => getComputedStyle(one).stroke).join()"
    weights = browser.run(colours)
    click(browser, "#network-slopes")
    until(lambda: browser.run("return document.querySelector('svg.net').dataset.slopes") == "1")
    until(lambda: browser.run(colours) != weights)
    click(browser, "#network-weights")
    until(lambda: browser.run("return document.querySelector('svg.net').dataset.slopes") == "0")
    until(lambda: browser.run(colours) == weights)


def test_wide_layers_are_folded(page: tuple[Any, Session]) -> None:
    browser, session = page
    layers = [{"units": 60, "activation": "tanh"}, *session.design.network["layers"][1:]]
    with session.turn():
        network = {"inputs": 2, "layers": layers, "loss": "half_squared_error", "seed": 1}
        session.build(Design(network, session.design.training))
    until(lambda: browser.run("return document.querySelector('#network-choose') !== null"))
    drawn = browser.run("return document.querySelectorAll('svg.net .unit[data-unit^=h]').length")
    assert 4 <= drawn < 30
    assert f"+ {60 - drawn} more" in text(browser, "#panel-network")
    session.do("bar.advance", {"epochs": 30})
    click(browser, "#network-choose")
    shows(browser, session, "network")


def test_a_weight_is_clicked_and_worked_out(page: tuple[Any, Session]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    browser, session = page
    session.do("weight.choose", {"name": ""})
    point_at(browser, ".edges path:nth-of-type(2)")
    until(lambda: text(browser, ".net-told") != "")
    name = text(browser, ".net-told").split(" = ")[0]
    ActionChains(browser.driver).click().perform()
    until(lambda: text(browser, "#weight-title").startswith(f"{name} = "))
    words = text(browser, "#panel-weight")
    assert all(word in words for word in ("by the chain rule", "By differences", "The update that follows"))
    click(browser, "#panel-unit .unit-weights button")
    other = browser.run("return document.querySelector('#panel-unit .unit-weights button').dataset.weight")
    until(lambda: text(browser, "#weight-title").startswith(f"{other} = "))


def test_a_row_is_stepped_through_forth_and_back(page: tuple[Any, Session]) -> None:
    browser, session = page
    click(browser, "#tab-step")
    shows(browser, session, "step")
    begun = text(browser, "#panel-step")
    for place in range(2, 8):
        click(browser, "#step-on")
        until(lambda place=place: text(browser, "#step-title").startswith(f"{place} of 7: "))
    assert "Update" in text(browser, "#step-title")
    for place in range(6, 0, -1):
        click(browser, "#step-back")
        until(lambda place=place: text(browser, "#step-title").startswith(f"{place} of 7: "))
    assert text(browser, "#panel-step") == begun
    click(browser, "#step-stage-2")
    until(lambda: text(browser, "#step-title").startswith("3 of 7: Error"))
    click(browser, "#step-next")
    until(lambda: text(browser, "#step-where").startswith("Row 2: "))


# ------------------------------------------------------------------------------------------------ data, descent, health


def test_the_data_its_boundary_predictions_and_earlier_epochs(page: tuple[Any, Session]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    browser, session = page
    lines = "return [...document.querySelectorAll('#boundary-under text')].map(one => one.textContent)"
    until(lambda: {"h1", "h2", "h3", "h4"} & set(browser.run(lines)))  # each hidden unit's own boundary
    on_iris(page, 30)
    click(browser, "#tab-data")
    until(lambda: text(browser, "#boundary-x"))
    pick(browser, "#boundary-x", "sepal width (cm)")
    until(lambda: session.panels["boundary"].facts().get("boundary.x") == "sepal width (cm)")
    until(lambda: text(browser, "#boundary-words").startswith("The predicted class over sepal width (cm) and petal"))
    assert re.search(r"with sepal length \(cm\) at [\d.]+ and", text(browser, "#boundary-words"))
    shows(browser, session, "predictions")
    judged = "[...document.querySelectorAll('#panel-predictions td.wrong, #panel-predictions td.right')]"
    wrong = browser.run(f"return {judged}.map(one => one.className)")
    assert wrong == sorted(wrong, reverse=True)  # the most wrong first
    click(browser, "#predictions-at-1")
    until(lambda: "is marked in the boundary" in text(browser, "#panel-predictions .said"))
    words = text(browser, "#boundary-words")
    slider = browser.driver.find_element("id", "bar-moment")
    ActionChains(browser.driver).move_to_element_with_offset(slider, 4 - slider.size["width"] // 2, 0).click().perform()
    until(lambda: text(browser, PLACE).startswith("Replayed: "))
    until(lambda: text(browser, "#boundary-words") != words)
    click(browser, "#bar-now")
    until(lambda: text(browser, "#boundary-words") == words)


def test_the_descent_over_two_weights_and_over_the_path(page: tuple[Any, Session]) -> None:
    browser, session = page
    for _ in range(6):
        session.do("bar.advance", {"epochs": 10})
    click(browser, "#tab-descent")
    until(lambda: "%" in text(browser, "#panel-descent figcaption"))  # the share of the path in the plane
    pick(browser, "#descent-over", "two weights")
    until(lambda: text(browser, "#descent-x"))
    pick(browser, "#descent-y", "w(i1,h3)")
    until(lambda: session.panels["descent"].over == ("w(i1,h1)", "w(i1,h3)"))  # type: ignore[attr-defined]
    until(lambda: "w(i1,h3)" in text(browser, "#descent-surface") + text(browser, "#panel-descent figure"))


def test_the_health_and_a_remedy_with_its_two_curves(page: tuple[Any, Session]) -> None:
    browser, session = page
    session.do("build.change", {"name": "optimizer.rate", "text": "1e-7"})
    session.do("bar.advance", {"epochs": 60})
    click(browser, "#tab-health")
    until(lambda: text(browser, "#health-gradient-norm") and text(browser, "#health-update-ratio"))
    until(lambda: browser.run("return document.querySelectorAll('[id^=remedy-]').length"))
    before = session.design
    click(browser, "[id^=remedy-]")
    until(lambda: session.design is not before)
    outcomes = ("It helped", "It did not help", "Better, but")
    until(lambda: text(browser, ".trial [role=status]").startswith(outcomes))
    assert not session.playing
    names = browser.run("return document.querySelector('#trial-curves, .trial figure').textContent")
    assert "before" in names
    assert "now" in names
    click(browser, "#findings-undo")
    until(lambda: session.design is before)


# ----------------------------------------------------------------------------------------------------- lessons, sources


def test_a_lesson_is_begun_done_and_left(page: tuple[Any, Session]) -> None:
    browser, session = page
    click(browser, "#lesson-list summary")
    click(browser, "#lesson-two-layer")
    until(lambda: "step 1 of" in text(browser, "#panel-lesson .where"))
    until(lambda: session.source.given == ("two-layer",))
    words = text(browser, "#panel-lesson")
    assert all(part in words for part in ("Do", "Notice", "Do it for me"))
    for _ in range(2):
        where = text(browser, "#panel-lesson .where")
        click(browser, "#lesson-next")
        until(lambda where=where: text(browser, "#panel-lesson .where") != where)
    click(browser, "#lesson-show")
    until(lambda: text(browser, "#panel-lesson [data-errors]") == "")
    click(browser, "#lesson-leave")
    until(lambda: text(browser, "#lesson-list summary") == "Lessons")


def test_a_table_is_chosen_from_a_file_or_from_the_list(page: tuple[Any, Session], tmp_path: Path) -> None:
    browser, session = page
    table = tmp_path / "houses.csv"
    table.write_text("rooms,area,price\n" + "".join(f"{k % 5 + 1},{30 + k},{1000 * k % 777}\n" for k in range(80)))
    browser.driver.find_element("id", "source-file").send_keys(str(table))
    until(lambda: text(browser, "h1.title") == "houses.csv")
    pick(browser, "#source-target", "rooms")
    until(lambda: session.source.target == "rooms")
    click(browser, "#tab-data")
    shows(browser, session, "columns")
    assert "area" in text(browser, "#panel-columns")
    pick(browser, "#source-data", "xor")
    until(lambda: session.source.given == ("xor",))
