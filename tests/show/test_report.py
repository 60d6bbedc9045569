"""The page of a report: valid, self-contained, accessible, bounded, true to its record, whatever its names are."""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import html5lib
import model_reports as made
import msgspec
import pytest
from msgspec.structs import replace

from backlit.analysis.report import records
from backlit.engine import TrainingCurve
from backlit.errors import BacklitError
from backlit.show.report import class_figures, number_figures, score_figures
from backlit.show.report.importance_figures import importance_figure
from backlit.show.report.page import report_html
from backlit.show.report.report import Report
from backlit.show.report.texts import plain

SECTIONS = ["Scores", "What was done to each column", "The network", "Training", "Gradients"]
CLASSES = ["Which classes are told apart", "ROC and precision-recall", "Calibration"]
LAST = ["How sure the scores are", "The most wrong rows", "What the network reads", "One row worked out",
        "How to repeat it"]  # fmt: skip
UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\u0000-\u0008]")


def empty() -> records.ModelReport:
    """Every part that may be missing is missing or undefined, but for the verdict."""
    measured = records.ClassesMeasured((), (), (), "", "")
    scores = (records.Score("auc", "AUC", "", True, None), records.Score("new_score", "new", "", False, 1.5))
    curve = TrainingCurve(epochs=0, numbers=(), loss=())
    importance = records.Importances("accuracy", 0.5, 0, 0, 5, (), 0)
    return replace(made.iris(), columns=(), scores=scores, measured=measured, curve=curve, worst=(), counts={},
                   importance=importance, worked=None, intervals="", baseline="", linear="",
                   repeat=records.Repeat("", {}, None))  # fmt: skip


REPORTS: dict[str, Callable[[], records.ModelReport]] = {
    **made.REPORTS,
    "hostile": made.hostile,
    "pictures": made.of_pictures,
    "monster": made.monster,
    "two classes": lambda: made.of_classes("t", "y", ["a"], ["no", "yes"], rows=40, margin=1.0),
    "one row": lambda: made.of_classes("t", "y", ["a"], ["no", "yes"], rows=1, margin=1.0),
    "one number": lambda: made.of_numbers("t", "y", ["a"], rows=2),
    "unmeasured": lambda: made.unmeasured(made.iris()),
    "private": lambda: made.private(made.iris()),
    "private numbers": lambda: made.private(made.houses()),
    "empty": empty,
}


@functools.cache
def record(name: str) -> records.ModelReport:
    return REPORTS[name]()


@functools.cache
def page(name: str) -> str:
    return report_html(record(name))


@functools.cache
def tree(name: str) -> Any:
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page(name))


def text_of(part: Any) -> str:
    return " ".join("".join(part.itertext()).split())


def headings(name: str) -> list[str]:
    return [text_of(part) for part in tree(name).iter("h2")]


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_is_valid_small_self_contained_and_structured(name: str) -> None:
    """In one test, so that a page is parsed once."""
    is_small_and_the_same_each_time(name)
    loads_nothing_and_runs_nothing(name)
    can_be_read_by_its_structure(name)


def is_small_and_the_same_each_time(name: str) -> None:
    size = len(page(name).encode())
    assert size < (300_000 if name == "iris" else 1_000_000)
    again = msgspec.json.decode(msgspec.json.encode(record(name)), type=records.ModelReport)
    assert report_html(again) == page(name)


def loads_nothing_and_runs_nothing(name: str) -> None:
    for part in tree(name).iter():
        if not isinstance(part.tag, str):
            continue
        assert part.tag.rpartition("}")[2] not in {"script", "iframe", "object", "embed", "base", "form", "b"}
        links = {key: value for key, value in part.attrib.items() if key in {"src", "srcset", "href", "action"}}
        begins = ("data:image/png;base64,",) if part.tag == "img" else ("#",)
        assert all(value.startswith(begins) or value == "data:," for value in links.values())
        assert not [key for key in part.attrib if key.startswith("on")]
    styles = "".join(part.text for part in tree(name).iter("style"))
    assert "url(" not in styles
    assert "@import" not in styles


