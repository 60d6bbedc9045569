"""Predictions and the boundary on the page: the numbers are the engine's, and rows are those of the source."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import numpy as np
import pytest

from backlit.analysis.boundary.boundary import boundary
from backlit.errors import BacklitError
from backlit.model import TabularModel
from backlit.page.commands import command
from backlit.page.panels.boundary import POINTS, BoundaryPanel
from backlit.page.panels.predictions import SIZE, PredictionsPanel
from backlit.page.panels.source import SourcePanel
from backlit.page.session import Panel, Part, Session
from backlit.page.sources import source_of
from backlit.page.uploads import uploaded_source
from backlit.page.view import View

KINDS = (SourcePanel, PredictionsPanel, BoundaryPanel)


def session_of(given: str, epochs: int = 2) -> Session:
    session = Session(source_of(given), KINDS)
    if epochs:
        session.training.advance(epochs=epochs, seconds=np.inf)
        session.change()
    return session


def drawn(session: Session, name: str) -> Part:
    return session.draw((name,))[1][name]


def panel(session: Session) -> BoundaryPanel:
    found = session.panels["boundary"]
    assert isinstance(found, BoundaryPanel)
    return found


def raster(session: Session) -> tuple[dict[str, Any], Any]:
    """Give the head and the places (y, x) of the raster, from the top."""
    with session.view() as view:
        found = panel(session).raster("plane", view)
    assert found is not None
    length = int.from_bytes(found[:4], "little")
    head = json.loads(found[4 : 4 + length])
    return head, np.frombuffer(found[4 + length :], np.uint8).reshape(head["points"], head["points"])


def rows_shown(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'aria-pressed="\w+">([\d,]+)</button>', html)]


# -------------------------------------------------------------------------------------------------------- predictions


@pytest.mark.parametrize("which", ["training", "validation"])
def test_rows_stand_in_the_order_of_the_engines_losses(which: str) -> None:
    session = session_of("iris")
    session.do("predictions.show", {"which": which})
    html = drawn(session, "predictions").html
    X, Y = session.source.rows("training" if which == "training" else "validation")
    losses = session.training.network.evaluate(X, Y).row_losses
    order = (np.argsort(-losses, kind="stable") + 1).tolist()
    assert rows_shown(html) == order[:SIZE]
    assert f"cross entropy {session.training.network.evaluate(X, Y).loss:.4g}" in html


def test_pages_hold_all_rows_once() -> None:
    session = session_of("diabetes")
    found: list[int] = []
    for page in range(6):
        session.do("predictions.go", {"page": page})
        found += rows_shown(drawn(session, "predictions").html)
    assert sorted(found) == list(range(1, len(session.source.X) + 1))
    session.do("predictions.go", {"page": 99})
    assert len(rows_shown(drawn(session, "predictions").html)) == len(session.source.X) - 5 * SIZE


def test_cells_are_those_of_the_table_and_numbers_in_its_own_unit() -> None:
    session = session_of("diabetes")
    html = drawn(session, "predictions").html
    first = rows_shown(html)[0] - 1
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html.partition("<tbody>")[2].partition("</tr>")[0])
    source = session.source
    places = source.places("training")
    assert places is not None
    assert source.table is not None
    row = source.table.table.take(places[[first]])
    model = TabularModel(session.training.network, source.table.encoder)
    wanted, predicted = row.values("progression")[0], model.predict(row)[0]
    assert cells[0] == f"{places[first] + 1}"
    assert [float(cell.replace("−", "-")) for cell in cells[1:3]] == [float(f"{predicted:.6g}"), wanted]
    assert float(cells[3].replace("−", "-")) == float(f"{predicted - wanted:.4g}")
    assert cells[5] == str(row.values("age")[0])


def test_classes_are_told_by_word_and_counted() -> None:
    session = session_of("iris", 30)
    html = drawn(session, "predictions").html
    source = session.source
    predicted = session.training.network.predict(source.X).argmax(axis=1)
    right = int((predicted == source.Y).sum())
    assert f"{right} of 90 rows right, {90 - right} wrong" in html
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (source.Y, predicted), 1)
    confusion = html.partition("Which classes are confused")[2]
    assert [int(count) for count in re.findall(r'<td class="number">\s*(\d+)', confusion)] == counts.ravel().tolist()
    worst = html.partition("<tbody>")[2].partition("</tr>")[0]
    assert ("✗ wrong" in worst) == (right < 90)


def test_a_replayed_moment_is_what_is_shown() -> None:
    session = session_of("iris", 0)
    session.keep()
    at_first = drawn(session, "predictions").html, drawn(session, "boundary").html
    session.training.advance(epochs=20, seconds=np.inf)
    session.keep()
    session.change()
    later = drawn(session, "predictions").html, drawn(session, "boundary").html
    assert later[0] != at_first[0]
    session.replayed = 0
    session.change()
    assert drawn(session, "predictions").html == at_first[0]
    words = re.compile(r'id="boundary-words".*?</p>')
    assert words.findall(drawn(session, "boundary").html) == words.findall(at_first[1]) != words.findall(later[1])


def test_while_playing_the_table_stays_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    from backlit.page.panels import predictions

    clock = [100.0]
    monkeypatch.setattr(predictions.time, "monotonic", lambda: clock[0])
    session = session_of("iris", 1)
    session.playing = True
    before = drawn(session, "predictions")
    session.training.advance(epochs=1, seconds=np.inf)
    clock[0] += 0.9
    assert drawn(session, "predictions") == before
    clock[0] += 0.2
    after = drawn(session, "predictions")
    assert after != before
    session.training.advance(epochs=1, seconds=np.inf)
    session.playing = False
    assert drawn(session, "predictions") != after, "a pause shows the moment at once"


class StepThrough(Panel):
    """Takes the row that is chosen, as the panel of one row does."""

    name = "step"

    def draw(self, view: View) -> Part:
        return Part("")

    @command
    def row(self, number: int, which: str = "training") -> None:
        self.row_at = number, which


def test_a_chosen_row_is_marked_and_stepped_through() -> None:
    session = Session(source_of("iris"), (*KINDS, StepThrough))
    before = drawn(session, "boundary").numbers.over
    session.do("predictions.choose", {"row": 7, "which": "training"})
    assert vars(session.panels["step"])["row_at"] == (7, "training")
    assert drawn(session, "boundary").numbers.over != before
    html = drawn(session, "predictions").html
    assert "Chosen is training row 7" in html
    assert re.findall(r'aria-pressed="true">(\d+)<', html) in ([], ["7"])
    session.do("predictions.choose", {"row": 3, "which": "validation"})
    assert vars(session.panels["step"])["row_at"] == (3, "validation")
    steps = drawn(session, "predictions").html.partition('id="predictions-step"')[2].partition(">")[0]
    assert unescape(steps) == ' data-do="step.row" data-given="{"number":3,"which":"validation"}" data-view="step"'
    for row in (0, 91):
        with pytest.raises(BacklitError, match="expected a number from 1 to 90"):
            session.do("predictions.choose", {"row": row, "which": "training"})


def test_test_rows_are_never_shown() -> None:
    source = source_of("iris")
    assert source.table is not None
    kept = {*source.table.rows["test"].tolist()}
    for which in ("training", "validation"):
        places = source.places("training" if which == "training" else "validation")
        assert places is not None
        assert not kept & {*places.tolist()}
    assert source.kept == len(kept) == 30


# ----------------------------------------------------------------------------------------------------------- boundary


@pytest.mark.parametrize("given", ["iris", "diabetes", "xor", "wine"])
def test_the_plane_is_that_of_the_analysis(given: str) -> None:
    """The same grid, rows and lines as `boundary` of the same weights gives; bytes decode to what is predicted."""
    session = session_of(given)
    drawn(session, "boundary")
    source, network = session.source, session.training.network
    shown = panel(session)._drawn
    assert shown is not None
    assert shown.boundary is not None
    columns = (shown.boundary.x_name, shown.boundary.y_name)
    if source.table is not None:
        places = source.places("training")
        model = TabularModel(network, source.table.encoder)
        wanted = boundary(model, source.table.table.take(places), columns=columns, points=POINTS)
    else:
        wanted = boundary(network, (source.X, source.Y), columns=columns, points=POINTS)
    found = shown.boundary
    assert (found.x, found.y, found.units, found.held, found.rows) == (
        wanted.x, wanted.y, wanted.units, wanted.held, wanted.rows)  # fmt: skip
    one, other = found.outputs[0], wanted.outputs[0]
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(one.targets, other.targets, rtol=1e-13)
    np.testing.assert_allclose(one.predicted, other.predicted, rtol=1e-13)
    head, bytes_ = raster(session)
    assert head["points"] == POINTS
    assert int(bytes_.max()) < len(head["light"]) == len(head["dark"])
    scores = np.asarray(other.scores)[:, ::-1]
    if other.classes:
        classes = scores.argmax(axis=0) if other.level is None else (scores[0] > other.level).astype(int)
        assert np.array_equal(bytes_ // head["shades"], classes)
    else:
        low, high = scores.min(), scores.max()
        depths = np.minimum((12 * (scores[0] - low) / (high - low)).astype(int), 11)
        assert (np.abs(depths - bytes_.astype(int)) <= 1).all()
        assert (depths == bytes_).mean() > 0.99


def test_the_raster_goes_with_the_numbers_drawn_last() -> None:
    session = session_of("iris")
    part = drawn(session, "boundary")
    assert raster(session)[0]["number"] == part.numbers.raster
    session.training.advance(epochs=1, seconds=np.inf)
    again = drawn(session, "boundary")
    assert again.layout == part.layout
    assert again.numbers.raster != part.numbers.raster
    assert raster(session)[0]["number"] == again.numbers.raster


def test_inputs_are_chosen_and_change_places() -> None:
    session = session_of("iris")
    assert "these two have the largest correlations with the target" in drawn(session, "boundary").numbers.words
    assert names_of(session) == ("petal length (cm)", "petal width (cm)")
    session.do("boundary.across", {"name": "sepal width (cm)"})
    drawn(session, "boundary")
    assert names_of(session) == ("sepal width (cm)", "petal width (cm)")
    session.do("boundary.upward", {"name": "sepal width (cm)"})
    part = drawn(session, "boundary")
    assert names_of(session) == ("petal width (cm)", "sepal width (cm)")
    assert "with sepal length (cm) at 5.75 and petal length (cm) at" in part.numbers.words
    session.do("boundary.strongest", {})
    assert "change the predictions most" in drawn(session, "boundary").numbers.words


def names_of(session: Session) -> tuple[str, str]:
    shown = panel(session)._drawn
    assert shown is not None
    assert shown.boundary is not None
    return shown.boundary.x_name, shown.boundary.y_name


def test_inputs_stay_chosen_where_the_network_is_built_anew() -> None:
    session = session_of("iris")
    drawn(session, "boundary")
    session.do("boundary.across", {"name": "sepal width (cm)"})
    session.reset()
    drawn(session, "boundary")
    assert names_of(session) == ("sepal width (cm)", "petal width (cm)")


def test_one_input_has_a_curve_of_what_is_predicted() -> None:
    session = session_of("overfitting", 5)
    shown = drawn(session, "boundary")
    source, network = session.source, session.training.network
    one = panel(session)._one
    assert one is not None
    assert one[1] is not None
    curve = one[1].curve()
    np.testing.assert_allclose(curve.outputs[0].scores[0], network.predict(np.array(curve.x)[:, None])[:, 0])
    assert curve.outputs[0].targets == tuple(source.Y[:, 0].tolist())
    assert curve.row_x == tuple(source.X[:, 0].tolist())
    off = float(np.sqrt(np.mean((network.predict(source.X) - source.Y) ** 2)))
    assert f"differ by {off:.4g}, as a root mean square" in shown.html
    session.do("predictions.choose", {"row": 2})
    assert drawn(session, "boundary").html != shown.html
    with session.view() as view:
        assert panel(session).raster("other", view) is None


def test_one_input_of_classes_has_a_curve_of_scores() -> None:
    rows = "".join(f"{k},{'xyz'[k % 3]},{'ab'[k % 2]}\n" for k in range(60))
    session = Session(uploaded_source("t.csv", f"n,kind,label\n{rows}".encode()), KINDS)
    html = drawn(session, "boundary").html
    assert re.search("with kind at [xyz] held", html)
    right = int((session.training.network.predict(session.source.X).argmax(axis=1) == session.source.Y).sum())
    assert f"Of 36 rows, {right} are right" in html


def test_without_an_input_that_is_a_number_it_says_so() -> None:
    rows = "".join(f"{'xyz'[k % 3]},{'ab'[k % 2]}\n" for k in range(60))
    session = Session(uploaded_source("t.csv", f"kind,label\n{rows}".encode()), KINDS)
    assert "has 0 such inputs" in drawn(session, "boundary").html
    with session.view() as view:
        assert panel(session).raster("plane", view) is None


def test_predictions_that_are_not_finite_are_said() -> None:
    session = session_of("xor", 0)
    session.training.network.parameters[:] = np.nan
    session.change()
    assert "not finite numbers" in drawn(session, "boundary").html
    session.do("predictions.go", {"page": 1})
    session.do("predictions.choose", {"row": 1})
    assert "no finite number" in drawn(session, "predictions").html


def test_names_and_cells_of_a_file_are_escaped() -> None:
    head = '<img src=x onerror=alert(1)>,"a""b\'c",\u202eabc,kind,<b>y'
    rows = "".join(
        f"{k},{k % 5},{k % 3},{'<u>p' if k % 3 else 'q'},{'<i>yes' if k % 2 else 'no&'}\n" for k in range(60)
    )
    session = Session(uploaded_source("t.csv", f"{head}\n{rows}".encode()), KINDS)
    for name in ("predictions", "boundary"):
        part = drawn(session, name)
        shown = re.sub(r'<option value="[^"]*"', "<option", part.html)  # what is sent back is the name itself
        over = part.numbers.over + part.numbers.table if name == "boundary" else ""
        assert not re.search(r"<img|<b>|<i>|<u>|\u202e|no&[^a]", shown + over)


def test_nothing_drawn_has_an_attribute_that_the_page_refuses() -> None:
    session = session_of("iris")
    for name in ("source", "predictions", "boundary"):
        part = drawn(session, name)
        over = part.numbers.over if name == "boundary" else ""
        assert not re.search(r'style="|\son\w+=', part.html + over)
