"""A diagnosis as it is shown: in a terminal, in a notebook, as a page; what it says is what the record holds."""

import html5lib
import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.diagnose import Change, Compared, Diagnosis, Finding, Outcome, Remedy, Tried
from backlit.engine import TrainingCurve
from backlit.show.diagnose import words
from backlit.show.diagnose.forms import page_of, text_of

RATE = Remedy("a learning rate of 0.01", (Change("rate", 0.01, "rate 0.01 instead of 1", "--rate 0.01", "rate=0.01"),))
RELU = Remedy("relu", (Change("activation", "relu", "relu instead of <tanh>", "", 'bl.Dense(units, "relu")'),))
FINDING = Finding(
    code="BL402", name="learning rate too large", place="all layers", measure="size of an update", measured=0.5,
    threshold=0.1, healthy="about 0.001", why="a step overshoots", remedies=(RATE, RELU), signal="update_ratio",
    layer="1", details=("the loss rose in 9 epochs",),
)  # fmt: skip
COMPARED = Compared(
    training=0.9, training_rows=0.8, reference=0.1, reference_what="2 -> 8 relu -> 1 sigmoid", linear=0.3, gap=0.89,
    errors=7.25, rows=50, held_out=True,
)  # fmt: skip


def curve(*losses):
    return TrainingCurve(epochs=len(losses), numbers=tuple(range(1, len(losses) + 1)), loss=losses)


def outcome(unexplained, signal=None, losses=(1.0, 0.9)):
    return Outcome(epochs=2, loss=losses[-1], validation_loss=0.7, unexplained=unexplained, metric="accuracy",
                   score=0.5, signal=signal, stopped="all 2 epochs done", curve=curve(*losses))  # fmt: skip


def tried(after, *, helped, remedy=RATE, verdict="helped, kept", closed=0.8):
    return Tried(code="BL402", remedy=remedy, before=outcome(0.9, 0.5), after=after, closed=closed, errors=4.0,
                 helped=helped, verdict=verdict, seconds=0.1)  # fmt: skip


def diagnosis(**given):
    usual = {"what": "Network(2 -> 1)", "stopped": "all 2 epochs done", "harmed": True, "compared": COMPARED,
             "findings": (FINDING,)}  # fmt: skip
    return Diagnosis(**(usual | given))


def compared(**given):
    return msgspec.structs.replace(COMPARED, **given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "1 finding: BL402 learning rate too large."),
        ({"findings": ()}, "Something is wrong, and no test says what: the training is worse than its reference."),
        ({"findings": (), "harmed": False, "compared": compared(gap=0.01, training=0.11)},
         "Nothing is wrong: the training is as good as its reference."),
        ({"findings": (), "harmed": False, "compared": compared(gap=0.2, errors=1.0)},
         "Nothing is certain: on these rows the training is worse than its reference, but chance may explain it."),
        ({"findings": (), "harmed": False, "compared": compared(gap=None)},
         "Nothing was found: the training is better than its reference, which is no better than the baseline."),
        ({"findings": (), "harmed": False, "compared": compared(gap=None, training=1.1)},
         "Nothing was found, but little can be told: neither the training nor its reference beats the baseline."),
        ({"findings": (), "harmed": False, "compared": compared(gap=0.01, rows=9)},
         "Nothing was found, but 9 validation rows are too few to tell."),
        ({"findings": (), "harmed": False, "compared": compared(gap=-0.1, training=0.23, linear=0.02)},
         "Nothing is wrong with the training, which is as good as its reference; yet the linear model is better."),
        ({"findings": (), "harmed": False, "compared": compared(reference=None, reference_what="", gap=None)},
         "Nothing was found; the training was not compared with a reference."),
        ({"compared": compared(reference=None, reference_what="", gap=None)},
         "1 finding, without a comparison that would tell whether they do harm: BL402 learning rate too large."),
    ],
)  # fmt: skip
def test_the_verdict_says_what_the_record_holds(given, said):
    assert words.verdict(diagnosis(**given)) == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "the training leaves 90\u00a0% unexplained, the reference 10\u00a0%: 89\u00a0% of the "
             "way from the reference up to the baseline is lost, 7.2 standard errors"),
        ({"gap": 0.05}, "5\u00a0% of the way from the reference up to the baseline is lost, which is too little"),
        ({"errors": -0.6}, "is lost, by a few rows alone; of most rows the training is as good."),
        ({"gap": 0.001}, "the reference 10\u00a0%: it is as good."),
        ({"gap": -0.5}, "the reference 10\u00a0%: it is as good."),
        ({"training": 40.0}, "the training leaves 4,000\u00a0% unexplained"),
        ({"training": None}, "predictions that are not finite numbers"),
        ({"held_out": False}, "On 50 training rows"),
    ],
)  # fmt: skip
def test_the_comparison_is_said_in_words(given, said):
    assert said in words.measured(compared(**given))