def can_be_read_by_its_structure(name: str) -> None:
    body = tree(name)
    levels = [int(part.tag[1]) for part in body.iter() if part.tag in {"h1", "h2", "h3", "h4"}]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [part.attrib["id"] for part in body.iter() if isinstance(part.tag, str) and "id" in part.attrib]
    assert len(ids) == len(set(ids))
    assert {part.attrib["href"].lstrip("#") for part in body.iter("a")} <= set(ids)
    regions = [part.attrib["aria-label"] for part in body.iter("div") if part.attrib.get("role") == "region"]
    assert len(regions) == len(set(regions))
    for table in body.iter("table"):
        assert text_of(table.find("caption"))
        assert all(cell.attrib["scope"] in {"row", "col"} and text_of(cell) for cell in table.iter("th"))
    for figure in body.iter("figure"):
        if figure.attrib.get("class") == "drawn":
            continue
        assert len(list(figure.iter("figcaption"))) == len(list(figure.iter("details"))) == 1
    pictures = [part for part in body.iter() if str(part.tag).endswith("svg") and "role" in part.attrib]
    assert all(part.attrib["role"] == "img" and text_of(part[0]) for part in pictures)
    assert {part[0].tag.rpartition("}")[2] for part in pictures} <= {"title"}


@pytest.mark.parametrize(("name", "middle"), [("iris", CLASSES), ("houses", ["Predicted against true"]),
                                              ("unmeasured", ["How well it predicts"])])  # fmt: skip
def test_the_sections_stand_in_order(name: str, middle: list[str]) -> None:
    assert headings(name) == [*SECTIONS, *middle, *LAST]


@pytest.mark.parametrize(("name", "words"), [
    ("unmeasured", ["no scores", "does not say what was done", "The network is not drawn", "no training curve",
                    "gradients of this training were not kept", "No rows were kept or given", "There are no scores",
                    "No rows were measured", "was not measured", "No row is worked out"]),
    ("private", ["values of rows are left out", "A private report works no row out", "Row 26 of the table"]),
    ("private numbers", ["are not drawn: a private report shows no rows"]),
    ("empty", ["No probabilities were measured", "No curve is defined", "No measured row is predicted wrong",
               "does not say how it was made"]),
    ("gaits", ["none of its 24 rows is found", "No row is found of “swimming”", "more classes"]),
    ("monster", ["900 more columns", "The pairs that are confused most, of 100", "The 40 classes with the lowest",
                 "The 30 most important of 1,000 columns", "988 more inputs not shown"]),
    ("iris", ["0.8667 0.7450 to 0.9883 0.8060 0.3333", "26 of 30 rows lie on the diagonal",
              "“setosa” is taken for “versicolor”: 2 rows", "Beside the linear model, the network is better in 6 of 6",
              "Row 26 of the table is most wrong", "1 other", "backlit explain iris.safetensors --data iris --row 7"]),
])  # fmt: skip
def test_what_is_missing_cut_or_found_is_said(name: str, words: list[str]) -> None:
    text = text_of(tree(name))
    assert [said for said in words if said not in text] == []


def test_hostile_names_stay_text() -> None:
    text = text_of(tree("hostile"))
    for name in made.HOSTILE:
        assert plain(name) in text
    assert not UNSEEN.search(page("hostile"))
    assert "49" not in re.findall(r"\{\{.*?\}\}|\b49\b(?= ?\{%)", text)
    title = text_of(next(tree("hostile").iter("title")))
    assert title == f"Report: {made.HOSTILE[4]}, learned from {made.HOSTILE[0]}"
    drawn = [text_of(part) for part in tree("hostile").iter() if str(part.tag).endswith("text")]
    assert any(name.startswith("<scr") for name in drawn)


@pytest.mark.parametrize(("given", "most", "shown"), [
    ("plain", 60, "plain"), ("", 60, "(empty)"), ("  ", 60, "“  ”"), ("a\u202eb\x00", 60, r"a\u202eb\u0000"),
    ("a\u2028b", 60, r"a\u2028b"), ("x" * 10_000 + "end", 20, "xxxxxxxxxxxxx…xxxend"),
    ("\U0001f469\u200d\U0001f52c", 60, "\U0001f469\u200d\U0001f52c"),
    ("שלום", 60, "\u2068שלום\u2069"), ("\ud800", 60, r"\ud800"), (None, 60, "None"),
])  # fmt: skip
def test_texts_are_short_and_visible(given: Any, most: int, shown: str) -> None:
    assert plain(given, most) == shown
    plain(given, most).encode()


