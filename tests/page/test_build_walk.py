"""All registered ops by their controls: each can be chosen and draws; each of its settings is changed and restored.

Nothing is trained here: the designs are checked as a network file is.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlit.errors import BacklitError
from backlit.ops import base
from backlit.ops.registry import REGISTRIES, activations, initializers, layers, losses, optimizers, register, schedules
from backlit.page.build_controls import Chosen, groups_of, kinds
from backlit.page.design import Design
from backlit.page.layer_edits import (
    candidates,
    dropout,
    first_weights,
    inserted,
    layers_at,
    removed,
    swapped,
    table_of,
    with_dropout,
    with_first_weights,
)
from backlit.page.limits import refuse_too_large
from backlit.page.settings_text import changed, named_values, restored, settings_of, value_of
from backlit.show.live.build import BuildPage, Control, Group, Saving, build_html

PLAIN = {"inputs": 2, "layers": [{"units": 2}]}

WORDS = ("a", '["W"]', "[1,2]", "0.3", "0.7", "2", "3", "4", "20", "2.5", "0")
"""What is typed into a field until one fits."""

NOT_ALONE = {"lengths"}
"""Settings that need another input of the network."""

REFUSED = {"layer parallel": "join", "optimizer rprop": "weight_decay", "optimizer lbfgs": "weight_decay"}
"""Settings that take no other value beside the op's others."""


def controls(groups: Any) -> Iterator[Control]:
    for group in groups:
        yield from (*group.controls, *group.more)
        yield from controls(group.inside)


def html_of(design: Design) -> str:
    page = BuildPage(groups_of(design, Chosen()), kinds(), Saving("a.toml", "a.safetensors"))
    return build_html(page)


def fits(design: Design) -> bool:
    try:
        design.setup()
    except BacklitError:
        return False
    return True


def layer_design(cls: Any) -> Design:
    layer, row = cls.sample()
    return Design({"inputs": list(row), "layers": [table_of(layer)]}, {"epochs": 3})


def loss_design(name: str) -> Design:
    for activation in ("identity", "sigmoid", "softmax", "exp"):
        design = Design({"inputs": 2, "layers": [{"units": 2, "activation": activation}], "loss": name})
        if fits(design):
            return design
    pytest.fail(f"no activation fits the loss {name}")


def initial_design(name: str) -> Design:
    return Design({"inputs": 2, "layers": [{"units": 2, "weights": name}]})


def activation_design(name: str) -> Design:
    return Design({"inputs": 2, "layers": [{"units": 2, "activation": name}]})


def step_design(kind: str, name: str) -> Design:
    return Design(PLAIN, {kind: name})


def cases() -> list[tuple[str, str, Design]]:
    """Give each op with the control that chooses it, or the beginning of its settings, and a design that has it."""
    found = [(f"layer {name}", "layers.0", layer_design(cls)) for name, cls in layers.items()]
    found += [(f"activation {name}", "layers.0.activation", activation_design(name)) for name in activations]
    found += [(f"loss {name}", "loss", loss_design(name)) for name in losses]
    found += [(f"optimizer {name}", "optimizer", step_design("optimizer", name)) for name in optimizers]
    found += [(f"schedule {name}", "schedule", step_design("schedule", name)) for name in schedules]
    return found + [(f"initializer {name}", "layers.0.weights", initial_design(name)) for name in initializers]


CASES = cases()


@pytest.mark.parametrize(("case", "prefix", "design"), CASES, ids=[case[0] for case in CASES])
def test_each_op_draws_and_each_of_its_settings_is_changed_and_restored(
    case: str, prefix: str, design: Design
) -> None:  # fmt: skip
    assert fits(design)
    html = html_of(design)
    assert len(html) < 50_000
    own = [one for one in controls(groups_of(design, Chosen())) if one.name.startswith(f"{prefix}.")]
    for one in own:
        assert f'data-setting="{one.name}"' in html
        key = one.name.removeprefix(f"{prefix}.")
        if key in NOT_ALONE or key.startswith(("layers.", "shortcut.", "branches.", "layer.")):
            continue
        texts = [value for value, _ in one.choices] or [*WORDS, *one.words]
        tried = [changed(design, one.name, text) for text in texts if text != one.value]
        good = [made for made in tried if made != design and fits(made)]
        assert bool(good) is (REFUSED.get(case) != key), f"{one.name}: {len(good)} fit of {texts}"
        for made in good:
            differs = settings_of(made, design)
            assert restored(design, differs) == made
            assert restored(design, named_values(f"{key}={text}" for key, text in differs.items())) == made
            assert restored(design, parse_qsl(urlencode(differs), keep_blank_values=True)) == made
            assert f'data-setting="{one.name}"' in html_of(made)