def test_a_finding_prints_its_place_number_threshold_reason_and_remedies():
    text = str(FINDING)
    for part in (
        "BL402 learning rate too large", "all layers", "0.5: size of an update", "threshold 0.1", "about 0.001",
        "a step overshoots", "the loss rose in 9 epochs", "--rate 0.01", 'bl.Dense(units, "relu")',
    ):  # fmt: skip
        assert part in text
    assert repr(FINDING) == "<Finding: BL402 learning rate too large (all layers): size of an update = 0.5>"


def test_what_is_not_known_is_left_out():
    bare = Finding(code="BL105", name="labels shuffled", place="the targets", measure="", measured=None, threshold=None,
                   healthy="", why="")  # fmt: skip
    assert "where     the targets" in str(bare)
    for name in ("measured", "threshold", "healthy", "why", "try"):
        assert name not in str(bare)


def test_a_remedy_that_did_not_help_is_called_no_fix():
    worse = tried(outcome(0.95), helped=False, verdict="did not help")
    hardly = tried(outcome(0.85), helped=False, verdict="no better than chance")
    diverged = tried(outcome(None), helped=False, verdict="diverged")
    refused = tried(None, helped=False, verdict="not tried: the network was built from a graph.")
    text = text_of(diagnosis(tried=(worse, hardly, diverged, refused)))
    assert "It helped" not in text
    assert "Kept." not in text.replace("Not kept.", "")
    assert "It did not help: the unexplained share goes from 90" in text
    assert "Not kept: the unexplained share falls from 90" in text
    assert "Not tried: the network was built from a graph." in " ".join(text.split())
    assert "No remedy that was tried helped; nothing is kept." in text


def test_what_helped_stands_beside_what_was_before_with_both_curves():
    helped = tried(outcome(0.2, 0.001, (1.0, 0.3)), helped=True)
    record = diagnosis(tried=(helped,), kept=RATE.changes)
    text = text_of(record)
    for part in (
        "before", "after", "0.9000", "0.2000", "update ratio of layer 1, at the end", "0.001", "It helped", "● before",
        "80\u00a0% of the gap to the reference that was left is closed",
        "What helped, together: rate 0.01 instead of 1",
    ):  # fmt: skip
        assert part in " ".join(text.split("\n")), part
    assert "update ratio of layer 1" not in str(helped)  # alone, it does not know its finding
    assert words.kept_options(record.kept) == "--rate 0.01"


def test_of_two_changes_of_one_setting_the_last_one_counts():
    second = Change("rate", 0.1, "rate 0.1 instead of 1", "--rate 0.1", "rate=0.1")
    units = Change("units", (8,), "8 units", "--layers 8", "layers of 8 units")
    columns = [Change("leave out inputs", (k,), f"without {k}", f"--ignore c{k}", "") for k in (1, 2)]
    assert words.kept_options([*RATE.changes, units, second]) == "--layers 8 --rate 0.1"
    assert words.kept_options(columns) == "--ignore c1 --ignore c2"
    assert words.kept_options([*RATE.changes, *RELU.changes]) == ""  # relu has no option here: none is named
    settings = [Change("setting", {name: 1}, name, f"--{name} 1", "") for name in ("epochs", "l2")]
    assert words.kept_options(settings) == "--epochs 1 --l2 1"