# ------------------------------------------------------------------------------------------------ words beside pictures


def score(value: float, linear: float | None, low: float, high: float, *, better: bool = True) -> records.Score:
    return records.Score("accuracy", "accuracy", "", better, value, records.Interval(low, high), 0.1, linear)


@pytest.mark.parametrize(("scores", "said"), [
    ([score(0.9, 0.85, 0.8, 0.95)], "lies within the network's interval."),
    ([score(0.9, 0.7, 0.8, 0.95)], "lies outside the network's interval."),
    ([score(0.9, 0.7, 0.8, 0.95), score(0.9, 0.81, 0.8, 0.95)], "within the network's interval in 1 of 2 scores."),
    ([score(0.9, 0.7, 0.8, 0.95), score(0.9, 0.71, 0.8, 0.95)], "within the network's interval in none of 2 scores."),
    ([score(0.9, None, 0.8, 0.95)], "No linear model stands beside the network here."),
])  # fmt: skip
def test_the_intervals_are_told(scores: list[records.Score], said: str) -> None:
    report = replace(made.iris(), scores=tuple(scores))
    (figure,) = score_figures.interval_figures(report)
    assert said in figure.summary


def test_scores_are_compared_by_which_way_is_better() -> None:
    scores = [score(0.9, 0.8, 0, 1), score(0.9, 0.8, 0, 1, better=False), score(0.9, 0.9, 0, 1), score(0.9, None, 0, 1)]
    assert score_figures.compared(scores, "linear") == "better in 1 of 3 scores, equal in 1, worse in 1"
    assert score_figures.compared(scores, "baseline") == "better in 3 of 4 scores, worse in 1"
    assert score_figures.compared([score(0.9, None, 0, 1)], "linear") == ""


def bins(*found: tuple[float, float, int]) -> records.ClassesMeasured:
    made_bins = tuple(records.CalibrationBin(p - 0.05, p + 0.05, rows, p, o) for p, o, rows in found)
    return records.ClassesMeasured((), (), made_bins, "the probability", "")


@pytest.mark.parametrize(("measured", "said"), [
    (bins((0.25, 0.5, 40), (0.75, 0.7, 50)), "The largest gap is at 25\xa0%: 50\xa0% of 40 rows came true, more than"),
    (bins((0.25, 0.0, 1), (0.75, 0.7, 50)), "The largest gap among bins of 30 rows or more is at 75\xa0%: 70\xa0%"),
    (bins((0.25, 0.0, 1)), "The largest gap is at 25\xa0%: 0\xa0% of 1 row came true, less than predicted"),
])  # fmt: skip
def test_the_calibration_is_told(measured: records.ClassesMeasured, said: str) -> None:
    figure = class_figures.calibration_figure(measured)
    assert figure is not None
    assert said in figure.summary


@pytest.mark.parametrize(("means", "said"), [
    ((0.3, 0.001), "lowers the accuracy of 0.9 by 0.3, the most of all"),
    ((0.3, 0.001), "1 column is within two of them of no effect"),
    ((0.0, -0.1), "No column's shuffling lowers the accuracy of 0.9."),
])  # fmt: skip
def test_the_importance_is_told(means: tuple[float, ...], said: str) -> None:
    columns = tuple(records.Importance(f"c{k}", mean, 0.01) for k, mean in enumerate(means))
    figure = importance_figure(records.Importances("accuracy", 0.9, 10, 10, 5, columns, 2))
    assert figure is not None
    assert said in figure.summary


