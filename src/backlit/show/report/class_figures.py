"""A classifier measured, as pictures: confusion, ROC and precision-recall curves, calibration."""

from __future__ import annotations

from collections.abc import Sequence

from backlit.analysis.report.records import CalibrationBin, ClassesMeasured, ClassMeasures
from backlit.errors import counted
from backlit.show.charts.figure import Axis, Cells, Dash, DataTable, Figure, Layer, Line
from backlit.show.report.parts import Grid
from backlit.show.report.texts import number, plain, score, share

DRAWN_CLASSES = 20
"""The confusion of more classes is a table of the pairs that are confused most."""
PAIRS = 20
NAMED_CURVES = 4
"""So many curves have a colour and a name: those of the classes with the lowest values; others are thin lines."""
QUIET_CURVES = 8
DASHES: tuple[Dash, ...] = ("solid", "dashed", "dotted", "dash-dotted")
TABLE_CLASSES = 40
FEW_ROWS = 30
"""Where a bin of the calibration has fewer rows, its place says little."""
SPOTS = (0.01, 0.05, 0.1, 0.2, 0.5)
"""False positive rates, and recalls, at which a curve's table reads it."""
LABEL = 32
SHORT = {"auc": "AUC", "average_precision": "AP"}
"""What a value is called in a legend; the words beside the picture have it in full."""


def labels(measured: ClassesMeasured) -> list[str]:
    """Give the names of the classes as they are shown."""
    return [plain(one.label, LABEL) for one in measured.classes]


# ------------------------------------------------------------------------------------------------------------ confusion


def confused_pairs(measured: ClassesMeasured) -> list[tuple[int, int, int]]:
    """Give the pairs that are confused, the most frequent first: rows, true class, predicted class."""
    pairs = [
        (count, i, j) for i, row in enumerate(measured.confusion) for j, count in enumerate(row) if count and i != j
    ]
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))


def right_rows(measured: ClassesMeasured) -> tuple[int, int]:
    """Count the rows that are predicted right, and all."""
    return sum(row[i] for i, row in enumerate(measured.confusion)), sum(map(sum, measured.confusion))


def confusion_figure(measured: ClassesMeasured) -> Figure | None:
    """Give the confusion matrix; None where there are too many classes to draw it."""
    names, matrix = labels(measured), measured.confusion
    if not names or len(names) > DRAWN_CLASSES:
        return None
    shares = [[count / max(1, sum(row)) for count in row] for row in matrix]
    texts = [[str(count) if count else "" for count in row] for row in matrix]
    marks = tuple((float(k), name) for k, name in enumerate(names))
    numbered = tuple(f"{k}: {name}" for k, name in enumerate(names, 1)) if len(names) > 6 else tuple(names)
    head = ("true class", *((str(k) for k in range(1, len(names) + 1)) if len(names) > 6 else names))
    rows = tuple((name, *map(str, row)) for name, row in zip(numbered, matrix, strict=True))
    size = 400 if len(names) <= 6 else 640 if len(names) <= 12 else 904
    return Figure(
        title="Confusion matrix", summary=_confusion_words(measured, names),
        x=Axis("predicted class", marks=marks), y=Axis("true class", marks=marks),
        layers=(Cells(shares=shares, texts=texts, diagonal=True),), table=DataTable(head, rows, 1), down=True,
        width=max(440, size), height=150 + max(34 * len(names), 120) if len(names) <= 6 else 150 + 32 * len(names),
    )  # fmt: skip


def _confusion_words(measured: ClassesMeasured, names: Sequence[str]) -> str:
    right, rows = right_rows(measured)
    words = f"{right:,} of {counted(rows, 'row')} lie on the diagonal: they are predicted right."
    pairs = confused_pairs(measured)
    if not pairs:
        return f"{words} No class is taken for another."
    count, i, j = pairs[0]
    return f"{words} Most often, “{names[i]}” is taken for “{names[j]}”: {counted(count, 'row')}."


