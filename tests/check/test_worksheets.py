"""Worksheets: the numbers that a student gets, what they depend on, and that every mistake can be told from others."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

import backlit as bl
from backlit.check.catalogue import mistakes
from backlit.check.evaluation import value_of
from backlit.check.graph import StepGraph
from backlit.check.site import Site
from backlit.check.worksheets import levels, search
from backlit.check.worksheets.levels import KINDS, level_of, named
from backlit.check.worksheets.search import APART, is_worked
from backlit.check.worksheets.sheets import Worksheet
from backlit.check.worksheets.students import names_of, students_of
from backlit.errors import BacklitError
from backlit.examples.file_text import parsed
from backlit.explain.record.quantities import Key
from backlit.sources.worksheets import steps_of

LEVELS = [(1, None), (2, None), (3, None), (4, None), (5, None), *((6, kind) for kind in KINDS)]


@functools.cache
def sheet_of(level: int, kind: str | None = None, seed: int = 1, **given: Any) -> Worksheet:
    return bl.worksheet(level=level, kind=kind, seed=seed, students=["Ada Lovelace"], **given)[0]


def graph_of(sheet: Worksheet, level: int) -> StepGraph:
    """Record the sheet's own network file, which is what a teacher's check reads."""
    return StepGraph(steps_of(parsed(sheet.network, "key"), 2 if level == 4 else 1, sheet.digits))


def unit(value: float, digits: int) -> float:
    return 10.0 ** -(digits if value == 0 or abs(value) >= 0.001 else digits - 1 - math.floor(math.log10(abs(value))))


def results(graph: StepGraph, key: Key) -> Iterator[tuple[str, float]]:
    """Give what each mistake leads to at a number, one formula after another, by the evaluation that checking uses."""
    for node in graph.formulas(key):
        for mistake in mistakes().values():
            if mistake.scope != "slip" and not mistake.general and not mistake.harmless:
                for changed in mistake.at(Site(graph, key, node)):
                    yield (
                        f"{mistake.code} {changed.detail}",
                        value_of(changed.node, lambda key: key.quantity.value(key.place)),
                    )


@pytest.mark.parametrize(("level", "kind"), LEVELS)
def test_results_of_mistakes_are_far_apart(level: int, kind: str | None) -> None:
    """Measured anew, number by number; where two are the same formula, or a zero hides one, they are equal."""
    sheet = sheet_of(level, kind)
    graph = graph_of(sheet, level)
    assert sheet.apart >= APART
    for key in graph.numbers(None):
        if not is_worked(graph, key):
            continue
        right = key.quantity.value(key.place)
        found = [right, *(value for _, value in results(graph, key) if math.isfinite(value))]
        for one, other in itertools.combinations(found, 2):
            apart = abs(one - other) / unit(right, sheet.digits)
            assert apart < 1e-6 or apart >= APART * (1 - 1e-9), (graph.name(key), one, other)


@pytest.mark.parametrize(("level", "kind"), LEVELS)
def test_numbers_are_bearable(level: int, kind: str | None) -> None:
    sheet = sheet_of(level, kind)
    graph = graph_of(sheet, level)
    given = [record for _, records in sheet.given for record in records]
    assert all(len(Decimal(repr(record.value)).normalize().as_tuple().digits) <= 2 for record in given)
    weights = [record.value for name, records in sheet.given if name == "Weights" for record in records]
    assert 0.0 not in weights
    for key in graph.numbers(None):
        value = key.quantity.value(key.place)
        if is_worked(graph, key):
            tie = value / unit(value, sheet.digits) % 1
            assert abs(tie - 0.5) > search.NEAR_TIE * 0.99
            assert value == 0 or search.SMALLEST < abs(value) < search.LARGEST
        if key.quantity.kind == "net":
            assert 0.05 < abs(value) < search.LARGEST


def test_what_is_too_near_is_measured_as_near() -> None:
    """With two places the results of mistakes meet: the search says so, and does not claim otherwise."""
    sheet = sheet_of(2, digits=2)
    assert not sheet.tells_apart
    assert sheet.apart < APART


@pytest.mark.parametrize(("level", "kind"), LEVELS)
def test_the_key_is_right_and_a_mistake_is_found(level: int, kind: str | None) -> None:
    sheet = sheet_of(level, kind)
    tables = parsed(sheet.network, "key")
    steps = steps_of(tables, 2 if level == 4 else 1, sheet.digits)
    by_name = {f"step {k}: {name}" if level == 4 else name: record.shown for k, step in enumerate(steps, 1)
               for name, record in ((record.name, record) for record in step.records())}  # fmt: skip
    assert all(by_name[name] == shown for name, shown in sheet.key())
    assert len(sheet.blanks) == len(set(sheet.blanks))


def test_a_filled_in_sheet_is_checked_against_its_network_file(tmp_path: Path) -> None:
    bl.worksheet(level=4, students=["Ada", "Grace"]).save(tmp_path)
    sheets = bl.worksheet(level=4, students=["Ada", "Grace"])
    for sheet in sheets:
        filled = "".join(f'"{name}",{number}\n' for name, number in sheet.key())
        (tmp_path / f"{sheet.stem}.csv").write_text(f"name,number\n{filled}", encoding="utf-8-sig")
        checked = bl.check_work(tmp_path / "key" / f"{sheet.stem}.toml", claimed=tmp_path / f"{sheet.stem}.csv")
        assert {number.verdict for number in checked.work.numbers} == {"right"}
        assert len(checked.work.numbers) == len(sheet.blanks)
    wrong = dict(sheets[0].key())
    wrong["step 2: w1+"] = wrong["step 2: w2+"]
    checked = bl.check_work(tmp_path / "key" / "ada.toml", claimed=wrong)
    assert [number.name for number in checked.work.wrong] == ["step 2: w1+"]


def test_sheets_depend_on_the_seed_and_the_name_alone() -> None:
    names = ["Ada Lovelace", "Grace Hopper", "Emmy Noether"]
    every = bl.worksheet(level=1, students=names, seed=3)
    alone = bl.worksheet(level=1, students=names[2:], seed=3)
    assert every[2] == alone[0]
    assert bl.worksheet(level=1, students=names, seed=3).to_html() == every.to_html()
    assert bl.worksheet(level=1, students=names, seed=4)[2].network != every[2].network
    assert len({sheet.network for sheet in bl.worksheet(level=1, count=12)}) == 12
    assert bl.worksheet(level=1, count=3)[1] == bl.worksheet(level=1, count=12)[1]


@pytest.mark.parametrize(("gaps", "asked"), [
    ("final", ["out(o1)", "E(o1)", "w1+", "w2+", "b1+"]),
    ("lines", ["net(o1)", "out(o1)", "E(o1)", "dE/dout(o1)", "dout/dnet(o1)", "dE/dnet(o1)", "dE/dw1", "dE/dw2",
               "dE/db1", "w1+", "w2+", "b1+"]),
])  # fmt: skip
def test_what_is_blank(gaps: Any, asked: list[str]) -> None:
    sheet = sheet_of(1, gaps=gaps)
    assert list(sheet.blanks) == asked
    assert not any(line.formula_blank for line in sheet.lines)
    assert all(line.formula_blank == line.blank for line in sheet_of(1, gaps="all").lines)
    given_away = [line.name for line in sheet.lines if line.shows_result]
    assert not set(given_away) & set(asked)
    assert "E" not in given_away  # a copy of E(o1), which is blank


@pytest.mark.parametrize("network", ["two-layer", "linear", "convolution", "recurrent", "xor"])
def test_a_network_file_gets_numbers_of_ones_own(network: str) -> None:
    one, other = bl.worksheet(network, count=2)
    assert one.network != other.network
    assert one.blanks == other.blanks
    own = parsed(one.network, network)
    assert own["training"]["epochs"] == 1
    assert "published" not in own


def test_equal_names_of_biases_are_one_number() -> None:
    layer = parsed(bl.worksheet("two-layer")[0].network, "key")["network"]["layers"][0]
    assert layer["bias_labels"] == ["b1", "b1"]
    assert layer["biases"][0] == layer["biases"][1]


@pytest.mark.parametrize(("raw", "names"), [
    ("Name\nAda\nGrace\n".encode("utf-8-sig"), ["Ada", "Grace"]),
    ("José;9a\nZoë;9b\n".encode("cp1252"), ["José", "Zoë"]),
    ("Klasse\tName\n9a\t李雷\n".encode("utf-16"), ["李雷"]),
    (b"sep=;\r\nLast name;First name\r\nLovelace;Ada\r\n\r\n", ["Ada Lovelace"]),
    (b'"Lovelace, Ada"\n', ["Lovelace, Ada"]),
    (b"Ada\n  \nAda\n", ["Ada", "Ada"]),
])  # fmt: skip
def test_lists_as_spreadsheets_write_them(raw: bytes, names: list[str]) -> None:
    assert names_of(raw, "list.csv") == names


def test_file_names_are_safe_and_differ() -> None:
    given = ["Ada", "ada", "ADA", "A/D:A", "CON", "..", "", "é" * 200, "Straße", "Ada 2"]
    stems = [student.stem for student in students_of(given)]
    assert len(set(stems)) == len(given)
    assert stems[:6] == ["ada", "ada-2", "ada-3", "a-d-a", "con-1", "student"]
    assert all(stem == stem.casefold() and len(stem) <= 70 for stem in stems)
    assert not any(set(stem) & set('<>:"/\\|?* .') for stem in stems)


def test_weights_are_named_unit_by_unit() -> None:
    assert named([[0, 0], [0, 0]], "w", 0) == [["w1", "w3"], ["w2", "w4"]]
    assert level_of(2, None, 0).tables["network"]["layers"][1]["weight_labels"] == [["w5", "w7"], ["w6", "w8"]]


@pytest.mark.parametrize(("given", "words"), [
    ({"level": 7}, "level is 7; expected 1"),
    ({"level": 2, "kind": "recurrent"}, "leave it out"),
    ({"level": 6, "kind": "lstm"}, "convolution or recurrent"),
    ({"network": "two-layer", "level": 2}, "expected one of them"),
    ({"students": ["a"], "count": 2}, "expected one of them"),
    ({"students": []}, "at least one name"),
    ({"count": 0}, "count is 0"),
    ({"seed": -1}, "seed is -1"),
    ({"digits": 12}, "at most 9"),
    ({"gaps": "some"}, "gaps is 'some'"),
    ({"students": "no-such-list.csv"}, "cannot read the list of students no-such-list.csv"),
])  # fmt: skip
def test_errors_say_what_to_do(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BacklitError) as raised:
        bl.worksheet(**given)
    assert words in str(raised.value)


def test_level_six_alternates_by_the_seed() -> None:
    titles = {level_of(6, None, seed).title for seed in (0, 1)}
    assert len(titles) == 2
    assert level_of(6, "recurrent", 0) == msgspec.structs.replace(level_of(6, None, 1))
    assert levels.KINDS == KINDS