@pytest.mark.parametrize(
    ("kind", "name", "design"),
    [("activation", "layers.0.activation", Design(PLAIN)), ("loss", "loss", Design(PLAIN)),
     ("optimizer", "optimizer", Design(PLAIN)), ("schedule", "schedule", Design(PLAIN)),
     ("initializer", "layers.0.weights", Design(PLAIN))],
)  # fmt: skip
def test_each_control_offers_all_of_its_registry(kind: str, name: str, design: Design) -> None:
    found = next(one for one in controls(groups_of(design, Chosen())) if one.name == name)
    assert {value for value, _ in found.choices} - {""} == set(REGISTRIES[kind])
    html = html_of(design)
    listed = re.search(rf'id="build-{re.escape(name)}"[^>]*data-list="(\w+)"', html)
    assert listed
    template = re.search(rf'<template id="build-list-{listed[1]}">(.*?)</template>', html)
    assert template
    assert set(REGISTRIES[kind]) <= {unescape(value) for value in re.findall(r'<option value="([^"]*)"', template[1])}


def test_an_op_of_a_plugin_has_its_controls_too() -> None:
    @register("tested_bend")
    class Bend(base.Activation, frozen=True):
        """Bends.

        Args:
            crook: how much it is bent.
        """

        crook: float = 0.5
        upside: bool = False

        @staticmethod
        def value(z: Any, crook: Any) -> Any:
            return z * crook

        @staticmethod
        def slope(z: Any, crook: Any) -> Any:
            return crook + 0.0 * z

    try:
        design = changed(Design(PLAIN), "layers.0.activation", "tested_bend")
        found = {one.name: one for one in controls(groups_of(design, Chosen()))}
        assert found["layers.0.activation.crook"].value == "0.5"
        assert "how much it is bent" in found["layers.0.activation.crook"].says
        assert [value for value, _ in found["layers.0.activation.upside"].choices] == ["true", "false"]
        made = changed(design, "layers.0.activation.crook", "0.7")
        assert made.network["layers"][0]["activation"] == {"op": "tested_bend", "crook": 0.7}
        assert made.setup().layers()[0].activation.crook == 0.7  # type: ignore[attr-defined]
        assert "tested_bend" in kinds()[1][1]
    finally:
        del activations["tested_bend"]


# -------------------------------------------------------------------------------------------------- kinds of layers


@pytest.mark.parametrize("kind", [*layers, *activations])
def test_a_layer_of_each_kind_can_be_added_where_its_rows_fit(kind: str) -> None:
    cls = (activations if kind in activations else layers)[kind]
    row = cls.sample()[1]  # type: ignore[attr-defined]
    network = {"inputs": list(row), "layers": [{"units": 3}]}
    tried = [inserted(network, "layers", 0, tables) for tables in candidates(kind, row[-1])]
    good = [made for made in tried if fits(Design(made))]
    assert good
    assert good[0]["layers"][0].get("op", "dense") == kind
    assert len(html_of(Design(good[0]))) < 50_000


GIVEN = {
    "inputs": ["a", "b"],
    "layers": [
        {"units": 2, "weights": [[1.0, 2.0], [3.0, 4.0]], "labels": ["p", "q"]},
        {"units": 2, "weights": [[5.0, 6.0], [7.0, 8.0]], "biases": [0.1, 0.2], "labels": ["r", "s"]},
        {"units": 2, "weights": [[9.0, 1.0], [2.0, 3.0]], "labels": ["yes", "no"]},
    ],
    "initial": {"seed": 0, "draw": "normal", "order": ["1.W"]},
}  # fmt: skip


def weights(network: dict[str, Any]) -> list[Any]:
    return [table.get("weights") for table in network["layers"]]


def labels(network: dict[str, Any]) -> list[Any]:
    return [table.get("labels") for table in network["layers"]]