def pairs_table(measured: ClassesMeasured) -> Grid:
    """Give the pairs that are confused most, where a matrix would have too many cells."""
    names, pairs = labels(measured), confused_pairs(measured)
    rows = [
        (names[i], names[j], f"{count:,}", share(count / sum(measured.confusion[i]))) for count, i, j in pairs[:PAIRS]
    ]
    more = f"{len(pairs) - PAIRS:,} more pairs are confused." if len(pairs) > PAIRS else ""
    caption = f"The pairs that are confused most, of {len(names):,} classes"
    return Grid(caption, ("true class", "predicted class", "rows", "of the true class's rows"), rows, 2, more)


def class_table(measured: ClassesMeasured) -> Grid:
    """Give precision, recall, F1 and AUC of each class; of many, of those with the lowest F1."""
    classes = list(enumerate(measured.classes))
    note = ""
    if len(classes) > TABLE_CLASSES:
        classes = sorted(classes, key=lambda pair: (2.0 if pair[1].f1 is None else pair[1].f1, pair[0]))[:TABLE_CLASSES]
        note = f"The {TABLE_CLASSES} classes with the lowest F1, of {len(measured.classes):,}."
    rows = [(plain(one.label, LABEL), f"{one.rows:,}", f"{one.predicted:,}", share(one.precision), share(one.recall),
             score(one.f1), score(one.auc), score(one.average_precision)) for _, one in classes]  # fmt: skip
    head = ("class", "rows", "predicted", "precision", "recall", "F1", "AUC", "average precision")
    return Grid("Each class", head, rows, 1, note)


# --------------------------------------------------------------------------------------------------------------- curves


def roc_figure(measured: ClassesMeasured) -> Figure | None:
    """Give the ROC curves; None where no class has one."""
    known = _ranked([one for one in measured.classes if one.roc is not None], measured, "auc")
    if not known:
        return None
    chance = Line(x=(0.0, 1.0), y=(0.0, 1.0), name="chance", series=7, dash="dashed", quiet=True)
    return Figure(
        title="ROC curves" if len(known) > 1 else f"ROC curve of “{plain(known[0].label, LABEL)}”",
        summary=_span("AUC", known, "auc") + " The nearer to the upper left corner, the better; the dashed line is "
        "chance.", x=Axis("false positive rate", low=0.0, high=1.0), y=Axis("true positive rate", low=0.0, high=1.0),
        layers=(*_lines(known, "roc", "auc"), chance), square=True,
        table=_read("true positive rate at a false positive rate of", known, "roc", "auc"),
    )  # fmt: skip


def precision_recall_figure(measured: ClassesMeasured) -> Figure | None:
    """Give the precision-recall curves; None where no class has one."""
    with_curve = [one for one in measured.classes if one.precision_recall is not None]
    known = _ranked(with_curve, measured, "average_precision")
    if not known:
        return None
    return Figure(
        title="Precision-recall curves" if len(known) > 1 else f"Precision-recall of “{plain(known[0].label, LABEL)}”",
        summary=_span("average precision (AP)", known, "average_precision") + " The nearer to the upper right "
        "corner, the better; chance is a level line at the class's share of the rows.",
        x=Axis("recall", low=0.0, high=1.0), y=Axis("precision", low=0.0, high=1.0), square=True,
        layers=_lines(known, "precision_recall", "average_precision"),
        table=_read("precision at a recall of", known, "precision_recall", "average_precision"),
    )  # fmt: skip


def _ranked(found: Sequence[ClassMeasures], measured: ClassesMeasured, value: str) -> list[ClassMeasures]:
    """Put the classes with the lowest values first; of two classes, only the one that the scores are of is drawn."""
    if measured.positive:
        found = [one for one in found if one.label == measured.positive] or found
    return sorted(found, key=lambda one: 2.0 if getattr(one, value) is None else getattr(one, value))