def test_a_page_is_well_formed_loads_nothing_and_says_the_same():
    helped = tried(outcome(0.2, 0.001, (1.0, 0.3)), helped=True, remedy=RELU)
    record = diagnosis(tried=(helped,), kept=RELU.changes, remarks=(FINDING,), unsaid=("Nothing of <b>.",))
    page = page_of(record)
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    tree = parser.parse(page)
    assert [code for _, code, _ in parser.errors] == []
    assert not {"script", "iframe", "object", "embed", "form", "base"} & {element.tag for element in tree.iter()}
    assert "Content-Security-Policy" in page
    shown = " ".join("".join(tree.itertext()).split())
    for part in (
        "1 finding: BL402",
        "It helped",
        "Odd, but not shown to do harm",
        "Nothing of <b>.",
        "relu instead of <tanh>",
    ):
        assert part in shown
    assert "<tanh>" not in page
    assert page == page_of(record)


def test_a_notebook_shows_it_without_tags_that_it_does_not_keep():
    shown = diagnosis(tried=(tried(outcome(0.2, 0.001, (1.0, 0.3)), helped=True),))._repr_html_()
    assert "1 finding: BL402" in shown
    assert not {"<svg", "<table", "<style"} & {tag for tag in ("<svg", "<table", "<style") if tag in shown}


def test_many_remarks_are_counted():
    text = text_of(diagnosis(remarks=(FINDING,) * 11))
    assert "3 more remarks, in the record." in text


@pytest.mark.parametrize(
    ("given", "said"),
    [({"gap": 0.01}, "Odd, but harmless here"), ({"gap": 0.3}, "Odd, but not shown to do harm"),
     ({"gap": None}, "Odd; whether it does harm cannot be told"),
     ({"gap": 0.01, "rows": 4}, "Odd; whether it does harm cannot be told")],
)  # fmt: skip
def test_what_is_odd_is_called_harmless_only_where_the_comparison_shows_it(given, said):
    assert words.remarks_heading(compared(**given)) == said


# ------------------------------------------------------------------------------------------------------ what one holds


@pytest.fixture(scope="module")
def training():
    random = np.random.default_rng(0)
    X = random.normal(size=(120, 3))
    Y = (X[:, 0] > 0).astype(float)
    network = bl.Network([bl.Dense(8, "relu"), bl.Dense(1, "sigmoid")], 3, "binary_cross_entropy", seed=1)
    return bl.Training(network, X[:80], Y[:80], validation=(X[80:], Y[80:]), optimizer=bl.Adam(1e-6), epochs=40).run()


@pytest.fixture(scope="module")
def found(training):
    return bl.diagnose(training, fix=True)


def test_the_repaired_training_has_the_numbers_of_the_last_remedy_that_was_kept(training, found):
    last = [one for one in found.tried if one.helped][-1].after
    repaired = found.repaired()
    best = repaired.training.best  # whose weights are kept
    assert (best.loss, best.validation_loss) == (last.loss, last.validation_loss)
    assert repaired.changes == found.record.kept
    rows = training.validation[0]
    right = ((repaired.predict(rows) > 0.5) == (training.validation[1] > 0.5)).mean()
    assert right == last.score
    assert training.optimizer.rate == 1e-6  # the training that was diagnosed stays as it is


def test_it_is_saved_in_three_forms_and_refuses_others(found, tmp_path):
    assert found.save(tmp_path / "d.html").read_text().startswith("<!DOCTYPE html>")
    assert found.save(tmp_path / "d.txt").read_text() == str(found) + "\n"
    kept = msgspec.json.decode(found.save(tmp_path / "d.json").read_bytes())
    assert kept["findings"][0]["code"] == found.findings[0].code
    with pytest.raises(bl.BacklitError, match=r"ends in \.html, \.txt or \.json"):
        found.save(tmp_path / "d.pdf")
    assert "before" in str(found.plot())


def test_without_a_change_that_helped_there_is_nothing_to_repair(training):
    quick = bl.diagnose(training, compare=False)
    with pytest.raises(bl.BacklitError, match="give fix=True"):
        quick.repaired()
    with pytest.raises(bl.BacklitError, match="nothing to draw"):
        quick.plot()
    assert ", without a comparison that would tell whether they do harm: BL401" in repr(quick)