def test_what_a_file_gives_stays_where_the_layer_reads_the_same() -> None:
    whole = weights(GIVEN)
    added = inserted(GIVEN, "layers", 1, [{"units": 2}])
    assert weights(added) == [whole[0], None, None, whole[2]]
    assert labels(added) == [["p", "q"], None, ["r", "s"], ["yes", "no"]]
    assert "initial" not in added
    assert weights(inserted(GIVEN, "layers", 1, [{"op": "dropout", "p": 0.1}])) == [whole[0], None, *whole[1:]]
    assert weights(removed(GIVEN, "layers", 0)) == [None, whole[2]]
    assert weights(swapped(GIVEN, "layers", 0)) == [None, None, None]
    assert labels(swapped(GIVEN, "layers", 0)) == [["r", "s"], ["p", "q"], ["yes", "no"]]
    assert weights(inserted(GIVEN, "layers", 2, [{"units": 5}]))[:2] == whole[:2]


def test_other_units_drop_what_does_not_fit_even_behind_a_layer_without_weights() -> None:
    network = inserted(GIVEN, "layers", 1, [{"op": "dropout", "p": 0.1}])
    made = changed(Design(network), "layers.0.units", "3").network
    assert weights(made) == [None, None, None, weights(GIVEN)[2]]
    assert made["layers"][2]["biases"] == [0.1, 0.2]
    assert fits(Design(made))


def test_lists_that_are_typed_and_do_not_fit_are_refused_not_dropped() -> None:
    made = changed(Design(GIVEN), "layers.0.weights", "[[1.0]]")
    assert made.network["layers"][0]["weights"] == [[1.0]]
    assert not fits(made)


def test_layers_within_a_block_are_found_and_changed() -> None:
    network = {"inputs": 3, "layers": [
        {"op": "parallel", "branches": [[{"units": 2}], [{"op": "residual", "layers": [{"units": 3}]}]]}, {"units": 1},
    ]}  # fmt: skip
    assert layers_at(network, "layers.0.branches.1") == [{"op": "residual", "layers": [{"units": 3}]}]
    names = {one.name for one in controls(groups_of(Design(network), Chosen()))}
    assert {"layers.0.branches.0.0.units", "layers.0.branches.1.0.layers.0.units", "layers.0.join"} <= names
    made = inserted(network, "layers.0.branches.0", 1, [{"units": 4}])
    assert fits(Design(made))
    assert made["layers"][0]["branches"][0] == [{"units": 2}, {"units": 4}]
    wider = changed(Design(network), "layers.0.branches.0.0.units", "5")
    assert restored(Design(network), settings_of(wider, Design(network))) == wider
    for place in ("layers.7", "nothing", "layers.0.units", "layers.0.branches.9", ""):
        with pytest.raises(BacklitError, match="there are no layers"):
            layers_at(network, place)


def test_one_control_sets_dropout_and_first_weights_of_all_layers() -> None:
    network = {"inputs": 2, "layers": [{"units": 4}, {"units": 3}, {"units": 1}]}
    assert dropout(network) == "0"
    made = with_dropout(network, 0.25)
    assert [table.get("op") for table in made["layers"]] == [None, "dropout", None, "dropout", None]
    assert dropout(made) == "0.25"
    assert with_dropout(made, 0) == network == with_dropout(made, None)
    assert fits(Design(made))
    assert dropout(with_dropout(made, 0.5)) == "0.5"
    one_alone = inserted(network, "layers", 1, [{"op": "dropout"}])
    assert dropout(one_alone) == "various"
    drawn = with_first_weights(network, "he_normal")
    assert first_weights(drawn) == "he_normal"
    assert with_first_weights(drawn, "") == network
    drawn["layers"][0]["weights"] = "zeros"
    assert first_weights(drawn) == "various"


# -------------------------------------------------------------------------------------------------------- the limits