@pytest.mark.parametrize(
    ("median", "said"), [(5.0, "predicted too low"), (-5.0, "predicted too high"), (0.0, "half too")]
)
def test_the_residuals_are_told(median: float, said: str) -> None:
    quantiles = (-9.0, -8.0, -7.0, median, 7.0, 8.0, 9.0)
    measured = records.NumbersMeasured((), 10, (records.HistogramBin(3.0, 3.0, 10),), quantiles)
    figure = number_figures.histogram_figure(measured)
    assert figure is not None
    assert said in figure.summary
    assert "Half of the residuals lie between −7 and 7, 90 % between −8 and 8." in figure.summary


def test_classes_without_rows_and_curves_have_their_line() -> None:
    lone = records.ClassMeasures("never seen", 0, 0, None, None, None, None, None, None, None)
    measured = records.ClassesMeasured((lone,), ((0,),), (), "", "")
    assert class_figures.class_table(measured).rows == [("never seen", "0", "0", *["–"] * 5)]
    assert class_figures.roc_figure(measured) is None
    assert class_figures.confusion_figure(measured) is not None


# --------------------------------------------------------------------------------------------------- what people hold


def test_a_report_is_saved_as_it_is_shown(tmp_path: Path) -> None:
    report = Report(record("iris"))
    file = report.save(tmp_path / "iris.HTML")
    assert file.read_bytes().decode() == report.to_html() == page("iris")
    data = report.save(str(tmp_path / "iris.json")).read_bytes()
    assert data.decode() == report.to_json() + "\n"
    assert msgspec.json.decode(data, type=records.ModelReport) == report.record
    assert json.loads(data)["verdict"]["kind"] == "good"


@pytest.mark.parametrize(("name", "said"), [
    ("iris.pdf", "cannot save a report as 'iris.pdf'; expected a name that ends in .html or .json"),
    ("iris", "expected a name that ends in"), ("nowhere/iris.html", "No such file or directory"),
])  # fmt: skip
def test_a_report_is_not_saved_elsewhere(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BacklitError, match=re.escape(said)):
        Report(record("iris")).save(tmp_path / name)


def test_a_short_verdict_leads_and_the_sentence_follows() -> None:
    verdict = replace(record("iris").verdict, headline="27 of <30> right.")
    shown = report_html(replace(record("iris"), verdict=verdict))
    assert re.search(r'<p class="verdict \w+">27 of &lt;30&gt; right\.</p>\s*<p class="told">\w', shown)
    assert '<p class="told">' not in page("iris")
    assert str(Report(replace(record("iris"), verdict=verdict))).splitlines()[2] == "27 of <30> right."


def test_a_report_prints_its_verdict_and_scores() -> None:
    lines = str(Report(record("gaits"))).splitlines()
    assert lines[0] == "activity, learned from gaits.parquet"
    assert lines[2].startswith("The network is right in")
    assert lines[3].startswith("The class “swimming” is never predicted")
    assert [line.split("  ")[0] for line in lines[5:8]] == ["score", "accuracy", "balanced accuracy"]
    assert repr(Report(record("gaits"))) == f"<Report: {record('gaits').verdict.sentence}>"
    assert "\n\n" not in str(Report(record("unmeasured")))[40:]


@pytest.mark.parametrize("name", ["iris", "houses", "hostile", "unmeasured", "empty"])
def test_a_notebook_shows_what_survives_sanitizing(name: str) -> None:
    shown = Report(record(name))._repr_html_()
    parsed = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parseFragment(shown)
    assert {part.tag for part in parsed.iter()} <= {"DOCUMENT_FRAGMENT", "div", "span", "pre", "code"}
    assert record(name).verdict.sentence in text_of(parsed)
    assert shown.count("background-image") == {"unmeasured": 0, "empty": 0}.get(name, 2)
    assert len(shown) < 300_000


def test_the_most_wrong_rows_have_their_pictures() -> None:
    report, page_ = record("pictures"), page("pictures")
    for row in report.worst:
        assert f'src="data:image/png;base64,{base64.b64encode(row.picture).decode()}" width="64" height="64"' in page_
        assert f'alt="the picture of row {row.row}"' in page_
        assert f"<small>{row.true}/{row.row}.png</small>" in page_
    assert page_.count("<img ") == len(report.worst) == 10
    assert "<img " not in page("iris") + page("private")
