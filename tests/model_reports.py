"""Reports to draw: records made by hand, with the numbers that scikit-learn finds for made-up predictions.

`REPORTS` are the three that are looked at: iris, a regression, and a table of 30 columns with 12 classes. `monster` has
more of everything than a page could hold, `hostile` has names that try to be more than text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from sklearn import metrics

from backlit.analysis.report import records
from backlit.data import ColumnReport, Surprise, Task
from backlit.data.picture_files import png
from backlit.engine import TrainingCurve
from backlit.explain.record.node_record import Node
from backlit.explain.record.step_records import Column, Drawing, Edge
from backlit.model.recipe import Recipe
from backlit.model.reports import Choice, Trial

IRIS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
SPECIES = ("setosa", "versicolor", "virginica")
HOUSES = ("median income", "house age", "average rooms", "average bedrooms", "population", "average occupancy",
          "latitude", "longitude")  # fmt: skip
SENSORS = tuple(f"sensor {k:02d}" for k in range(1, 31))
GAITS = ("walking", "running", "sitting", "standing", "lying", "cycling", "stairs up", "stairs down", "jumping",
         "rowing", "driving", "swimming")  # fmt: skip
HOSTILE = ("<script>alert(1)</script>", "\"quoted\" & 'single'", "two\nlines\tand a tab", "\u202egnp.exe\u2066",
           "</style></title><b>bold</b>", "{{7*7}}{% raw %}", "")  # fmt: skip
VERSIONS = {"backlit": "0.1.0", "numpy": "2.3.1", "numba": "0.68.0", "scikit-learn": "1.7.2", "python": "3.11.2"}


def iris() -> records.ModelReport:
    """All is well: three classes, a few rows wrong."""
    return of_classes("iris", "species", IRIS, SPECIES, rows=30, margin=2.6)


def houses() -> records.ModelReport:
    """A regression with a long right tail."""
    return of_numbers("houses.csv", "median house value", HOUSES, rows=4_128)


def gaits() -> records.ModelReport:
    """Thirty columns, twelve classes, one of which is rare and never found."""
    report = of_classes("gaits.parquet", "activity", SENSORS, GAITS, rows=2_400, margin=2.2, rare=True)
    remark = "The class “swimming” is never predicted: none of its 24 rows is found."
    return replace(report, verdict=replace(report.verdict, kind="level", remarks=(remark,)))


def monster(columns: int = 1_000, classes: int = 100, length: int = 10_000) -> records.ModelReport:
    """More of everything than a page could hold; names differ at their ends, the first have 10,000 characters."""
    names = [("Ünïcödé & <wide> " * 600)[: (length if k < 20 else 300) - 5] + f"{k:05d}" for k in range(columns)]
    return of_classes(names[0], names[1], names, [f"class {name}" for name in names[:classes]], rows=5_000, margin=1.5)


def hostile() -> records.ModelReport:
    """Names, cells and labels that try to be more than text."""
    return of_classes(HOSTILE[0], HOSTILE[4], HOSTILE, HOSTILE, rows=120, margin=1.5)


REPORTS: dict[str, Callable[[], records.ModelReport]] = {"iris": iris, "houses": houses, "gaits": gaits}


def unmeasured(report: records.ModelReport) -> records.ModelReport:
    """The report of a model that no rows were kept to measure, of which nothing was kept but the network."""
    verdict = records.Verdict("unmeasured", "No rows were kept to measure this network on.")
    return replace(report, verdict=verdict, rows="no rows were kept for a test", scores=(), measured=None, worst=(),
                   importance=None, worked=None, curve=None, choice=None, drawing=None, recipe=None, task=None,
                   columns=(), baseline="", linear="", surprises=(), stopped="")  # fmt: skip


def private(report: records.ModelReport) -> records.ModelReport:
    """The same report without values of rows."""
    measured = report.measured
    if isinstance(measured, records.NumbersMeasured):
        measured = replace(measured, points=())
    worst = tuple(replace(row, true="", predicted="", cells=()) for row in report.worst)
    return replace(report, private=True, worst=worst, worked=None, drawing=None, measured=measured)


# -------------------------------------------------------------------------------------------------------------- classes


def of_classes(
    table: str, target: str, columns: Sequence[str], labels: Sequence[str], *, rows: int, margin: float,
    rare: bool = False,
) -> records.ModelReport:  # fmt: skip
    rng = np.random.default_rng(5)
    k = len(labels)
    weights = np.ones(k)
    weights[-1] = 0.1 if rare else 1.0
    true = np.sort(rng.choice(k, rows, p=weights / weights.sum()))
    logits = rng.normal(size=(rows, k))
    logits[np.arange(rows), true] += margin
    logits[:, 1] += 0.6 * (true == 0)
    if rare:
        logits[:, -1] -= 6.0
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = shares.argmax(axis=1)
    confusion = metrics.confusion_matrix(true, found, labels=range(k))
    measured = records.ClassesMeasured(
        tuple(_class(label, j, true, found, shares[:, j]) for j, label in enumerate(labels)),
        tuple(tuple(map(int, row)) for row in confusion), _calibration(shares.max(axis=1), found == true),
        "the probability of the predicted class", "",
    )  # fmt: skip
    auc = metrics.roc_auc_score(np.eye(k)[true], shares) if rows > 1 else 0.5
    scores = (
        _score("accuracy", "the share of rows whose most probable class is the right one; 1 is best", rows,
               metrics.accuracy_score(true, found), 1 / k),
        _score("balanced_accuracy", "the mean of the classes' recalls; 1 is best", rows,
               metrics.recall_score(true, found, average="macro", zero_division=0), 1 / k),
        _score("f1", "the mean of the classes' F1; 1 is best", rows,
               metrics.f1_score(true, found, average="macro", zero_division=0), 0.5 / k),
        _score("auc", "the chance that a row of a class gets a higher probability of it than another row, mean over "
               "the classes; 1 is best, 0.5 is guessing", rows, auc, 0.5),
        _score("log_loss", "the mean of -log p of the right class; 0 is best", rows,
               float(metrics.log_loss(true, shares, labels=range(k))), float(np.log(k)), better=False),
        _score("brier", "the mean squared distance of the probabilities from 1 for the right class and 0 for the "
               "others; 0 is best", rows, float(((shares - np.eye(k)[true]) ** 2).sum(axis=1).mean()), 1 - 1 / k,
               better=False),
    )  # fmt: skip
    loss = -np.log(shares[np.arange(rows), true])
    worst = tuple(records.WorstRow(int(row) + 1, labels[true[row]], labels[found[row]], float(loss[row]),
                                   float(shares[row, true[row]]), _cells(columns, rng))
                  for row in np.argsort(-loss, kind="stable")[:10])  # fmt: skip
    accuracy = scores[0].value
    sentence = (
        f"The network is right in {accuracy:.0%} of {rows:,} rows it had not seen; a linear model in "
        f"{scores[0].linear:.0%}, always the most frequent class in {1 / k:.0%}."
    )
    verdict = records.Verdict("good", sentence)
    task = Task(target, "classes", f"the column holds text: {k} classes", tuple(labels), 5 * rows, 0)
    return _report(table, target, columns, list(labels), verdict, task, scores, measured, worst, rng, 5 * rows)


def of_pictures() -> records.ModelReport:
    """Grey pictures of 8 × 8 pixels from files, with those of the most wrong rows."""
    report = of_classes("digits", "class", ["picture"], list("0123456789"), rows=90, margin=1.0)
    rng = np.random.default_rng(0)
    worst = tuple(
        replace(
            row,
            picture=png(rng.integers(0, 256, (8, 8, 1), np.uint8)),
            cells=(("file", f"{row.true}/{row.row}.png"),),
        )
        for row in report.worst
    )
    return replace(report, worst=worst)


def _class(label: str, j: int, true: Any, found: Any, share: Any) -> records.ClassMeasures:
    here, said = true == j, found == j
    right = int((here & said).sum())
    precision, recall = right / said.sum() if said.any() else None, right / here.sum() if here.any() else None
    if not here.any() or here.all():
        return records.ClassMeasures(label, int(here.sum()), int(said.sum()), precision, recall, None, None, None, None,
                                     None)  # fmt: skip
    false, positive, _ = metrics.roc_curve(here, share)
    precisions, recalls, _ = metrics.precision_recall_curve(here, share)
    return records.ClassMeasures(
        label, int(here.sum()), int(said.sum()), precision, recall,
        2 * right / (here.sum() + said.sum()), float(metrics.roc_auc_score(here, share)),
        float(metrics.average_precision_score(here, share)), _curve(false, positive),
        _curve(recalls[::-1], precisions[::-1]),
    )  # fmt: skip


def _curve(x: Any, y: Any, most: int = 120) -> records.Curve:
    kept = np.unique(np.linspace(0, len(x) - 1, min(most, len(x))).round().astype(int))
    return records.Curve(tuple(map(float, x[kept])), tuple(map(float, y[kept])))


def _calibration(share: Any, right: Any) -> tuple[records.CalibrationBin, ...]:
    bins = []
    for low in np.arange(10) / 10:
        inside = (share > low) & (share <= low + 0.1)
        if inside.any():
            mean, part = float(share[inside].mean()), float(right[inside].mean())
            bins.append(records.CalibrationBin(float(low), float(low + 0.1), int(inside.sum()), mean, part))
    return tuple(bins)


# -------------------------------------------------------------------------------------------------------------- numbers


def of_numbers(table: str, target: str, columns: Sequence[str], *, rows: int) -> records.ModelReport:
    rng = np.random.default_rng(7)
    true = np.minimum(rng.gamma(2.2, 95_000, rows) + 15_000, 500_001)
    predicted = true * rng.lognormal(-0.02, 0.17, rows) + rng.normal(0, 14_000, rows)
    residual = true - predicted
    counts, edges = np.histogram(residual, bins=30)
    kept = np.linspace(0, rows - 1, min(rows, 2_000)).astype(int)
    order = np.argsort(true, kind="stable")[kept]
    measured = records.NumbersMeasured(
        tuple(records.Point(int(row) + 1, float(true[row]), float(predicted[row])) for row in order), rows,
        tuple(records.HistogramBin(float(a), float(b), int(n))
              for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)),
        tuple(map(float, np.quantile(residual, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]))),
    )  # fmt: skip
    r2 = float(metrics.r2_score(true, predicted))
    mae = float(metrics.mean_absolute_error(true, predicted))
    rmse = float(metrics.root_mean_squared_error(true, predicted))
    spread = float(true.std())
    scores = (
        records.Score("r2", "R²", "the part of the targets' variance that is explained; 1 is best, 0 is the mean", True,
                      r2, records.Interval(r2 - 0.012, r2 + 0.01), -0.0003, 0.61),
        records.Score("mae", "mean absolute error", "the mean of |true - predicted|, in the target's unit; 0 is best",
                      False, mae, records.Interval(0.97 * mae, 1.04 * mae), 0.75 * spread, 1.7 * mae),
        records.Score("rmse", "RMSE", "the root of the mean of (true - predicted)²; 0 is best", False,
                      rmse, records.Interval(0.96 * rmse, 1.05 * rmse), spread, 1.6 * rmse),
    )  # fmt: skip
    worst = tuple(records.WorstRow(int(row) + 1, f"{true[row]:.6g}", f"{predicted[row]:.6g}", float(residual[row]),
                                   None, _cells(columns, rng))
                  for row in np.argsort(-np.abs(residual), kind="stable")[:10])  # fmt: skip
    sentence = (
        f"The network is off by {mae:,.0f} on average in {rows:,} rows it had not seen; a linear model by "
        f"{1.7 * mae:,.0f}, the mean by {0.75 * spread:,.0f}."
    )
    verdict = records.Verdict("good", sentence)
    task = Task(target, "numbers", "the column holds 3,842 different numbers", (), 20_640, 0)
    return _report(table, target, columns, [target], verdict, task, scores, measured, worst, rng, 20_640)


# ---------------------------------------------------------------------------------------------------------- their parts


def _score(name: str, meaning: str, rows: int, value: float, baseline: float, *, better: bool = True) -> records.Score:
    spread = 1.96 * float(np.sqrt(max(value * (1 - value), 0.02) / rows))
    low, high = max(0.0, value - spread), value + spread
    words = {"auc": "area under the ROC curve", "f1": "F1", "brier": "Brier score"}.get(name, name.replace("_", " "))
    linear = 0.93 * value if better else 1.12 * value
    interval = records.Interval(low, min(high, 1.0) if better else high)
    return records.Score(name, words, meaning, better, float(value), interval, baseline, linear)


def _cells(columns: Sequence[str], rng: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, name if not name or "<" in name else f"{value:.2f}")
                 for name, value in zip(columns, rng.normal(3, 2, len(columns)), strict=True))  # fmt: skip


def _report(
    table: str, target: str, columns: Sequence[str], outputs: Sequence[str], verdict: Any, task: Task, scores: Any,
    measured: Any, worst: Any, rng: Any, rows: int,
) -> records.ModelReport:  # fmt: skip
    done = tuple(
        ColumnReport(name, "number", f"standardized: mean {mean:.4g}, standard deviation {abs(mean) / 3:.4g}", 1)
        for name, mean in zip(columns, rng.normal(20, 9, len(columns)), strict=True)
    )
    trials = tuple(Trial(f"{units} {name}; l2 {l2}", loss, epochs) for units, name, l2, loss, epochs in (
        (64, "tanh", 0.083, 0.28, 284), (128, "gelu", 0.083, 0.23, 147), (64, "tanh", 0.025, 0.125, 297),
        (128, "gelu", 0.025, 0.134, 297), (64, "tanh", 0.0083, 0.0742, 297), (128, "gelu", 0.0083, None, 12),
    ))  # fmt: skip
    choice = Choice("5-fold validation", trials, 4, "The first one whose validation loss is within one standard error "
                    "of the lowest is chosen; stronger l2 penalties stand first:")  # fmt: skip
    recipe = Recipe((64,), ("tanh",), 0.0083, 0.0, 0.0, "adam", 0.002, "constant", 64, 300, 0, "float32")
    importance = np.sort(rng.gamma(0.5, 0.1, len(columns)))[::-1]
    importances = records.Importances(scores[0].name, scores[0].value, min(5_000, rows // 5), rows // 5, 5, tuple(
        records.Importance(name, float(mean) - 0.002, float(mean) / 12 + 0.002)
        for name, mean in zip(columns, importance, strict=True)), len(columns))  # fmt: skip
    drawing = _drawing(columns, outputs, rng)
    end = "softmax; cross_entropy" if len(outputs) > 1 else "linear; half_squared_error"
    report = records.ModelReport(
        table=table, target=target, private=False, verdict=verdict,
        rows=f"the {rows // 5:,} test rows, which training did not see",
        counts={"training": rows - rows // 5, "validation": 0, "test": rows // 5, "measured": rows // 5}, task=task,
        columns=done, network=f"Network({len(columns)} -> 64 tanh -> {len(outputs)} {end})",
        parameters=65 * len(outputs) + 64 * (len(columns) + 1), recipe=recipe,
        stopped="after 297 epochs: chosen by 5-fold validation", choice=choice, drawing=drawing, curve=_training(rng),
        scores=scores, intervals="from 2,000 bootstrap samples of the measured rows",
        baseline=f"always {outputs[0]}" if len(outputs) > 1 else "the mean of the training rows",
        linear="LogisticRegression" if len(outputs) > 1 else "Ridge", measured=measured, worst=worst,
        importance=importances, worked=_worked(columns, outputs, task.kind, rng),
        surprises=(Surprise(columns[0], "missing values, filled with the median 5.8", 3),),
        repeat=records.Repeat(f"backlit train {table[:200]!r} --target {target[:200]!r}", VERSIONS, 0, "a94a8fe5"),
    )  # fmt: skip
    plain = msgspec.json.encode(report, enc_hook=lambda number: number.item())
    return msgspec.json.decode(plain, type=records.ModelReport)


def _training(rng: Any, epochs: int = 297) -> TrainingCurve:
    step = np.arange(1, epochs + 1)
    fall = 1.1 * np.exp(-step / 45) + 0.07
    noise = rng.normal(0, 0.006, (3, epochs)) + 1
    series = {"loss": fall * noise[0], "validation_loss": (fall + 0.0001 * step) * noise[1] + 0.02}
    norms = {f"{k}": 0.4 / k * np.exp(-step / 90) * noise[2] ** k for k in (1, 2)}
    lists = {name: tuple(map(float, values)) for name, values in (series | norms).items()}
    return TrainingCurve(
        epochs=epochs, numbers=tuple(map(int, step)), loss=lists["loss"], validation_loss=lists["validation_loss"],
        metrics={"accuracy": tuple(map(float, 1 - fall / 2))}, gradient_norms={name: lists[name] for name in norms},
        rates=(0.002,) * epochs, best=int(np.argmin(series["validation_loss"])) + 1,
    )  # fmt: skip


def _drawing(columns: Sequence[str], outputs: Sequence[str], rng: Any) -> Drawing:
    """A network of which large layers are drawn in part, as `explain.network_drawing` does it."""
    names = [list(columns), [f"h{k}" for k in range(1, 65)], list(outputs)]
    drawn = [layer if len(layer) <= 12 else layer[:8] for layer in names]
    made = []
    for number, (title, layer, part) in enumerate(zip(("inputs", "layer 1", "outputs"), names, drawn, strict=True)):
        before = drawn[number - 1] if number else []
        edges = tuple(Edge(source, unit, f"w({source + 1},{unit + 1})", False, float(rng.normal()), 0.1, 0.2)
                      for unit in range(len(part)) for source in (*range(len(before)), -1) if number)  # fmt: skip
        nodes = tuple(Node(name, None, None) for name in part)
        made.append(Column(title, nodes, len(layer), edges, "out" if number else "input"))
    return Drawing(tuple(made), (), None)


def _worked(columns: Sequence[str], outputs: Sequence[str], kind: str, rng: Any) -> records.WorkedRow:
    inputs = tuple(records.WorkedInput(name, f"{value:.3g}", float(value - 3) / 2)
                   for name, value in zip(columns, rng.normal(3, 2, len(columns)), strict=True))  # fmt: skip
    sources = [[item.name for item in inputs], [f"h{k}" for k in range(1, 65)]]
    layers = []
    for number, names in enumerate((["h3", "h17", "h41"], list(outputs[:4]))):
        units = []
        for name in names:
            parts = tuple((source, float(rng.normal()), float(rng.normal())) for source in sources[number][:3])
            others = len(sources[number]) - len(parts)
            rest, bias = float(rng.normal()) if others else 0.0, float(rng.normal()) / 5
            net = sum(w * x for _, w, x in parts) + rest + bias
            last = {"classes": 1 / (1 + np.exp(-net)), "numbers": net}[kind]
            units.append(
                records.WorkedUnit(name, parts, others, rest, bias, net, float(last if number else np.tanh(net)))
            )
        layers.append(tuple(units))
    classes = kind == "classes"
    return records.WorkedRow(
        row=7, which="the first of the measured rows", target=outputs[0] if classes else "452600",
        predicted=outputs[0] if classes else "431022.5", inputs=inputs[:12], of_inputs=len(inputs),
        layers=tuple(layers),
        sizes=(64, len(outputs)), activations=("tanh", "softmax" if classes else "linear"),
        loss="cross_entropy" if classes else "half_squared_error", wanted=outputs[0] if classes else 1.23,
        error=0.0871, explained="backlit explain iris.safetensors --data iris --row 7",
        mean=None if classes else 205_000.0, deviation=None if classes else 115_000.0,
    )  # fmt: skip
