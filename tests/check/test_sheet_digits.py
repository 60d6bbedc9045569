"""Digits that floats and arrays have; files as spreadsheets of other languages and damaged disks leave them."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest

import backlit as bl
from backlit.errors import BacklitError
from backlit.sources.sheet_files import read_sheet


def gradients():
    network = bl.Network([bl.Dense(3, "tanh"), bl.Dense(2, "sigmoid")], inputs=2, seed=3)
    X, Y = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]
    return network, X, Y, dict(network.gradient(X, Y))


# ------------------------------------------------------------------------------------------ zeros that floats have lost

NEIGHBOURS = {"w5 new": 0.4, "w6 new": 0.45, "w7 new": 0.51, "w8 new": 0.56}


@pytest.mark.parametrize("form", ["python", "json"])
def test_floats_have_the_places_of_their_neighbours(form, tmp_path):
    (tmp_path / "sheet.json").write_text(json.dumps(NEIGHBOURS), encoding="utf-8")
    claimed = NEIGHBOURS if form == "python" else tmp_path / "sheet.json"
    checked = bl.check_work("two-layer", claimed=claimed)
    assert checked["w5 new"].verdict == "wrong", "0.40, where 0.36 is right"
    assert any("read with 2 places behind the point, as others have" in note for note in checked.work.notes)


AS_WRITTEN = [
    ('{"w5 new": 0.4, "w6 new": 0.40, "w7 new": 0.51}', 0.1), ('{"w5 new": "0.4", "w6 new": 0.45}', 0.1),
    ('{"w5 new": 0.4, "w6 new": 0.4501}', 0.1), ('{"w5 new": 0.4, "w6 new": 0.3, "w7 new": 0.51, "E": 0.2}', 0.1),
    ('{"w5 new": 0.4, "w6 new": 0.408666186}', 0.1), ('{"w5 new": 0.4, "w6 new": 0.45}', 0.01),
    ('{"2.W": [[0.4, 0.45], [0.51, 0.56]], "w5 new": 0.4}', 0.01), ('{"w5 new": 4e-1, "w6 new": 0.45}', 0.1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "unit"), AS_WRITTEN)
def test_where_zeros_are_not_known_to_be_lost_the_digits_are_those_given(text, unit, tmp_path):
    (tmp_path / "sheet.json").write_text(text, encoding="utf-8")
    sheet = read_sheet(tmp_path / "sheet.json").sheet
    assert next(one for one in sheet.numbers if one.name == "w5 new").written.unit == pytest.approx(unit)


def test_of_a_programs_floats_any_number_of_zeros_may_be_lost():
    """0.4 is the old weight: who did not update it gives that, to all the places of the others."""
    claimed = {"net(h1)": 0.37750001, "out(h1)": 0.59326999, "net(h2)": 0.39250001, "out(h2)": 0.59688438,
               "out(o1)": 0.75136507, "w5 new": 0.4}  # fmt: skip
    number = bl.check_work("two-layer", claimed=claimed)["w5 new"]
    assert (number.verdict, [fit.code for fit in number.fits]) == ("wrong", ["weight-not-updated"])


def test_an_array_that_was_rounded_has_so_many_places():
    network, X, Y, right = gradients()
    rounded = {name: np.round(array, 4) for name, array in right.items()}
    assert bl.check_work(network, X, Y, rounded).all_right
    assert bl.check_work(network, X, Y, {name: array.tolist() for name, array in rounded.items()}).all_right
    zeros = {name: np.zeros_like(array) for name, array in right.items()}
    assert not bl.check_work(network, X, Y, zeros).all_right


# ---------------------------------------------------------------------------------------------- files of other programs

SPREADSHEETS = [
    ("sep=;\r\nName;Wert\r\nnet(h1);0,3775\r\n;\r\nδ(o1);−0,1385\r\n", "utf-8-sig"),
    ('Größe;Zahl\r\n"net(h1)";"0,3775"\r\nδ(o1);-1,385·10⁻¹\r\n', "utf-16"),
    ("Quantité;Nombre\nnet(h1);0,3775\nδ(o1);−0,1385\n", "utf-8"),
    ("Bezeichnung;Ergebnis\nnet(h1);0,3775\nδ(o1);-0,1385\n", "utf-8"),
    ("Magnitud\tValor\nnet(h1)\t0,3775\nδ(o1)\t\u200b-0,1385\n", "utf-16-le"),
]


@pytest.mark.parametrize(("text", "encoding"), SPREADSHEETS)
def test_tables_of_spreadsheets_in_other_languages(text, encoding, tmp_path):
    (tmp_path / "sheet.csv").write_bytes(text.encode(encoding))
    sheet = read_sheet(tmp_path / "sheet.csv").sheet
    assert [(one.name, one.written.value) for one in sheet.numbers] == [("net(h1)", 0.3775), ("δ(o1)", -0.1385)]


def _damaged(raw: bytes, at: int, put: int) -> bytes:
    return raw[:at] + bytes([put]) + raw[at + 1 :]


def test_no_damage_of_an_archive_ends_in_a_traceback(tmp_path):
    np.savez(tmp_path / "a.npz", W=np.ones((2, 2)))
    raw = (tmp_path / "a.npz").read_bytes()
    random = np.random.default_rng(19)
    for _ in range(60):
        at, put = random.integers(len(raw)), random.integers(256)
        (tmp_path / "b.npz").write_bytes(
            _damaged(raw, int(at), int(put))[: random.integers(len(raw) // 2, 2 * len(raw))]
        )
        with contextlib.suppress(BacklitError):
            read_sheet(tmp_path / "b.npz")