def _lines(known: Sequence[ClassMeasures], curve: str, value: str) -> tuple[Layer, ...]:
    """Draw the curves of the lowest classes in colours, over those of the others."""
    layers: list[Layer] = []
    for k, one in enumerate(known[: NAMED_CURVES + QUIET_CURVES]):
        points, coloured = getattr(one, curve), k < NAMED_CURVES
        name = f"{plain(one.label, LABEL)} ({SHORT[value]} {number(getattr(one, value), 3)})" if coloured else ""
        layers.append(Line(x=points.x, y=points.y, name=name, series=k if coloured else 7, quiet=not coloured,
                           dash=DASHES[k] if coloured else "solid"))  # fmt: skip
    named, others = layers[:NAMED_CURVES], layers[NAMED_CURVES:]
    if others:
        named.append(Line(x=(), y=(), name=f"{len(others)} more classes", series=7, quiet=True))
    return (*others, *named)


def _span(what: str, known: Sequence[ClassMeasures], value: str) -> str:
    """Say from where to where the classes' values go."""
    values = [(getattr(one, value), plain(one.label, LABEL)) for one in known if getattr(one, value) is not None]
    if not values:
        return ""
    (low, worst), (high, best) = min(values), max(values)
    if len(values) == 1 or number(low, 3) == number(high, 3):
        return f"The {what} is {number(low, 3)}{' for every class' if len(values) > 1 else ''}."
    return f"The {what} goes from {number(low, 3)} for “{worst}” to {number(high, 3)} for “{best}”."


def _read(what: str, known: Sequence[ClassMeasures], curve: str, value: str) -> DataTable:
    """Read the curves at a few places: the highest y up to there for ROC, from there on for precision."""
    rows = []
    for one in known[: NAMED_CURVES + QUIET_CURVES]:
        points = getattr(one, curve)
        pairs = list(zip(points.x, points.y, strict=True))
        reached = [[y for x, y in pairs if (x <= spot if curve == "roc" else x >= spot)] for spot in SPOTS]
        rows.append((plain(one.label, LABEL), number(getattr(one, value), 4),
                     *(number(max(found), 3) if found else "–" for found in reached)))  # fmt: skip
    head = ("class", "AUC" if value == "auc" else "average precision", *(f"{what} {share(spot)}" for spot in SPOTS))
    return DataTable(head, tuple(rows), 1)


# ---------------------------------------------------------------------------------------------------------- calibration


def calibration_figure(measured: ClassesMeasured) -> Figure | None:
    """Give the calibration; None without a bin."""
    bins = measured.calibration
    if not bins:
        return None
    line = Line(x=[one.predicted for one in bins], y=[one.observed for one in bins], name="network", dots=True)
    perfect = Line(x=(0.0, 1.0), y=(0.0, 1.0), name="as predicted", series=7, dash="dashed", quiet=True)
    rows = tuple((f"{number(one.low, 3)} to {number(one.high, 3)}", f"{one.rows:,}", number(one.predicted, 3),
                  number(one.observed, 3)) for one in bins)  # fmt: skip
    return Figure(
        title="Predicted and come true",
        summary=f"How often {plain(measured.calibrated, 80)} came true. {_gap(bins)} The nearer to the dashed "
        "line, the more the probabilities can be taken at their word.",
        x=Axis("predicted probability", low=0.0, high=1.0), y=Axis("share that came true", low=0.0, high=1.0),
        layers=(perfect, line), table=DataTable(("bin", "rows", "mean prediction", "came true"), rows, 1), square=True,
    )  # fmt: skip


def _gap(bins: Sequence[CalibrationBin]) -> str:
    """Say where the largest gap is among the bins of many rows, if there are any."""
    large = [one for one in bins if one.rows >= FEW_ROWS]
    far = max(large or bins, key=lambda one: abs(one.predicted - one.observed))
    among = "" if len(large) in {0, len(bins)} else f" among bins of {FEW_ROWS} rows or more"
    than = "more" if far.observed > far.predicted else "less" if far.observed < far.predicted else "no other"
    return (f"The largest gap{among} is at {share(far.predicted)}: {share(far.observed)} of {counted(far.rows, 'row')} "
            f"came true, {than} than predicted.")  # fmt: skip