@pytest.mark.parametrize(
    ("network", "training", "rows", "words"),
    [
        ({"layers": [{"units": 5_000}]}, {}, 1, "5,000 units are too many"),
        ({"layers": [{"units": 2}] * 33}, {}, 1, "33 layers are too many"),
        ({"layers": [{"op": "residual", "layers": [{"units": 2}] * 33}]}, {}, 1, "34 layers are too many"),
        ({"layers": [{"op": "residual", "layers": [{"units": 5_000}]}]}, {}, 1, "5,000 units are too many"),
        ({"layers": [{"units": 4_000}, {"units": 4_000}, {"units": 1}]}, {}, 1, "weights are too many"),
        ({"inputs": [32, 32, 64], "layers": [{"op": "conv2d", "filters": 1024, "size": 9}]}, {}, 1,
         "5,309,440 weights are too many"),
        ({"inputs": [100, 100, 1], "layers": [{"op": "conv2d", "filters": 64, "size": 3}]}, {"batch_size": "full"},
         1_000, "GB of memory"),
        ({"layers": [{"units": 4_000}]}, {"batch_size": 1_000_000}, 1_000_000, "GB of memory"),
        ({"layers": [{"units": 4_000}]}, {"optimizer": "lbfgs"}, 1_000_000, "GB of memory"),
    ],
)  # fmt: skip
def test_what_would_take_too_much_is_refused_before_it_is_made(
    network: dict[str, Any], training: dict[str, Any], rows: int, words: str
) -> None:
    with pytest.raises(BacklitError, match=words) as refused:
        refuse_too_large(Design({"inputs": 3, **network}, training), rows)
    assert refused.value.path  # type: ignore[attr-defined]


def test_what_is_small_is_not_refused() -> None:
    for _, _, design in CASES:
        refuse_too_large(design, 1_000)
    refuse_too_large(Design({"inputs": 3, "layers": [{"units": 4_000}]}, {"batch_size": 32}), 1_000_000)


# ------------------------------------------------------------------------------------------------- what may be typed

TYPED = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "[", "[" * 5_000, "9" * 5_000, "1e999", "-0", "nan", "{}", "null", "true", "8:tanh", "3,3"]),
    st.integers().map(str),
    st.floats().map(str),
)
NAMES = st.one_of(
    st.sampled_from([one.name for _, _, design in CASES[:8] for one in controls(groups_of(design, Chosen()))]),
    st.text(alphabet="layersnwo.0139", max_size=14),
)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(CASES), NAMES, TYPED)
def test_whatever_is_typed_gives_a_design_or_is_refused(case: Any, name: str, text: str) -> None:
    design = case[2]
    before = copy.deepcopy(design)
    try:
        made = changed(design, name, text)
        refuse_too_large(made, 100)
        made.setup()
    except BacklitError:
        return
    finally:
        assert design == before
    assert restored(design, settings_of(made, design)) == made
    assert html_of(made)


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "swap", "units", "dropout", "draw"]), st.integers(0, 5),
              st.sampled_from([*layers, *activations])), max_size=8,
)  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([GIVEN, PLAIN, {"inputs": [6, 6, 1], "layers": [{"op": "flatten"}, {"units": 2}]}]), STEPS)
def test_layers_that_are_changed_at_random_stay_a_network(network: dict[str, Any], steps: Any) -> None:
    first = Design(copy.deepcopy(network))
    for what, at, kind in steps:
        count = len(network["layers"])
        tries: list[dict[str, Any]] = []
        if what == "add":
            tries = [inserted(network, "layers", min(at, count - 1), tables) for tables in candidates(kind, None)]
        elif what == "remove" and count > 1:
            tries = [removed(network, "layers", at % (count - 1))]
        elif what == "swap" and count > 2:
            tries = [swapped(network, "layers", at % (count - 2))]
        elif what == "units":
            tries = [changed(Design(network), f"layers.{at % count}.units", str(at + 1)).network]
        elif what == "dropout":
            tries = [with_dropout(network, at / 10)]
        elif what == "draw":
            tries = [with_first_weights(network, "he_normal" if at else "")]
        network = next((made for made in tries if fits(Design(made))), network)
    design = Design(network)
    assert fits(design)
    assert restored(first, settings_of(design, first)) == design
    assert len(html_of(design)) < 50_000


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_as_it_is_written(number: float) -> None:
    assert value_of(repr(number)) == number


def test_groups_are_folded_where_there_are_many_layers() -> None:
    design = Design({"inputs": 2, "layers": [{"units": 3}] * 20})
    html = html_of(design)
    assert len(html) < 30_000
    assert html.count("data-unfold=") == 20
    unfolded = groups_of(design, Chosen(unfolded=("layers.4",)))
    names = {one.name for one in controls(unfolded)}
    assert "layers.4.units" in names
    page = build_html(BuildPage(unfolded, kinds(), Saving("a", "b")))
    assert page.count("data-unfold=") == 19
    assert 'data-setting="layers.4.units"' in page
    assert isinstance(unfolded[0], Group)
