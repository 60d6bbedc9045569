"""The panels of the network and its units: what a person can do there, and what a browser is sent."""

import pytest

from backlit.errors import BacklitError
from backlit.page.design import Design
from backlit.page.panels import PANELS
from backlit.page.session import Session
from backlit.page.sources import source_of


def session(name: str) -> Session:
    return Session(source_of(name), PANELS)


def drawn(of: Session, name: str):
    return of.draw((name,))[1][name]


def test_the_layout_stays_and_the_numbers_change_while_it_trains():
    one = session("two-layer")
    first = drawn(one, "network")
    assert 'data-weight="w1"' in first.html
    assert first.numbers["values"].split(" ")[0] == "0.15"
    one.do("bar.advance", {"epochs": 1})
    second = drawn(one, "network")
    assert second.layout == first.layout
    assert second.numbers["values"].split(" ")[0] == f"{one.training.network['1.W'][0, 0]:.4g}" == "0.1498"
    one.do("bar.reset", {})
    assert drawn(one, "network") == first


@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_the_slopes_are_those_of_the_error_that_trains_penalties_included(l2):
    one = session("two-layer")
    one.build(Design(one.design.network, one.design.training | {"l2": l2}))
    one.do("network.mode", {"slopes": True})
    part = drawn(one, "network")
    one.do("bar.advance", {"epochs": 1})
    step = (0.15 - one.training.network["1.W"][0, 0]) / 0.5
    assert part.numbers["values"].split(" ")[0] == f"{step:.4g}"
    assert part.numbers["values"].split(" ")[2] == "fixed"
    assert one.panels["network"].facts() == {"edges": "slopes"}
    one.do("network.mode", {"slopes": False})
    assert drawn(one, "network").layout != part.layout


def test_folded_units_are_chosen_anew_only_when_asked():
    one = session("digits")
    first = drawn(one, "network").layout
    one.do("bar.advance", {"epochs": 1})
    assert drawn(one, "network").layout == first
    with one.lock:
        one.training.network["1.W"][40] = 9.0
    assert drawn(one, "network").layout == first
    one.do("network.choose", {})
    second = drawn(one, "network")
    assert second.layout != first
    assert one.source.design.network["inputs"][40] in second.html
    one.do("bar.reset", {})
    assert drawn(one, "network").layout == first


def test_a_unit_is_looked_at_by_its_name_and_one_that_is_gone_gives_way():
    one = session("xor")
    assert drawn(one, "unit").numbers["unit"] == "h1"
    one.do("unit.look", {"name": "h3"})
    part = drawn(one, "unit")
    assert part.numbers["unit"] == "h3"
    assert part.numbers["told"].startswith("h3: mean ")
    assert "Unit h3" in part.html
    assert "target 1" in part.html
    assert one.panels["unit"].facts() == {"unit": "h3"}
    one.do("unit.look", {"name": "nothing"})
    assert drawn(one, "unit").numbers["unit"] == "h1"


def test_a_unit_has_the_names_of_the_classes():
    html = drawn(session("iris"), "unit").html
    assert all(name in html for name in ("setosa", "versicolor", "virginica"))


def test_a_command_takes_what_it_says():
    one = session("xor")
    with pytest.raises(BacklitError, match="slopes"):
        one.do("network.mode", {"slopes": "yes"})
    with pytest.raises(BacklitError, match="no command 'plan'"):
        one.do("network.plan", {"view": 1})
